public import NetworkVocabulary

/// An IP packet of either family, for those who treat both alike.
public enum IPPacket: Hashable, Sendable {
    case v4(IPv4Packet)
    case v6(IPv6Packet)

    /// Reads a packet by the version it states.
    public init(parsing bytes: [UInt8]) throws(PacketFault) {
        if let first = bytes.first, first >> 4 == 6 {
            self = .v6(try IPv6Packet(parsing: bytes))
        } else {
            self = .v4(try IPv4Packet(parsing: bytes))
        }
    }

    public var source: IPAddress {
        switch self {
        case .v4(let packet): .v4(packet.source)
        case .v6(let packet): .v6(packet.source)
        }
    }

    public var destination: IPAddress {
        switch self {
        case .v4(let packet): .v4(packet.destination)
        case .v6(let packet): .v6(packet.destination)
        }
    }

    public var `protocol`: IPProtocol {
        switch self {
        case .v4(let packet): packet.protocol
        case .v6(let packet): packet.protocol
        }
    }

    /// Time to live, or hop limit.
    public var ttl: UInt8 {
        switch self {
        case .v4(let packet): packet.ttl
        case .v6(let packet): packet.hopLimit
        }
    }

    public var body: Transport {
        switch self {
        case .v4(let packet): packet.body
        case .v6(let packet): packet.body
        }
    }

    public var bytes: [UInt8] {
        switch self {
        case .v4(let packet): packet.bytes
        case .v6(let packet): packet.bytes
        }
    }

    public var isFragment: Bool {
        switch self {
        case .v4(let packet): packet.isFragment
        case .v6(let packet): packet.isFragment
        }
    }

    /// False when bytes that the length promised are not there: cut off by a capture, or quoted in an error.
    public var isWhole: Bool {
        switch self {
        case .v4(let packet): packet.totalLength == .computed
        case .v6(let packet): packet.payloadLength == .computed
        }
    }

    public var fault: PacketFault? {
        if case .malformed(_, let fault) = body { return fault }
        return nil
    }

    /// The ports of TCP and UDP, also of a first fragment and of a segment that was cut off behind them, as errors
    /// quote it.
    public var ports: (source: UInt16, destination: UInt16)? {
        switch body {
        case .tcp(let segment): return (segment.source, segment.destination)
        case .udp(let datagram): return (datagram.source, datagram.destination)
        case .fragment(let bytes), .malformed(let bytes, _):
            let isFirst =
                switch self {
                case .v4(let packet): packet.fragmentOffset == 0
                case .v6(let packet): packet.fragment?.offset ?? 0 == 0
                }
            guard isFirst, self.protocol == .tcp || self.protocol == .udp, bytes.count >= 4 else { return nil }
            return (bytes.span.bytes.word(0), bytes.span.bytes.word(2))
        case .icmp, .icmpv6, .other: return nil
        }
    }

    /// The packet that an ICMP error is about, as far as the error quotes it.
    public var quoted: IPPacket? {
        switch body {
        case .icmp(let message):
            guard [3, 4, 5, 11, 12].contains(message.type) else { return nil }
            return (try? IPv4Packet(parsing: message.payload)).map(IPPacket.v4)
        case .icmpv6(let message):
            guard message.type < 128 else { return nil }
            return (try? IPv6Packet(parsing: message.payload)).map(IPPacket.v6)
        default: return nil
        }
    }
}
