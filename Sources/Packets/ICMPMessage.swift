/// ICMP (RFC 792) and ICMPv6 (RFC 4443): one form, other numbers.
///
///     0      1      2             4                           8
///     | type | code | checksum    | rest                      | payload …
public struct ICMPMessage: Hashable, Sendable {
    public var type: UInt8
    public var code: UInt8
    /// The second word: identifier and sequence of an echo, the MTU of "packet too big", a gateway …
    public var rest: UInt32
    /// For an error this is the quoted packet: `IPPacket.quoted` reads it.
    public var payload: [UInt8]
    public var checksum: Derived<UInt16>

    public init(
        type: UInt8, code: UInt8 = 0, rest: UInt32 = 0, payload: [UInt8] = [], checksum: Derived<UInt16> = .computed
    ) {
        self.type = type
        self.code = code
        self.rest = rest
        self.payload = payload
        self.checksum = checksum
    }

    /// The identifier and sequence number of an echo.
    public var echo: (identifier: UInt16, sequence: UInt16) {
        (UInt16(truncatingIfNeeded: rest >> 16), UInt16(truncatingIfNeeded: rest))
    }

    init(
        parsing bytes: RawSpan, _ range: Range<Int>, layer: PacketFault.Layer, sum: InternetChecksum?
    ) throws(PacketFault) {
        let at = range.lowerBound
        guard range.count >= 8 else {
            throw PacketFault(layer, at: at, .truncated(needed: 8, available: range.count))
        }
        type = bytes.octet(at)
        code = bytes.octet(at + 1)
        rest = bytes.long(at + 4)
        payload = bytes.copy(at + 8..<range.upperBound)
        checksum = .forced(bytes.word(at + 2))
        if var sum {
            sum.add(bytes, at..<at + 2)
            sum.add(bytes, at + 4..<range.upperBound)
            checksum = Derived(read: bytes.word(at + 2), expected: sum.value)
        }
    }

    func write(to out: inout [UInt8], pseudoHeader: (Int) -> InternetChecksum) {
        let at = out.count
        out.append(type)
        out.append(code)
        out.put(0 as UInt16)
        out.put(rest)
        out.append(contentsOf: payload)
        var sum = pseudoHeader(out.count - at)
        sum.add(out.span.bytes, at..<out.count)
        out.set(checksum.value(sum.value), at: at + 2)
    }
}
