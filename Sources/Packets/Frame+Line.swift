import NetworkVocabulary

extension PacketPattern {
    /// Which fields a frame's line states beside those that are always there.
    public struct Detail: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The MAC addresses.
        public static let link = Self(rawValue: 1)
        /// TTL, type of service, "don't fragment".
        public static let ip = Self(rawValue: 2)
        /// Sequence numbers, window.
        public static let sequence = Self(rawValue: 4)
        public static let payload = Self(rawValue: 8)
        /// Wrong checksums.
        public static let checksums = Self(rawValue: 16)

        public static let everything: Detail = [.link, .ip, .sequence, .payload, .checksums]
    }

    /// A pattern that matches this frame, and whose text describes it.
    public init(describing frame: Frame, detail: Detail = []) {
        if let packet = frame.ip {
            self.init(.ip(IP(describing: packet, detail: detail, depth: 0)))
        } else if case .arp(let arp) = frame.body, arp.operation == 1 {
            self.init(
                .arp(.request(target: .exactly(.v4(arp.targetAddress)), sender: .exactly(.v4(arp.senderAddress)))))
        } else if case .arp(let arp) = frame.body, arp.operation == 2 {
            self.init(
                .arp(
                    .reply(
                        sender: .exactly(.v4(arp.senderAddress)), mac: .exactly(arp.senderMAC),
                        target: .exactly(.v4(arp.targetAddress)))))
        } else {
            self.init(.other(etherType: .exactly(UInt32(frame.etherType))))
        }
        tags = frame.tags.map { tag in
            var wanted = Tag()
            wanted.isService = tag.etherType != 0x8100
            wanted.id = .exactly(UInt32(tag.id))
            if tag.priority > 0 { wanted.priority = .exactly(UInt32(tag.priority)) }
            return wanted
        }
        if detail.contains(.link) {
            source = .exactly(frame.source)
            destination = .exactly(frame.destination)
        }
        if !frame.payload.isEmpty {
            length = .exactly(UInt32(truncatingIfNeeded: frame.payload.count))
            if detail.contains(.payload) { payload = frame.payload }
        }
        isMalformed = frame.fault != nil
    }
}

extension PacketPattern.IP {
    /// Depth counts packets that quote packets: a line says two of them.
    init(describing packet: IPPacket, detail: PacketPattern.Detail, depth: Int) {
        switch packet.body {
        case .tcp(let segment): self.init(.tcp(PacketPattern.TCP(describing: segment, detail: detail)))
        case .udp(let datagram):
            var udp = PacketPattern.UDP()
            (udp.source, udp.destination) = (.exactly(UInt32(datagram.source)), .exactly(UInt32(datagram.destination)))
            self.init(.udp(udp))
        case .icmp(let message):
            self.init(.icmp(PacketPattern.ICMP(describing: message, .ipv4, packet.quoted, detail, depth)))
        case .icmpv6(let message):
            self.init(.icmp(PacketPattern.ICMP(describing: message, .ipv6, packet.quoted, detail, depth)))
        case .fragment, .malformed:
            // The ports may be there all the same.
            switch (packet.protocol, packet.ports) {
            case (.tcp, let ports?):
                var tcp = PacketPattern.TCP()
                (tcp.source, tcp.destination) = (.exactly(UInt32(ports.source)), .exactly(UInt32(ports.destination)))
                self.init(.tcp(tcp))
            case (.udp, let ports?):
                var udp = PacketPattern.UDP()
                (udp.source, udp.destination) = (.exactly(UInt32(ports.source)), .exactly(UInt32(ports.destination)))
                self.init(.udp(udp))
            default: self.init(.any(number: .exactly(UInt32(packet.protocol.number))))
            }
        case .other: self.init(.any(number: .exactly(UInt32(packet.protocol.number))))
        }
        source = .exactly(packet.source)
        destination = .exactly(packet.destination)
        fragment = packet.fragment
        if detail.contains(.ip) {
            ttl = .exactly(UInt32(packet.ttl))
            if packet.tos != 0 { tos = .exactly(UInt32(packet.tos)) }
            if case .v4(let v4) = packet, v4.flags.contains(.dontFragment) { dontFragment = true }
        }
        if detail.contains(.checksums) {
            let faults = packet.checksumFaults
            hasBadHeaderChecksum = faults.contains { $0.layer == .ipv4 }
            hasBadChecksum = faults.contains { $0.layer != .ipv4 }
        }
    }
}

extension PacketPattern.TCP {
    fileprivate init(describing segment: TCPSegment, detail: PacketPattern.Detail) {
        self.init()
        source = .exactly(UInt32(segment.source))
        destination = .exactly(UInt32(segment.destination))
        flags = segment.flags.intersection(.named)
        guard detail.contains(.sequence) else { return }
        sequence = .exactly(segment.sequence)
        if segment.flags.contains(.ack) { acknowledgment = .exactly(segment.acknowledgment) }
        window = .exactly(UInt32(segment.window))
        if let value = segment.maximumSegment { maximumSegment = .exactly(UInt32(value)) }
    }
}

extension PacketPattern.ICMP {
    fileprivate init(
        describing message: ICMPMessage, _ family: AddressFamily, _ inner: IPPacket?, _ detail: PacketPattern.Detail,
        _ depth: Int
    ) {
        self.init(family)
        type = .exactly(UInt32(message.type))
        let kind = ICMPWords.all(family).first { $0.type == message.type }
        if message.code != 0 || !(kind?.codes.isEmpty ?? true) { code = .exactly(UInt32(message.code)) }
        if kind?.name.hasPrefix("echo") == true {
            identifier = .exactly(UInt32(message.echo.identifier))
            sequence = .exactly(UInt32(message.echo.sequence))
        }
        if family == .ipv6 ? message.type == 2 : message.type == 3 && message.code == 4 {
            mtu = .exactly(family == .ipv6 ? message.rest : message.rest & 0xffff)
        }
        if family == .ipv6 {
            target = message.neighborTarget.map(Wanted.exactly) ?? .any
            linkAddress = message.neighborLinkAddress.map(Wanted.exactly) ?? .any
        }
        if depth < 2, let inner {
            quoted = PacketPattern(
                .ip(PacketPattern.IP(describing: inner, detail: detail.subtracting(.checksums), depth: depth + 1)))
        }
    }
}

extension Frame: CustomStringConvertible {
    /// One line in tcpdump's order, as `tcp 10.1.1.10:40000 > 198.51.100.1:7 S`; it reads back as a pattern that
    /// matches the frame.
    public var description: String { PacketPattern(describing: self).description }

    public func line(_ detail: PacketPattern.Detail) -> String {
        PacketPattern(describing: self, detail: detail).description
    }
}
