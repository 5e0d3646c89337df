import CloudModel
import ControlPlane
import NetworkVocabulary
import Reconciler
import RouterPlan
import TestSupport
import Testing

/// A reconciler on a fake kernel, with a clock that goes only when told to.
final class Bench {
    let kernel: FakeKernel
    private(set) var dataplane: FakeDataplane
    private(set) var reconciler: Reconciler
    private(set) var reports: [Reconciler.Report] = []
    private(set) var now = Duration.zero
    /// Whether every moment must be closed to packets that no rule allowed.
    var mustStayClosed = true
    private(set) var breaches: [String] = []
    private let judge: FlowJudge

    init(
        _ kernel: FakeKernel = FakeKernel(), faults: Set<FakeDataplane.Fault> = [],
        judge: @escaping FlowJudge = { _, _ in [] }
    ) {
        self.kernel = kernel
        self.judge = judge
        dataplane = FakeDataplane(kernel)
        reconciler = Reconciler(dataplane) { _ in }
        restart(faults: faults)
    }

    /// The process ends and another begins, which knows nothing but what the kernel holds.
    func restart(faults: Set<FakeDataplane.Fault> = []) {
        dataplane.kill()
        dataplane = FakeDataplane(kernel, faults: faults)
        dataplane.afterStep = { [unowned self] kernel, node, step in
            if mustStayClosed, let breach = kernel.breach ?? kernel.haste(after: step, on: node) {
                breaches.append("after \(step) on \(node): \(breach)")
            }
        }
        reports = []
        reconciler = Reconciler(dataplane, judge: judge) { [unowned self] in reports.append($0) }
    }

    /// Works until there is nothing left to do, or the process was killed. Retries come at once, as often as given.
    func work(retries: Int = 20, looksAgain: Bool = true) {
        var left = retries
        while !dataplane.isKilled {
            if reconciler.work(now: now) { continue }
            if retries > 0 || looksAgain, let recheck = reconciler.nextRecheck,
                recheck <= reconciler.nextRetry ?? recheck
            {
                now = max(now, recheck)
                continue
            }
            guard let next = reconciler.nextRetry, left > 0 else { return }
            now = max(now, next)
            left -= 1
        }
    }

    func take(_ commands: [Reconciler.Command]) {
        for command in commands { reconciler.accept(command) }
    }

    /// Reports since the last call.
    func newReports() -> [Reconciler.Report] {
        defer { reports = [] }
        return reports
    }

    /// The kernel is as planned and nothing was open on the way.
    func expectReached(
        _ plans: some Collection<NodePlan>, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let deviations = kernel.deviations(from: plans)
        #expect(deviations.isEmpty, comment, sourceLocation: sourceLocation)
        #expect(breaches.isEmpty, comment, sourceLocation: sourceLocation)
    }

    /// A new process on a kernel that is as planned has nothing to do.
    func expectAdoptedWithoutWrites(
        _ plans: [NodePlan], _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        restart()
        reconciler.accept(.adopt(plans))
        work()
        #expect(dataplane.steps.isEmpty, comment, sourceLocation: sourceLocation)
    }
}

extension Reconciler.Report {
    var tickets: [Reconciler.Ticket] {
        switch self {
        case .settled(_, let tickets, _), .failed(_, _, let tickets), .removed(_, let tickets): tickets
        case .repaired, .adopted, .ended, .measured: []
        }
    }

    var failure: DataplaneError? { if case .failed(_, let error, _) = self { error } else { nil } }
    var repaired: NodeName? { if case .repaired(let name, _) = self { name } else { nil } }
    var adopted: (verified: Int, failed: Int)? {
        if case .adopted(let verified, let failed) = self { (verified, failed) } else { nil }
    }
}

extension PlannedCloud {
    /// The node of the demo's router.
    var router: NodePlan {
        get throws { try #require(inOrder.first { $0.kind == .router }) }
    }
}
