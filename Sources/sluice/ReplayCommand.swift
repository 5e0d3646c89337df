import Glibc
import NetworkVocabulary
import PacketTesting
import Packets

/// A capture into ports of the running cloud.
struct ReplayCommand {
    static let usage = """
        replay CAPTURE --at PORT[=ADDRESS] … [--map OLD=NEW …] [--listen PORT=FILE …] [--expect PORT=FILE …] [--speed N] \
        [--rate N] [--full] [--rounds N] [--linger MS] [--keep-macs]
        """

    static let command: Commands.Command = { client, words throws(Failure) in
        try ReplayCommand(client, words).run()
    }

    private let client: APIClient
    private let replay: Replay
    private let expected: [(port: String, file: String)]
    private let isJSON: Bool

    private init(_ client: APIClient, _ words: [String]) throws(Failure) {
        self.client = client
        isJSON = client.settings.isJSON
        let words = try Pairs(
            words, options: ["--at", "--map", "--listen", "--expect", "--speed", "--rate", "--rounds", "--linger"],
            flags: ["--full", "--keep-macs"], usage: Self.usage)
        guard words.plain.count == 1, !words["--at"].isEmpty else { throw .usage(Self.usage) }
        let needsCloud = (words["--at"] + words["--listen"]).contains { !$0.hasPrefix("dev:") }
        var ports: [String: LivePort] = [:]
        if needsCloud {
            ports = try LivePort.all(client)
            try Commands.enterDaemonsNamespaces(client)
        }
        var addresses: [IPAddress: IPAddress] = [:]
        for text in words["--map"] {
            let (old, new) = try Self.pair(text, "--map")
            guard let old = IPAddress(old), let new = IPAddress(new), old.family == new.family else {
                throw .usage("--map takes two addresses of one family, not \(text)")
            }
            addresses[old] = new
        }
        var entries: [Replay.Entry] = []
        for text in words["--at"] {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            var source: IPAddress?
            if parts.count == 2 {
                guard let address = IPAddress(parts[1]) else { throw .usage("not an address: \(parts[1])") }
                source = address
                if addresses[address] == nil,
                    let own = ports[parts[0]]?.addresses.first(where: {
                        $0.family == address.family
                    })
                {
                    addresses[address] = own
                }
            }
            entries.append(Replay.Entry(port: try ports.place(parts[0]), source: source))
        }
        for index in entries.indices {
            entries[index].rewriter.addresses = addresses
            guard !words.has("--keep-macs"), let port = ports[entries[index].port.name] else { continue }
            entries[index].rewriter.source = port.mac
            entries[index].rewriter.destination = port.gateway
            entries[index].rewriter.neighbours = port.neighbours
        }
        var replay = Replay(words.plain[0], into: entries)
        replay.pace = try Self.pace(words)
        replay.rounds = try words.number("--rounds", 1...1_000_000) ?? 1
        replay.lingering = Int32(try words.number("--linger", 0...3_600_000) ?? 0)
        var expected: [(port: String, file: String)] = []
        for text in words["--listen"] {
            let (port, file) = try Self.pair(text, "--listen")
            replay.ears.append((try ports.place(port), file))
        }
        for text in words["--expect"] {
            let (port, file) = try Self.pair(text, "--expect")
            guard replay.ears.contains(where: { $0.port.name == port }) else {
                throw .usage("--expect \(text) needs --listen \(port)=FILE")
            }
            expected.append((port, file))
        }
        self.replay = replay
        self.expected = expected
    }

    private static func pair(_ text: String, _ option: String) throws(Failure) -> (String, String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw .usage("\(option) takes NAME=VALUE, not \(text)") }
        return (parts[0], parts[1])
    }

    private static func pace(_ words: Pairs) throws(Failure) -> Replay.Pace {
        if words.has("--full") { return .full }
        func positive(_ option: String) throws(Failure) -> Double? {
            guard let text = words[option].last else { return nil }
            guard let value = Double(text), value > 0, value <= 1e9 else { throw .usage("\(option) takes a number") }
            return value
        }
        if let rate = try positive("--rate") { return .rate(rate) }
        return .recorded(times: try positive("--speed") ?? 1)
    }

    private func run() throws(Failure) -> String {
        let isTerminal = isatty(STDERR_FILENO) == 1
        let outcome: Replay.Outcome
        do {
            outcome = try replay.run { progress in
                guard isTerminal else { return }
                let share = progress.share.map { "\(Int(min($0, 1) * 100)) %, " } ?? ""
                let rate = Double(progress.packets) * 1e9 / Double(max(1, progress.nanoseconds))
                Self.tell("\r\(share)\(progress.packets) frames, \(Int(rate)) a second\u{1b}[K")
            }
            if isTerminal { Self.tell("\r\u{1b}[K") }
        } catch {
            throw Failure("\(error)")
        }
        var reports: [(port: String, report: FlowReport)] = []
        for (port, file) in expected {
            guard let ear = replay.ears.first(where: { $0.port.name == port }) else { continue }
            do throws(CaptureFile.Failure) {
                reports.append((port, try FlowReport(expected: file, found: ear.file)))
            } catch {
                throw Failure("\(error)")
            }
        }
        let text = isJSON ? json(outcome, reports) : words(outcome, reports)
        guard reports.allSatisfy(\.report.isEqual) else { throw Failure(text + "\nnot as expected") }
        return text
    }

    private static func tell(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private func words(_ outcome: Replay.Outcome, _ reports: [(port: String, report: FlowReport)]) -> String {
        var lines = [
            "\(outcome.sent) frames, \(outcome.bytes) bytes in \(outcome.nanoseconds / 1_000_000) ms: "
                + "\(Int(outcome.rate)) a second"
        ]
        if outcome.lateness.count > 0 {
            lines.append(
                "late by \(outcome.lateness.quantile(0.5)) ns in the middle, \(outcome.lateness.quantile(0.99)) ns at 99 %"
            )
        }
        if outcome.refused > 0 { lines.append("\(outcome.refused) frames are longer than their link takes") }
        if outcome.skipped > 0 { lines.append("\(outcome.skipped) frames of the capture were not sent") }
        for (port, heard) in outcome.heard.sorted(by: { $0.key < $1.key }) {
            lines.append("\(port) received \(heard.packets) frames" + (heard.lost > 0 ? ", \(heard.lost) lost" : ""))
        }
        for (port, report) in reports { lines.append("\(port): \(report)") }
        return lines.joined(separator: "\n")
    }

    private func json(_ outcome: Replay.Outcome, _ reports: [(port: String, report: FlowReport)]) -> String {
        JSONValue.object([
            "sent": .integer(Int64(clamping: outcome.sent)), "bytes": .integer(Int64(clamping: outcome.bytes)),
            "refused": .integer(Int64(clamping: outcome.refused)), "skipped": .integer(Int64(outcome.skipped)),
            "nanoseconds": .integer(outcome.nanoseconds), "rate": .number(outcome.rate.rounded()),
            "lateness50": .integer(outcome.lateness.quantile(0.5)),
            "lateness99": .integer(outcome.lateness.quantile(0.99)),
            "received": .object(outcome.heard.mapValues { .integer(Int64($0.packets)) }),
            "lost": .object(outcome.heard.mapValues { .integer(Int64($0.lost)) }),
            "differences": .object(
                Dictionary(
                    reports.map { port, report in
                        (
                            port,
                            JSONValue.array(report.differences.map { .string("\($0.flow): \($0.difference)") })
                        )
                    }
                ) { $1 }),
        ]).rendered
    }
}

/// Words after a command, where an option may stand more than once.
struct Pairs {
    private(set) var plain: [String] = []
    private var options: [String: [String]] = [:]
    private var flags: Set<String> = []
    private let usage: String

    init(_ words: [String], options known: Set<String>, flags knownFlags: Set<String>, usage: String) throws(Failure) {
        self.usage = usage
        var rest = words[...]
        while let word = rest.popFirst() {
            if knownFlags.contains(word) {
                flags.insert(word)
            } else if known.contains(word) {
                guard let value = rest.popFirst() else { throw .usage("\(word) needs a value: \(usage)") }
                options[word, default: []].append(value)
            } else if word.hasPrefix("--") {
                throw .usage("there is no option \(word) here: \(usage)")
            } else {
                plain.append(word)
            }
        }
    }

    subscript(option: String) -> [String] { options[option] ?? [] }
    func has(_ flag: String) -> Bool { flags.contains(flag) }

    func number(_ option: String, _ range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let text = self[option].last else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw .usage("\(option) takes a number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return value
    }
}
