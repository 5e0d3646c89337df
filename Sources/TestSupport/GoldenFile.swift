public import Foundation

/// A file of the repository that says what a text must be. It is ours to read: a difference is looked at and decided
/// on, so recording is something that a person asks for, case by case, and a run that records never passes.
public struct GoldenFile: Sendable {
    /// Which goldens to record: a case, the beginning of its path, or `1` for all that the run looks at.
    public static let recordVariable = "SLUICE_RECORD"

    public let url: URL
    /// What the file belongs to, as people name it: `source-nat/one-network`.
    public let name: String
    private let isRecording: Bool

    public init(
        _ url: URL, of name: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.url = url
        self.name = name
        let asked = environment[Self.recordVariable] ?? ""
        // What a build server recorded nobody would have read.
        isRecording = environment["CI"] == nil && (asked == "1" || !asked.isEmpty && name.hasPrefix(asked))
    }

    /// Nil when the file holds exactly this text; otherwise how they differ and what to do, or that it was recorded.
    public func mismatch(with text: String) throws -> String? {
        let recorded = try? String(contentsOf: url, encoding: .utf8)
        guard recorded != text else { return nil }
        if isRecording {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
            return
                "\(name): \(url.lastPathComponent) was recorded; read it, then run again without \(Self.recordVariable)"
        }
        let advice =
            "If this is what is wanted, record it: \(Self.recordVariable)=\(name) swift test --filter PlannerTests"
        guard let recorded else { return "\(name): there is no \(url.lastPathComponent). \(advice)" }
        return
            "\(name): \(url.lastPathComponent) differs (- golden, + now):\n\(lineDifference(recorded, text))\(advice)"
    }
}

/// How two texts differ: lines that went (`-`) and came (`+`) among up to two that stayed, with the line number in the
/// new text where a part begins.
public func lineDifference(_ old: String, _ new: String) -> String {
    let (before, after) = (lines(old), lines(new))
    let difference = after.difference(from: before)
    let gone = Set(difference.removals.map(\.offset))
    let come = Set(difference.insertions.map(\.offset))
    var rows: [(sign: String, line: Int, text: String)] = []
    var (i, j) = (0, 0)
    while i < before.count || j < after.count {
        if gone.contains(i) {
            rows.append(("-", j, before[i]))
            i += 1
        } else if come.contains(j) {
            rows.append(("+", j, after[j]))
            j += 1
        } else {
            rows.append((" ", j, after[j]))
            i += 1
            j += 1
        }
    }
    let changed = rows.indices.filter { rows[$0].sign != " " }
    let shown = Set(changed.flatMap { max(0, $0 - 2)...min(rows.count - 1, $0 + 2) })
    var text = ""
    for index in shown.sorted() {
        if !shown.contains(index - 1) { text += "@@ line \(rows[index].line + 1) @@\n" }
        text += "\(rows[index].sign) \(rows[index].text)\n"
    }
    return text
}

/// A last line without its newline is a line of another kind, and shown so.
private func lines(_ text: String) -> [String] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() } else { lines[lines.count - 1] += "⏎ missing" }
    return lines
}

extension CollectionDifference.Change {
    fileprivate var offset: Int {
        switch self {
        case .insert(let offset, _, _), .remove(let offset, _, _): offset
        }
    }
}
