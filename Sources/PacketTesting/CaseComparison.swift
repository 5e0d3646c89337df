import CloudTrace
import NetworkVocabulary
import Packets
import RouterPlan

// Model and kernel in step: every frame at every port, the rules that spoke in every router, the elements that counted.
// Of a running daemon, the frames.

extension CaseRun {
    func compare(_ step: CaseStep) throws {
        guard lanes.count == 2 else { return }
        let (model, kernel) = (lanes[0], lanes[1])
        for port in Set((model.pending + kernel.pending).map(\.port)).sorted() {
            let ours = model.pending.filter { $0.port == port }.map(\.frame)
            let theirs = kernel.pending.filter { $0.port == port }.map(\.frame)
            guard ours.count == theirs.count else {
                throw Mismatch(
                    step: step, lane: kernel, expected: "at \(port) as the model has it: \(lines(ours))",
                    got: [lines(theirs)])
            }
            for (frame, other) in zip(ours, theirs) {
                var none: [String: PacketValue] = [:]
                let pattern = PacketPattern(describing: frame, detail: [.link, .ip, .sequence, .payload])
                let differences = pattern.differences(from: other, bindings: &none).filter {
                    !isSamePort($0, model.fate.isPortArbitrary)
                }
                guard differences.isEmpty else {
                    throw Mismatch(
                        step: step, lane: kernel, expected: "at \(port) as the model has it: \(frame.line(.ip))",
                        got: [other.line(.ip)], differences: differences.map(\.description))
                }
            }
        }
        guard kernel.world.tellsDecisions else { return }
        for node in Set((model.fate.passages + kernel.fate.passages).map(\.node)).sorted() {
            try compareDecisions(node, step)
        }
    }

    /// A port that the kernel was free to choose is the same as the model's choice, from then on.
    private func isSamePort(_ difference: PacketDifference, _ isNew: Bool) -> Bool {
        guard ["source port", "destination port", "echo id"].contains(difference.field) else { return false }
        if let known = chosenPorts[difference.found] { return known == difference.wanted }
        guard isNew else { return false }
        chosenPorts[difference.found] = difference.wanted
        return true
    }

    private func compareDecisions(_ node: NodeName, _ step: CaseStep) throws {
        let (ours, theirs) = (passages(lanes[0], node), passages(lanes[1], node))
        let spoken = { (passages: [Passage]) in passages.map(\.rulings).filter { !$0.isEmpty } }
        // Where the kernel ends a packet for reasons of its own, some rules may have been asked before or not: what counts
        // is that none of them forbade it.
        let endsOtherwise = ours.contains { $0.reason != nil }
        let isForbidden = theirs.contains { $0.rulings.contains(where: \.isDrop) }
        guard endsOtherwise ? !isForbidden : spoken(ours) == spoken(theirs) else {
            throw Mismatch(
                step: step, lane: lanes[1],
                expected: "\(node) as the model has it: \(spoken(ours).map(\.description).joined(separator: "; "))",
                got: [spoken(theirs).map(\.description).joined(separator: "; ")])
        }
        let moved = { (passages: [Passage]) in passages.reduce(into: Set()) { $0.formUnion($1.moved) } }
        guard moved(ours) == moved(theirs) else {
            throw Mismatch(
                step: step, lane: lanes[1],
                expected: "\(node) counts what the model counts: \(text(moved(ours)))", got: [text(moved(theirs))])
        }
    }

    private func passages(_ lane: Lane, _ node: NodeName) -> [Passage] {
        lane.fate.passages.filter { $0.node == node }
    }

    private func text(_ elements: Set<MeteredElement>) -> String {
        elements.isEmpty ? "nothing" : elements.map { "\($0.set) \($0.key)" }.sorted().joined(separator: ", ")
    }

    private func lines(_ frames: [Frame]) -> String {
        frames.isEmpty ? "nothing" : frames.map { $0.line(.ip) }.joined(separator: ", ")
    }
}
