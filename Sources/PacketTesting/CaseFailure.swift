import CloudTrace
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset

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
        var text = FailureText(
            lines: ["✘ \(test.name): step \(done + 1) of \(test.script.steps.count)\(world)", "  \(test.title)", ""])
        if let step = mismatch.step { text.add("at", ["\(test.path)/traffic.packets:\(step.line)"]) }
        if let send = lastSend { text.add("sent", [send.text]) }
        if !mismatch.expected.isEmpty { text.add("expected", [mismatch.expected]) }
        text.add("got", mismatch.got.isEmpty ? ["nothing"] : mismatch.got)
        text.add("differs", mismatch.differences)
        explain(&text)
        if let folder = options.keep.flatMap({ leaveEvidence(below: $0, text.whole) }) {
            text.lines.append("")
            text.add(
                "files",
                ["\(folder)/ all-ports.pcapng plan.txt ruleset.nft decisions.txt counters.txt failure.txt"])
        }
        text.add("again", [again(done + 1)])
        return text.whole
    }

    /// What a step did, whether or not it was as it should be.
    func report(_ done: Int) -> String {
        guard done > 0 else { return "" }
        let step = test.script.steps[done - 1]
        var text = FailureText(
            lines: ["\(test.name): step \(done) of \(test.script.steps.count)", "  \(test.title)", ""])
        text.add("at", ["\(test.path)/traffic.packets:\(step.line)", step.text])
        if let send = lastSend, send != step { text.add("sent", [send.text]) }
        for lane in lanes {
            text.add("arrived", lane.fate.arrivals.map { "at \($0.port) \($0.frame.line(.ip)) (\(lane.world.name))" })
        }
        explain(&text)
        return text.whole
    }

    /// The command that repeats just this step, with all that leads to it.
    private func again(_ step: Int) -> String {
        "sluice test --on \(runner.rawValue)\(options.keep.map { " --keep \($0)" } ?? "") --step \(step) \(test.path)"
    }

    private func explain(_ text: inout FailureText) {
        for lane in lanes {
            for passage in lane.fate.passages {
                text.add("decided", ["\(describe(passage)) (\(passage.node), \(lane.world.name))"])
                text.add("counted", counted(passage).map { "\($0) (\(lane.world.name))" })
            }
        }
        for passage in lanes.first?.fate.passages ?? [] {
            if let trace = passage.trace {
                text.lines.append("")
                text.add("trace", trace.lines { cloud.cloud.words(for: $0) })
            }
            text.add("nearest", nearest(to: passage))
        }
    }

    /// Objects whose elements have counted the packet.
    private func counted(_ passage: Passage) -> [String] {
        guard let table = cloud.plans[passage.node]?.table else { return [] }
        let objects = passage.moved.compactMap { table.elements[$0.set]?[$0.key]?.origin }
        return Set(objects.map { "\(cloud.cloud.words(for: $0)) +1" }).sorted()
    }

    /// Rules of the same kind that were asked and had other packets in mind.
    private func nearest(to passage: Passage) -> [String] {
        guard let last = passage.lastWord, last.isDrop else { return [] }
        if let trace = passage.trace { return cloud.cloud.nearest(to: trace, at: passage.node) }
        // Without a trace nobody knows what keeps them from the packet.
        let kind: String
        switch "\(last.chain)" {
        case "public-firewall": kind = "firewallRule"
        case "network-egress": kind = "egressRule"
        default: return []
        }
        let rules = cloud.plans[passage.node]?.objects.filter { $0.kind == kind } ?? []
        return rules.compactMap { rule in
            cloud.cloud.names(of: rule).last.map { "\(kind) \($0) from \(cloud.cloud.sources(of: rule))" }
        }.sorted()
    }
}

/// Lines with a word in front of each group of them.
private struct FailureText {
    var lines: [String]

    mutating func add(_ word: String, _ texts: [String]) {
        for (index, text) in texts.enumerated() {
            let head = index == 0 ? word : ""
            lines.append("  " + head + String(repeating: " ", count: max(0, 11 - head.count)) + text)
        }
    }

    var whole: String { lines.joined(separator: "\n") + "\n" }
}
