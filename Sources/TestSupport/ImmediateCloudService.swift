public import CloudModel
public import ControlPlane
import NetworkVocabulary
public import RouterPlan
import Synchronization

/// A cloud service without disk and kernel: decides as the real one does, and is done at once, or when told.
public final class ImmediateCloudService: CloudService {
    private struct State {
        var cloud = Cloud()
        var ids = CountedIDs()
        /// Of the next entry: a second for each.
        var time: Int64 { 1_000 * Int64(cloud.revision.number + 1) }
        var entries: [LedgerEntry] = []
        var isHeld = false
        var failure: RequestError?
        var waiting: [@Sendable () -> Void] = []
        var submissions = 0
        var traffic = TrafficBook()
        var watches = 0
    }

    private let state: Mutex<State>
    /// The account that the bootstrap made.
    public let admin: Caller

    public init() throws(RequestError) {
        let system = Caller(account: ObjectID(random: 0, 0), isRootAdmin: true)
        var state = State()
        let decision = try decide(.bootstrap, caller: system, in: state.cloud, at: state.time, ids: &state.ids)
        Self.apply(decision.changes, to: &state.cloud)
        state.cloud.revision = Revision(1)
        admin = Caller(account: decision.reply.object?.id ?? system.account, isRootAdmin: true)
        self.state = Mutex(state)
    }

    /// As it was: for tests that try many things on the same cloud.
    public func restore(_ cloud: Cloud) { state.withLock { $0.cloud = cloud } }

    /// While held, changes are durable and do not reach the kernel.
    public func hold() { state.withLock { $0.isHeld = true } }

    /// Lets everything held go on, in order.
    public func release() {
        let waiting = state.withLock { state in
            state.isHeld = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for step in waiting { step() }
    }

    /// The kernel refuses from now on, with this error, until it is nil.
    public func failKernel(_ error: RequestError?) { state.withLock { $0.failure = error } }

    public var submissions: Int { state.withLock { $0.submissions } }

    public func submit(
        _ request: Request, caller: Caller, dryRun: Bool, report: @escaping @Sendable (SubmissionReport) -> Void
    ) {
        let result = state.withLock { state -> Result<(Outcome, Bool, RequestError?), RequestError> in
            state.submissions += 1
            do throws(RequestError) {
                let decision = try decide(request, caller: caller, in: state.cloud, at: state.time, ids: &state.ids)
                var after = state.cloud
                Self.apply(decision.changes, to: &after)
                after.revision = after.revision.next
                let outcome = Outcome(
                    reply: decision.reply, changes: decision.changes, cloud: after,
                    planDifference: dryRun ? "+ everything\n" : nil)
                if dryRun { return .success((outcome, false, nil)) }
                state.cloud = after
                let event = Event(type: "TEST.\(request.command.uppercased())", text: "took \(request.command)")
                state.entries.append(
                    LedgerEntry(
                        revision: after.revision, time: 1_000 * Int64(after.revision.number), caller: caller.account,
                        command: request.command, changes: decision.changes, events: [event]))
                return .success((outcome, state.isHeld, state.failure))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .failure(let error): report(.refused(error))
        case .success((let outcome, let isHeld, let failure)):
            report(.durable(outcome))
            let finish: @Sendable () -> Void = { report(failure.map { .failed($0) } ?? .realized(flowsEnded: 0)) }
            if isHeld { state.withLock { $0.waiting.append(finish) } } else { finish() }
        }
    }

    public var view: CloudView {
        let (cloud, isHeld, traffic) = state.withLock { ($0.cloud, $0.isHeld, $0.traffic.totals) }
        return CloudView(
            cloud: cloud,
            nodes: cloud.routers.values.map {
                NodeStatus(
                    name: $0.name, origin: Origin("router", $0.id), state: isHeld ? .pending : .verified,
                    revision: cloud.revision)
            },
            features: [KernelFeatureStatus(name: "802.1Q", isAvailable: false, missingModule: "8021q")],
            installation: ObjectID(random: 9, 9), startTime: 0, traffic: traffic)
    }

    /// The kernel's elements have counted this.
    public func count(_ readings: [MeterReading], at time: Int64) {
        state.withLock { $0.traffic.take(readings, at: time, in: $0.cloud) }
    }

    public func watchTraffic() { state.withLock { $0.watches += 1 } }

    /// How often somebody said that traffic is watched.
    public var watches: Int { state.withLock { $0.watches } }

    public func recentEvents(limit: Int) -> [LedgerEntry] {
        state.withLock { Array($0.entries.suffix(max(0, limit)).reversed()) }
    }

    public func planText(ofNode name: String) -> String? {
        state.withLock { $0.cloud.router(named: name).map { "node \($0.name)\n" } }
    }

    private static func apply(_ changes: [Change], to cloud: inout Cloud) {
        for change in changes {
            // What decide answers with applies: it has applied it itself.
            do { _ = try cloud.apply(change) } catch { preconditionFailure("\(error)") }
        }
    }
}

/// Ids that are the same in every run.
private struct CountedIDs: IDSource, Sendable {
    private var count: UInt64 = 0

    mutating func next() -> ObjectID {
        count += 1
        return ObjectID(random: count &* 0x9e37_79b9_7f4a_7c15, count)
    }
}
