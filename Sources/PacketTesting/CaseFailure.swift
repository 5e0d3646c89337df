import FoundationEssentials
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan

/// What did not come as a case says.
struct Mismatch: Error {
    let step: CaseStep?
    /// The world where it happened.
    let world: String?
    let expected: String
    let got: [String]
    let differences: [String]

    init(step: CaseStep?, lane: Lane? = nil, expected: String, got: [String], differences: [String] = []) {
        self.step = step
        world = lane?.world.name
        self.expected = expected
        self.got = got
        self.differences = differences
    }

    init(step: CaseStep?, _ message: String) { self.init(step: step, expected: "", got: [message]) }
}

extension CaseRun {
    /// The failure for people: what was sent, what should have come, what came, and why.
    func text(of mismatch: Mismatch, _ done: Int) -> String {
        let world = mismatch.world.map { " on the \($0)" } ?? ""
        var lines = ["✘ \(test.name): step \(done + 1) of \(test.script.steps.count)\(world)", "  \(test.title)", ""]
        func add(_ word: String, _ texts: [String]) {
            for (index, text) in texts.enumerated() {
                lines.append("  " + Self.padded(index == 0 ? word : "", 11) + text)
            }
        }
        if let step = mismatch.step { add("at", ["\(test.path)/traffic.packets:\(step.line)"]) }
        if let send = lastSend { add("sent", [send.text]) }
        if !mismatch.expected.isEmpty { add("expected", [mismatch.expected]) }
        add("got", mismatch.got.isEmpty ? ["nothing"] : mismatch.got)
        add("differs", mismatch.differences)
        for lane in lanes {
            for passage in lane.fate.passages {
                add("decided", ["\(describe(passage)) (\(passage.node), \(lane.world.name))"])
            }
        }
        for passage in lanes.first?.fate.passages ?? [] {
            if let trace = passage.trace {
                lines.append("")
                add("trace", trace.description.split(separator: "\n").map(String.init))
            }
            add("nearest", nearest(to: passage))
        }
        if let folder = keep.flatMap({ leaveEvidence(below: $0) }) {
            lines.append("")
            add("files", ["\(folder)/ all-ports.pcapng plan.txt ruleset.nft"])
        }
        add("again", ["sluice test --on \(runner.rawValue)\(keep.map { " --keep \($0)" } ?? "") \(test.path)"])
        return lines.joined(separator: "\n") + "\n"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Rules of the same kind that were asked and had other packets in mind.
    private func nearest(to passage: Passage) -> [String] {
        guard let last = passage.lastWord, last.isDrop else { return [] }
        let kind: String
        switch "\(last.chain)" {
        case "public-firewall": kind = "firewallRule"
        case "network-egress": kind = "egressRule"
        default: return []
        }
        let rules = cloud.plans[passage.node]?.objects.filter { $0.kind == kind } ?? []
        return rules.compactMap { rule in
            cloud.names(of: rule).last.map { "\(kind) \($0) from \(cloud.sources(of: rule))" }
        }.sorted()
    }

    /// Returns the folder, or nil where it cannot be written.
    private func leaveEvidence(below root: String) -> String? {
        let folder = "\(root)/\(test.name)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try write(capture(), "\(folder)/all-ports.pcapng")
            let plans = cloud.inOrder.map(\.description).joined(separator: "\n")
            try write(Array(plans.utf8), "\(folder)/plan.txt")
            let rulesets = lanes.map { "# on the \($0.world.name)\n\($0.world.rulesets())" }
            try write(Array(rulesets.joined(separator: "\n").utf8), "\(folder)/ruleset.nft")
            return folder
        } catch {
            return nil
        }
    }

    private func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }

    /// An interface for each port of each world; the clock of a case is its line number.
    private func capture() -> [UInt8] {
        var writer = PcapngWriter()
        var numbers: [String: Int] = [:]
        for lane in lanes {
            for port in lane.world.wiring.ports {
                let name = "\(port.name) (\(lane.world.name))"
                numbers[name] = writer.add(CaptureInterface(name: name))
            }
        }
        for lane in lanes {
            for logged in lane.log {
                guard let number = numbers["\(logged.port) (\(lane.world.name))"] else { continue }
                writer.write(
                    CapturedPacket(
                        interface: number, time: CaptureTime(seconds: Int64(logged.step)), bytes: logged.frame.bytes,
                        comments: [logged.comment]))
            }
        }
        return writer.bytes
    }
}
