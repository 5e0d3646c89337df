import NetworkVocabulary

extension PacketPattern {
    /// Reads a packet line. `line` and `column` say where the text starts in its file, for errors.
    public init(
        parsing text: some StringProtocol, line: Int = 1, column: Int = 1
    ) throws(PacketLineError) {
        var parser = PacketLineParser(words: try PacketLineWords(text, line: line, column: column))
        self = try parser.packetLine(depth: 0)
        if parser.peek != nil { throw parser.fail("the end of the line") }
    }
}

/// One word after the other; `docs/packet-lines.md` has the grammar.
struct PacketLineParser {
    typealias Word = PacketLineWords.Word

    let words: PacketLineWords
    private(set) var index = 0
    /// Options of the packet that is being read, to refuse a second one.
    var seen: Set<String> = []

    init(words: PacketLineWords) { self.words = words }

    static let depthLimit = 4

    var peek: Word? { index < words.words.count ? words.words[index] : nil }

    func fail(_ expected: String) -> PacketLineError { fail(expected, at: peek) }

    func fail(_ expected: String, at word: Word?, offset: Int = 0) -> PacketLineError {
        PacketLineError(
            line: words.line, column: (word?.column ?? words.endColumn) + offset, expected: expected,
            found: word.map { String($0.text.unicodeScalars.dropFirst(offset).prefix(40)) })
    }

    /// The next word if it is this one.
    mutating func takes(_ text: String) -> Bool {
        guard let word = peek, word.text == text, word.bytes == nil else { return false }
        index += 1
        return true
    }

    mutating func expect(_ text: String) throws(PacketLineError) {
        guard takes(text) else { throw fail("'\(text)'") }
    }

    mutating func word(_ expected: String) throws(PacketLineError) -> Word {
        guard let word = peek, word.bytes == nil, !["{", "}", ">"].contains(word.text) else { throw fail(expected) }
        index += 1
        return word
    }

    mutating func quoted() -> [UInt8]? {
        guard let bytes = peek?.bytes else { return nil }
        index += 1
        return bytes
    }

    // MARK: Fields

    /// A part of a word that starts `offset` characters into it.
    func field<Value>(
        _ text: Substring, of word: Word, at offset: Int, _ expected: String, _ read: (String) -> Value?
    ) throws(PacketLineError) -> Wanted<Value> {
        if text == "*" { return .any }
        if text.hasPrefix("$") {
            let name = text.dropFirst()
            let isName =
                name.utf8.first.map(Self.isLetter) ?? false
                && name.utf8.allSatisfy { Self.isLetter($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
            guard isName, name.utf8.count <= 64 else {
                throw fail("a name of letters, digits, - and _ behind $", at: word, offset: offset)
            }
            return .variable(String(name))
        }
        guard let value = read(String(text)) else {
            throw fail("\(expected), * or $name", at: word, offset: offset)
        }
        return .exactly(value)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (65...90).contains(byte) || (97...122).contains(byte)
    }

    /// Decimal, or hexadecimal behind `0x`.
    static func number(_ text: some StringProtocol, max: UInt32) -> UInt32? {
        let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text.dropFirst(0)
        let radix = text.hasPrefix("0x") ? 16 : 10
        guard let first = digits.utf8.first, hexDigit(first) != nil, let value = UInt32(digits, radix: radix),
            value <= max
        else { return nil }
        return value
    }

    mutating func number(_ max: UInt32) throws(PacketLineError) -> Wanted<UInt32> {
        let expected = "a number from 0 to \(max)"
        let word = try word("\(expected), * or $name")
        return try field(word.text[...], of: word, at: 0, expected) { Self.number($0, max: max) }
    }

    mutating func mac() throws(PacketLineError) -> Wanted<MACAddress> {
        let word = try word("a MAC address, * or $name")
        return try field(word.text[...], of: word, at: 0, "a MAC address", MACAddress.init)
    }

    mutating func address(_ family: AddressFamily?) throws(PacketLineError) -> Wanted<IPAddress> {
        let word = try word("\(Self.name(family)), * or $name")
        return try address(word.text[...], of: word, at: 0, family)
    }

    private func address(
        _ text: Substring, of word: Word, at offset: Int, _ family: AddressFamily?
    ) throws(PacketLineError) -> Wanted<IPAddress> {
        try field(text, of: word, at: offset, Self.name(family)) { text in
            IPAddress(text).flatMap { family == nil || $0.family == family ? $0 : nil }
        }
    }

    private static func name(_ family: AddressFamily?) -> String {
        switch family {
        case .ipv4: "an IPv4 address"
        case .ipv6: "an IPv6 address"
        case nil: "an address"
        }
    }

    /// `address:port`, `[address]:port`, or `*` for both.
    mutating func endpoint(
        _ family: AddressFamily?
    ) throws(PacketLineError) -> (address: Wanted<IPAddress>, port: Wanted<UInt32>) {
        let word = try word("address:port, [address]:port or *")
        if word.text == "*" { return (.any, .any) }
        guard let colon = word.text.lastIndex(of: ":") else {
            throw fail("':' and a port", at: word, offset: word.text.count)
        }
        var host = word.text[..<colon]
        var offset = 0
        if host.hasPrefix("["), host.hasSuffix("]"), host.count > 2 {
            host = host.dropFirst().dropLast()
            offset = 1
        } else if host.contains(":") {
            throw fail("an IPv6 address in brackets before its port", at: word)
        }
        let port = word.text[word.text.index(after: colon)...]
        return (
            try address(host, of: word, at: offset, family),
            try field(port, of: word, at: word.text.count - port.count, "a port") { Self.number($0, max: 65535) }
        )
    }
}
