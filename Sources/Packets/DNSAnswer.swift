public import NetworkVocabulary

/// What another server answered, checked and kept as it came, so that it can be given to many: only its id, its times to
/// live and the case of the name differ from one to the next.
public struct DNSAnswer: Sendable {
    /// Header, question, answers, authorities, and additional records without EDNS.
    public private(set) var bytes: [UInt8]
    public let flags: DNSFlags
    public let questionEnd: Int
    /// Where times to live stand.
    private let ttls: [Int]
    /// How many seconds it may be kept: the shortest time to live; of absence what the zone says (RFC 2308).
    public let lifetime: UInt32

    /// Nil for what does not hold together, or is no answer to this question, its name written in the same case.
    public init?(parsing bytes: [UInt8], to question: [UInt8]) {
        let span = bytes.span.bytes
        let end = DNSWalk.headerLength + question.count
        guard span.byteCount >= end, span.word(4) == 1 else { return nil }
        flags = DNSFlags(rawValue: span.word(2))
        guard flags.contains(.response), flags.operation == 0 else { return nil }
        for (offset, byte) in question.enumerated() where span.octet(12 + offset) != byte { return nil }
        guard let walked = Self.walk(span, from: end) else { return nil }
        questionEnd = end
        ttls = walked.ttls
        let isAbsence = span.word(6) == 0
        lifetime = isAbsence ? walked.absence ?? 0 : walked.shortest
        self.bytes = Array(bytes[..<walked.end])
        self.bytes.set(walked.additional, at: 10)
    }

    private struct Walked {
        var ttls: [Int] = []
        var shortest = UInt32.max
        var absence: UInt32?
        var end = 0
        var additional: UInt16 = 0
    }

    /// Over all records. Those behind one of EDNS, which is not for others, go with it: whatever points, points back.
    private static func walk(_ bytes: RawSpan, from start: Int) -> Walked? {
        var walked = Walked(end: start)
        var at = start
        var isComplete = false
        var value: [UInt8] = []
        for section in 0..<3 {
            for _ in 0..<bytes.word(6 + section * 2) {
                guard let fixed = nameEnd(at, bytes), fixed + 10 <= bytes.byteCount else { return nil }
                let next = fixed + 10 + Int(bytes.word(fixed + 8))
                guard next <= bytes.byteCount else { return nil }
                let type = DNSType(bytes.word(fixed))
                if type.namesInValue != nil {
                    value.removeAll(keepingCapacity: true)
                    guard DNSWalk.value(of: type, fixed + 10..<next, in: bytes, to: &value) else { return nil }
                }
                if type == .opt {
                    guard section == 2 else { return nil }
                    isComplete = true
                } else if !isComplete {
                    // RFC 2181 section 8: the top bit set means zero.
                    let ttl = bytes.long(fixed + 4) >> 31 == 0 ? bytes.long(fixed + 4) : 0
                    walked.ttls.append(fixed + 4)
                    walked.shortest = min(walked.shortest, ttl)
                    if type == .soa, section == 1 {
                        walked.absence = min(ttl, bytes.long(next - 4))
                    }
                    if section == 2 { walked.additional += 1 }
                    walked.end = next
                }
                at = next
            }
        }
        return at == bytes.byteCount ? walked : nil
    }

    /// A name whose pointers lead somewhere, and end.
    private static func nameEnd(_ at: Int, _ bytes: RawSpan) -> Int? {
        // Most records belong to the name of the question.
        if at + 2 <= bytes.byteCount, bytes.word(at) == 0xc00c { return at + 2 }
        var name: [UInt8] = []
        return DNSWalk.expand(at, in: bytes, to: &name)
    }

    /// Whether a record gives such an address, as itself or written as one of IPv6.
    public func leads(to isMeant: (IPv4Address) -> Bool) -> Bool {
        let span = bytes.span.bytes
        return ttls.contains { ttl in
            let value = ttl + 6
            switch (DNSType(span.word(ttl - 4)), span.word(ttl + 4)) {
            case (.a, 4): return isMeant(IPv4Address(bits: span.long(value)))
            case (.aaaa, 16):
                let prefix = (span.long(value), span.long(value + 4), span.long(value + 8))
                return prefix == (0, 0, 0xffff) && isMeant(IPv4Address(bits: span.long(value + 12)))
            default: return false
            }
        }
    }

    /// The answer for a client: its id, its way of writing the name, and so many seconds later.
    public func write(
        _ query: DNSQuery, of span: RawSpan, age: UInt32, limit: Int, size: UInt16, to out: inout [UInt8]
    ) {
        out.removeAll(keepingCapacity: true)
        let pseudoRecord = query.edns == nil ? 0 : 11
        let fits = bytes.count + pseudoRecord <= limit
        out.append(bytes.span.bytes, 0..<(fits ? bytes.count : questionEnd))
        out.set(query.id, at: 0)
        var flags = self.flags
        flags.remove([.authoritative, .truncated, .checkingDisabled, .recursionDesired])
        flags.formUnion(query.flags.intersection([.recursionDesired, .checkingDisabled]))
        flags.insert(.recursionAvailable)
        if !fits { flags.insert(.truncated) }
        out.set(flags.rawValue, at: 2)
        for offset in 12..<questionEnd { out[offset] = span.octet(offset) }
        if fits {
            for offset in ttls { age == 0 ? () : Self.lower(&out, at: offset, by: age) }
        } else {
            for offset in [6, 8, 10] { out.set(0, at: offset) }
        }
        if query.edns != nil {
            out.append(0)
            out.put(DNSType.opt.code)
            out.put(size)
            out.put(0 as UInt16)
            out.put(query.edns?.wantsSignatures == true ? 0x8000 as UInt16 : 0)
            out.put(0 as UInt16)
            out.set((fits ? UInt16(bytes[10]) << 8 | UInt16(bytes[11]) : 0) + 1, at: 10)
        }
    }

    private static func lower(_ out: inout [UInt8], at offset: Int, by age: UInt32) {
        let ttl = out.span.bytes.long(offset)
        let left = ttl > age ? ttl - age : 0
        out.set(UInt16(truncatingIfNeeded: left >> 16), at: offset)
        out.set(UInt16(truncatingIfNeeded: left), at: offset + 2)
    }
}
