import NetworkVocabulary

/// Fields that packet lines name and that lie deeper than a header's fixed part.
extension TCPSegment {
    /// The option of kind 2, of a segment whose options can be read that far.
    public var maximumSegment: UInt16? {
        var at = 0
        while at < options.count {
            switch options[at] {
            case 0: return nil
            case 1: at += 1
            case let kind:
                guard at + 1 < options.count, options[at + 1] >= 2 else { return nil }
                if kind == 2 {
                    guard options[at + 1] == 4, at + 3 < options.count else { return nil }
                    return UInt16(options[at + 2]) << 8 | UInt16(options[at + 3])
                }
                at += Int(options[at + 1])
            }
        }
        return nil
    }
}

extension TCPSegment.Flags {
    /// Those that packet lines have a letter for.
    static let named = letters.reduce(into: TCPSegment.Flags()) { $0.insert($1.flag) }
}

extension ICMPMessage {
    /// The target of a neighbour solicitation, advertisement or redirect of ICMPv6.
    var neighborTarget: IPAddress? {
        guard (135...137).contains(type), payload.count >= 16 else { return nil }
        return .v6(payload.span.bytes.ipv6(0))
    }

    /// The first link-layer address among the options of neighbour discovery (RFC 4861 section 4.6.1).
    var neighborLinkAddress: MACAddress? {
        var at: Int
        switch type {
        case 133: at = 0
        case 134: at = 8
        case 135, 136: at = 16
        case 137: at = 32
        default: return nil
        }
        while at + 8 <= payload.count, payload[at + 1] > 0 {
            if payload[at] == 1 || payload[at] == 2 { return payload.span.bytes.mac(at + 2) }
            at += Int(payload[at + 1]) * 8
        }
        return nil
    }
}

extension IPPacket {
    var tos: UInt8 {
        switch self {
        case .v4(let packet): packet.tos
        case .v6(let packet): packet.trafficClass
        }
    }

    /// Of IPv6 only fragments have one.
    var identification: UInt32? {
        switch self {
        case .v4(let packet): UInt32(packet.identification)
        case .v6(let packet): packet.fragment?.identification
        }
    }

    var fragment: PacketPattern.Fragment? {
        switch self {
        case .v4(let packet):
            guard packet.isFragment else { return nil }
            return PacketPattern.Fragment(
                offset: UInt32(packet.fragmentOffset) * 8, more: packet.flags.contains(.moreFragments))
        case .v6(let packet):
            guard packet.isFragment, let fragment = packet.fragment else { return nil }
            return PacketPattern.Fragment(offset: UInt32(fragment.offset) * 8, more: fragment.more)
        }
    }
}

extension PacketPattern.Fragment {
    var text: String { "\(offset)\(more ? "+" : "")" }
}
