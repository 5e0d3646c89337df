import NetworkVocabulary

/// What an IP packet carries.
public enum Transport: Hashable, Sendable {
    case tcp(TCPSegment)
    case udp(UDPDatagram)
    case icmp(ICMPMessage)
    case icmpv6(ICMPMessage)
    /// Any fragment, the first too: its bytes as they are.
    case fragment([UInt8])
    case other([UInt8])
    case malformed([UInt8], PacketFault)

    /// The number that announces it; 253 ("for experiments", RFC 3692) where the case alone does not say.
    var usualProtocol: IPProtocol {
        switch self {
        case .tcp: .tcp
        case .udp: .udp
        case .icmp: .icmp
        case .icmpv6: .icmpv6
        case .fragment, .other, .malformed: IPProtocol(number: 253)
        }
    }

    /// `pseudoHeader` makes the start of a checksum for a length; nil when the packet is not whole, so that no checksum
    /// can be judged.
    static func parse(
        _ bytes: RawSpan, _ range: Range<Int>, protocol number: UInt8, family: AddressFamily,
        pseudoHeader: ((Int) -> InternetChecksum)?
    ) -> Transport {
        do throws(PacketFault) {
            switch (number, family) {
            case (6, _):
                return .tcp(try TCPSegment(parsing: bytes, range, sum: pseudoHeader?(range.count)))
            case (17, _):
                return .udp(try UDPDatagram(parsing: bytes, range, pseudoHeader: pseudoHeader))
            case (1, .ipv4):
                let sum = pseudoHeader == nil ? nil : InternetChecksum()
                return .icmp(try ICMPMessage(parsing: bytes, range, layer: .icmp, sum: sum))
            case (58, .ipv6):
                return .icmpv6(
                    try ICMPMessage(parsing: bytes, range, layer: .icmpv6, sum: pseudoHeader?(range.count)))
            default: return .other(bytes.copy(range))
            }
        } catch {
            return .malformed(bytes.copy(range), error)
        }
    }

    func write(to out: inout [UInt8], pseudoHeader: (Int) -> InternetChecksum) {
        switch self {
        case .tcp(let segment): segment.write(to: &out, pseudoHeader: pseudoHeader)
        case .udp(let datagram): datagram.write(to: &out, pseudoHeader: pseudoHeader)
        case .icmp(let message): message.write(to: &out) { _ in InternetChecksum() }
        case .icmpv6(let message): message.write(to: &out, pseudoHeader: pseudoHeader)
        case .fragment(let bytes), .other(let bytes), .malformed(let bytes, _): out.append(contentsOf: bytes)
        }
    }

    /// What an application would read: the bytes behind the transport's header.
    public var payload: [UInt8] {
        switch self {
        case .tcp(let segment): segment.payload
        case .udp(let datagram): datagram.payload
        case .icmp(let message), .icmpv6(let message): message.payload
        case .fragment(let bytes), .other(let bytes), .malformed(let bytes, _): bytes
        }
    }
}
