import CloudModel
import ControlPlane
import NetworkVocabulary
import Reconciler
import RouterPlan
import TestSupport
import Testing

@Suite struct `A cold start` {
    @Test func `reaches the plan, and says so`() throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work(retries: 0)
        bench.expectReached(demo.inOrder)
        let adopted = try #require(bench.reports.last?.adopted)
        #expect(adopted == (verified: demo.inOrder.count, failed: 0))
        #expect(bench.reports.allSatisfy { $0.failure == nil && $0.repaired == nil })
    }

    @Test func `brings the host's bridges before anything that hangs on them`() throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder.reversed()))
        bench.work(retries: 0)
        bench.expectReached(demo.inOrder)
    }

    @Test func `of a bridge in several parts joins them`() throws {
        let installation = Origin("installation", ObjectID(random: 1, 2))
        let plan = try shardedHost(installation, shards: 3)
        let bench = Bench()
        bench.reconciler.accept(.adopt([plan]))
        bench.work(retries: 0)
        bench.expectReached([plan])
        bench.expectAdoptedWithoutWrites([plan])
    }
}

@Suite struct `Adopting` {
    @Test func `what is as planned writes nothing`() throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        bench.expectAdoptedWithoutWrites(demo.inOrder)
        let adopted = try #require(bench.reports.last?.adopted)
        #expect(adopted == (verified: demo.inOrder.count, failed: 0))
    }

    @Test func `again in the same process verifies everything anew, and says so`() throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        _ = bench.newReports()
        let (writes, observations) = (bench.dataplane.writes, bench.dataplane.observations)
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        #expect(bench.dataplane.writes == writes)
        #expect(bench.dataplane.observations == observations + demo.inOrder.count)
        let adopted = try #require(bench.reports.last?.adopted)
        #expect(adopted == (verified: demo.inOrder.count, failed: 0))
    }

    @Test func `removes what is ours and not wanted, and nothing else`() throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        let foreign = NodeName("foreign")
        try bench.kernel.createNamespace(foreign, owner: nil)
        let device = try #require(InterfaceName("br0"))
        try bench.kernel.addDevice(device, bench.kernel.newDevice(.bridge, mtu: 1500))
        let before = bench.kernel[foreign]
        bench.restart()
        let host = NodePlan(.host, .host, owner: Origin("installation", demo.installation))
        bench.reconciler.accept(.adopt([host]))
        bench.work()
        bench.expectReached([host])
        #expect(bench.kernel.names.keys.sorted() == [foreign])
        #expect(bench.kernel[foreign] == before)
        #expect(bench.kernel[.host]?.devices.keys.sorted() == [device, FakeKernel.loopback])
        #expect(bench.reports.last?.adopted != nil)
    }

    @Test func `asks again when the namespaces cannot be listed`() throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        try bench.kernel.createNamespace(NodeName("r-99-VM"), owner: Origin("router", ObjectID(random: 9, 9)))
        bench.restart(faults: [.interruptInventory])
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        bench.expectReached(demo.inOrder)
        #expect(bench.reports.filter { $0.adopted != nil }.count == 1)
    }

    @Test func `a namespace of the node's name that is not ours leaves it alone and names it`() throws {
        let demo = try PlannedCloud()
        let router = try demo.router
        let bench = Bench()
        try bench.kernel.createNamespace(router.name, owner: nil)
        let before = bench.kernel[router.name]
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work(retries: 3)
        #expect(bench.kernel[router.name] == before)
        let failure = try #require(bench.reports.compactMap(\.failure).first)
        #expect(failure.reason.contains("not ours"))
        #expect(failure.origin == router.owner)
        bench.expectReached(demo.inOrder.filter { $0.name != router.name })
        // Nor does taking the plan back touch it.
        bench.reconciler.accept(.withdraw(router.name, 7))
        bench.work(retries: 3)
        #expect(bench.kernel[router.name] == before)
        #expect(bench.reports.last?.tickets == [7])
    }

    @Test func `a namespace that stands for another object of ours makes it anew`() throws {
        let demo = try PlannedCloud()
        let router = try demo.router
        let bench = Bench()
        try bench.kernel.createNamespace(router.name, owner: Origin("router", ObjectID(random: 9, 9)))
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work(retries: 0)
        bench.expectReached(demo.inOrder)
    }
}

/// A host with one segment of that many bridges.
func shardedHost(_ origin: Origin, shards: Int) throws -> NodePlan {
    func name(_ text: String) throws -> InterfaceName { try #require(InterfaceName(text)) }
    var share = Contribution()
    let root = try name("slb1")
    share.add(.link(Link(root, .bridge, mtu: 1500)), origin)
    for shard in 1..<shards {
        let bridge = try name("slb1.\(shard)")
        share.add(.link(Link(bridge, .bridge, mtu: 1500)), origin)
        share.add(
            .link(
                Link(
                    try name("slub1.\(shard)"), .bridgeLink(peer: try name("sldb1.\(shard)"), peerBridge: bridge),
                    mtu: 1500,
                    bridge: root)), origin)
    }
    var plan = NodePlan(.host, .host, owner: origin)
    try plan.add(share)
    return plan
}
