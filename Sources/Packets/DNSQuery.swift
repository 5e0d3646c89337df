/// A query where it lies in its bytes: what a server has to know of it before it looks anything up. Nothing is copied.
public struct DNSQuery: Sendable {
    public let id: UInt16
    public let flags: DNSFlags
    /// The name's bytes with the root's zero, in the message; a query has no pointers before its first name.
    public let name: Range<Int>
    public let type: DNSType
    public let `class`: UInt16
    /// What EDNS says (RFC 6891), where it is used.
    public let edns: EDNS?

    public struct EDNS: Hashable, Sendable {
        /// What the client takes by UDP.
        public let size: UInt16
        public let version: UInt8
        /// The client wants the records of DNSSEC.
        public let wantsSignatures: Bool
    }

    public enum Reading: Sendable {
        case query(DNSQuery)
        /// No answer: an answer itself, or too short to have an id.
        case ignored
        /// To be answered with this code, and nothing else can be said.
        case bad(id: UInt16, DNSFlags, UInt8)
    }

    public static func read(_ bytes: RawSpan) -> Reading {
        guard bytes.byteCount >= DNSWalk.headerLength else { return .ignored }
        let id = bytes.word(0)
        let flags = DNSFlags(rawValue: bytes.word(2))
        if flags.contains(.response) { return .ignored }
        let bad = Reading.bad(id: id, flags, DNSResponseCode.formatError)
        guard flags.operation == 0 else { return .bad(id: id, flags, DNSResponseCode.notImplemented) }
        guard bytes.word(4) == 1, let end = DNSWalk.end(of: DNSWalk.headerLength, in: bytes),
            bytes.octet(end - 1) == 0, end + 4 <= bytes.byteCount
        else { return bad }
        guard bytes.word(6) == 0, bytes.word(8) == 0 else { return bad }
        var edns: EDNS?
        var at = end + 4
        for _ in 0..<bytes.word(10) {
            guard let start = DNSWalk.end(of: at, in: bytes), start + 10 <= bytes.byteCount else { return bad }
            let next = start + 10 + Int(bytes.word(start + 8))
            guard next <= bytes.byteCount else { return bad }
            if DNSType(bytes.word(start)) == .opt {
                guard edns == nil, start == at + 1, isOptions(bytes, start + 10..<next) else { return bad }
                edns = EDNS(
                    size: bytes.word(start + 2), version: bytes.octet(start + 5),
                    wantsSignatures: bytes.octet(start + 6) & 0x80 != 0)
            }
            at = next
        }
        guard at == bytes.byteCount else { return bad }
        return .query(
            DNSQuery(
                id: id, flags: flags, name: DNSWalk.headerLength..<end, type: DNSType(bytes.word(end)),
                class: bytes.word(end + 2), edns: edns))
    }

    private static func isOptions(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        var at = range.lowerBound
        while at < range.upperBound {
            guard at + 4 <= range.upperBound else { return false }
            at += 4 + Int(bytes.word(at + 2))
        }
        return at == range.upperBound
    }

    /// Where the question ends: it begins behind the header.
    public var questionEnd: Int { name.upperBound + 4 }

    /// How much the client takes in a datagram.
    public func datagramLimit(_ most: Int) -> Int {
        edns.map { min(max(512, Int($0.size)), most) } ?? 512
    }
}
