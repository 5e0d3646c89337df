public import NetworkVocabulary

/// IPv4 (RFC 791).
///
///     0        1        2                 4                 6
///     | 4 | IHL| tos    | total length    | identification  | flags, fragment offset |
///     8        9        10                12                16                       20
///     | ttl    | proto  | header checksum | source          | destination            | options …
public struct IPv4Packet: Hashable, Sendable {
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let moreFragments = Self(rawValue: 1)
        public static let dontFragment = Self(rawValue: 2)
        public static let reserved = Self(rawValue: 4)
    }

    public var tos: UInt8
    public var identification: UInt16
    public var flags: Flags
    /// In units of eight bytes, 13 bits.
    public var fragmentOffset: UInt16
    public var ttl: UInt8
    public var `protocol`: IPProtocol
    public var source: IPv4Address
    public var destination: IPv4Address
    /// With their padding: written up to the next multiple of four bytes, 40 at most.
    public var options: [UInt8]
    public var body: Transport

    /// In 32-bit words.
    public var headerLength: Derived<UInt8>
    public var totalLength: Derived<UInt16>
    public var headerChecksum: Derived<UInt16>

    /// The protocol follows from the body unless given.
    public init(
        source: IPv4Address, destination: IPv4Address, protocol: IPProtocol? = nil, ttl: UInt8 = 64, tos: UInt8 = 0,
        identification: UInt16 = 0, flags: Flags = [], fragmentOffset: UInt16 = 0, options: [UInt8] = [],
        headerLength: Derived<UInt8> = .computed, totalLength: Derived<UInt16> = .computed,
        headerChecksum: Derived<UInt16> = .computed, body: Transport
    ) {
        self.source = source
        self.destination = destination
        self.protocol = `protocol` ?? body.usualProtocol
        self.ttl = ttl
        self.tos = tos
        self.identification = identification
        self.flags = flags
        self.fragmentOffset = fragmentOffset
        self.options = options
        self.headerLength = headerLength
        self.totalLength = totalLength
        self.headerChecksum = headerChecksum
        self.body = body
    }

    public var isFragment: Bool { fragmentOffset != 0 || flags.contains(.moreFragments) }
}

extension IPv4Packet {
    /// Reads a packet that fills `bytes`, as an ICMP error quotes it; the end may be missing.
    public init(parsing bytes: [UInt8]) throws(PacketFault) {
        self = try Self.parse(bytes.span.bytes, 0..<bytes.count).packet
    }

    /// The packet and where it ends. A total length beyond the bytes is kept as forced: the packet was cut off, and
    /// its transport cannot be verified.
    static func parse(
        _ bytes: RawSpan, _ range: Range<Int>
    ) throws(PacketFault) -> (packet: IPv4Packet, end: Int) {
        let at = range.lowerBound
        guard range.count >= 20 else {
            throw PacketFault(.ipv4, at: at, .truncated(needed: 20, available: range.count))
        }
        let first = bytes.octet(at)
        guard first >> 4 == 4 else { throw PacketFault(.ipv4, at: at, .version(first >> 4)) }
        let header = Int(first & 15) * 4
        guard header >= 20 else { throw PacketFault(.ipv4, at: at, .headerLength(header)) }
        guard header <= range.count else {
            throw PacketFault(.ipv4, at: at, .truncated(needed: header, available: range.count))
        }
        let total = Int(bytes.word(at + 2))
        guard total >= header else { throw PacketFault(.ipv4, at: at, .totalLength(total)) }
        let end = at + min(total, range.count)

        var sum = InternetChecksum()
        sum.add(bytes, at..<at + 10)
        sum.add(bytes, at + 12..<at + header)
        let fragment = bytes.word(at + 6)
        let number = bytes.octet(at + 9)
        let source = bytes.ipv4(at + 12)
        let destination = bytes.ipv4(at + 16)
        let payload = at + header..<end
        let flags = Flags(rawValue: UInt8(fragment >> 13))
        let body: Transport =
            if fragment & 0x1fff != 0 || flags.contains(.moreFragments) {
                .fragment(bytes.copy(payload))
            } else {
                Transport.parse(
                    bytes, payload, protocol: number, family: .ipv4,
                    pseudoHeader: end - at == total
                        ? { InternetChecksum(source, destination, protocol: number, length: $0) } : nil)
            }
        let packet = IPv4Packet(
            source: source, destination: destination, protocol: IPProtocol(number: number),
            ttl: bytes.octet(at + 8), tos: bytes.octet(at + 1), identification: bytes.word(at + 4), flags: flags,
            fragmentOffset: fragment & 0x1fff, options: bytes.copy(at + 20..<at + header),
            totalLength: end - at == total ? .computed : .forced(UInt16(truncatingIfNeeded: total)),
            headerChecksum: Derived(read: bytes.word(at + 10), expected: sum.value), body: body)
        return (packet, end)
    }

    public var bytes: [UInt8] {
        var out: [UInt8] = []
        write(to: &out)
        return out
    }

    func write(to out: inout [UInt8]) {
        let at = out.count
        let options = self.options.prefix(40)
        let header = 20 + (options.count + 3) / 4 * 4
        out.append(0x40 | headerLength.value(UInt8(header / 4)) & 15)
        out.append(tos)
        out.put(0 as UInt16)
        out.put(identification)
        out.put(UInt16(flags.rawValue & 7) << 13 | fragmentOffset & 0x1fff)
        out.append(ttl)
        out.append(`protocol`.number)
        out.put(0 as UInt16)
        out.put(source)
        out.put(destination)
        out.append(contentsOf: options)
        while out.count < at + header { out.append(0) }
        body.write(to: &out) { [source, destination, number = `protocol`.number] length in
            InternetChecksum(source, destination, protocol: number, length: length)
        }
        out.set(totalLength.value(UInt16(truncatingIfNeeded: out.count - at)), at: at + 2)
        var sum = InternetChecksum()
        sum.add(out.span.bytes, at..<at + header)
        out.set(headerChecksum.value(sum.value), at: at + 10)
    }
}
