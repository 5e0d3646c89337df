import CloudModel
import ControlPlane
import NetworkVocabulary
import Reconciler
import RouterPlan
import TestSupport
import Testing

@Suite struct `A change` {
    /// A running demo cloud, with nothing reported yet.
    private func running() throws -> (PlannedCloud, Bench) {
        let demo = try PlannedCloud()
        let bench = Bench()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        _ = bench.newReports()
        return (demo, bench)
    }

    private func acquire(_ demo: PlannedCloud, _ address: String? = nil) throws -> Request {
        let network = try #require(demo.cloud.networks.values.map(\.id).first)
        return .acquirePublicAddress(.init(network: network, address: address))
    }

    @Test func `to a settled node is applied alone, without a look at the rest`() throws {
        var (demo, bench) = try running()
        let observations = bench.dataplane.observations
        bench.take(try demo.take(acquire(demo), ticket: 1))
        bench.work(retries: 0)
        bench.expectReached(demo.inOrder)
        #expect(bench.dataplane.observations == observations)
        #expect(bench.reports.flatMap(\.tickets) == [1])
    }

    @Test func `of addresses that takes others along ends with the others in place`() throws {
        var (demo, bench) = try running()
        // The primary address of the leg goes, the others were secondaries of it.
        for last in 11...14 { bench.take(try demo.take(acquire(demo, "203.0.113.\(last)"))) }
        bench.work(retries: 0)
        bench.restart()
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        let router = try demo.router.name
        for last in 11...14 {
            let address = try #require(
                demo.cloud.publicAddresses.values.first { "\($0.address)" == "203.0.113.\(last)" })
            // Whichever is the primary at the moment, sooner or later it is the turn of one.
            bench.take(try demo.take(.releasePublicAddress(address.id)))
            bench.work()
            bench.expectReached(demo.inOrder)
        }
        // Of both legs, the one where guests look for their metadata, and the proxy's.
        #expect(bench.kernel[router]?.addresses.count == 4)
    }

    @Test func `that replaces the only address of a link keeps the routes`() throws {
        let (demo, bench) = try running()
        let guest = try #require(demo.inOrder.first { $0.kind == .guest })
        let (key, row) = try #require(guest.rows.first { if case .address = $0.key { true } else { false } })
        guard case .address(let link, _) = key else { return }
        var changed = guest
        var share = Contribution()
        for other in guest.rows.values where other.key != key && other.origin.object == row.origin.object {
            share.rows.append(other)
        }
        let address = try #require(InterfaceAddress("10.1.1.77/24"))
        share.add(.address(Address(address, on: link)), row.origin)
        let delta = try changed.replace(row.origin.object, with: share)
        bench.reconciler.accept(.change(delta, object: row.origin.object, 4))
        bench.work(retries: 0)
        bench.expectReached(demo.inOrder.map { $0.name == guest.name ? changed : $0 })
        #expect(bench.newReports().flatMap(\.tickets) == [4])
    }

    @Test func `that says nothing new is answered at once and writes nothing`() throws {
        let (demo, bench) = try running()
        let router = try demo.router
        let writes = bench.dataplane.writes
        bench.reconciler.accept(.plan(router, 3))
        #expect(bench.newReports().flatMap(\.tickets) == [3])
        #expect(!bench.reconciler.work(now: .zero))
        #expect(bench.dataplane.writes == writes)
        bench.reconciler.accept(.change(PlanDelta(node: NodeName("r-99-VM")), object: router.owner, 5))
        #expect(bench.newReports().flatMap(\.tickets) == [5])
    }

    @Test func `followed by another before the first was applied is one piece of work`() throws {
        var (demo, bench) = try running()
        for ticket in 1...5 { bench.take(try demo.take(acquire(demo), ticket: UInt64(ticket))) }
        let address = try #require(demo.cloud.publicAddresses.values.max { $0.address < $1.address })
        bench.take(try demo.take(.releasePublicAddress(address.id), ticket: 6))
        let steps = bench.dataplane.steps.count
        bench.work(retries: 0, looksAgain: false)
        // What opens goes together, and what is taken away by itself: its connections are followed up.
        #expect(bench.dataplane.steps.count == steps + (1 + 5) + (1 + 1))
        bench.work()
        bench.expectReached(demo.inOrder)
        #expect(bench.newReports().flatMap(\.tickets) == [1, 2, 3, 4, 5, 6])
    }

    @Test func `of several orders is answered once for each, also when they are carried out together`() throws {
        var (demo, bench) = try running()
        let network = try #require(demo.cloud.networks.values.map(\.self).first)
        for name in ["one", "two"] {
            bench.take(
                try demo.take(
                    .deployGuest(
                        .init(
                            zone: network.zone, name: name, account: network.account, nics: [.init(network: network.id)]
                        )), ticket: 7))
        }
        bench.work()
        bench.expectReached(demo.inOrder)
        // The host, the router and the guest's own node have one each.
        #expect(bench.newReports().flatMap(\.tickets) == [7, 7, 7, 7, 7, 7])
    }

    @Test(arguments: [FakeDataplane.Fault.refuse(step: 0, errno: 12), .overtake(step: 0)])
    func `that fails goes the long way and is answered once`(fault: FakeDataplane.Fault) throws {
        var (demo, bench) = try running()
        bench.restart(faults: [fault])
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        _ = bench.newReports()
        bench.take(try demo.take(acquire(demo), ticket: 8))
        bench.work()
        bench.expectReached(demo.inOrder)
        #expect(bench.newReports().flatMap(\.tickets) == [8])
    }

    @Test func `of a withdrawn node has nobody to wait for`() throws {
        let (demo, bench) = try running()
        let guest = try #require(demo.inOrder.last)
        bench.reconciler.accept(.withdraw(guest.name, 1))
        bench.reconciler.accept(.change(PlanDelta(node: guest.name), object: guest.owner, 2))
        bench.work(retries: 0)
        #expect(bench.newReports().flatMap(\.tickets).sorted() == [1, 2])
        bench.expectReached(demo.inOrder.dropLast())
        #expect(bench.kernel[guest.name] == nil)
        // And back again.
        bench.reconciler.accept(.plan(guest, 3))
        bench.work(retries: 0)
        bench.expectReached(demo.inOrder)
        #expect(bench.newReports().flatMap(\.tickets) == [3])
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `after change leads where one start from nothing leads, and every ticket is answered once`(seed: UInt64) throws
    {
        var requests = RandomRequests(seed: seed)
        var demo = try PlannedCloud(seed: seed)
        let bench = Bench()
        for trunk in ["eth0", "eth1"] {
            let name = try #require(InterfaceName(trunk))
            try bench.kernel.addDevice(name, bench.kernel.newDevice(.other("ether"), mtu: 1500))
        }
        bench.reconciler.accept(.adopt(demo.inOrder))
        bench.work()
        _ = bench.newReports()
        var sent: Set<UInt64> = []
        var answers: [UInt64] = []
        var random = SeededGenerator(seed: seed)
        for ticket in 1...150 as ClosedRange<UInt64> {
            guard let commands = try? demo.take(requests.next(in: demo.cloud), ticket: ticket) else { continue }
            if !commands.isEmpty { sent.insert(ticket) }
            // One answer for each node that the change concerns.
            bench.take(commands)
            if Int.random(in: 0..<3, using: &random) > 0 { bench.work() }
        }
        bench.work()
        for report in bench.newReports() {
            #expect(report.failure == nil, "seed \(seed)")
            answers += report.tickets
        }
        #expect(Set(answers) == sent, "seed \(seed)")
        bench.expectReached(demo.inOrder, "seed \(seed)")
        bench.expectAdoptedWithoutWrites(demo.inOrder, "seed \(seed)")
    }
}

@Suite struct `An object of the host` {
    @Test func `that cannot be had keeps nobody else waiting`() throws {
        let bench = Bench()
        let (good, bad) = (Origin("network", ObjectID(random: 1, 1)), Origin("network", ObjectID(random: 2, 2)))
        let installation = Origin("installation", ObjectID(random: 3, 3))
        var plan = NodePlan(.host, .host, owner: installation)
        bench.reconciler.accept(.adopt([plan]))
        bench.work()
        _ = bench.newReports()
        func share(_ bridge: String, _ trunk: String, _ device: String, _ vni: Int, _ origin: Origin) throws
            -> Contribution
        {
            var share = Contribution()
            let name = try #require(InterfaceName(bridge))
            let kind = Link.Kind.vxlan(try #require(VNI(vni)), underlay: try #require(InterfaceName(trunk)))
            share.add(.link(Link(name, .bridge, mtu: 1450)), origin)
            share.add(.link(Link(try #require(InterfaceName(device)), kind, mtu: 1450, bridge: name)), origin)
            return share
        }
        let trunk = try #require(InterfaceName("eth0"))
        try bench.kernel.addDevice(trunk, bench.kernel.newDevice(.other("ether"), mtu: 1500))
        let first = try plan.replace(bad, with: share("slb1", "eth9", "slv9", 9, bad))
        let second = try plan.replace(good, with: share("slb2", "eth0", "slv10", 10, good))
        bench.reconciler.accept(.change(first, object: bad, 1))
        bench.reconciler.accept(.change(second, object: good, 2))
        bench.work(retries: 0)
        var settled: [UInt64] = []
        var failed: [UInt64] = []
        for report in bench.newReports() {
            if let failure = report.failure {
                #expect(failure.origin == bad)
                failed += report.tickets
            } else {
                settled += report.tickets
            }
        }
        #expect(settled == [2])
        #expect(failed == [1])
        // When the trunk comes, so does the rest; nobody is told a second time.
        let missing = try #require(InterfaceName("eth9"))
        try bench.kernel.addDevice(missing, bench.kernel.newDevice(.other("ether"), mtu: 1500))
        bench.work()
        bench.expectReached([plan])
        #expect(bench.newReports().flatMap(\.tickets).isEmpty)
    }

    @Test func `that is lost and cannot be had again is no repair, however often it is tried`() throws {
        let bench = Bench()
        let network = Origin("network", ObjectID(random: 1, 1))
        let trunk = try #require(InterfaceName("eth0"))
        try bench.kernel.addDevice(trunk, bench.kernel.newDevice(.other("ether"), mtu: 1500))
        let bridge = try #require(InterfaceName("slb1"))
        var plan = NodePlan(.host, .host, owner: Origin("installation", ObjectID(random: 3, 3)))
        var share = Contribution()
        share.add(.link(Link(bridge, .bridge, mtu: 1450)), network)
        let kind = Link.Kind.vxlan(try #require(VNI(9)), underlay: trunk)
        share.add(.link(Link(try #require(InterfaceName("slv9")), kind, mtu: 1450, bridge: bridge)), network)
        try plan.add(share)
        bench.reconciler.accept(.adopt([plan]))
        bench.work()
        bench.expectReached([plan])
        _ = bench.newReports()
        // The trunk goes, and the segment's device with it.
        try bench.kernel.removeDevice(trunk)
        bench.reconciler.accept(.disturbed(.host))
        bench.work(retries: 3)
        let reports = bench.newReports()
        #expect(reports.contains { $0.failure?.origin == network })
        #expect(reports.allSatisfy { $0.repaired == nil })
        // What somebody asks for meanwhile comes, and is nothing that was changed behind our back.
        let other = Origin("network", ObjectID(random: 1, 2))
        var more = Contribution()
        more.add(.link(Link(try #require(InterfaceName("slb2")), .bridge, mtu: 1450)), other)
        bench.reconciler.accept(.change(try plan.replace(other, with: more), object: other, 7))
        bench.work(retries: 3)
        let later = bench.newReports()
        #expect(later.flatMap(\.tickets) == [7])
        #expect(later.allSatisfy { $0.repaired == nil })
        try bench.kernel.addDevice(trunk, bench.kernel.newDevice(.other("ether"), mtu: 1500))
        bench.work()
        bench.expectReached([plan])
        #expect(bench.newReports().filter { $0.repaired != nil }.count == 1)
    }

    @Test func `that comes late is waited for, but not longer`() throws {
        let demo = try PlannedCloud()
        let bench = Bench()
        let host = try #require(demo.inOrder.first)
        bench.reconciler.accept(.plan(try demo.router, 1))
        bench.work(retries: 8)
        #expect(bench.newReports().contains { $0.failure != nil })
        bench.reconciler.accept(.plan(host, 2))
        bench.work(retries: 0)
        bench.expectReached([host, try demo.router])
    }
}
