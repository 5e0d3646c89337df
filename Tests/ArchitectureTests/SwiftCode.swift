/// The text of a source file with its comments taken out, and with or without the contents of its string literals,
/// so that a word in a sentence is never taken for code. Understands as much of Swift and C as that needs:
/// nested block comments, raw and multi-line strings, escapes; interpolations count as part of the string.
struct SwiftCode {
    /// Without comments.
    let withStrings: String
    /// Without comments and with every string literal empty.
    let withoutStrings: String

    init(_ text: String) {
        var scanner = Scanner(Array(text.unicodeScalars))
        scanner.run()
        withStrings = scanner.withStrings
        withoutStrings = scanner.withoutStrings
    }

    /// One module named by an import declaration, whatever its access level and attributes.
    struct Import: Hashable {
        let module: String
        let attributes: [String]
    }

    var imports: [Import] {
        withoutStrings.split(separator: "\n").flatMap { $0.split(separator: ";") }.compactMap { line in
            var words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
            var attributes: [String] = []
            while let word = words.first, word.hasPrefix("@") || Self.accessLevels.contains(word) {
                attributes.append(words.removeFirst())
            }
            guard words.count >= 2, words.removeFirst() == "import" else { return nil }
            if Self.importKinds.contains(words[0]), words.count > 1 { words.removeFirst() }
            return Import(module: String(words[0].prefix { $0 != "." }), attributes: attributes)
        }
    }

    private static let accessLevels: Set = ["public", "package", "internal", "fileprivate", "private"]
    private static let importKinds: Set = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
}

extension SwiftCode {
    private struct Scanner {
        let text: [Unicode.Scalar]
        var position = 0
        var withStrings = ""
        var withoutStrings = ""

        init(_ text: [Unicode.Scalar]) { self.text = text }

        func starts(with word: String, at offset: Int) -> Bool {
            let scalars = Array(word.unicodeScalars)
            return offset + scalars.count <= text.count && Array(text[offset..<offset + scalars.count]) == scalars
        }

        mutating func run() {
            while position < text.count {
                if starts(with: "//", at: position) {
                    while position < text.count, text[position] != "\n" { position += 1 }
                } else if starts(with: "/*", at: position) {
                    blockComment()
                } else if let (pounds, multiline) = opensString() {
                    string(pounds: pounds, multiline: multiline)
                } else {
                    withStrings.unicodeScalars.append(text[position])
                    withoutStrings.unicodeScalars.append(text[position])
                    position += 1
                }
            }
        }

        private mutating func blockComment() {
            var depth = 0
            repeat {
                if starts(with: "/*", at: position) {
                    depth += 1
                    position += 2
                } else if starts(with: "*/", at: position) {
                    depth -= 1
                    position += 2
                } else {
                    if text[position] == "\n" {
                        withStrings += "\n"
                        withoutStrings += "\n"
                    }
                    position += 1
                }
            } while depth > 0 && position < text.count
        }

        private func opensString() -> (pounds: Int, multiline: Bool)? {
            var offset = position
            while offset < text.count, text[offset] == "#" { offset += 1 }
            guard offset < text.count, text[offset] == "\"" else { return nil }
            return (offset - position, starts(with: "\"\"\"", at: offset))
        }

        private mutating func string(pounds: Int, multiline: Bool) {
            let quote = multiline ? "\"\"\"" : "\""
            let hashes = String(repeating: "#", count: pounds)
            position += pounds + quote.count
            withStrings += "\""
            withoutStrings += "\"\""
            while position < text.count, !starts(with: quote + hashes, at: position) {
                if starts(with: "\\" + hashes, at: position) {
                    position += 1 + pounds
                    guard position < text.count else { break }
                }
                // A literal that is not closed on its line is not a string (an apostrophe in C's #error text).
                if !multiline, text[position] == "\n" { return }
                withStrings.unicodeScalars.append(text[position])
                position += 1
            }
            withStrings += "\""
            position += quote.count + pounds
        }
    }
}
