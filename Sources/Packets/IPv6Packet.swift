public import NetworkVocabulary

/// One extension header of IPv6.
public struct IPv6Extension: Hashable, Sendable {
    /// The number by which the header before it announces it.
    public var number: UInt8
    /// All of it but its first byte, which announces the next header: the length byte is the first of these.
    public var bytes: [UInt8]

    public init(number: UInt8, bytes: [UInt8]) {
        self.number = number
        self.bytes = bytes
    }

    /// Hop-by-hop options (0), routing (43) and destination options (60) share their form: a length in units of eight
    /// bytes and content that is padded here with zeros (Pad1).
    public init(number: UInt8, content: [UInt8]) {
        let units = (content.count + 2 + 7) / 8
        self.number = number
        bytes =
            [UInt8(truncatingIfNeeded: units - 1)] + content
            + [UInt8](repeating: 0, count: units * 8 - 2 - content.count)
    }

    /// The fragment header (44); the offset counts units of eight bytes.
    public static func fragment(offset: UInt16, more: Bool, identification: UInt32) -> IPv6Extension {
        var bytes: [UInt8] = [0]
        bytes.put(offset << 3 | (more ? 1 : 0))
        bytes.put(identification)
        return IPv6Extension(number: 44, bytes: bytes)
    }

    /// Offset in units of eight bytes, whether more follow, and the identification, of a fragment header.
    public var fragment: (offset: UInt16, more: Bool, identification: UInt32)? {
        guard number == 44, bytes.count == 7 else { return nil }
        let field = UInt16(bytes[1]) << 8 | UInt16(bytes[2])
        return (field >> 3, field & 1 == 1, bytes[3...].reduce(0) { $0 << 8 | UInt32($1) })
    }

    static func isExtension(_ number: UInt8) -> Bool {
        switch number {
        case 0, 43, 44, 51, 60, 135, 139, 140: true
        default: false
        }
    }
}

/// IPv6 (RFC 8200).
///
///     0                                   4                 6             7            8
///     | 6 | traffic class | flow label    | payload length  | next header | hop limit  |
///     8                                   24                                           40
///     | source                            | destination                                | extensions …
public struct IPv6Packet: Hashable, Sendable {
    public var trafficClass: UInt8
    /// 20 bits.
    public var flowLabel: UInt32
    public var hopLimit: UInt8
    public var source: IPv6Address
    public var destination: IPv6Address
    public var extensions: [IPv6Extension]
    /// What the last header announces: the transport's number.
    public var `protocol`: IPProtocol
    public var body: Transport

    public var payloadLength: Derived<UInt16>

    /// The protocol follows from the body unless given.
    public init(
        source: IPv6Address, destination: IPv6Address, protocol: IPProtocol? = nil, hopLimit: UInt8 = 64,
        trafficClass: UInt8 = 0, flowLabel: UInt32 = 0, extensions: [IPv6Extension] = [],
        payloadLength: Derived<UInt16> = .computed, body: Transport
    ) {
        self.source = source
        self.destination = destination
        self.protocol = `protocol` ?? body.usualProtocol
        self.hopLimit = hopLimit
        self.trafficClass = trafficClass
        self.flowLabel = flowLabel
        self.extensions = extensions
        self.payloadLength = payloadLength
        self.body = body
    }

    /// Offset in units of eight bytes, whether more follow, and the identification, where there is a fragment header.
    public var fragment: (offset: UInt16, more: Bool, identification: UInt32)? {
        extensions.lazy.compactMap(\.fragment).first
    }

    /// A fragment header that says "the first and the last" makes no fragment (RFC 6946).
    public var isFragment: Bool { fragment.map { $0.offset != 0 || $0.more } ?? false }
}

extension IPv6Packet {
    /// Reads a packet that fills `bytes`, as an ICMPv6 error quotes it; the end may be missing.
    public init(parsing bytes: [UInt8]) throws(PacketFault) {
        self = try Self.parse(bytes.span.bytes, 0..<bytes.count).packet
    }

    static func parse(
        _ bytes: RawSpan, _ range: Range<Int>
    ) throws(PacketFault) -> (packet: IPv6Packet, end: Int) {
        let at = range.lowerBound
        guard range.count >= 40 else {
            throw PacketFault(.ipv6, at: at, .truncated(needed: 40, available: range.count))
        }
        let first = bytes.long(at)
        guard first >> 28 == 6 else { throw PacketFault(.ipv6, at: at, .version(UInt8(first >> 28))) }
        let length = Int(bytes.word(at + 4))
        let isWhole = length <= range.count - 40
        let end = isWhole ? at + 40 + length : range.upperBound
        let source = bytes.ipv6(at + 8)
        let destination = bytes.ipv6(at + 24)

        var extensions: [IPv6Extension] = []
        var next = bytes.octet(at + 6)
        var offset = at + 40
        var isFragment = false
        var fault: PacketFault?
        while !isFragment, IPv6Extension.isExtension(next) {
            let available = end - offset
            var needed = 8
            if available >= 2 {
                switch next {
                case 44: needed = 8
                case 51: needed = (Int(bytes.octet(offset + 1)) + 2) * 4
                default: needed = (Int(bytes.octet(offset + 1)) + 1) * 8
                }
            }
            guard available >= needed else {
                fault = PacketFault(.ipv6, at: offset, .truncated(needed: needed, available: available))
                break
            }
            extensions.append(IPv6Extension(number: next, bytes: bytes.copy(offset + 1..<offset + needed)))
            if next == 44 { isFragment = bytes.word(offset + 2) & 0xfff9 != 0 }
            next = bytes.octet(offset)
            offset += needed
        }
        let payload = offset..<end
        let body: Transport =
            if let fault {
                .malformed(bytes.copy(payload), fault)
            } else if isFragment {
                .fragment(bytes.copy(payload))
            } else {
                Transport.parse(
                    bytes, payload, protocol: next, family: .ipv6,
                    pseudoHeader: isWhole
                        ? { [next] in InternetChecksum(source, destination, protocol: next, length: $0) } : nil)
            }
        let packet = IPv6Packet(
            source: source, destination: destination, protocol: IPProtocol(number: next),
            hopLimit: bytes.octet(at + 7), trafficClass: UInt8(first >> 20 & 0xff), flowLabel: first & 0xfffff,
            extensions: extensions,
            payloadLength: isWhole ? .computed : .forced(UInt16(truncatingIfNeeded: length)), body: body)
        return (packet, end)
    }

    public var bytes: [UInt8] {
        var out: [UInt8] = []
        write(to: &out)
        return out
    }

    func write(to out: inout [UInt8]) {
        let at = out.count
        out.put(6 << 28 | UInt32(trafficClass) << 20 | flowLabel & 0xfffff)
        out.put(0 as UInt16)
        out.append(extensions.first?.number ?? `protocol`.number)
        out.append(hopLimit)
        out.put(source)
        out.put(destination)
        for (index, header) in extensions.enumerated() {
            out.append(index + 1 < extensions.count ? extensions[index + 1].number : `protocol`.number)
            out.append(contentsOf: header.bytes)
        }
        body.write(to: &out) { [source, destination, number = `protocol`.number] length in
            InternetChecksum(source, destination, protocol: number, length: length)
        }
        out.set(payloadLength.value(UInt16(truncatingIfNeeded: out.count - at - 40)), at: at + 4)
    }
}
