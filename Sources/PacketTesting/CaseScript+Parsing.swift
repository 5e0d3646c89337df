import Packets
import RouterPlan

extension CaseScript {
    /// Reads a script. `file` is what errors call it.
    public init(parsing text: String, file: String = "traffic.packets") throws(CaseError) {
        steps = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            var reader = CaseLine(String(line), number: index + 1, file: file)
            guard let first = reader.peek, !first.hasPrefix("#") else { continue }
            let action = try reader.action()
            steps.append(CaseStep(action: action, line: index + 1, text: reader.whole))
        }
    }
}

/// One line, word by word.
private struct CaseLine {
    private let text: String
    private let number: Int
    private let file: String
    private var rest: Substring

    init(_ text: String, number: Int, file: String) {
        self.text = text
        self.number = number
        self.file = file
        rest = text[...]
        skip()
    }

    var whole: String { String(text.drop { $0 == " " || $0 == "\t" }) }
    var peek: Substring? {
        let word = rest.prefix { $0 != " " && $0 != "\t" }
        return word.isEmpty ? nil : word
    }

    private mutating func skip() { rest = rest.drop { $0 == " " || $0 == "\t" } }

    private var column: Int { text.unicodeScalars.distance(from: text.startIndex, to: rest.startIndex) + 1 }

    private func fail(_ expected: String) -> CaseError {
        let found = peek.map { "'\($0.prefix(40))'" } ?? "the end of the line"
        return CaseError(file: file, line: number, column: column, "expected \(expected), found \(found)")
    }

    private mutating func word(_ expected: String) throws(CaseError) -> String {
        guard let word = peek else { throw fail(expected) }
        rest = rest.dropFirst(word.count)
        skip()
        return String(word)
    }

    private mutating func takes(_ word: String) -> Bool {
        guard let next = peek, next == word else { return false }
        rest = rest.dropFirst(next.count)
        skip()
        return true
    }

    private mutating func expect(_ word: String) throws(CaseError) {
        guard takes(word) else { throw fail("'\(word)'") }
    }

    private func end() throws(CaseError) { if peek != nil { throw fail("the end of the line") } }

    private mutating func port() throws(CaseError) -> String { try word("a port: a guest's name, or outside") }

    /// The rest of the line as a packet.
    private func packet() throws(CaseError) -> PacketPattern {
        do throws(PacketLineError) {
            return try PacketPattern(parsing: rest, line: number, column: column)
        } catch {
            throw CaseError(
                file: file, line: error.line, column: error.column,
                "expected \(error.expected), found \(error.found.map { "'\($0)'" } ?? "the end of the line")")
        }
    }

    mutating func action() throws(CaseError) -> CaseStep.Action {
        if takes("at") {
            let port = try port()
            try expect("send")
            var pieces: CaseStep.Pieces?
            if takes("fragments") {
                guard let next = peek, let size = Int(next), size >= 8, size % 8 == 0, size < 65528 else {
                    throw fail("a multiple of 8 bytes")
                }
                _ = try word("a number")
                pieces = .init(size: size, isReversed: takes("reversed"))
            }
            return .send(at: port, try packet(), pieces)
        }
        if takes("expect") {
            if takes("nothing") {
                let port = takes("at") ? try port() : nil
                try end()
                return .expectNothing(at: port)
            }
            try expect("at")
            let port = try port()
            return .expect(at: port, try packet())
        }
        if takes("decided") {
            try expect("by")
            let kind = try word("the kind of an object, or kernel")
            return .decided(by: kind, detail: remaining())
        }
        if takes("apply") {
            let file = try word("a file of the case's folder")
            try end()
            return .apply(file: file)
        }
        if takes("change") {
            guard let words = remaining() else { throw fail("a request") }
            return .change(words.split(separator: " ").map(String.init))
        }
        if takes("refused") {
            guard let words = remaining() else { throw fail("a request") }
            return .refused(words.split(separator: " ").map(String.init))
        }
        if takes("replay") {
            let file = try word("a capture in the case's folder")
            try expect("at")
            let port = try port()
            try end()
            return .replay(file: file, at: port)
        }
        if takes("advance") { return .advance(seconds: try duration()) }
        if takes("restart") {
            try end()
            return .restart
        }
        if takes("kill") {
            guard let words = remaining() else { throw fail("a request") }
            return .kill(words.split(separator: " ").map(String.init))
        }
        if takes("counters") { return try counters() }
        if takes("not") {
            try expect("live")
            guard let reason = remaining() else { throw fail("a reason") }
            return .notLive(reason)
        }
        throw fail(
            "'at', 'expect', 'decided', 'apply', 'change', 'refused', 'replay', 'advance', 'restart', 'kill', "
                + "'counters', 'not' or a comment behind #")
    }

    /// `90 seconds`, `5 minutes`, `2 hours`, `1 days`.
    private mutating func duration() throws(CaseError) -> Int {
        guard let next = peek, let count = Int(next), (1...10_000_000).contains(count) else { throw fail("a number") }
        _ = try word("a number")
        let units = ["seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400]
        guard let next = peek, let unit = units[String(next)] else {
            throw fail("'seconds', 'minutes', 'hours' or 'days'")
        }
        _ = try word("a unit")
        try end()
        return count * unit
    }

    /// What is left, with single blanks.
    private mutating func remaining() -> String? {
        var words: [String] = []
        while let word = peek {
            rest = rest.dropFirst(word.count)
            skip()
            words.append(String(word))
        }
        return words.isEmpty ? nil : words.joined(separator: " ")
    }

    private mutating func counters() throws(CaseError) -> CaseStep.Action {
        let kind = try word("the kind of an object")
        var name: [String] = []
        var counts: [Meter: UInt64] = [:]
        while let next = peek, Meter(rawValue: String(next)) == nil { name.append(try word("\(next)")) }
        while peek != nil {
            guard let next = peek, let meter = Meter(rawValue: String(next)) else {
                throw fail("'received', 'sent' or 'matched'")
            }
            _ = try word("a meter")
            guard let next = peek, let count = UInt64(next) else { throw fail("a number of packets") }
            _ = try word("a number")
            counts[meter] = count
        }
        guard !name.isEmpty, !counts.isEmpty else { throw fail("an object and 'received', 'sent' or 'matched' N") }
        return .counters(kind: kind, name: name.joined(separator: " "), counts)
    }
}
