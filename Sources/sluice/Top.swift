import CLinux
import Glibc

/// The traffic of networks, addresses or rules as a table that keeps up.
struct Top {
    enum Subject: String {
        case networks, addresses, rules, members

        var type: String {
            switch self {
            case .networks: "network"
            case .addresses: "address"
            case .rules: "rule"
            case .members: "member"
            }
        }
    }

    enum Order: String {
        case received, sent, matched, rate
    }

    static let usage =
        "top [networks|addresses|rules|members] [--sort received|sent|matched|rate] [--interval SECONDS] [--once]"

    static let command: Commands.Command = { client, words throws(Failure) in
        let words = try Words(words, options: ["--sort", "--interval"], flags: ["--once"], usage: usage)
        try words.require(0...1)
        guard let subject = Subject(rawValue: words.plain.first ?? "networks"),
            let order = Order(rawValue: words["--sort"] ?? "rate"),
            let interval = Double(words["--interval"] ?? "1"), (0.1...3600).contains(interval)
        else { throw .usage(usage) }
        let top = Top(client: client, subject: subject, order: order, interval: interval)
        return try words.has("--once") ? top.once() : top.run()
    }

    let client: APIClient
    let subject: Subject
    let order: Order
    let interval: Double

    /// The rates of one interval.
    private func once() throws(Failure) -> String {
        let first = try Reading(client, subject)
        pause()
        return text(try Reading(client, subject, after: first), rows: .max)
    }

    /// Until somebody ends it, or nobody reads.
    private func run() throws(Failure) -> String {
        let isTerminal = isatty(STDOUT_FILENO) == 1 && !client.settings.isJSON
        var reading = try Reading(client, subject)
        if isTerminal { Self.write("\u{1b}[2J") }
        while true {
            if isTerminal {
                // From the top, each line to its end, and then what is left of the last picture.
                let lines = text(reading, rows: Self.height - 1).split(separator: "\n")
                Self.write("\u{1b}[H" + lines.map { "\($0)\u{1b}[K\n" }.joined() + "\u{1b}[J")
            } else {
                Self.write(text(reading, rows: .max) + "\n")
            }
            pause()
            reading = try Reading(client, subject, after: reading)
        }
    }

    private func pause() { usleep(useconds_t(interval * 1_000_000)) }

    private func text(_ reading: Reading, rows limit: Int) -> String {
        let rows = reading.rows.sorted(by: order)
        if client.settings.isJSON { return JSONValue.array(rows.map(\.json)).rendered }
        return Display.table(columns, rows.prefix(max(1, limit)).map(\.shown))
    }

    private var columns: [(title: String, key: String)] {
        let passage = [
            ("RECEIVED", "received"), ("SENT", "sent"), ("IN/s", "receivedrate"), ("OUT/s", "sentrate"),
        ]
        switch subject {
        case .networks: return [("NETWORK", "name"), ("ACCOUNT", "account")] + passage
        case .addresses: return [("ADDRESS", "name"), ("NETWORK", "networkname")] + passage
        case .members:
            return [
                ("MEMBER", "name"), ("STATE", "state"), ("CONNECTIONS", "connections"), ("CONN/s", "connectionrate"),
            ]
                + [("ERRORS", "errors"), ("MS", "responsetime")] + passage
        case .rules:
            return [("KIND", "kind"), ("RULE", "name")] + passage
                + [("MATCHED", "matchedpackets"), ("HITS/s", "matchedrate"), ("LAST HIT", "lasthit")]
        }
    }

    private static var height: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 2 ? Int(size.ws_row) : 24
    }

    /// All of it, or the end: nobody is left to read.
    private static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { exit(0) }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// What everything had counted at one moment, and how fast since the one before.
private struct Reading {
    struct Row {
        let fields: [String: JSONValue]
        /// Bytes a second, of `matched` packets a second; nil until there are two readings.
        var rates: [String: Double] = [:]

        func count(_ key: String) -> Int64 { fields[key].flatMap { Int64($0.text) } ?? 0 }
        var rate: Double { (rates["received"] ?? 0) + (rates["sent"] ?? 0) + (rates["matched"] ?? 0) }

        var json: JSONValue {
            .object(fields.merging(rates.map { ("\($0)rate", .number(($1 * 10).rounded() / 10)) }) { $1 })
        }

        var shown: JSONValue {
            var shown = fields
            shown["kind"] = .string(fields["type"]?.text.replacing("rule", with: "") ?? "")
            for way in ["received", "sent"] where fields["\(way)bytes"] != nil {
                shown[way] = .string(Top.inUnits(Double(count("\(way)bytes"))))
                shown["\(way)rate"] = rates[way].map { .string(Top.inUnits($0)) }
            }
            shown["connectionrate"] = rates["connections"].map { .string("\(Int64($0.rounded()))") }
            shown["matchedrate"] = rates["matched"].map { .string("\(Int64($0.rounded()))") }
            return .object(shown)
        }
    }

    let measured: Int64?
    var rows: [Row]

    init(_ client: APIClient, _ subject: Top.Subject, after last: Reading? = nil) throws(Failure) {
        let answer = try client.call("listTraffic", ["type": subject.type, "listall": "true", "pagesize": "-1"])
        let measured = answer["measured"].flatMap { Int64($0.text) }
        self.measured = measured
        rows = (answer["traffic"]?.list ?? []).compactMap { row in
            if case .object(let fields) = row { Row(fields: fields) } else { nil }
        }
        guard let last, let measured, let before = last.measured else { return }
        let past = Dictionary(last.rows.map { ($0.fields["id"]?.text ?? "", $0) }) { first, _ in first }
        let seconds = Double(measured - before) / 1_000
        for index in rows.indices {
            guard let old = past[rows[index].fields["id"]?.text ?? ""] else { continue }
            guard seconds > 0 else {
                // The kernel was not read in between: what was so then is what is known.
                rows[index].rates = old.rates
                continue
            }
            for (way, key) in [
                ("received", "receivedbytes"), ("sent", "sentbytes"), ("matched", "matchedpackets"),
                ("connections", "connections"),
            ]
            where rows[index].fields[key] != nil {
                rows[index].rates[way] = Double(max(0, rows[index].count(key) - old.count(key))) / seconds
            }
        }
    }
}

extension [Reading.Row] {
    /// The most first, and what is equal in an order that stays.
    fileprivate func sorted(by order: Top.Order) -> [Reading.Row] {
        func weight(_ row: Reading.Row) -> Double {
            switch order {
            case .received: Double(row.count("receivedbytes"))
            case .sent: Double(row.count("sentbytes"))
            case .matched: Double(row.count("matchedpackets"))
            case .rate: row.rate
            }
        }
        return sorted { a, b in
            (weight(b), a.fields["name"]?.text ?? "") < (weight(a), b.fields["name"]?.text ?? "")
        }
    }
}

extension Top {
    /// Bytes as people read them: four digits at most.
    static func inUnits(_ bytes: Double) -> String {
        guard bytes >= 1_000 else { return "\(Int64(bytes)) B" }
        var value = bytes
        var unit = ""
        for next in ["kB", "MB", "GB", "TB", "PB", "EB"] where value >= 1_000 {
            value /= 1_000
            unit = next
        }
        let tenths = Int64((value * 10).rounded())
        return value < 100 ? "\(tenths / 10).\(tenths % 10) \(unit)" : "\(tenths / 10) \(unit)"
    }
}
