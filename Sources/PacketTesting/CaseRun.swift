import ControlPlane
import LinuxKernel
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset

/// Where cases are run.
public enum CaseRunner: String, CaseIterable, Sendable {
    /// The evaluator over the plans.
    case model
    /// Fresh namespaces on this kernel; needs root, or a user namespace where the caller is root.
    case kernel
    /// Both at once, compared frame by frame and decision by decision.
    case both
}

public struct CaseOutcome: Sendable {
    public let name: String
    public let steps: Int
    /// Nil when everything came as the case says.
    public let failure: String?
}

extension PacketCase {
    /// Runs the case from its beginning. `keep`: a folder for what a failure leaves behind.
    public func run(on runner: CaseRunner, keep: String? = nil) -> CaseOutcome {
        do {
            if runner == .model { return try CaseRun(self, runner, keep).outcome() }
            return try PrivateMachine.run { try CaseRun(self, runner, keep).outcome() }
        } catch let error as CaseError {
            return CaseOutcome(name: name, steps: 0, failure: "✘ \(name)\n\n  \(error)\n")
        } catch {
            return CaseOutcome(name: name, steps: 0, failure: "✘ \(name)\n\n  cannot be run: \(error)\n")
        }
    }
}

/// One world with what the case has learned there.
final class Lane {
    let world: any World
    var bindings: [String: PacketValue] = [:]
    /// What has arrived and was not expected yet.
    var pending: [Fate.Arrival] = []
    var fate = Fate()
    var sent: [Frame] = []
    /// Everything, for the capture of all ports.
    var log: [Logged] = []

    struct Logged {
        let port: String
        let frame: Frame
        let step: Int
        let comment: String
    }

    init(_ world: any World) { self.world = world }

    /// The next frame at a port.
    func next(at port: String) -> Frame? {
        guard let index = pending.firstIndex(where: { $0.port == port }) else { return nil }
        return pending.remove(at: index).frame
    }
}

/// A run of a case: one step after the other, in each world.
final class CaseRun {
    let test: PacketCase
    let runner: CaseRunner
    let keep: String?
    private(set) var cloud: CaseCloud
    let lanes: [Lane]
    /// Ports that the model chose, by those that the kernel chose.
    private var chosenPorts: [String: String] = [:]
    private(set) var lastSend: CaseStep?

    init(_ test: PacketCase, _ runner: CaseRunner, _ keep: String?) throws {
        self.test = test
        self.runner = runner
        self.keep = keep
        do {
            cloud = try CaseCloud(test.cloud)
        } catch let error as RequestError {
            throw CaseError(file: "\(test.path)/cloud.json", error.text)
        }
        var lanes: [Lane] = []
        if runner != .kernel { lanes.append(Lane(ModelWorld(cloud))) }
        if runner != .model { lanes.append(Lane(try KernelWorld(cloud))) }
        self.lanes = lanes
        if let name = lanes.first?.world.wiring.ambiguous.sorted().first {
            throw CaseError(file: "\(test.path)/cloud.json", "several guests are called \(name)")
        }
    }

    func outcome() throws -> CaseOutcome {
        var done = 0
        do {
            for step in test.script.steps {
                try take(step)
                done += 1
            }
            try expectNothingMore(nil)
            if let node = try cloud.drift().first {
                throw Mismatch(step: nil, "the plan of \(node) is another one when it is made from nothing")
            }
            return CaseOutcome(name: test.name, steps: done, failure: nil)
        } catch let mismatch as Mismatch {
            return CaseOutcome(name: test.name, steps: done, failure: text(of: mismatch, done))
        }
    }

    private func error(_ step: CaseStep, _ message: String) -> CaseError {
        CaseError(file: "\(test.path)/traffic.packets", line: step.line, message)
    }

    private func take(_ step: CaseStep) throws {
        switch step.action {
        case .send(let name, let pattern, let pieces):
            try send(step, name) { lane, port in
                let frame = try self.frame(pattern, at: port, lane, step)
                guard let pieces else { return [frame] }
                let cut = Fragments.cut(frame, into: pieces.size)
                return pieces.isReversed ? cut.reversed() : cut
            }
        case .replay(let file, let name):
            let (packets, _, fault) = CaptureReader.packets(in: test.captures[file] ?? [])
            if let fault { throw error(step, "\(file): \(fault)") }
            try send(step, name) { _, _ in packets.compactMap { try? Frame(parsing: $0.bytes) } }
        case .expect(let port, let pattern): try expect(pattern, at: port, step)
        case .expectNothing(let port):
            if let port { _ = try self.port(port, step) }
            try expectNothingMore(port, step)
        case .decided(let kind, let detail): try checkDecision(kind, detail, step)
        case .apply(let file):
            guard let wanted = test.clouds[file] else { return }
            try change(step) { try $0.apply(wanted) }
        case .change(let words):
            try change(step) { cloud in
                try cloud.take(try ChangeLine(words).request(in: cloud.cloud))
            }
        case .refused(let words): try expectRefusal(of: words, step)
        case .counters(let kind, let name, let counts): try checkCounters(kind, name, counts, step)
        }
    }

    // MARK: Steps

    private func port(_ name: String, _ step: CaseStep) throws -> Wiring.Port {
        guard let wiring = lanes.first?.world.wiring else { throw error(step, "nothing runs") }
        guard let port = wiring.port(name) else {
            let names = wiring.ports.map(\.name).joined(separator: ", ")
            throw error(step, "expected a port (\(names)), found '\(name)'")
        }
        return port
    }

    private func send(_ step: CaseStep, _ name: String, _ frames: (Lane, Wiring.Port) throws -> [Frame]) throws {
        try expectNothingMore(nil)
        lastSend = step
        for lane in lanes {
            let port = try port(name, step)
            lane.sent = try frames(lane, port)
            for frame in lane.sent {
                lane.log.append(.init(port: name, frame: frame, step: step.line, comment: step.text))
            }
            lane.fate = try lane.world.send(lane.sent, at: port)
            lane.pending = lane.fate.arrivals
            for arrival in lane.pending {
                lane.log.append(.init(port: arrival.port, frame: arrival.frame, step: step.line, comment: "arrived"))
            }
            try checkChecksums(lane, step)
        }
        try compare(step)
    }

    private func frame(_ pattern: PacketPattern, at port: Wiring.Port, _ lane: Lane, _ step: CaseStep) throws -> Frame {
        var destination: IPAddress?
        if case .ip(let ip) = pattern.packet {
            switch ip.destination {
            case .exactly(let address): destination = address
            case .variable(let name): if case .address(let address)? = lane.bindings[name] { destination = address }
            case .any: break
            }
        }
        do throws(PacketFillError) {
            return try pattern.frame(
                lane.world.wiring.defaults(at: port, to: destination), bindings: lane.bindings)
        } catch {
            throw self.error(step, "\(error)")
        }
    }

    private func expect(_ pattern: PacketPattern, at name: String, _ step: CaseStep) throws {
        _ = try port(name, step)
        for lane in lanes {
            guard let frame = lane.next(at: name) else {
                throw Mismatch(step: step, lane: lane, expected: step.text, got: elsewhere(lane))
            }
            var bindings = lane.bindings
            let differences = pattern.differences(from: frame, bindings: &bindings)
            guard differences.isEmpty else {
                throw Mismatch(
                    step: step, lane: lane, expected: step.text, got: [frame.line(.ip)],
                    differences: differences.map(\.description))
            }
            lane.bindings = bindings
        }
    }

    private func elsewhere(_ lane: Lane) -> [String] {
        lane.pending.map { "at \($0.port) \($0.frame.line(.ip))" }
    }

    /// Whatever comes out of a port is expected, or it is a failure.
    private func expectNothingMore(_ name: String?, _ step: CaseStep? = nil) throws {
        for lane in lanes {
            let more = lane.pending.filter { name == nil || $0.port == name }
            guard more.isEmpty else {
                throw Mismatch(
                    step: step ?? lastSend, lane: lane, expected: "nothing\(name.map { " at \($0)" } ?? " more")",
                    got: more.map { "at \($0.port) \($0.frame.line(.ip))" })
            }
        }
    }

    private func checkChecksums(_ lane: Lane, _ step: CaseStep) throws {
        // Wrong ones that were sent may be carried on.
        if lane.sent.contains(where: { !$0.checksumFaults.isEmpty }) { return }
        for arrival in lane.pending {
            if let fault = arrival.frame.checksumFaults.first {
                throw Mismatch(
                    step: step, lane: lane, expected: "right checksums at \(arrival.port)",
                    got: ["\(arrival.frame.line(.ip)): checksum of \(fault)"])
            }
        }
    }

    private func change(_ step: CaseStep, _ body: (inout CaseCloud) throws -> CaseCloud.Following) throws {
        try expectNothingMore(nil)
        let following: CaseCloud.Following
        do {
            following = try body(&cloud)
        } catch let refusal as RequestError {
            throw error(step, "refused: \(refusal.text)")
        } catch let unknown as ChangeLine.Unknown {
            throw error(step, "expected \(unknown.description)")
        }
        for lane in lanes { try lane.world.follow(cloud, following) }
    }

    private func expectRefusal(of words: [String], _ step: CaseStep) throws {
        do {
            _ = try cloud.take(try ChangeLine(words).request(in: cloud.cloud))
        } catch is RequestError {
            return
        } catch let unknown as ChangeLine.Unknown {
            throw error(step, "expected \(unknown.description)")
        }
        throw Mismatch(step: step, expected: "the request is refused", got: ["it was granted"])
    }

    // MARK: Decisions

    private func checkDecision(_ kind: String, _ detail: String?, _ step: CaseStep) throws {
        let wanted = "decided by \(kind)\(detail.map { " \($0)" } ?? "")"
        let last = lanes.first?.fate.passages.last
        for lane in lanes {
            // What the kernel ends before it asks any rule, it does not tell of.
            if kind == "kernel", lane.world is KernelWorld, lane.fate.passages.isEmpty { continue }
            guard let passage = lane.fate.passages.last(where: { $0.node == last?.node }) else {
                throw Mismatch(step: step, lane: lane, expected: wanted, got: ["no router has seen it"])
            }
            if kind == "kernel" {
                // Only the model knows the kernel's own reasons; on the kernel no rule behind the routing was asked.
                let isSo =
                    lane.world is KernelWorld
                    ? passage.rulings.allSatisfy { !$0.isDrop && judging(passage.node).isEarly($0.chain) }
                    : passage.reason.map { detail == nil || "\($0)" == detail } ?? false
                if isSo { continue }
            } else if passage.reason == nil, passage.origin.kind == kind {
                if detail.map({ names(of: passage).contains($0) }) ?? true { continue }
            }
            throw Mismatch(step: step, lane: lane, expected: wanted, got: [describe(passage)])
        }
    }

    private func judging(_ node: NodeName) -> Judging { Judging(cloud.plans[node]?.table) }

    private func names(of passage: Passage) -> [String] {
        cloud.names(of: passage.origin)
            + (passage.lastWord.map { judging(passage.node).names(of: $0.chain) } ?? [])
    }

    func describe(_ passage: Passage) -> String {
        if let reason = passage.reason { return "kernel \(reason): \(reason.rawValue)" }
        let names = cloud.names(of: passage.origin)
        let ruling = passage.lastWord.map { ", \($0)" } ?? ""
        return "\(passage.origin.kind)\(names.first.map { " \($0)" } ?? "")\(ruling)"
    }

    private func checkCounters(_ kind: String, _ name: String, _ counts: [Meter: UInt64], _ step: CaseStep) throws {
        let objects = cloud.objects(of: kind, named: name)
        guard objects.count == 1, let object = objects.first else {
            throw error(step, "there are \(objects.count) objects that are \(kind) \(name)")
        }
        for lane in lanes {
            let found = try lane.world.counts(of: object)
            for (meter, count) in counts.sorted(by: { $0.key < $1.key }) where found[meter] ?? 0 != count {
                throw Mismatch(
                    step: step, lane: lane, expected: "\(kind) \(name) \(meter.rawValue) \(count)",
                    got: ["\(meter.rawValue) \(found[meter] ?? 0)"])
            }
        }
    }

    // MARK: Model and kernel

    private func compare(_ step: CaseStep) throws {
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
        for node in Set((model.fate.passages + kernel.fate.passages).map(\.node)).sorted() {
            try compareDecisions(node, step)
        }
    }

    /// A port that the kernel was free to choose is the same as the model's choice, from then on.
    private func isSamePort(_ difference: PacketDifference, _ isNew: Bool) -> Bool {
        guard difference.field == "source port" || difference.field == "destination port" else { return false }
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
