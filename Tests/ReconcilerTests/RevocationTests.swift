import NetworkVocabulary
import Reconciler
import RouterPlan
import Ruleset
import TestSupport
import Testing

@Suite struct `Connections that lived by what is taken away` {
    @Test func `end with it, and only they`() throws {
        let bench = try Gate.bench(open: [80, 443], flows: [80, 80, 443])
        try bench.change(Gate.plan(open: [80, 443]), Gate.origin(80), removing: true, ticket: 7)
        #expect(bench.ports == [443])
        #expect(bench.revoked(7) == 2)
        // Once more, when what was on its way has arrived.
        bench.work()
        #expect(bench.ports == [443])
        bench.expectReached([try Gate.plan(open: [443])])
    }

    @Test func `may finish where that was asked for, and are known by their mark`() throws {
        let bench = try Gate.bench(open: [80, 443], flows: [80, 443])
        try bench.change(Gate.plan(open: [80, 443]), Gate.origin(80), removing: true, ticket: 7, drains: true)
        bench.work()
        #expect(bench.flows.map { $0.mark & FlowMark.draining != 0 } == [true, false])
        #expect(bench.revoked(7) == 1)
    }

    @Test func `are not looked for when something is opened`() throws {
        let bench = try Gate.bench(open: [80], flows: [80, 22])
        let lists = bench.dataplane.flowLists
        try bench.change(Gate.plan(open: [80]), Gate.origin(443), removing: false, ticket: 7)
        bench.work()
        #expect(bench.dataplane.flowLists == lists)
        #expect(bench.ports == [80, 22])
    }

    @Test func `are ended at the next start when a crash came in between`() throws {
        let bench = try Gate.bench(open: [80, 443], flows: [80, 443])
        bench.dataplane.beforeFlows = { $0.kill() }
        try bench.change(Gate.plan(open: [80, 443]), Gate.origin(80), removing: true, ticket: 7)
        #expect(bench.dataplane.isKilled)
        #expect(bench.ports == [80, 443])
        let after = try Gate.plan(open: [443])
        bench.restart()
        bench.reconciler.accept(.adopt([after]))
        bench.work()
        #expect(bench.ports == [443])
        bench.expectReached([after])
        bench.expectAdoptedWithoutWrites([after])
    }

    @Test func `begun while the rules changed are found by the second look, and told`() throws {
        let bench = try Gate.bench(open: [80, 443], flows: [443])
        try bench.change(Gate.plan(open: [80, 443]), Gate.origin(80), removing: true, ticket: 7)
        #expect(bench.revoked(7) == 0)
        bench.add(flow: 80)
        bench.work()
        #expect(bench.ports == [443])
        #expect(bench.reports.contains { if case .ended(Gate.name, 1) = $0 { true } else { false } })
    }

    @Test func `are told to whoever took it away, though two did at once`() throws {
        let bench = try Gate.bench(open: [80, 443, 22], flows: [80, 443, 443, 22])
        var plan = try Gate.plan(open: [80, 443, 22])
        for (port, ticket) in [(UInt16(80), Reconciler.Ticket(1)), (443, 2)] {
            let delta = try plan.replace(Gate.origin(port), with: Contribution())
            bench.reconciler.accept(.change(delta, object: Gate.origin(port), ticket))
        }
        bench.work()
        #expect(bench.revoked(1) == 1)
        #expect(bench.revoked(2) == 2)
        #expect(bench.ports == [22])
    }

    @Test func `are ended one after the other without a look at the whole node`() throws {
        let bench = try Gate.bench(open: [80, 443, 22], flows: [80, 443, 22])
        let looks = bench.dataplane.observations
        var plan = try Gate.plan(open: [80, 443, 22])
        for (port, ticket) in [(UInt16(80), Reconciler.Ticket(1)), (443, 2)] {
            let delta = try plan.replace(Gate.origin(port), with: Contribution())
            bench.reconciler.accept(.change(delta, object: Gate.origin(port), ticket))
            bench.work(retries: 0, looksAgain: false)
        }
        #expect(bench.ports == [22])
        #expect(bench.dataplane.observations == looks)
        bench.work()
        bench.expectReached([try Gate.plan(open: [22])])
    }

    @Test func `are ended when the long way makes the change`() throws {
        let bench = try Gate.bench(open: [80, 443], flows: [80, 443])
        bench.dataplane.faults = [.refuse(step: bench.dataplane.steps.count, errno: 105)]
        try bench.change(Gate.plan(open: [80, 443]), Gate.origin(80), removing: true, ticket: 7)
        bench.work()
        #expect(bench.ports == [443])
        #expect(bench.revoked(7) == 1)
        bench.expectReached([try Gate.plan(open: [443])])
    }

    @Test func `are ended when somebody had let them in behind our back`() throws {
        let bench = try Gate.bench(open: [443], flows: [80, 443])
        let stranger = Element(origin: Origin("stranger", ObjectID(random: 3, 3)))
        try bench.kernel.commit(
            [.addElements(Gate.declaration, [KeyedElement(Gate.key(80), stranger)])], on: Gate.name)
        bench.reconciler.accept(.disturbed(Gate.name))
        bench.work()
        #expect(bench.ports == [443])
    }
}

@Suite struct `What an element has counted` {
    @Test func `is read before the element goes, and is said to leave`() throws {
        let bench = try Gate.bench(open: [80, 443], flows: [])
        bench.count(80, packets: 5, bytes: 500)
        bench.count(443, packets: 7, bytes: 700)
        try bench.change(Gate.plan(open: [80, 443]), Gate.origin(80), removing: true, ticket: 1)
        let count = MeterCount(packets: 5, bytes: 500)
        #expect(bench.readings == [MeterReading(Gate.origin(80), .matched, count, leaving: count)])
    }

    @Test func `is read when somebody asks and nothing else is to be done`() throws {
        let bench = try Gate.bench(open: [80, 443], flows: [])
        bench.count(443, packets: 7, bytes: 700)
        bench.reconciler.accept(.measure)
        bench.work()
        #expect(
            Set(bench.readings) == [
                MeterReading(Gate.origin(80), .matched, MeterCount()),
                MeterReading(Gate.origin(443), .matched, MeterCount(packets: 7, bytes: 700)),
            ])
    }

    @Test func `stays where the kernel refuses to take it away`() throws {
        let bench = try Gate.bench(open: [80, 443], flows: [])
        bench.count(80, packets: 5, bytes: 500)
        bench.dataplane.faults = [.refuse(step: bench.dataplane.steps.count, errno: 105)]
        try bench.change(Gate.plan(open: [80, 443]), Gate.origin(80), removing: true, ticket: 1)
        // Told once, when it has gone on the long way.
        let count = MeterCount(packets: 5, bytes: 500)
        #expect(
            bench.readings.filter { $0.object == Gate.origin(80) }
                == [MeterReading(Gate.origin(80), .matched, count, leaving: count)])
    }

    @Test func `is read before the long way takes it, whosever it is`() throws {
        let bench = try Gate.bench(open: [80, 443], flows: [])
        bench.count(80, packets: 5, bytes: 500)
        bench.count(443, packets: 7, bytes: 700)
        bench.restart()
        bench.reconciler.accept(.adopt([try Gate.plan(open: [443])]))
        bench.work()
        let (gone, left) = (MeterCount(packets: 5, bytes: 500), MeterCount(packets: 7, bytes: 700))
        #expect(
            Set(bench.readings) == [
                MeterReading(Gate.origin(80), .matched, gone, leaving: gone),
                MeterReading(Gate.origin(443), .matched, left),
            ])
    }

    @Test func `begins at nothing in a node that is made anew`() throws {
        let bench = Bench()
        bench.mustStayClosed = false
        bench.reconciler.accept(.adopt([try Gate.plan(open: [80])]))
        bench.work()
        #expect(bench.readings == [MeterReading(Gate.origin(80), .matched, MeterCount())])
    }

    @Test func `is read before a node goes`() throws {
        let bench = try Gate.bench(open: [443], flows: [])
        bench.count(443, packets: 7, bytes: 700)
        bench.reconciler.accept(.withdraw(Gate.name, 3))
        bench.work()
        let count = MeterCount(packets: 7, bytes: 700)
        #expect(bench.readings == [MeterReading(Gate.origin(443), .matched, count, leaving: count)])
    }
}

/// A node with a set of open ports: the least that can be revoked.
private enum Gate {
    static let name = NodeName("r-1-VM")
    static let owner = Origin("router", ObjectID(random: 1, 1))
    static let open: SetName = "open-ports"

    static func origin(_ port: UInt16) -> Origin { Origin("firewallRule", ObjectID(random: 2, UInt64(port))) }
    static func key(_ port: UInt16) -> ElementKey { ElementKey([.port(port)]) }

    static let declaration = SetDeclaration(open, key: [.port], countsElements: true, origin: owner)

    static func plan(open ports: [UInt16]) throws -> NodePlan {
        var table = Table(.inet, "sluice", comment: OwnershipMark(ObjectID(random: 9, 9), owner).text)
        for set in [
            declaration,
            SetDeclaration(NodePlan.pendingRevocations, key: [.mark], origin: owner),
        ] {
            table.sets[set.name] = set
        }
        var plan = NodePlan(name, .router, owner: owner, table: table)
        plan.meters = [open: .matched]
        var frame = Contribution()
        frame.add(.link(Link(FakeKernel.loopback, .loopback, mtu: 65536)), owner)
        try plan.add(frame)
        for port in ports { try plan.add(share(port)) }
        return plan
    }

    static func share(_ port: UInt16) -> Contribution {
        var share = Contribution()
        share.add([.port(port)], to: open, origin(port))
        return share
    }

    static func flow(_ port: UInt16, from source: UInt16) -> Flow {
        let (guest, outside) = (
            IPAddress.v4(IPv4Address(bits: 0x0a01_010a)), IPAddress.v4(IPv4Address(bits: 0x0808_0808))
        )
        return Flow(
            FlowTuple(.tcp, from: outside, to: guest, .ports(source: source, destination: port)),
            reply: FlowTuple(.tcp, from: guest, to: outside, .ports(source: port, destination: source)),
            id: UInt32(source))
    }

    /// Such a node as planned, with these connections.
    static func bench(open ports: [UInt16], flows: [UInt16]) throws -> Bench {
        let bench = Bench { plan, flows in
            flows.filter { flow in
                guard let port = flow.original.destinationPort else { return true }
                return plan.table?.elements[open]?[key(port)] == nil
            }
        }
        bench.mustStayClosed = false
        bench.reconciler.accept(.adopt([try plan(open: ports)]))
        bench.work()
        _ = bench.newReports()
        for port in flows { bench.add(flow: port) }
        return bench
    }
}

extension Bench {
    private var place: FakeKernel.Place? { kernel.names[Gate.name] }
    var flows: [Flow] { place.flatMap { kernel.spaces[$0]?.flows } ?? [] }
    var ports: [UInt16] { flows.compactMap(\.original.destinationPort) }
    var readings: [MeterReading] {
        reports.flatMap { report -> [MeterReading] in
            if case .measured(_, let readings) = report { readings } else { [] }
        }
    }

    fileprivate func add(flow port: UInt16) {
        guard let place else { return }
        kernel.setFlows(flows + [Gate.flow(port, from: UInt16(1000 + flows.count))], in: place)
    }

    fileprivate func count(_ port: UInt16, packets: UInt64, bytes: UInt64) {
        guard let place else { return }
        kernel.counts[place, default: [:]][MeteredElement(Gate.open, Gate.key(port))] = MeterCount(
            packets: packets, bytes: bytes)
    }

    /// Works off one change and nothing that is due later.
    fileprivate func change(
        _ plan: NodePlan, _ object: Origin, removing: Bool, ticket: Reconciler.Ticket, drains: Bool = false
    ) throws {
        var plan = plan
        let port = UInt16(truncatingIfNeeded: object.id.low)
        let delta = try plan.replace(object, with: removing ? Contribution() : Gate.share(port))
        reconciler.accept(.change(delta, object: object, ticket, drains: drains))
        work(retries: 0, looksAgain: false)
    }

    func revoked(_ ticket: Reconciler.Ticket) -> Int? {
        for case .settled(_, let tickets, let revoked) in reports where tickets.contains(ticket) { return revoked }
        return nil
    }
}
