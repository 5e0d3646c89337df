import Packets

/// Answers of a network's resolvers, each as long as it may be kept. A network has its own, so that nobody learns from how
/// long an answer takes what others have asked.
public struct DNSCache: Sendable {
    public struct Key: Hashable, Sendable {
        /// The question with small letters, and the bits that change the answer.
        let bytes: [UInt8]

        init(_ query: DNSQuery, _ span: RawSpan) {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(query.questionEnd - query.name.lowerBound + 1)
            for offset in query.name {
                let byte = span.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                bytes.append(byte &- 0x41 < 26 ? byte | 0x20 : byte)
            }
            for offset in query.name.upperBound..<query.questionEnd {
                bytes.append(span.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            }
            let signatures: UInt8 = query.edns?.wantsSignatures == true ? 1 : 0
            bytes.append(signatures | (query.flags.contains(.checkingDisabled) ? 2 : 0))
            self.bytes = bytes
        }
    }

    private struct Entry: Sendable {
        let answer: DNSAnswer
        /// Seconds by the clock that the caller reads.
        let stored: UInt32
        let expires: UInt32
    }

    private var entries: [Key: Entry] = [:]
    /// Keys in the order in which they came, those that are gone by now among them.
    private var order: [Key] = []
    private var oldest = 0
    private var size = 0

    public static let entryLimit = 4096
    public static let byteLimit = 1 << 20
    /// Whoever changes an answer waits no longer than this, whatever the answer said (RFC 2308 section 5 for absence).
    static let longest: UInt32 = 86_400
    static let longestAbsence: UInt32 = 900

    public init() {}

    public var count: Int { entries.count }

    func find(_ key: Key, at second: UInt32) -> (answer: DNSAnswer, age: UInt32)? {
        guard let entry = entries[key], second < entry.expires else { return nil }
        return (entry.answer, second - entry.stored)
    }

    mutating func store(_ answer: DNSAnswer, _ key: Key, at second: UInt32) {
        let isAbsence = answer.flags.code == DNSResponseCode.nameError || answer.bytes[6] | answer.bytes[7] == 0
        let kept = min(answer.lifetime, isAbsence ? Self.longestAbsence : Self.longest)
        guard kept > 0 else { return }
        if let old = entries.updateValue(Entry(answer: answer, stored: second, expires: second + kept), forKey: key) {
            size -= old.answer.bytes.count
        } else {
            order.append(key)
        }
        size += answer.bytes.count
        while entries.count > Self.entryLimit || size > Self.byteLimit { dropOldest() }
    }

    private mutating func dropOldest() {
        guard oldest < order.count else { return }
        if let gone = entries.removeValue(forKey: order[oldest]) { size -= gone.answer.bytes.count }
        oldest += 1
        if oldest > Self.entryLimit {
            order.removeFirst(oldest)
            oldest = 0
        }
    }
}
