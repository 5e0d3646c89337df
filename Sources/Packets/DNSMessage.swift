/// A DNS message as a value (RFC 1035 section 4), for clients and tests; servers use `DNSQuery` and `DNSReply`.
///
///     0     2       4         6         8           10           12
///     | id  | flags | qdcount | ancount | nscount   | arcount    | sections …
public struct DNSMessage: Hashable, Sendable {
    public struct Question: Hashable, Sendable {
        public var name: DNSName
        public var type: DNSType
        public var `class`: UInt16

        public init(_ name: DNSName, _ type: DNSType, class: UInt16 = 1) {
            self.name = name
            self.type = type
            self.class = `class`
        }
    }

    public struct Resource: Hashable, Sendable {
        public var name: DNSName
        public var type: DNSType
        public var `class`: UInt16
        public var ttl: UInt32
        /// With the names in it written out.
        public var data: [UInt8]

        public init(_ name: DNSName, _ type: DNSType, class: UInt16 = 1, ttl: UInt32, data: [UInt8]) {
            self.name = name
            self.type = type
            self.class = `class`
            self.ttl = ttl
            self.data = data
        }
    }

    public var id: UInt16
    public var flags: DNSFlags
    public var questions: [Question] = []
    public var answers: [Resource] = []
    public var authorities: [Resource] = []
    public var additional: [Resource] = []

    public init(id: UInt16, flags: DNSFlags, questions: [Question] = []) {
        self.id = id
        self.flags = flags
        self.questions = questions
    }
}

extension DNSMessage {
    /// Nil for what is no message, or has something behind its end.
    public init?(parsing bytes: [UInt8]) {
        let span = bytes.span.bytes
        guard span.byteCount >= DNSWalk.headerLength, span.byteCount <= 0xffff else { return nil }
        self.init(id: span.word(0), flags: DNSFlags(rawValue: span.word(2)))
        var at = DNSWalk.headerLength
        for _ in 0..<span.word(4) {
            guard let question = Self.question(&at, span) else { return nil }
            questions.append(question)
        }
        for (count, section) in [(6, \Self.answers), (8, \.authorities), (10, \.additional)] {
            for _ in 0..<span.word(count) {
                guard let record = Self.resource(&at, span) else { return nil }
                self[keyPath: section].append(record)
            }
        }
        guard at == span.byteCount else { return nil }
    }

    private static func name(_ at: inout Int, _ bytes: RawSpan) -> DNSName? {
        var wire: [UInt8] = []
        guard let end = DNSWalk.expand(at, in: bytes, to: &wire) else { return nil }
        at = end
        return DNSName(unchecked: wire)
    }

    private static func question(_ at: inout Int, _ bytes: RawSpan) -> Question? {
        guard let name = name(&at, bytes), at + 4 <= bytes.byteCount else { return nil }
        defer { at += 4 }
        return Question(name, DNSType(bytes.word(at)), class: bytes.word(at + 2))
    }

    private static func resource(_ at: inout Int, _ bytes: RawSpan) -> Resource? {
        guard let name = name(&at, bytes), at + 10 <= bytes.byteCount else { return nil }
        let type = DNSType(bytes.word(at))
        let start = at + 10
        let end = start + Int(bytes.word(at + 8))
        guard end <= bytes.byteCount, let data = data(type, start..<end, bytes) else { return nil }
        defer { at = end }
        return Resource(name, type, class: bytes.word(at + 2), ttl: bytes.long(at + 4), data: data)
    }

    private static func data(_ type: DNSType, _ range: Range<Int>, _ bytes: RawSpan) -> [UInt8]? {
        var data: [UInt8] = []
        return DNSWalk.value(of: type, range, in: bytes, to: &data) && data.count <= 0xffff ? data : nil
    }

    /// As it travels, without compression.
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.put(id)
        out.put(flags.rawValue)
        for count in [questions.count, answers.count, authorities.count, additional.count] {
            out.put(UInt16(truncatingIfNeeded: count))
        }
        for question in questions {
            out += question.name.wire
            out.put(question.type.code)
            out.put(question.class)
        }
        for record in answers + authorities + additional {
            out += record.name.wire
            out.put(record.type.code)
            out.put(record.class)
            out.put(record.ttl)
            out.put(UInt16(truncatingIfNeeded: record.data.count))
            out += record.data
        }
        return out
    }
}
