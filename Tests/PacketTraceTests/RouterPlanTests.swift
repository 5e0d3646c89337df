import ControlPlane
import Foundation
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset
import TestSupport
import Testing

/// Plans of the goldens, judged by somebody who has not made them.
@Suite struct `A planned router` {
    private static let rulesets = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "rulesets", directoryHint: .isDirectory)

    /// The only router of a golden's cloud.
    private func router(_ name: String) throws -> NodePlan {
        let url = Self.rulesets.appending(path: "\(name)/cloud.json")
        let cloud = try PlannedCloud(CloudFile(json: try String(contentsOf: url, encoding: .utf8)))
        return try #require(cloud.inOrder.first { $0.kind == .router })
    }

    private struct Ends {
        let router: NodePlan
        let guestMAC: MACAddress
        let guest: IPv4Address
        let guestLeg: MACAddress
        let publicLeg: MACAddress
        let publicAddress: IPv4Address
        let eth0 = InterfaceName("eth0").known
        let eth1 = InterfaceName("eth1").known
        let outside = IPv4Address(198, 51, 100, 1)

        init(_ router: NodePlan) throws {
            self.router = router
            var neighbours: [Neighbour] = []
            var macs: [InterfaceName: MACAddress] = [:]
            var address: IPv4Address?
            for row in router.rows.values {
                switch row.content {
                case .neighbour(let neighbour): neighbours.append(neighbour)
                case .link(let link): macs[link.name] = link.mac
                case .address(let own) where own.link == InterfaceName("eth1"):
                    if case .v4(let v4) = own.address.address { address = v4 }
                default: break
                }
            }
            let neighbour = try #require(neighbours.min { $0.address < $1.address })
            guestMAC = neighbour.mac
            guest = try #require({ if case .v4(let v4) = neighbour.address { v4 } else { nil } }())
            guestLeg = try #require(macs[eth0])
            publicLeg = try #require(macs[eth1])
            publicAddress = try #require(address)
        }

        func fromGuest(
            _ body: Transport, source: IPv4Address? = nil, mac: MACAddress? = nil, to target: IPv4Address? = nil
        ) -> Frame {
            Frame(
                destination: guestLeg, source: mac ?? guestMAC,
                body: .ipv4(IPv4Packet(source: source ?? guest, destination: target ?? outside, body: body)))
        }

        func fromOutside(_ body: Transport, to target: IPv4Address? = nil) -> Frame {
            Frame(
                destination: publicLeg, source: MACAddress(2, 9, 9, 9, 9, 9),
                body: .ipv4(IPv4Packet(source: outside, destination: target ?? publicAddress, body: body)))
        }
    }

    @Test func `lets a guest's ping out and its answer back`() throws {
        let ends = try Ends(try router("demo/two-guests"))
        let node = TracedNode(ends.router)
        var connections = ConnectionTable()
        let out = node.evaluate(ends.fromGuest(.echo(7)), arrivingOn: ends.eth0, connections: &connections)
        #expect(out.departure?.link == ends.eth1)
        #expect(out.ip?.source == .v4(ends.publicAddress))
        #expect(out.departure?.isResolved == false)
        #expect(out.decidedBy.kind == "networkOffering")
        let answer = ends.fromOutside(.icmp(ICMPMessage(type: 0, rest: 7 << 16 | 1)))
        let back = node.evaluate(answer, arrivingOn: ends.eth1, connections: &connections)
        #expect(back.departure?.link == ends.eth0)
        #expect(back.ip?.destination == .v4(ends.guest))
        #expect(back.departure?.frame.destination == ends.guestMAC)
        // Once more, from nowhere.
        var nothing = ConnectionTable()
        #expect(!node.evaluate(answer, arrivingOn: ends.eth1, connections: &nothing).isForwarded)
    }

    @Test func `stops who is not who it says, before it is tracked`() throws {
        let ends = try Ends(try router("demo/two-guests"))
        let node = TracedNode(ends.router)
        let frames = [
            ends.fromGuest(.echo(7), mac: MACAddress(2, 0, 0, 0, 9, 9)),
            ends.fromGuest(.echo(7), source: IPv4Address(10, 1, 1, 99)),
        ]
        for frame in frames {
            var connections = ConnectionTable()
            let trace = node.evaluate(frame, arrivingOn: ends.eth0, connections: &connections)
            #expect(
                trace.outcome
                    == .dropped(.rule(Trace.Site(point: .prerouting, chain: "raw-prerouting", rule: 2))))
            #expect(!trace.steps.contains { if case .tracked = $0.action { true } else { false } })
            #expect(trace.counted.count == 1)
        }
    }

    @Test func `keeps guests in where the offering says so`() throws {
        let ends = try Ends(try router("egress/default-deny"))
        var connections = ConnectionTable()
        let trace = TracedNode(ends.router).evaluate(
            ends.fromGuest(.tcp(4000, 80)), arrivingOn: ends.eth0, connections: &connections)
        #expect(!trace.isForwarded)
        #expect(trace.decidedBy.kind == "networkOffering")
        #expect(connections.count == 0)
    }

    @Test func `drops what belongs to no connection`() throws {
        let ends = try Ends(try router("demo/two-guests"))
        var connections = ConnectionTable()
        let trace = TracedNode(ends.router).evaluate(
            ends.fromGuest(.tcp(4000, 80, [.syn, .ack])), arrivingOn: ends.eth0, connections: &connections)
        // Without a mark there is no route for it.
        #expect(trace.outcome == .dropped(.kernel(.blackhole)))
    }

    @Test func `answers its guests' echo, and little from outside`() throws {
        let ends = try Ends(try router("demo/two-guests"))
        let node = TracedNode(ends.router)
        var connections = ConnectionTable()
        let inside = ends.fromGuest(.echo(1), to: IPv4Address(10, 1, 1, 1))
        #expect(node.evaluate(inside, arrivingOn: ends.eth0, connections: &connections).outcome == .local(inside))
        let outside = ends.fromOutside(.echo(2))
        #expect(node.evaluate(outside, arrivingOn: ends.eth1, connections: &connections).outcome == .local(outside))
        let other = ends.fromOutside(.tcp(1000, 22))
        let trace = node.evaluate(other, arrivingOn: ends.eth1, connections: &connections)
        if case .dropped(.rule(let site)) = trace.outcome {
            #expect(site.point == .input && site.chain == "filter-input")
        } else {
            Issue.record("\(trace.outcome)")
        }
    }

    // MARK: - Living connections

    /// Whatever got through is still admitted by the same plan: the audit's first duty.
    @Test func `admits the connections that it let begin`() throws {
        let ends = try Ends(try router("demo/two-guests"))
        let node = TracedNode(ends.router)
        var connections = ConnectionTable()
        for number in UInt16(1)...20 {
            for body in [Transport.tcp(4000 + number, 80), .udp(4000 + number, 53), .echo(number)] {
                _ = node.evaluate(ends.fromGuest(body), arrivingOn: ends.eth0, connections: &connections)
            }
        }
        _ = node.evaluate(ends.fromOutside(.echo(99)), arrivingOn: ends.eth1, connections: &connections)
        #expect(connections.count == 61)
        let audit = FlowAudit(node)
        for flow in connections.flows { #expect(audit.judge(flow) == .admitted, "\(flow)") }
    }

    @Test func `revokes the connections of a guest that is gone, and of an egress that is closed`() throws {
        let ends = try Ends(try router("demo/two-guests"))
        var connections = ConnectionTable()
        _ = TracedNode(ends.router).evaluate(
            ends.fromGuest(.tcp(4000, 80)), arrivingOn: ends.eth0, connections: &connections)
        let flow = try #require(connections.flows.first)
        var without = ends.router
        let nic = try #require(
            ends.router.rows.values.first { $0.key == .neighbour(ends.eth0, .v4(ends.guest)) }?.origin)
        _ = try without.replace(nic.object, with: Contribution())
        guard case .revoked(.stopped(.rule(let site), _)) = FlowAudit(without).judge(flow) else {
            Issue.record("\(FlowAudit(without).judge(flow))")
            return
        }
        #expect(site.chain == "raw-prerouting")
        // Another public address: what was translated to the old one has no way back.
        let answered = Flow(
            flow.original,
            reply: FlowTuple(
                .tcp, from: flow.reply.source, to: .v4(IPv4Address(203, 0, 113, 77)),
                .ports(source: 80, destination: 4000)),
            mark: flow.mark, status: flow.status)
        guard case .revoked(.translatedOtherwise(_, let origin)) = FlowAudit(ends.router).judge(answered) else {
            Issue.record("\(FlowAudit(ends.router).judge(answered))")
            return
        }
        #expect(origin.kind == "publicAddress")
    }

    @Test func `admits another port than the one that was asked for, and what rules do not decide`() throws {
        let ends = try Ends(try router("demo/two-guests"))
        let audit = FlowAudit(ends.router)
        func flow(_ tuple: FlowTuple, to address: IPv4Address, _ port: UInt16, mark: UInt32 = 0x65) -> Flow {
            Flow(
                tuple,
                reply: FlowTuple(
                    tuple.ipProtocol, from: tuple.destination, to: .v4(address),
                    .ports(source: tuple.destinationPort ?? 0, destination: port)), mark: mark)
        }
        let outward = FlowTuple(
            .tcp, from: .v4(ends.guest), to: .v4(ends.outside), .ports(source: 4000, destination: 80))
        #expect(audit.judge(flow(outward, to: ends.publicAddress, 61234)) == .admitted)
        // The router's own, and configuration by broadcast.
        let own = FlowTuple(
            .udp, from: .v4(ends.publicAddress), to: .v4(ends.outside), .ports(source: 4000, destination: 53))
        #expect(audit.judge(flow(own, to: ends.publicAddress, 4000, mark: 0)) == .admitted)
        let discovery = FlowTuple(
            .udp, from: .v4(IPv4Address(bits: 0)), to: .v4(IPv4Address(bits: .max)),
            .ports(source: 68, destination: 67))
        #expect(audit.judge(flow(discovery, to: IPv4Address(bits: 0), 68, mark: 0)) == .admitted)
        // From outside to a port that nobody forwards.
        let inward = FlowTuple(
            .tcp, from: .v4(ends.outside), to: .v4(ends.publicAddress), .ports(source: 4000, destination: 80))
        #expect(audit.judge(flow(inward, to: ends.outside, 4000)) != .admitted)
        #expect(audit.judge(flow(inward, to: ends.outside, 4000, mark: 0x70)) == .revoked(.noLeg))
    }
}
