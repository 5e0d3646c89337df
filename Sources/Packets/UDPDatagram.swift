/// UDP (RFC 768).
///
///     0             2             4             6             8
///     | source      | destination | length      | checksum    | payload …
public struct UDPDatagram: Hashable, Sendable {
    public var source: UInt16
    public var destination: UInt16
    public var payload: [UInt8]
    /// What follows the datagram's own length inside the IP packet (the surplus area of RFC 9868). No application
    /// sees it, but it travels.
    public var surplus: [UInt8]

    public var length: Derived<UInt16>
    /// Forced to 0 it says "none", which IPv4 allows.
    public var checksum: Derived<UInt16>

    public init(
        source: UInt16, destination: UInt16, payload: [UInt8] = [], surplus: [UInt8] = [],
        length: Derived<UInt16> = .computed, checksum: Derived<UInt16> = .computed
    ) {
        self.source = source
        self.destination = destination
        self.payload = payload
        self.surplus = surplus
        self.length = length
        self.checksum = checksum
    }

    init(
        parsing bytes: RawSpan, _ range: Range<Int>, pseudoHeader: ((Int) -> InternetChecksum)?
    ) throws(PacketFault) {
        let at = range.lowerBound
        guard range.count >= 8 else {
            throw PacketFault(.udp, at: at, .truncated(needed: 8, available: range.count))
        }
        source = bytes.word(at)
        destination = bytes.word(at + 2)
        let stated = Int(bytes.word(at + 4))
        let isPossible = stated >= 8 && stated <= range.count
        let end = isPossible ? at + stated : range.upperBound
        payload = bytes.copy(at + 8..<end)
        surplus = bytes.copy(end..<range.upperBound)
        length = isPossible ? .computed : .forced(UInt16(truncatingIfNeeded: stated))
        checksum = .forced(bytes.word(at + 6))
        if isPossible, let pseudoHeader {
            var sum = pseudoHeader(stated)
            sum.add(bytes, at..<at + 6)
            sum.add(bytes, at + 8..<end)
            checksum = Derived(read: bytes.word(at + 6), expected: Self.sent(sum.value))
        }
    }

    /// A sum of zero travels as all ones: zero means that there is none.
    private static func sent(_ sum: UInt16) -> UInt16 { sum == 0 ? 0xffff : sum }

    func write(to out: inout [UInt8], pseudoHeader: (Int) -> InternetChecksum) {
        let at = out.count
        let stated = length.value(UInt16(truncatingIfNeeded: 8 + payload.count))
        out.put(source)
        out.put(destination)
        out.put(stated)
        out.put(0 as UInt16)
        out.append(contentsOf: payload)
        var sum = pseudoHeader(Int(stated))
        sum.add(out.span.bytes, at..<out.count)
        out.set(checksum.value(Self.sent(sum.value)), at: at + 6)
        out.append(contentsOf: surplus)
    }
}
