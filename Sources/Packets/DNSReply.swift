public import NetworkVocabulary

/// Writes answers into a buffer that is used again and again.
public struct DNSReply {
    /// Complete after `finish`.
    public private(set) var bytes: [UInt8] = []
    private var counts = (answers: UInt16(0), authorities: UInt16(0), additional: UInt16(0))

    public init() { bytes.reserveCapacity(4096) }

    /// Header and question of an answer to a query, its name in the case that it came in.
    public mutating func begin(_ query: DNSQuery, of span: RawSpan, flags: DNSFlags, code: UInt8) {
        start(query.id, query.flags, flags, code, questions: 1)
        bytes.append(span, 12..<query.questionEnd)
    }

    /// An answer to what was no query.
    public mutating func refuse(id: UInt16, _ asked: DNSFlags, code: UInt8) {
        start(id, asked, [], code, questions: 0)
    }

    private mutating func start(
        _ id: UInt16, _ asked: DNSFlags, _ flags: DNSFlags, _ code: UInt8, questions: UInt16
    ) {
        counts = (0, 0, 0)
        bytes.removeAll(keepingCapacity: true)
        bytes.put(id)
        let repeated =
            asked.rawValue & (0x7800 | DNSFlags.recursionDesired.rawValue | DNSFlags.checkingDisabled.rawValue)
        bytes.put(DNSFlags(rawValue: repeated).union(flags).union(.response).with(code: code).rawValue)
        bytes.put(questions)
        bytes.put(0 as UInt32)
        bytes.put(0 as UInt16)
    }

    /// A record that belongs to the name of the question.
    public mutating func answer(_ type: DNSType, ttl: UInt32, _ address: IPv4Address) {
        owner(type, ttl, length: 4)
        bytes.put(address)
        counts.answers += 1
    }

    public mutating func answer(_ type: DNSType, ttl: UInt32, _ data: [UInt8]) {
        owner(type, ttl, length: data.count)
        bytes += data
        counts.answers += 1
    }

    private mutating func owner(_ type: DNSType, _ ttl: UInt32, length: Int) {
        bytes.put(0xc00c as UInt16)
        bytes.put(type.code)
        bytes.put(1 as UInt16)
        bytes.put(ttl)
        bytes.put(UInt16(truncatingIfNeeded: length))
    }

    /// Says how long the absence of something may be believed (RFC 2308).
    public mutating func authority(_ zone: [UInt8], _ data: [UInt8], ttl: UInt32) {
        bytes += zone
        bytes.put(DNSType.soa.code)
        bytes.put(1 as UInt16)
        bytes.put(ttl)
        bytes.put(UInt16(truncatingIfNeeded: data.count))
        bytes += data
        counts.authorities += 1
    }

    /// Ends the message; one that is larger than the limit says so and is without its records.
    public mutating func finish(_ query: DNSQuery, limit: Int, size: UInt16) {
        let pseudoRecord = query.edns == nil ? 0 : 11
        if bytes.count + pseudoRecord > limit {
            bytes.removeSubrange(query.questionEnd...)
            bytes[2] |= UInt8(DNSFlags.truncated.rawValue >> 8)
            counts = (0, 0, 0)
        }
        if query.edns != nil { options(query, size: size, extendedCode: 0) }
        close()
    }

    /// The client speaks a version of EDNS that we do not.
    public mutating func finishWithBadVersion(_ query: DNSQuery, size: UInt16) {
        options(query, size: size, extendedCode: 1)
        close()
    }

    private mutating func options(_ query: DNSQuery, size: UInt16, extendedCode: UInt8) {
        bytes.append(0)
        bytes.put(DNSType.opt.code)
        bytes.put(size)
        bytes.append(extendedCode)
        bytes.append(0)
        bytes.put(query.edns?.wantsSignatures == true ? 0x8000 as UInt16 : 0)
        bytes.put(0 as UInt16)
        counts.additional += 1
    }

    private mutating func close() {
        bytes.set(counts.answers, at: 6)
        bytes.set(counts.authorities, at: 8)
        bytes.set(counts.additional, at: 10)
    }
}

extension [UInt8] {
    mutating func append(_ bytes: RawSpan, _ range: Range<Int>) {
        bytes.withUnsafeBytes { append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}
