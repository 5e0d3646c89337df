import CloudModel
import ControlPlane
import NetworkVocabulary
import Reconciler
import RouterPlan
import TestSupport
import Testing

/// The demo cloud from nothing, with one fault at every position.
@Suite struct `One fault on the way` {
    private static let stepCount: Int = {
        guard let demo = try? PlannedCloud() else { return 0 }
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        return bench.dataplane.steps.count
    }()

    private func expectRecovery(
        _ fault: FakeDataplane.Fault, _ demo: PlannedCloud, mayFail: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let bench = Bench(faults: [fault])
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        #expect(bench.dataplane.faults.isEmpty, "\(fault) never came", sourceLocation: sourceLocation)
        bench.expectReached(demo.inOrder, "\(fault)", sourceLocation: sourceLocation)
        #expect(bench.reports.filter { $0.adopted != nil }.count == 1, "\(fault)", sourceLocation: sourceLocation)
        #expect(bench.reconciler.nextRetry == nil, "\(fault)", sourceLocation: sourceLocation)
        bench.expectAdoptedWithoutWrites(demo.inOrder, "\(fault)", sourceLocation: sourceLocation)
    }

    @Test(arguments: [4, 12, 16, 105] as [Int32])
    func `a refused step is tried again, and nothing is open meanwhile`(errno: Int32) throws {
        let demo = try PlannedCloud()
        #expect(Self.stepCount > 50)
        for step in 0..<Self.stepCount { expectRecovery(.refuse(step: step, errno: errno), demo) }
    }

    @Test func `a commit that somebody overtook is made again`() throws {
        let demo = try PlannedCloud()
        for step in 0..<Self.stepCount { expectRecovery(.overtake(step: step), demo) }
    }

    @Test func `an observation that was interrupted is made again`() throws {
        let demo = try PlannedCloud()
        for observation in 0..<demo.inOrder.count * 2 { expectRecovery(.interrupt(observation: observation), demo) }
    }

    @Test func `a process killed before any step is followed by one that finishes the work`() throws {
        let demo = try PlannedCloud()
        for step in 0..<Self.stepCount { expectTakeover(.kill(beforeStep: step), demo) }
    }

    @Test func `a process killed inside any step is followed by one that finishes the work`() throws {
        let demo = try PlannedCloud()
        for step in 0..<Self.stepCount { expectTakeover(.killInside(step: step), demo) }
    }

    private func expectTakeover(_ fault: FakeDataplane.Fault, _ demo: PlannedCloud) {
        let bench = Bench(faults: [fault])
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        #expect(bench.dataplane.isKilled, "\(fault)")
        bench.restart()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work(retries: 0)
        bench.expectReached(demo.inOrder, "\(fault)")
        #expect(bench.reports.allSatisfy { $0.failure == nil }, "\(fault)")
        bench.expectAdoptedWithoutWrites(demo.inOrder, "\(fault)")
    }

    @Test func `taking everything away survives a fault at every step`() throws {
        let demo = try PlannedCloud()
        let host = NodePlan(.host, .host, owner: Origin("installation", demo.installation))
        func faults(_ step: Int) -> [FakeDataplane.Fault] {
            [.refuse(step: step, errno: 16), .kill(beforeStep: step), .killInside(step: step)]
        }
        var step = 0
        var hasReachedTheEnd = false
        while !hasReachedTheEnd {
            for fault in faults(step) {
                let bench = Bench()
                bench.reconciler.accept(.adopt(demo.inOrder))
                bench.work()
                bench.restart(faults: [fault])
                bench.reconciler.accept(.adopt([host]))
                bench.work()
                if bench.dataplane.isKilled {
                    bench.restart()
                    bench.reconciler.accept(.adopt([host]))
                    bench.work()
                }
                bench.expectReached([host], "\(fault)")
                #expect(bench.kernel.names.isEmpty, "\(fault)")
                if !bench.dataplane.faults.isEmpty { hasReachedTheEnd = true }
            }
            step += 1
        }
        #expect(step > 4)
    }

    @Test func `retries come later and later, and never later than half a minute`() throws {
        let demo = try PlannedCloud()
        let router = try demo.router
        let bench = Bench()
        try bench.kernel.createNamespace(router.name, owner: nil)
        bench.reconciler.accept(.plan(router, 5))
        var pauses: [Duration] = []
        var now = Duration.zero
        for _ in 0..<12 {
            while bench.reconciler.work(now: now) {}
            let next = try #require(bench.reconciler.nextRetry)
            pauses.append(next - now)
            #expect(!bench.reconciler.work(now: next - .milliseconds(1)), "not before its time")
            now = next
        }
        #expect(pauses.first == .milliseconds(100))
        #expect(zip(pauses, pauses.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(pauses.last == .seconds(30))
        // Whoever waits is told once.
        #expect(bench.reports.flatMap(\.tickets) == [5])
        bench.kernel.removeName(router.name)
        for plan in demo.inOrder { bench.reconciler.accept(.plan(plan, nil)) }
        bench.work()
        bench.expectReached(demo.inOrder)
        #expect(bench.reconciler.nextRetry == nil)
    }
}
