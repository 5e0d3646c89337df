import CloudTrace
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
    /// The running daemon, with the model beside it, compared frame by frame.
    case live
}

public struct CaseOutcome: Sendable {
    public let name: String
    public let steps: Int
    /// Nil when everything came as the case says.
    public let failure: String?
    /// What the step did that was asked about.
    public var report: String?
    /// The line of the script that did not come true.
    public var failedLine: Int?
    /// Why it was not run: what it asks for cannot be done there.
    public var skipped: String?

    init(
        name: String, steps: Int, failure: String?, report: String? = nil, failedLine: Int? = nil,
        skipped: String? = nil
    ) {
        self.name = name
        self.steps = steps
        self.failure = failure
        self.report = report
        self.failedLine = failedLine
        self.skipped = skipped
    }
}

/// What of a run is asked for besides its outcome.
public struct CaseOptions: Sendable {
    /// A folder for what a failure leaves behind.
    public var keep: String?
    /// The run ends with this step, counted from 1, and tells what it did.
    public var lastStep: Int?
    /// Writes what should come, from what comes on the model, instead of comparing with it.
    public var records = false
    /// A mistake in the plans, for the model alone.
    var mutant: Mutant?
    /// The case's cloud as it begins, where somebody has planned it already.
    var cloud: CaseCloud?
    /// The daemon of a live run.
    var running: (any RunningCloud)?
    /// Called when a case has failed on the kernel, while its namespaces are there: on their thread, with their names in
    /// `/run/netns`.
    public var inTopology: (@Sendable (_ failure: String) -> Void)?

    public init(keep: String? = nil) { self.keep = keep }
}

extension PacketCase {
    /// Runs the case from its beginning. `keep`: a folder for what a failure leaves behind.
    public func run(on runner: CaseRunner, keep: String? = nil) -> CaseOutcome {
        run(on: runner, CaseOptions(keep: keep))
    }

    public func run(on runner: CaseRunner, _ options: CaseOptions) -> CaseOutcome {
        do {
            if runner == .model { return try CaseRun(self, runner, options).outcome() }
            if runner == .live { return try PinnedThread.run { try CaseRun(self, runner, options).outcome() } }
            return try PrivateMachine.run { try CaseRun(self, runner, options).outcome() }
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
    var pending: [Journey.Arrival] = []
    var fate = Fate()
    var sent: [Frame] = []
    /// Everything, for the capture of all ports.
    var log: [Logged] = []
    /// What routers did with each packet that was sent.
    var decisions: [(step: CaseStep, passages: [Passage])] = []

    struct Logged {
        let port: String
        let frame: Frame
        let step: Int
        let isArrival: Bool
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
    let options: CaseOptions
    private(set) var cloud: CaseCloud
    let lanes: [Lane]
    /// Ports that the model chose, by those that the kernel chose.
    var chosenPorts: [String: String] = [:]
    private(set) var lastSend: CaseStep?

    init(_ test: PacketCase, _ runner: CaseRunner, _ options: CaseOptions) throws {
        self.test = test
        self.runner = runner
        self.options = options
        do {
            cloud = try options.cloud ?? CaseCloud(test.cloud)
        } catch let error as RequestError {
            throw CaseError(file: "\(test.path)/cloud.json", error.text)
        }
        var lanes: [Lane] = []
        if runner != .kernel { lanes.append(Lane(ModelWorld(cloud, options.mutant))) }
        if let name = cloud.wiring.ambiguous.sorted().first {
            throw CaseError(file: "\(test.path)/cloud.json", "several guests are called \(name)")
        }
        switch runner {
        case .model: break
        case .kernel, .both: lanes.append(Lane(try KernelWorld(cloud)))
        case .live:
            guard let running = options.running else { throw Refusal(description: "no daemon is given") }
            lanes.append(Lane(try LiveWorld(cloud, test.cloud, in: running)))
        }
        self.lanes = lanes
    }

    func outcome() throws -> CaseOutcome {
        var done = 0
        do {
            for step in test.script.steps.prefix(options.lastStep ?? .max) {
                try take(step)
                done += 1
            }
            if options.lastStep != nil {
                return CaseOutcome(name: test.name, steps: done, failure: nil, report: report(done))
            }
            try expectNothingMore(nil)
            // Mistakes are made in copies: what the planner does was looked at without them.
            if options.mutant == nil, let node = try cloud.drift().first {
                throw Mismatch(step: nil, "the plan of \(node) is another one when it is made from nothing")
            }
            try compareWithExpected()
            return CaseOutcome(name: test.name, steps: done, failure: nil)
        } catch let mismatch as Mismatch {
            let text = text(of: mismatch, done)
            if let inTopology = options.inTopology, let world = lanes.last?.world as? KernelWorld {
                try world.nameField()
                inTopology(text)
            }
            return CaseOutcome(
                name: test.name, steps: done, failure: text, failedLine: mismatch.step?.line)
        }
    }

    func error(_ step: CaseStep, _ message: String) -> CaseError {
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
        case .advance(let seconds):
            try expectNothingMore(nil)
            for lane in lanes { try lane.world.advance(by: seconds) }
        case .restart:
            try expectNothingMore(nil)
            for lane in lanes { try lane.world.restart() }
        case .kill(let words):
            try expectNothingMore(nil)
            for lane in lanes { lane.world.kill() }
            try change(step) { cloud in try cloud.take(try ChangeLine(words).request(in: cloud.cloud)) }
        case .refused(let words): try expectRefusal(of: words, step)
        case .counters(let kind, let name, let counts): try checkCounters(kind, name, counts, step)
        case .notLive: break
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
                lane.log.append(
                    .init(port: name, frame: frame, step: step.line, isArrival: false, comment: step.text))
            }
            lane.fate = try lane.world.send(lane.sent, at: port)
            lane.pending = lane.fate.arrivals
            lane.decisions.append((step, lane.fate.passages))
            for arrival in lane.pending {
                lane.log.append(
                    .init(
                        port: arrival.port, frame: arrival.frame, step: step.line, isArrival: true,
                        comment: "arrived: \(step.text)"))
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
}
