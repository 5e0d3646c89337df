import NetworkVocabulary
import Packets

/// Frames of one family of attacks, byte by byte: many of them could not be made by an honest sender.
struct FrameMaker {
    let me: Battery.Port
    let other: Battery.Port
    let canary: [UInt8]
    var dice: Dice

    mutating func bytes(_ family: Battery.Family) -> [UInt8] {
        switch family {
        case .frames: frames()
        case .resolution: resolution()
        case .sources: sources()
        case .hardware: hardware()
        case .services: services()
        case .leases: leases()
        case .tags: tags()
        case .tunnels: tunnels()
        case .version6: version6()
        case .tuples: tuples()
        case .answers: answers()
        case .fragments: fragments()
        case .errors: errors()
        case .martians: martians()
        case .control: control()
        }
    }

    // MARK: Parts

    private static let everybody = MACAddress(255, 255, 255, 255, 255, 255)

    private mutating func number() -> UInt16 { UInt16(truncatingIfNeeded: dice.next()) }

    /// Somebody that a frame may be for: the other, its router, my router, everybody, groups that bridges keep or not.
    private mutating func target() -> MACAddress {
        dice.one(of: [
            other.mac, other.gatewayMAC, me.gatewayMAC, Self.everybody, MACAddress(1, 0x80, 0xc2, 0, 0, 0),
            MACAddress(1, 0x80, 0xc2, 0, 0, 0x0e), MACAddress(1, 0, 0x0c, 0xcc, 0xcc, 0xcc),
            MACAddress(1, 0, 0x5e, 0, 0, 0xfb), MACAddress(0x33, 0x33, 0, 0, 0, 1),
            MACAddress(2, 0x99, 1, 2, 3, UInt8(truncatingIfNeeded: dice.next())),
        ])
    }

    private mutating func transport() -> Transport {
        let (from, to) = (number(), dice.one(of: [22, 53, 67, 68, 80, 443, 4789, number()]))
        return dice.below(3) == 0
            ? .tcp(TCPSegment(source: from, destination: to, flags: .syn, payload: canary))
            : .udp(UDPDatagram(source: from, destination: to, payload: canary))
    }

    private func packet(
        _ source: IPv4Address, _ destination: IPv4Address, _ body: Transport, ttl: UInt8 = 64
    ) -> IPv4Packet {
        IPv4Packet(source: source, destination: destination, ttl: ttl, body: body)
    }

    private func frame(_ packet: IPv4Packet, to mac: MACAddress, from source: MACAddress? = nil) -> [UInt8] {
        Frame(destination: mac, source: source ?? me.mac, body: .ipv4(packet)).bytes
    }

    /// An address that no rule of anybody leads to: inside somebody's network, of control, or reserved.
    private mutating func forbidden() -> IPv4Address {
        dice.one(of: [
            other.address, other.gateway, IPv4Address(bits: other.address.bits & ~0xff | UInt32(dice.below(256))),
            IPv4Address(169, 254, 169, 254), IPv4Address(169, 254, UInt8(dice.below(256)), UInt8(dice.below(256))),
            IPv4Address(10, UInt8(dice.below(256)), UInt8(dice.below(256)), UInt8(dice.below(256))),
            IPv4Address(192, 168, UInt8(dice.below(256)), UInt8(dice.below(256))),
        ])
    }

    // MARK: Families

    private mutating func frames() -> [UInt8] {
        let type = dice.one(of: [0x88cc, 0x0027, 0x8035, 0x888e, 0x88b5, 0x22f3, 0x0800, number()] as [UInt16])
        if type == 0x0800 { return frame(packet(me.address, forbidden(), transport()), to: target()) }
        let padding = [UInt8](repeating: 0, count: dice.below(1400))
        return Frame(destination: target(), source: me.mac, etherType: type, body: .other(canary + padding)).bytes
    }

    private mutating func resolution() -> [UInt8] {
        let arp = ARPPacket(
            operation: UInt16(1 + dice.below(2)), senderMAC: dice.one(of: [me.mac, other.mac, me.gatewayMAC]),
            senderAddress: dice.one(of: [me.gateway, other.address, other.gateway, me.address]),
            targetMAC: dice.one(of: [other.mac, other.gatewayMAC, MACAddress(0, 0, 0, 0, 0, 0)]),
            targetAddress: dice.one(of: [me.gateway, other.address, other.gateway]))
        return Frame(destination: target(), source: me.mac, body: .arp(arp), trailer: canary).bytes
    }

    private mutating func sources() -> [UInt8] {
        let source = dice.one(of: [
            other.address, me.gateway, other.gateway, IPv4Address(0, 0, 0, 0), IPv4Address(255, 255, 255, 255),
            IPv4Address(bits: UInt32(truncatingIfNeeded: dice.next())),
        ])
        return frame(packet(source, forbidden(), transport()), to: dice.one(of: [me.gatewayMAC, target()]))
    }

    private mutating func hardware() -> [UInt8] {
        let source = dice.one(of: [
            other.mac, me.gatewayMAC, other.gatewayMAC, Self.everybody,
            MACAddress(2, 0x77, 0, 0, UInt8(dice.below(256)), UInt8(dice.below(256))),
        ])
        return frame(packet(me.address, forbidden(), transport()), to: target(), from: source)
    }

    private mutating func services() -> [UInt8] {
        let (from, to): (UInt16, UInt16) = dice.one(
            of: [(67, 68), (53, number()), (80, number()), (547, 546)] as [(UInt16, UInt16)])
        let body = Transport.udp(UDPDatagram(source: from, destination: to, payload: canary))
        let destination = dice.one(of: [other.address, IPv4Address(255, 255, 255, 255), IPv4Address(224, 0, 0, 1)])
        let mac = dice.one(of: [other.mac, Self.everybody, me.gatewayMAC])
        return frame(packet(dice.one(of: [me.address, me.gateway]), destination, body), to: mac)
    }

    private mutating func leases() -> [UInt8] {
        let payload: [UInt8] = [1, 1, 6, 0] + (0..<4).map { _ in UInt8(truncatingIfNeeded: number()) } + canary
        let body = Transport.udp(UDPDatagram(source: 68, destination: 67, payload: payload))
        return frame(
            packet(IPv4Address(0, 0, 0, 0), IPv4Address(255, 255, 255, 255), body), to: Self.everybody,
            from: dice.one(of: [me.mac, other.mac]))
    }

    private mutating func tags() -> [UInt8] {
        let types: [UInt16] = [0x8100, 0x88a8, 0x9100]
        let tags = (0...dice.below(3)).map { _ in
            VLANTag(etherType: dice.one(of: types), tci: dice.one(of: [0, 100, 101, 0x2000, 4095, number()]))
        }
        return Frame(
            destination: target(), source: me.mac, tags: tags, body: .ipv4(packet(me.address, forbidden(), transport()))
        ).bytes
    }

    private mutating func tunnels() -> [UInt8] {
        let inner = frame(packet(me.address, other.address, transport()), to: other.mac, from: other.gatewayMAC)
        let vni = UInt32(dice.one(of: [100, 101, dice.below(1 << 24)]))
        let head: [UInt8] = [8, 0, 0, 0] + (0..<3).map { UInt8(truncatingIfNeeded: vni >> (16 - 8 * $0)) } + [0]
        let body = Transport.udp(UDPDatagram(source: number(), destination: 4789, payload: head + inner))
        return frame(packet(me.address, forbidden(), body), to: dice.one(of: [me.gatewayMAC, target()]))
    }

    private mutating func version6() -> [UInt8] {
        let linkLocal = IPv6Address(high: 0xfe80 << 48, low: dice.next())
        let destination = dice.one(of: [
            IPv6Address(high: 0xff02 << 48, low: 1), IPv6Address(high: 0xff02 << 48, low: 2),
            IPv6Address(high: 0xfe80 << 48, low: dice.next()), IPv6Address(high: 0x2001_0db8 << 32, low: dice.next()),
        ])
        let type = dice.one(of: [128, 133, 134, 135, 136, 137, 143] as [UInt8])
        let message = ICMPMessage(type: type, payload: [UInt8](repeating: 0, count: 16) + canary)
        let body: Transport = dice.below(2) == 0 ? .icmpv6(message) : transport()
        let packet = IPv6Packet(source: linkLocal, destination: destination, hopLimit: 255, body: body)
        return Frame(destination: target(), source: me.mac, body: .ipv6(packet)).bytes
    }

    /// All use the same ports, and networks have the same addresses.
    private mutating func tuples() -> [UInt8] {
        let body = Transport.udp(UDPDatagram(source: 7777, destination: 7, payload: canary))
        return frame(packet(me.address, IPv4Address(198, 51, 100, UInt8(1 + dice.below(4))), body), to: me.gatewayMAC)
    }

    private mutating func answers() -> [UInt8] {
        let flags = dice.one(of: [[.syn, .ack], [.ack], [.rst], [.fin, .ack]] as [TCPSegment.Flags])
        let body: Transport =
            dice.below(2) == 0
            ? .tcp(TCPSegment(source: 7, destination: 7777, flags: flags, payload: canary))
            : .udp(UDPDatagram(source: 7, destination: 7777, payload: canary))
        return frame(packet(me.address, forbidden(), body), to: me.gatewayMAC)
    }

    private mutating func fragments() -> [UInt8] {
        var piece = packet(me.address, forbidden(), .fragment(canary + [UInt8](repeating: 0, count: 8 * dice.below(8))))
        piece.protocol = dice.one(of: [.udp, .tcp, .icmp])
        piece.identification = number()
        piece.fragmentOffset = UInt16(dice.below(4))
        if dice.below(2) == 0 { piece.flags.insert(.moreFragments) }
        return frame(piece, to: dice.one(of: [me.gatewayMAC, target()]))
    }

    private mutating func errors() -> [UInt8] {
        let about = packet(
            dice.one(of: [other.address, me.address]), IPv4Address(198, 51, 100, 1),
            .udp(UDPDatagram(source: 7777, destination: 7, payload: canary)))
        let message = ICMPMessage(
            type: dice.one(of: [3, 5, 11, 12]), code: UInt8(dice.below(5)), payload: about.bytes)
        return frame(packet(me.address, forbidden(), .icmp(message)), to: me.gatewayMAC)
    }

    private mutating func martians() -> [UInt8] {
        var strange = packet(
            dice.one(of: [me.address, IPv4Address(127, 0, 0, 1), IPv4Address(224, 0, 0, 1), IPv4Address(240, 0, 0, 1)]),
            dice.one(of: [forbidden(), IPv4Address(127, 0, 0, 1), IPv4Address(0, 0, 0, 0)]), transport(),
            ttl: dice.one(of: [0, 1, 64, 255]))
        switch dice.below(4) {
        // Loose source route, strict source route, record route (RFC 791).
        case 0:
            strange.options = dice.one(of: [[131, 7, 4], [137, 7, 4], [7, 7, 4]]) + Self.octets(other.address) + [0]
        case 1: strange.headerChecksum = .forced(number())
        default: break
        }
        return frame(strange, to: me.gatewayMAC)
    }

    private mutating func control() -> [UInt8] {
        let port = number()
        let body: Transport =
            dice.below(2) == 0
            ? .tcp(TCPSegment(source: number(), destination: port, flags: .syn, payload: canary))
            : .udp(UDPDatagram(source: number(), destination: port, payload: canary))
        let destination = dice.one(of: [me.gateway, me.gateway, IPv4Address(169, 254, 0, 1), forbidden()])
        return frame(packet(me.address, destination, body), to: me.gatewayMAC)
    }

    private static func octets(_ address: IPv4Address) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: address.bits >> UInt32(24 - 8 * $0)) }
    }
}
