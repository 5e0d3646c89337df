import CLinux
import Glibc
import Synchronization

/// Structured lines on standard error: a static message, and what varies in named fields, so that lines can be
/// searched and counted. The field names are few and fixed: `router`, `network`, `origin`, `revision`, `errno`, `reason`
/// and those that `docs/operators-guide.md` lists.
struct Log: Sendable {
    enum Level: String, Sendable, Comparable {
        case debug, info, warning, error

        private var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .warning: 2
            case .error: 3
            }
        }

        static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
    }

    let format: Options.LogFormat
    let level: Level

    func callAsFunction(_ level: Level, _ message: StaticString, _ fields: KeyValuePairs<String, String> = [:]) {
        guard level >= self.level else { return }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let line =
            switch format {
            case .text: text(level, message, fields)
            case .json: json(now, level, message, fields)
            }
        // One write a line: lines of several threads do not mix.
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private func text(_ level: Level, _ message: StaticString, _ fields: KeyValuePairs<String, String>) -> String {
        let mark = level == .info ? "" : "\(level.rawValue): "
        let tail = fields.map { name, value in " \(name)=\(Self.needsQuotes(value) ? Self.quoted(value) : value)" }
        return mark + message.description + tail.joined()
    }

    private func json(
        _ now: timespec, _ level: Level, _ message: StaticString, _ fields: KeyValuePairs<String, String>
    ) -> String {
        var parts = [
            "\"time\":\(now.tv_sec).\(String(now.tv_nsec / 1_000_000 + 1000).dropFirst())",
            "\"level\":\"\(level.rawValue)\"", "\"message\":\(Self.quoted(message.description))",
        ]
        parts += fields.map { "\(Self.quoted($0)):\(Self.quoted($1))" }
        return "{\(parts.joined(separator: ","))}"
    }

    private static func needsQuotes(_ value: String) -> Bool {
        value.isEmpty || value.utf8.contains { $0 <= 32 || $0 == UInt8(ascii: "\"") || $0 == 127 }
    }

    /// A JSON string: what users wrote cannot end a line or a field.
    private static func quoted(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case _ where scalar.value < 32 || scalar.value == 127:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
