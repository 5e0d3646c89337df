import Glibc

/// Tables for people.
enum Display {
    /// Columns as wide as their widest cell; no header when there are no rows.
    static func table(_ columns: [(title: String, key: String)], _ rows: [JSONValue]) -> String {
        guard !rows.isEmpty else { return "none" }
        let cells = [columns.map(\.title)] + rows.map { row in columns.map { row[$0.key]?.text ?? "-" } }
        let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { line in
            let padded = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed().map(String.init).joined()
        }.joined(separator: "\n")
    }

    /// One fact a line.
    static func facts(_ pairs: [(String, String?)]) -> String {
        let known = pairs.compactMap { pair in pair.1.map { (pair.0, $0) } }
        let width = known.map(\.0.count).max() ?? 0
        return known.map { "\($0)\(String(repeating: " ", count: width - $0.count))  \($1)" }.joined(separator: "\n")
    }
}

/// Says that something is going on once it has taken a second, on a terminal only.
final class Progress {
    private let what: String
    private let start = ContinuousClock.now
    private var isShown = false

    init(_ what: String) { self.what = what }

    /// Whether it has taken long enough to say something.
    var isDue: Bool { ContinuousClock.now - start > .seconds(1) && isatty(STDERR_FILENO) == 1 }

    func tick(_ detail: String? = nil) {
        guard isDue else { return }
        isShown = true
        let seconds = (ContinuousClock.now - start).components.seconds
        write("\r\(what) … \(seconds) s\(detail.map { ", \($0)" } ?? "")\u{1b}[K")
    }

    func end() { if isShown { write("\r\u{1b}[K") } }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
