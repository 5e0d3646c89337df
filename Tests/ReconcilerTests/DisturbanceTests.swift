import CloudModel
import ControlPlane
import NetworkVocabulary
import Reconciler
import RouterPlan
import TestSupport
import Testing

@Suite struct `A disturbance` {
    @Test(arguments: 0..<40 as Range<UInt64>)
    func `of any kind is found and set right`(seed: UInt64) throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        // Others open what they open; we answer for our own steps.
        bench.mustStayClosed = false
        var random = SeededGenerator(seed: seed)
        for round in 0..<15 {
            _ = bench.newReports()
            guard let (what, nodes) = bench.kernel.disturb(&random) else { continue }
            let planned = nodes.filter { demo.plans[$0] != nil }
            let wasAsPlanned = bench.kernel.deviations(from: demo.inOrder).isEmpty
            for node in planned.sorted() { bench.reconciler.accept(.disturbed(node)) }
            bench.work()
            bench.expectReached(demo.inOrder, "seed \(seed), round \(round): \(what)")
            if !wasAsPlanned {
                #expect(bench.reports.contains { $0.repaired != nil }, "seed \(seed), round \(round): \(what)")
            }
            #expect(bench.reconciler.nextRetry == nil)
        }
        bench.expectAdoptedWithoutWrites(demo.inOrder, "seed \(seed)")
    }

    @Test(arguments: 40..<80 as Range<UInt64>)
    func `of which no event was heard is found when events are known to be lost`(seed: UInt64) throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        bench.mustStayClosed = false
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5 { _ = bench.kernel.disturb(&random) }
        bench.reconciler.accept(.disturbedEverywhere)
        bench.work()
        bench.expectReached(demo.inOrder, "seed \(seed)")
    }

    @Test(arguments: 80..<120 as Range<UInt64>)
    func `while no process runs is set right by the next`(seed: UInt64) throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        bench.mustStayClosed = false
        bench.dataplane.kill()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<10 { _ = bench.kernel.disturb(&random) }
        bench.restart()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        bench.expectReached(demo.inOrder, "seed \(seed)")
    }

    @Test func `that changed nothing of ours is no repair`() throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        _ = bench.newReports()
        bench.reconciler.accept(.disturbedEverywhere)
        bench.work()
        #expect(bench.newReports().allSatisfy { $0.repaired == nil && $0.failure == nil })
        bench.reconciler.accept(.disturbed(NodeName("r-99-VM")))
        #expect(!bench.reconciler.work(now: .zero))
    }

    @Test func `is told with the steps that set it right`() throws {
        let demo = try PlannedCloud()
        let router = try demo.router
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        _ = bench.newReports()
        let place = try #require(bench.kernel.place(router.name))
        try bench.kernel.inside(place) { (space) throws(FakeKernel.Refusal) in space.removeRules(priority: 32000) }
        bench.reconciler.accept(.disturbed(router.name))
        bench.work()
        let steps = try #require(
            bench.reports.compactMap { if case .repaired(router.name, let steps) = $0 { steps } else { nil } }.first)
        #expect(steps.map(\.description) == ["add rule 32000 ipv4 blackhole"])
        #expect(steps.first?.origin == router.owner)
    }

    @Test func `that takes other addresses along with one is repaired at once`() throws {
        let demo = try PlannedCloud()
        let router = try demo.router
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        let place = try #require(bench.kernel.place(router.name))
        let link = try #require(InterfaceName("eth1"))
        // A foreign address that came first, so that ours is a secondary of it.
        try bench.kernel.inside(place) { (space) throws(FakeKernel.Refusal) in
            space.settings["net/ipv4/conf/all/promote_secondaries"] = "0"
            let own = space.addresses.filter { $0.link == link }
            for address in own { try space.remove(address) }
            if let stranger = InterfaceAddress("203.0.113.250/24") { try space.add(Address(stranger, on: link)) }
            for address in own { try space.add(address) }
        }
        bench.reconciler.accept(.disturbed(router.name))
        bench.work(retries: 0)
        bench.expectReached(demo.inOrder)
    }
}
