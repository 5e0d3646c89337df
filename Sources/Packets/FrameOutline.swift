public import NetworkVocabulary

/// Where things are in a frame's bytes: for work on many frames, where a whole `Frame` would cost too much.
///
/// It goes as far as lengths allow: what is cut off or contradictory has no transport.
public struct FrameOutline: Hashable, Sendable {
    /// Behind all tags.
    public let etherType: UInt16
    /// Where the network header starts.
    public let network: Int
    /// Nil for what is not IP.
    public private(set) var family: AddressFamily?
    public private(set) var source = 0..<0
    public private(set) var destination = 0..<0
    public private(set) var number: UInt8 = 0
    /// Where the transport's header starts; nil in later fragments, and where there is none.
    public private(set) var transport: Int?
    /// The end of the IP packet, or of the bytes: padding is not part of it.
    public private(set) var end: Int
    public private(set) var isFragment = false

    /// Nil for what has no whole Ethernet header.
    public init?(_ bytes: borrowing RawSpan) {
        guard bytes.byteCount >= 14 else { return nil }
        var type = bytes.word(12)
        var offset = 14
        while VLANTag.isTag(type), bytes.byteCount - offset >= 4 {
            type = bytes.word(offset + 2)
            offset += 4
        }
        etherType = type
        network = offset
        end = bytes.byteCount
        switch type {
        case EtherType.ipv4: readIPv4(bytes)
        case EtherType.ipv6: readIPv6(bytes)
        default: break
        }
    }

    public init?(_ bytes: [UInt8]) { self.init(bytes.span.bytes) }

    private mutating func readIPv4(_ bytes: borrowing RawSpan) {
        let room = bytes.byteCount - network
        guard room >= 20, bytes.octet(network) >> 4 == 4 else { return }
        let header = Int(bytes.octet(network) & 15) * 4
        let length = Int(bytes.word(network + 2))
        guard header >= 20, header <= length, length <= room else { return }
        family = .ipv4
        source = network + 12..<network + 16
        destination = network + 16..<network + 20
        number = bytes.octet(network + 9)
        end = network + length
        let fragment = bytes.word(network + 6)
        isFragment = fragment & 0x3fff != 0
        if fragment & 0x1fff == 0 { transport = network + header }
    }

    private mutating func readIPv6(_ bytes: borrowing RawSpan) {
        let room = bytes.byteCount - network
        guard room >= 40, bytes.octet(network) >> 4 == 6 else { return }
        let length = 40 + Int(bytes.word(network + 4))
        guard length <= room else { return }
        family = .ipv6
        source = network + 8..<network + 24
        destination = network + 24..<network + 40
        end = network + length
        number = bytes.octet(network + 6)
        var next = network + 40
        // Hop-by-hop, routing, fragment, destination options (RFC 8200): each is 8 bytes at least, so that this ends.
        while [0, 43, 44, 60].contains(number) {
            guard end - next >= 8 else { return }
            let type = number
            number = bytes.octet(next)
            if type == 44 {
                isFragment = true
                guard bytes.word(next + 2) & 0xfff8 == 0 else { return }
                next += 8
            } else {
                next += (Int(bytes.octet(next + 1)) + 1) * 8
            }
            guard next <= end else { return }
        }
        transport = next
    }

    /// Where the transport's checksum is, where this module knows one.
    public var checksum: Int? {
        guard let transport else { return nil }
        let offset: Int
        switch number {
        case 6: offset = 16
        case 17: offset = 6
        case 58 where family == .ipv6: offset = 2
        default: return nil
        }
        return transport + offset + 2 <= end ? transport + offset : nil
    }

    /// Source and destination ports of TCP, UDP and what is alike.
    public func ports(_ bytes: borrowing RawSpan) -> (source: UInt16, destination: UInt16)? {
        guard let transport, [6, 17, 33, 132, 136].contains(number), end - transport >= 4 else { return nil }
        return (bytes.word(transport), bytes.word(transport + 2))
    }
}
