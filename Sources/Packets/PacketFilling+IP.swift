import NetworkVocabulary

extension PacketFilling {
    func ip(
        _ ip: PacketPattern.IP, _ pattern: PacketPattern, linkSource: MACAddress
    ) throws(PacketFillError) -> IPPacket {
        let (source, destination) = try addresses(of: ip)
        let protocolNumber: IPProtocol
        var body: Transport
        switch ip.transport {
        case .any(let number):
            protocolNumber = IPProtocol(number: try self.number("protocol", number, 253))
            body = .other(try payload(of: pattern))
        case .tcp(let tcp): (protocolNumber, body) = (.tcp, .tcp(try segment(tcp, payload(of: pattern))))
        case .udp(let udp): (protocolNumber, body) = (.udp, .udp(try datagram(udp, pattern)))
        case .icmp(let icmp):
            let message = try message(icmp, pattern, linkSource: linkSource)
            (protocolNumber, body) = icmp.family == .ipv4 ? (.icmp, .icmp(message)) : (.icmpv6, .icmpv6(message))
        }
        // Neighbour discovery is only heard with hop limit 255 (RFC 4861 section 7.1).
        var ttl: UInt8 = 64
        if case .icmpv6(let message) = body, (133...137).contains(message.type) { ttl = 255 }
        ttl = try number("ttl", ip.ttl, ttl)
        let tos: UInt8 = try number("tos", ip.tos, 0)
        var packet: IPPacket
        switch (source, destination) {
        case (.v4(let source), .v4(let destination)):
            packet = .v4(
                IPv4Packet(
                    source: source, destination: destination, protocol: protocolNumber, ttl: ttl, tos: tos,
                    identification: try number("ipid", ip.identification, 0),
                    flags: ip.dontFragment == true ? .dontFragment : [], body: body))
        case (.v6(let source), .v6(let destination)):
            packet = .v6(
                IPv6Packet(
                    source: source, destination: destination, protocol: protocolNumber, hopLimit: ttl,
                    trafficClass: tos, body: body))
        default: throw .families
        }
        if ip.hasBadChecksum {
            body = body.withForcedChecksum(0x0101)
            packet = packet.with(body: body)
            // Should that be the right one by chance, another is not.
            if !packet.checksumFaults.contains(where: { $0.layer != .ipv4 }) {
                packet = packet.with(body: body.withForcedChecksum(0x0202))
            }
        }
        if let fragment = ip.fragment {
            packet = packet.fragment(fragment, identification: try number("ipid", ip.identification, 0 as UInt32))
        }
        if ip.hasBadHeaderChecksum, case .v4(var v4) = packet {
            v4.headerChecksum = .forced(0x0101)
            if IPPacket.v4(v4).checksumFaults.allSatisfy({ $0.layer != .ipv4 }) { v4.headerChecksum = .forced(0x0202) }
            packet = .v4(v4)
        }
        return packet
    }

    /// Both of the family that the line, or what its variables hold, speaks of; IPv4 where nothing does.
    private func addresses(
        of ip: PacketPattern.IP
    ) throws(PacketFillError) -> (source: IPAddress, destination: IPAddress) {
        var family: AddressFamily?
        if case .icmp(let icmp) = ip.transport { family = icmp.family }
        for wanted in [ip.source, ip.destination] {
            switch wanted {
            case .exactly(let address): family = family ?? address.family
            case .variable(let name):
                if case .address(let address)? = bindings[name] { family = family ?? address.family }
            case .any: break
            }
        }
        let wanted = family ?? .ipv4
        let source = try value(
            "source address", ip.source, defaults.sourceAddresses.first { $0.family == wanted })
        let destination = try value(
            "destination address", ip.destination, defaults.destinationAddresses.first { $0.family == wanted })
        guard source.family == wanted, destination.family == wanted else { throw .families }
        return (source, destination)
    }

    private func segment(
        _ tcp: PacketPattern.TCP, _ payload: [UInt8]
    ) throws(PacketFillError) -> TCPSegment {
        var segment = TCPSegment(
            source: try number("source port", tcp.source, defaults.sourcePort),
            destination: try number("destination port", tcp.destination, defaults.destinationPort),
            sequence: try number("seq", tcp.sequence, 0), acknowledgment: try number("ack", tcp.acknowledgment, 0),
            flags: tcp.flags ?? .syn, window: try number("win", tcp.window, 64240), payload: payload)
        if tcp.maximumSegment != .any {
            segment.options = [2, 4]
            segment.options.put(try number("mss", tcp.maximumSegment, 1460 as UInt16))
        }
        return segment
    }

    private func datagram(
        _ udp: PacketPattern.UDP, _ pattern: PacketPattern
    ) throws(PacketFillError) -> UDPDatagram {
        var payload = try payload(of: pattern)
        var port = defaults.destinationPort
        if let vxlan = udp.vxlan {
            let identifier: UInt32 = try number("vxlan", vxlan.identifier, 1)
            payload = VXLANPacket(identifier: identifier & 0xff_ffff, frame: try frame(vxlan.inner)).bytes
            port = VXLANPacket.port
        }
        return UDPDatagram(
            source: try number("source port", udp.source, defaults.sourcePort),
            destination: try number("destination port", udp.destination, port), payload: payload)
    }

    private func message(
        _ icmp: PacketPattern.ICMP, _ pattern: PacketPattern, linkSource: MACAddress
    ) throws(PacketFillError) -> ICMPMessage {
        var message = ICMPMessage(
            type: try number("icmp type", icmp.type, icmp.family == .ipv4 ? 8 : 128),
            code: try number("icmp code", icmp.code, 0))
        let kind = ICMPWords.all(icmp.family).first { $0.type == message.type }
        if icmp.mtu != .any {
            message.rest = try number("mtu", icmp.mtu, 0)
        } else if kind?.name == "neighbor-advertisement" {
            // Solicited, override.
            message.rest = 0x6000_0000
        } else if kind?.name.hasPrefix("echo") == true || icmp.identifier != .any || icmp.sequence != .any {
            let identifier: UInt16 = try number("echo id", icmp.identifier, 1)
            let sequence: UInt16 = try number("echo seq", icmp.sequence, 1)
            message.rest = UInt32(identifier) << 16 | UInt32(sequence)
        }
        if let quoted = icmp.quoted {
            guard case .ip(let ip) = quoted.packet else { throw .notSendable("a quoted packet other than IP") }
            let inner = try self.ip(ip, quoted, linkSource: linkSource).bytes
            // Without a length: what Linux quotes at most, so that the error stays within 576 and 1280 bytes.
            let most: UInt32 = try number("length", pattern.length, icmp.family == .ipv4 ? 548 : 1232)
            message.payload = Array(inner.prefix(Int(most)))
        } else if kind?.name == "neighbor-solicitation" || kind?.name == "neighbor-advertisement" {
            let target = try value("target", icmp.target, nil)
            guard case .v6(let target) = target else { throw .families }
            message.payload.put(target)
            message.payload += [message.type == 135 ? 1 : 2, 1]
            message.payload.put(try value("lladdr", icmp.linkAddress, linkSource))
            // `len 16`: without the option.
            let length: UInt16 = try number("length", pattern.length, 24)
            message.payload = Array(message.payload.prefix(Int(length)))
        } else {
            message.payload = try payload(of: pattern)
        }
        return message
    }
}

extension Transport {
    fileprivate func withForcedChecksum(_ checksum: UInt16) -> Transport {
        switch self {
        case .tcp(var segment):
            segment.checksum = .forced(checksum)
            return .tcp(segment)
        case .udp(var datagram):
            datagram.checksum = .forced(checksum)
            return .udp(datagram)
        case .icmp(var message):
            message.checksum = .forced(checksum)
            return .icmp(message)
        case .icmpv6(var message):
            message.checksum = .forced(checksum)
            return .icmpv6(message)
        case .fragment, .other, .malformed: return self
        }
    }
}

extension IPPacket {
    public func with(body: Transport) -> IPPacket {
        switch self {
        case .v4(var packet):
            packet.body = body
            return .v4(packet)
        case .v6(var packet):
            packet.body = body
            return .v6(packet)
        }
    }

    /// The packet as a fragment: its transport's bytes, header and all, are the fragment's.
    fileprivate func fragment(_ fragment: PacketPattern.Fragment, identification: UInt32) -> IPPacket {
        let units = UInt16(truncatingIfNeeded: fragment.offset / 8)
        switch self {
        case .v4(var packet):
            packet.body = .fragment(Array(packet.bytes.dropFirst(20)))
            packet.fragmentOffset = units
            if fragment.more { packet.flags.insert(.moreFragments) }
            return .v4(packet)
        case .v6(var packet):
            packet.body = .fragment(Array(packet.bytes.dropFirst(40)))
            packet.extensions = [.fragment(offset: units, more: fragment.more, identification: identification)]
            return .v6(packet)
        }
    }
}
