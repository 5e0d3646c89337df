import CloudModel
import ControlPlane
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset
import TestSupport
import Testing

/// Connections that one set of rules let begin, judged by another.
@Suite struct `Living connections` {
    private let eth0 = InterfaceName("eth0").known
    private let eth1 = InterfaceName("eth1").known
    private let eth2 = InterfaceName("eth2").known
    private let one = IPv4Address(10, 1, 1, 10)
    private let two = IPv4Address(10, 1, 1, 20)
    private let shared = IPv4Address(203, 0, 113, 10)
    private let further = IPv4Address(203, 0, 113, 11)
    private let onOtherLeg = IPv4Address(192, 0, 2, 10)
    private let client = IPv4Address(198, 51, 100, 77)

    /// A router on two legs with two guests and these rules; ids are the same whatever the rules.
    private func router(_ rules: [String], offering: String = "DefaultIsolatedNetworkOfferingWithSourceNatService")
        throws
        -> NodePlan
    {
        var cloud = try PlannedCloud.onTwoLegs(offering: offering)
        for (number, line) in rules.enumerated() {
            let records = try RuleLine(line).records(in: cloud.cloud, number: UInt64(number + 1))
            _ = try cloud.take(records.map { .put($0) })
        }
        return try #require(cloud.inOrder.first { $0.kind == .router })
    }

    private func frame(
        _ plan: NodePlan, from source: IPv4Address, to destination: IPv4Address, on link: InterfaceName,
        _ body: Transport
    ) throws -> Frame {
        let leg = try #require({ if case .link(let leg)? = plan.rows[.link(link)]?.content { leg } else { nil } }())
        var sender = MACAddress(2, 9, 9, 9, 9, 9)
        if case .neighbour(let guest)? = plan.rows[.neighbour(link, .v4(source))]?.content { sender = guest.mac }
        return Frame(
            destination: try #require(leg.mac), source: sender,
            body: .ipv4(IPv4Packet(source: source, destination: destination, body: body)))
    }

    private let rules = [
        "static-nat 192.0.2.10 10.1.1.20",
        "firewall 192.0.2.10 tcp/1-1000",
        "forward 203.0.113.10 tcp 8000-8010 10.1.1.10 8000-8010",
        "forward 203.0.113.10 udp 53 10.1.1.20 5353",
        "firewall 203.0.113.10 tcp/8000-8010 from 198.51.100.0/24,203.0.113.10/32,192.0.2.10/32",
        "firewall 203.0.113.10 udp/53",
        "firewall 203.0.113.10 icmp/8",
        "forward 203.0.113.11 tcp 443 10.1.1.10 8443 from 198.51.100.0/24",
        "firewall 203.0.113.11 tcp/443",
    ]

    private typealias Call = (source: IPv4Address, destination: IPv4Address, link: InterfaceName, body: Transport)

    /// What outsiders and guests open: forwarded, translated one to one, to their own public addresses.
    private var calls: [Call] {
        [
            (client, shared, eth1, .tcp(5000, 8003)), (client, shared, eth1, .udp(5001, 53)),
            (client, onOtherLeg, eth2, .tcp(5002, 22)), (client, further, eth1, .tcp(5003, 443)),
            (client, shared, eth1, .echo(5)), (one, client, eth0, .tcp(4000, 80)), (two, client, eth0, .udp(4001, 53)),
            (two, client, eth0, .echo(6)), (two, shared, eth0, .tcp(4002, 8004)), (one, shared, eth0, .tcp(4003, 8005)),
            (one, onOtherLeg, eth0, .tcp(4004, 80)), (one, IPv4Address(10, 1, 1, 1), eth0, .echo(7)),
        ]
    }

    /// The connections that these rules let begin.
    private func flows(_ plan: NodePlan, _ calls: [Call]) throws -> [Flow] {
        let node = TracedNode(plan)
        var connections = ConnectionTable()
        for call in calls {
            let frame = try frame(plan, from: call.source, to: call.destination, on: call.link, call.body)
            let count = connections.count
            let trace = node.evaluate(frame, arrivingOn: call.link, connections: &connections)
            #expect(connections.count == count + 1, "\(trace)")
        }
        return connections.flows
    }

    @Test func `are admitted by the rules that let them begin`() throws {
        let plan = try router(rules)
        let flows = try flows(plan, calls)
        let audit = FlowAudit(plan)
        for flow in flows { #expect(audit.judge(flow) == .admitted, "\(flow)") }
        #expect(FlowAudit(plan).revoked(among: flows) == [])
        // Both ways of translating are among them.
        #expect(flows.contains { $0.isDestinationTranslated && $0.isSourceTranslated })
        #expect(flows.contains { $0.isDestinationTranslated && !$0.isSourceTranslated })
    }

    /// Without one rule exactly those end that lived by it.
    @Test(arguments: [
        (0, [2, 7, 10]), (2, [0, 8, 9]), (3, [1]), (4, [0, 8, 9]), (5, [1]), (7, [3]), (8, [3]),
    ])
    func `end with the rule that they live by, and only those`(rule: Int, ended: [Int]) throws {
        let flows = try flows(try router(rules), calls)
        // Rules for an address that is nobody's any more go with it.
        let gone = rule == 0 ? [0, 1] : [rule]
        let plan = try router(rules.enumerated().filter { !gone.contains($0.offset) }.map(\.element))
        let audit = FlowAudit(plan)
        let revoked = flows.indices.filter { audit.judge(flows[$0]) != .admitted }
        // Who leaves by another address now: two's echo, its query, and its call of a neighbour.
        #expect(revoked == (rule == 0 ? [2, 6, 7, 8, 10] : ended), "\(revoked.map { flows[$0] })")
    }

    @Test func `end when their forward leads elsewhere, and the rule that does is named`() throws {
        let flows = try flows(try router(rules), [calls[0]])
        var moved = rules
        moved[2] = "forward 203.0.113.10 tcp 8000-8010 10.1.1.20 8000-8010"
        guard case .revoked(.translatedOtherwise(let reply, let origin)) = FlowAudit(try router(moved)).judge(flows[0])
        else {
            Issue.record("\(FlowAudit(try router(moved)).judge(flows[0]))")
            return
        }
        #expect(reply.source == .v4(two))
        #expect(origin.kind == "portForwarding")
    }

    @Test func `outlive their rule when they are left to finish, but not their guest`() throws {
        var flow = try #require(try flows(try router(rules), [calls[0]]).first)
        let without = try router([])
        #expect(FlowAudit(without).judge(flow) != .admitted)
        flow.mark |= FlowMark.draining
        #expect(FlowAudit(without).judge(flow) == .admitted)
        var empty = without
        let guest = try #require(without.rows[.neighbour(eth0, .v4(one))]?.origin)
        _ = try empty.replace(guest.object, with: Contribution())
        #expect(FlowAudit(empty).judge(flow) != .admitted)
    }

    @Test func `to a guest and to everybody end with the guest, whoever began them`() throws {
        let plan = try router([])
        let (door, everybody) = (IPv4Address(10, 1, 1, 1), IPv4Address(bits: .max))
        func flow(from source: IPv4Address, _ port: UInt16, to target: IPv4Address, _ targetPort: UInt16) -> Flow {
            Flow(
                FlowTuple(.udp, from: .v4(source), to: .v4(target), .ports(source: port, destination: targetPort)),
                reply: FlowTuple(
                    .udp, from: .v4(target), to: .v4(source), .ports(source: targetPort, destination: port))
            )
        }
        let flows = [one, two].flatMap { guest in
            [flow(from: door, 67, to: guest, 68), flow(from: guest, 68, to: everybody, 67)]
        }
        #expect(FlowAudit(plan).revoked(among: flows) == [])
        var without = plan
        let guest = try #require(plan.rows[.neighbour(eth0, .v4(one))]?.origin)
        _ = try without.replace(guest.object, with: Contribution())
        #expect(FlowAudit(without).revoked(among: flows) == Array(flows[..<2]))
    }
}
