import CloudTrace
import Glibc
import NetworkVocabulary
import PacketTesting

/// Who reaches whom: by the model, and by packets with canaries on the running cloud.
struct IsolationCommand {
    static let usage = """
        isolation [--guests N] [--model] [--all] [--frames N [--seed N]] [--svg FILE] [--evidence FILE]
        """

    static let command: Commands.Command = { client, words throws(Failure) in
        let words = try Words(
            words, options: ["--guests", "--frames", "--seed", "--svg", "--evidence"], flags: ["--model", "--all"],
            usage: usage)
        try words.require(0...0)
        let answer = try client.call("getIsolation", ["guests": words["--guests"] ?? "1"])["isolation"] ?? .null
        return try IsolationCommand(client: client, words: words, matrix: Matrix(answer)).run()
    }

    let client: APIClient
    let words: Words
    let matrix: Matrix

    /// The daemon's answer.
    struct Matrix {
        struct Place {
            let name: String
            let ports: [String]
        }

        struct Probe {
            let number: Int
            let attempt: String
            let from: String
            let to: String
            let packet: String
            let bytes: [UInt8]
            let arrivals: Set<String>
            let reach: String
            let isCounted: Bool
            let reason: String?
        }

        let places: [Place]
        let reach: [[String]]
        let probes: [Probe]

        init(_ answer: JSONValue) {
            places = (answer["place"]?.list ?? []).map { place in
                Place(name: place["name"]?.text ?? "", ports: place["port"]?.list.map(\.text) ?? [])
            }
            reach = (answer["reach"]?.list ?? []).map { $0.list.map(\.text) }
            probes = (answer["probe"]?.list ?? []).map { probe in
                Probe(
                    number: probe["number"].flatMap { Int($0.text) } ?? 0, attempt: probe["attempt"]?.text ?? "",
                    from: probe["from"]?.text ?? "", to: probe["to"]?.text ?? "", packet: probe["packet"]?.text ?? "",
                    bytes: (probe["frame"]?.text ?? "").hexadecimal,
                    arrivals: Set(probe["arrivals"]?.list.map(\.text) ?? []), reach: probe["reach"]?.text ?? "",
                    isCounted: probe["counted"]?.text == "yes", reason: probe["reason"]?.text)
            }
        }
    }

    /// A packet that is not where it should be.
    private struct Finding {
        let text: String
        let probe: Matrix.Probe?
        let crosses: Bool
    }

    private func run() throws(Failure) -> String {
        var findings = matrix.probes.filter { $0.reach == "leak" }.map {
            Finding(text: "by the model \($0.attempt) arrives at \($0.to): \($0.packet)", probe: $0, crosses: true)
        }
        var summary = ["\(matrix.probes.count) packets by the model"]
        if !words.has("--model") {
            let ports = try LivePort.all(client)
            try Commands.enterDaemonsNamespaces(client)
            let hunt = try Hunt(ports, matrix, includesCounted: words.has("--all"), evidence: words["--evidence"])
            let outcome = try hunt.named()
            summary.append(outcome.summary)
            findings += outcome.findings.map { Finding(text: $0.text, probe: $0.probe, crosses: $0.crosses) }
            if let count = try number("--frames") {
                let battery = try hunt.battery(count, seed: UInt64(try number("--seed") ?? 1))
                summary.append(battery.summary)
                findings += battery.findings.map { Finding(text: $0, probe: nil, crosses: true) }
            }
        }
        let picture = words["--svg"]
        if let picture { try Self.write(MatrixPicture(matrix).svg, to: picture) }
        let text = client.settings.isJSON ? json(findings, summary) : shown(findings, summary)
        guard findings.isEmpty else {
            throw Failure(text + (try explained(findings)) + "\nthe isolation does not hold")
        }
        return text
    }

    private func number(_ option: String) throws(Failure) -> Int? {
        guard let text = words[option] else { return nil }
        guard let value = Int(text), value >= 0 else { throw .usage(Self.usage) }
        return value
    }

    private static func write(_ text: String, to file: String) throws(Failure) {
        guard TextFile.write(text, to: file) else { throw Failure("\(file): \(String(cString: strerror(errno)))") }
    }

    // MARK: Text

    private static let signs = ["nothing": "·", "network": "=", "rules": "R", "policy": "P", "leak": "X"]

    private func shown(_ findings: [Finding], _ summary: [String]) -> String {
        let width = matrix.places.map(\.name.count).max() ?? 0
        var lines = ["from (rows) to (columns): · nothing, = the same network, P by the sender's egress policy,"]
        lines.append("R by a rule of the receiver, X although nobody allowed it")
        lines.append("")
        lines.append(
            String(repeating: " ", count: width + 5)
                + matrix.places.indices.map { Self.padded("\($0 + 1)", 3) }.joined())
        for (row, place) in matrix.places.enumerated() {
            let cells = matrix.reach[row].map { Self.padded(Self.signs[$0] ?? "?", 3) }.joined()
            lines.append(Self.padded("\(row + 1)", 4) + Self.padded(place.name, width + 1) + cells)
        }
        lines.append("")
        lines += summary
        lines += findings.map { "✘ \($0.text)" }
        return lines.joined(separator: "\n")
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private func json(_ findings: [Finding], _ summary: [String]) -> String {
        JSONValue.object([
            "places": .array(matrix.places.map { .string($0.name) }),
            "reach": .array(matrix.reach.map { .array($0.map { .string($0) }) }),
            "summary": .array(summary.map { .string($0) }),
            "probes": .array(
                matrix.probes.map {
                    .object([
                        "number": .integer(Int64($0.number)), "attempt": .string($0.attempt), "from": .string($0.from),
                        "to": .string($0.to), "packet": .string($0.packet), "reach": .string($0.reach),
                        "arrivals": .array($0.arrivals.sorted().map { .string($0) }),
                        "reason": $0.reason.map { .string($0) } ?? .null,
                    ])
                }),
            "findings": .array(findings.map { .string($0.text) }),
        ]).rendered
    }

    /// What the model says of the first packet that crosses.
    private func explained(_ findings: [Finding]) throws(Failure) -> String {
        guard !client.settings.isJSON, let probe = findings.first(where: \.crosses)?.probe else { return "" }
        let answer = try client.call(
            "explainPacket", ["from": probe.from, "packet": "0x" + probe.bytes.hexadecimal])
        let text = answer["explanation"]?.list.first?["text"]?.text ?? ""
        return "\n\nthe first of them, by the model:\n\(text)"
    }
}

/// The matrix as a picture.
struct MatrixPicture {
    private let matrix: IsolationCommand.Matrix

    init(_ matrix: IsolationCommand.Matrix) { self.matrix = matrix }

    var svg: String {
        var picture = Picture()
        let names = matrix.places.map(\.name)
        let left = 24 + (names.map(\.count).max() ?? 0) * 8
        let (side, top) = (28, 48)
        picture.text(12, 20, "who reaches whom: rows send, columns receive", isBold: true)
        for (row, name) in names.enumerated() {
            picture.text(left + row * side + side / 2, top - 6, "\(row + 1)", anchor: "middle")
            picture.text(12, top + row * side + 18, "\(row + 1) \(name)")
            for (column, reach) in matrix.reach[row].enumerated() {
                let tone: Picture.Tone =
                    switch reach {
                    case "nothing": .quiet
                    case "network": .good
                    case "rules", "policy": .allowed
                    default: .bad
                    }
                picture.box(
                    left + column * side, top + row * side, side - 2, side - 2, tone,
                    title: "\(name) to \(names[column]): \(reach)")
            }
        }
        var y = top + names.count * side + 24
        for (tone, text) in [
            (Picture.Tone.quiet, "nothing"), (.good, "the same network"),
            (.allowed, "by a rule of the receiver, or the sender's egress policy"),
            (.bad, "although nobody allowed it"),
        ] {
            picture.box(12, y - 12, 16, 16, tone)
            picture.text(36, y, text)
            y += 22
        }
        return picture.svg
    }
}
