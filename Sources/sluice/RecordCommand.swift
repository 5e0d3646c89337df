import ControlPlane
import NetworkVocabulary
import PacketTesting
import Packets

/// A complaint made into a case.
struct RecordCommand {
    static let usage = """
        record CAPTURE --at PORT[=ADDRESS] … --to DIR (--expect PORT LINE … | --expect-nothing) [--map OLD=NEW …] \
        [--cloud FILE] [--title TEXT]
        """

    static let command: Commands.Command = { client, words throws(Failure) in
        // The lines that are expected take two words each.
        var expectations: [String] = []
        var rest: [String] = []
        var left = words[...]
        while let word = left.popFirst() {
            switch word {
            case "--expect":
                guard let port = left.popFirst(), let line = left.popFirst() else { throw .usage(usage) }
                expectations.append("expect at \(port) \(line)")
            case "--expect-nothing": expectations.append("expect nothing")
            default: rest.append(word)
            }
        }
        let words = try Pairs(
            rest, options: ["--at", "--to", "--map", "--cloud", "--title"], flags: [], usage: usage)
        guard words.plain.count == 1, !words["--at"].isEmpty, let folder = words["--to"].last, !expectations.isEmpty
        else { throw .usage(usage) }
        return try RecordCommand(client: client, words: words, expectations: expectations).record(to: folder)
    }

    let client: APIClient
    let words: Pairs
    let expectations: [String]

    private func record(to folder: String) throws(Failure) -> String {
        let (sends, left) = try self.sends()
        guard !sends.isEmpty else { throw Failure("no packet of the capture is one that --at names") }
        do {
            var recording = Recording(try CloudFile(json: try cloudText()), sends, expecting: expectations)
            let before = (recording.sends.count, recording.cloud.guests.count)
            try recording.minimize()
            try recording.write(
                to: folder, title: words["--title"].last ?? "A complaint that has no title yet",
                story: "From a capture of \(before.0) packets, which came down to \(recording.sends.count).")
            return "\(folder): \(recording.sends.count) of \(before.0) packets, \(recording.cloud.guests.count) of "
                + "\(before.1) guests" + (left > 0 ? "; \(left) packets cannot be written as lines" : "")
        } catch let failure as Failure {
            throw failure
        } catch let refusal as RequestError {
            throw Failure(refusal.text)
        } catch {
            throw Failure("\(error)")
        }
    }

    /// The running cloud, or a file.
    private func cloudText() throws(Failure) -> String {
        if let path = words["--cloud"].last {
            guard let text = TextFile.read(path) else { throw Failure("\(path): cannot be read") }
            return text
        }
        return try client.call("exportCloud")["cloud"]?["file"]?.text ?? ""
    }

    /// The packets as lines, and how many cannot be told as one.
    private func sends() throws(Failure) -> ([Recording.Send], Int) {
        var rewriter = FrameRewriter()
        for text in words["--map"] {
            let parts = text.split(separator: "=").map { IPAddress(String($0)) }
            guard parts.count == 2, let old = parts[0], let new = parts[1] else { throw .usage(Self.usage) }
            rewriter.addresses[old] = new
        }
        var ports: [(name: String, source: IPAddress?)] = []
        for text in words["--at"] {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            let source = parts.count == 2 ? IPAddress(parts[1]) : nil
            guard parts.count == 1 || source != nil else { throw .usage("not an address: \(parts[1])") }
            ports.append((parts[0], source))
        }
        var sends: [Recording.Send] = []
        var left = 0
        do throws(CaptureFile.Failure) {
            let file = try CaptureFile(words.plain[0])
            while let packet = try file.next() {
                var bytes = packet.bytes
                guard let source = (try? Frame(parsing: bytes))?.ip?.source,
                    let port = ports.first(where: { $0.source == nil || $0.source == source })
                else { continue }
                rewriter.rewrite(&bytes)
                guard let frame = try? Frame(parsing: bytes), let line = Self.line(frame) else {
                    left += 1
                    continue
                }
                sends.append(Recording.Send(port: port.name, packet: line))
            }
        } catch {
            throw Failure("\(error)")
        }
        return (sends, left)
    }

    /// The line of a frame, if the frame that it makes is the same to every rule.
    private static func line(_ frame: Frame) -> PacketPattern? {
        let pattern = PacketPattern(describing: frame, detail: [.ip, .sequence, .payload])
        let defaults = PacketDefaults(source: frame.source, destination: frame.destination, sourceAddresses: [])
        guard let made = try? pattern.frame(defaults, bindings: [:]) else { return nil }
        return made.line([.ip, .sequence, .payload]) == frame.line([.ip, .sequence, .payload]) ? pattern : nil
    }
}

extension Commands {
    /// The running cloud as a file.
    static let export: Command = { client, words throws(Failure) in
        try none(words)
        return try client.call("exportCloud")["cloud"]?["file"]?.text ?? ""
    }
}
