/// Where a packet line stops making sense, and what would have.
public struct PacketLineError: Error, Hashable, Sendable {
    public let line: Int
    /// Counted in characters from 1.
    public let column: Int
    public let expected: String
    /// Nil at the end of the line.
    public let found: String?
}

extension PacketLineError: CustomStringConvertible {
    public var description: String {
        "\(line):\(column): expected \(expected), found \(found.map { "'\($0)'" } ?? "the end of the line")"
    }
}

/// A line taken apart: words between blanks, braces, and quoted text as its bytes.
struct PacketLineWords {
    struct Word {
        var text: String
        var column: Int
        /// Of quoted text.
        var bytes: [UInt8]?
    }

    private(set) var words: [Word] = []
    let line: Int
    /// Behind the last character.
    private(set) var endColumn: Int

    init(_ text: some StringProtocol, line: Int, column: Int) throws(PacketLineError) {
        self.line = line
        endColumn = column
        var scalars = Array(text.unicodeScalars)[...]
        while let scalar = scalars.first {
            switch scalar {
            case " ", "\t":
                scalars.removeFirst()
                endColumn += 1
            case "{", "}", ">":
                words.append(Word(text: String(scalar), column: endColumn))
                scalars.removeFirst()
                endColumn += 1
            case "\"": try quoted(&scalars)
            default: try word(&scalars)
            }
        }
    }

    private mutating func word(_ scalars: inout ArraySlice<Unicode.Scalar>) throws(PacketLineError) {
        let start = endColumn
        var text = String.UnicodeScalarView()
        while let scalar = scalars.first, !" \t{}>\"".unicodeScalars.contains(scalar) {
            guard scalar.value > 0x20, scalar.value < 0x7f else { throw error("a printable ASCII character", scalar) }
            text.append(scalar)
            scalars.removeFirst()
            endColumn += 1
        }
        words.append(Word(text: String(text), column: start))
    }

    /// `"text"` with `\n \r \t \0 \" \\ \xHH`; other characters stand for their UTF-8.
    private mutating func quoted(_ scalars: inout ArraySlice<Unicode.Scalar>) throws(PacketLineError) {
        let start = endColumn
        var bytes: [UInt8] = []
        _ = take(&scalars)
        while true {
            guard let scalar = take(&scalars) else { throw error("the closing quote", nil) }
            if scalar == "\"" { break }
            guard scalar == "\\" else {
                guard scalar.value >= 0x20, scalar.value != 0x7f else {
                    endColumn -= 1
                    throw error("a printable character, or an escape as \\n", scalar)
                }
                bytes.append(contentsOf: String(scalar).utf8)
                continue
            }
            let expected = "one of n, r, t, 0, x, \" and \\ behind the backslash"
            let escape = take(&scalars)
            switch escape {
            case "n": bytes.append(10)
            case "r": bytes.append(13)
            case "t": bytes.append(9)
            case "0": bytes.append(0)
            case "\"", "\\": bytes.append(UInt8(truncatingIfNeeded: escape?.value ?? 0))
            case "x":
                var value: UInt8 = 0
                for _ in 0..<2 {
                    let digit = take(&scalars)
                    guard let digit, let number = hexDigit(UInt8(truncatingIfNeeded: digit.value)), digit.isASCII else {
                        endColumn -= digit == nil ? 0 : 1
                        throw error("two hexadecimal digits behind \\x", digit)
                    }
                    value = value << 4 | number
                }
                bytes.append(value)
            default:
                endColumn -= escape == nil ? 0 : 1
                throw error(expected, escape)
            }
        }
        words.append(Word(text: "\"…\"", column: start, bytes: bytes))
    }

    private mutating func take(_ scalars: inout ArraySlice<Unicode.Scalar>) -> Unicode.Scalar? {
        guard let scalar = scalars.popFirst() else { return nil }
        endColumn += 1
        return scalar
    }

    private func error(_ expected: String, _ found: Unicode.Scalar?) -> PacketLineError {
        PacketLineError(
            line: line, column: endColumn, expected: expected, found: found.map { $0.escaped(asASCII: true) })
    }
}

func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
}
