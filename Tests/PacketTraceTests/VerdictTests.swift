import NetworkVocabulary
import PacketTrace
import Packets
import Ruleset
import Testing

/// What nft's manual says of chains, sets and statements, on tables small enough to judge by eye.
@Suite struct `A packet's way through rules` {
    private typealias H = HandWritten
    private let tcp = Statement.match(.transportProtocol, .equal, .ipProtocol(.tcp))
    private let v4 = Statement.match(.networkProtocol, .equal, .family(.ipv4))

    private func rule(_ number: Int, _ statements: Statement...) -> Rule { Rule(H.origin(number), statements) }

    @Test func `a policy decides where no rule does`() throws {
        for (policy, passes) in [(Hook.Policy.accept, true), (.drop, false)] {
            let trace = try H.trace(H.table([H.forward([], policy: policy)]), H.frame(.tcp(1000, 80)))
            #expect(trace.isForwarded == passes)
            #expect(trace.decidedBy == H.owner)
        }
    }

    @Test func `the first verdict counts`() throws {
        let table = H.table([H.forward([rule(1, tcp, .verdict(.drop)), rule(2, .verdict(.accept))])])
        let trace = try H.trace(table, H.frame(.tcp(1000, 80)))
        #expect(trace.outcome == .dropped(.rule(Trace.Site(point: .forward, chain: "filter-forward", rule: 0))))
        #expect(trace.decidedBy == H.origin(1))
        #expect(try H.trace(table, H.frame(.udp(1000, 80))).decidedBy == H.origin(2))
    }

    @Test func `who is accepted in one chain is still asked in the next`() throws {
        let late = Chain(
            "filter-late", hook: Hook(.filter, .forward, priority: 10, policy: .accept),
            rules: [rule(2, .verdict(.drop))])
        let trace = try H.trace(H.table([late, H.forward([rule(1, .verdict(.accept))])]), H.frame(.tcp(1, 2)))
        #expect(trace.decidedBy == H.origin(2))
        #expect(!trace.isForwarded)
    }

    /// A jump comes back behind the rule; a goto comes back to who called the caller; from a base chain, to the policy.
    @Test(
        arguments: [
            (Verdict.jump("target-one"), Verdict.return, 9), (.goto("target-one"), .return, nil),
            (.jump("target-one"), .accept, 5), (.goto("target-one"), .accept, 5),
        ] as [(Verdict, Verdict, Int?)])
    func `jump comes back, goto does not`(call: Verdict, end: Verdict, decided: Int?) throws {
        let table = H.table([
            H.forward([rule(1, .verdict(call)), rule(9, .verdict(.accept))], policy: .drop),
            Chain("target-one", rules: [rule(5, .counter, .verdict(end))]),
        ])
        let trace = try H.trace(table, H.frame(.tcp(1, 2)))
        #expect(trace.decidedBy == decided.map { H.origin($0) } ?? H.owner)
        #expect(trace.isForwarded == (decided != nil))
        #expect(trace.counted == [.rule(Trace.Site(point: .forward, chain: "target-one", rule: 0), H.origin(5))])
    }

    @Test func `a goto inside a jump comes back to where the jump was made`() throws {
        let table = H.table([
            H.forward([rule(1, .verdict(.jump("target-one"))), rule(2, .verdict(.accept))], policy: .drop),
            Chain("target-one", rules: [rule(3, .verdict(.goto("target-two"))), rule(4, .verdict(.drop))]),
            Chain("target-two", rules: [rule(5, .counter)]),
        ])
        #expect(try H.trace(table, H.frame(.tcp(1, 2))).decidedBy == H.origin(2))
    }

    @Test func `a field that the packet has not ends the rule, even where it must differ`() throws {
        let rules = [rule(1, v4, tcp, .match(.destinationPort, .notEqual, .port(1)), .verdict(.drop))]
        let short = H.frame(.other([0, 80]))
        var packet = try #require({ if case .ipv4(let packet) = short.body { packet } else { nil } }())
        packet.protocol = .tcp
        let cut = Frame(destination: short.destination, source: short.source, body: .ipv4(packet))
        #expect(try H.trace(H.table([H.forward(rules)]), cut).isForwarded)
        #expect(try !H.trace(H.table([H.forward(rules)]), H.frame(.tcp(1000, 80))).isForwarded)
    }

    /// An edge belongs to its range, its neighbour does not.
    @Test(arguments: [(999, false), (1000, true), (1005, true), (1010, true), (1011, false)])
    func `ranges hold their edges`(port: Int, isInside: Bool) throws {
        let range = Value.portRange(PortRange(1000, 1010).known)
        let frame = H.frame(.tcp(5, UInt16(port)))
        let set = SetDeclaration("ports", key: [.port], isInterval: true, origin: H.owner)
        for statements in [
            [tcp, .match(.destinationPort, .equal, range)],
            [tcp, .oneOf(.destinationPort, .equal, [range, .port(1)])],
            [tcp, .lookup([.destinationPort], in: "ports", .equal)],
        ] {
            let table = H.table(
                [H.forward([Rule(H.origin(1), statements + [.verdict(.drop)])], policy: .accept)], sets: [set],
                elements: ["ports": [ElementKey([range]): Element(origin: H.origin(7))]])
            #expect(try H.trace(table, frame).isForwarded == !isInside)
        }
    }

    @Test func `an element decides for its own object, and counts`() throws {
        let set = SetDeclaration(
            "firewall", key: [.ipv4, .ipProtocol, .port], yield: .verdict, isInterval: true, countsElements: true,
            origin: H.owner)
        let prefix = Value.ipv4Prefix(IPv4Prefix("10.0.0.0/29").known)
        let key = ElementKey([prefix, .ipProtocol(.tcp), .portRange(PortRange(80, 90).known)])
        let table = H.table(
            [
                H.forward(
                    [rule(1, v4, tcp, .verdictMap([.ipv4Source, .transportProtocol, .destinationPort], "firewall"))],
                    policy: .drop)
            ],
            sets: [set], elements: ["firewall": [key: Element(.verdict(.accept), origin: H.origin(70))]])
        let trace = try H.trace(table, H.frame(.tcp(1000, 90)))
        #expect(trace.isForwarded)
        #expect(trace.decidedBy == H.origin(70))
        #expect(trace.counted == [.element("firewall", key, H.origin(70))])
        for frame in [
            H.frame(.tcp(1000, 91)), H.frame(.udp(1000, 90)), H.frame(from: IPv4Address(10, 0, 0, 8), .tcp(1, 90)),
        ] {
            let trace = try H.trace(table, frame)
            #expect(trace.outcome == .dropped(.policy(.forward, "filter-forward")))
            #expect(trace.counted == [])
        }
    }

    @Test func `what is rejected goes nowhere, and by whom is said`() throws {
        let table = H.table([H.forward([rule(3, tcp, .reject(.tcpReset))])])
        let trace = try H.trace(table, H.frame(.tcp(1, 2)))
        #expect(
            trace.outcome
                == .rejected(.tcpReset, .rule(Trace.Site(point: .forward, chain: "filter-forward", rule: 0))))
        #expect(trace.decidedBy == H.origin(3))
    }

    @Test func `a limit ends the rule once it is used up`() throws {
        let limit = Statement.limit(RateLimit(packets: 1, per: .second, burst: 1))
        let node = TracedNode(try H.plan(H.table([H.forward([rule(1, limit, .verdict(.accept))], policy: .drop)])))
        for isExceeded in [false, true] {
            var circumstances = Circumstances()
            circumstances.limitsAreExceeded = isExceeded
            var connections = ConnectionTable()
            let trace = node.evaluate(
                H.frame(.tcp(1, 2)), arrivingOn: H.left, connections: &connections, under: circumstances)
            #expect(trace.isForwarded != isExceeded)
        }
    }

    @Test func `marks choose the routes, and survive from packet to packet in the connection`() throws {
        let mangle = Chain(
            "mangle-prerouting", hook: Hook(.filter, .prerouting, priority: -150, policy: .accept),
            rules: [
                rule(
                    1, .match(.inputInterface, .equal, .interface(H.left)), .connectionState(.new),
                    .setConnectionMark(.value(.mark(0x165)))),
                rule(2, .setPacketMark(.field(.connectionMark))),
            ])
        let node = TracedNode(try H.plan(H.table([mangle]), marks: true))
        var connections = ConnectionTable()
        let there = node.evaluate(H.frame(.udp(1000, 53)), arrivingOn: H.left, connections: &connections)
        #expect(there.isForwarded)
        #expect(connections.flows.map(\.mark) == [0x165])
        let answer = H.frame(.udp(1000, 53)).answered(on: 1)
        #expect(node.evaluate(answer, arrivingOn: H.right, connections: &connections).isForwarded)
        var nothing = ConnectionTable()
        let stranger = node.evaluate(answer, arrivingOn: H.right, connections: &nothing)
        #expect(stranger.outcome == .dropped(.kernel(.blackhole)))
    }

    @Test func `only what gets through is remembered`() throws {
        let node = TracedNode(try H.plan(H.table([H.forward([rule(1, tcp, .verdict(.accept))], policy: .drop)])))
        var connections = ConnectionTable()
        _ = node.evaluate(H.frame(.udp(1, 2)), arrivingOn: H.left, connections: &connections)
        #expect(connections.count == 0)
        _ = node.evaluate(H.frame(.tcp(1, 2)), arrivingOn: H.left, connections: &connections)
        #expect(connections.count == 1)
    }

    @Test func `the kernel itself drops what is for nobody here`() throws {
        let table = H.table([])
        let cases: [(Frame, Trace.KernelReason)] = [
            (H.frame(ttl: 1, .tcp(1, 2)), .timeToLive),
            (H.frame(on: 1, .tcp(1, 2)), .otherHost),
            (H.frame(from: H.legs[1].address, .tcp(1, 2)), .martian),
            (H.frame(from: IPv4Address(127, 0, 0, 1), .tcp(1, 2)), .martian),
        ]
        for (frame, reason) in cases { #expect(try H.trace(table, frame).outcome == .dropped(.kernel(reason))) }
        #expect(
            try H.trace(table, H.frame(to: H.legs[0].address, .echo(1))).outcome
                == .local(H.frame(to: H.legs[0].address, .echo(1))))
    }

    @Test func `a forwarded frame has the next hop's address, and a hop less to live`() throws {
        let far = IPv4Address(8, 8, 8, 8)
        let departure = try #require(try H.trace(H.table([]), H.frame(to: far, ttl: 9, .udp(5, 6))).departure)
        #expect(departure.link == H.right)
        #expect(departure.nextHop == .v4(H.outside))
        #expect(
            departure.frame
                == Frame(
                    destination: H.mac(of: H.outside), source: H.legs[1].mac,
                    body: .ipv4(IPv4Packet(source: H.inside, destination: far, ttl: 8, body: .udp(5, 6)))))
    }

    @Test func `lines are short`() throws {
        let table = H.table([H.forward([rule(1, tcp, .counter, .verdict(.accept))])])
        let text = try H.trace(table, H.frame(.tcp(1000, 80))).description
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 })
        #expect(text.contains("filter-forward 1: accept (sample/"))
        #expect(text.contains("leaves by eth1 to \(H.mac(of: H.outside)): 10.0.0.7 > 192.0.2.7 ttl 63"))
    }
}
