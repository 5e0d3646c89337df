import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset
import Testing

@Suite struct `A translated connection` {
    private typealias H = HandWritten
    private let tcp = Statement.match(.transportProtocol, .equal, .ipProtocol(.tcp))
    private let v4 = Statement.match(.networkProtocol, .equal, .family(.ipv4))
    private let publicAddress = IPv4Address(192, 0, 2, 50)
    private let server = IPv4Address(10, 0, 0, 7)

    /// Port 80 of the public address goes to port 8080 of somebody inside; who goes out, goes out with it.
    private func node() throws -> TracedNode {
        let forwards = SetDeclaration(
            "forwards", key: [.ipv4, .ipProtocol, .port], yield: .values([.ipv4, .port]), origin: H.owner)
        let table = H.table(
            [
                Chain(
                    "nat-prerouting", hook: Hook(.nat, .prerouting, priority: -100, policy: .accept),
                    rules: [
                        Rule(
                            H.origin(1),
                            [
                                v4, tcp,
                                .destinationNAT(
                                    .ipv4,
                                    .map("forwards", key: [.ipv4Destination, .transportProtocol, .destinationPort]),
                                    withPort: true),
                            ])
                    ]),
                H.forward(
                    [
                        Rule(H.origin(2), [.connectionState([.established, .related]), .verdict(.accept)]),
                        Rule(H.origin(3), [.connectionStatus(.destinationNAT), .verdict(.accept)]),
                        Rule(H.origin(4), [.match(.inputInterface, .equal, .interface(H.left)), .verdict(.accept)]),
                    ], policy: .drop),
                Chain(
                    "nat-postrouting", hook: Hook(.nat, .postrouting, priority: 100, policy: .accept),
                    rules: [
                        Rule(
                            H.origin(5),
                            [
                                v4, .match(.outputInterface, .equal, .interface(H.right)),
                                .sourceNAT(.ipv4, .value(.ipv4(publicAddress))),
                            ])
                    ]),
            ],
            sets: [forwards],
            elements: [
                "forwards": [
                    ElementKey([.ipv4(publicAddress), .ipProtocol(.tcp), .port(80)]): Element(
                        .values([.ipv4(server), .port(8080)]), origin: H.origin(70))
                ]
            ])
        try table.validate()
        return TracedNode(try H.plan(table))
    }

    @Test func `goes out with the public address, and its answers come in to the right one`() throws {
        let node = try node()
        var connections = ConnectionTable()
        for body in [Transport.tcp(4000, 443), .udp(4000, 53), .echo(77)] {
            let frame = H.frame(body)
            let out = node.evaluate(frame, arrivingOn: H.left, connections: &connections)
            #expect(out.ip?.source == .v4(publicAddress))
            #expect(out.ip?.destination == .v4(H.outside))
            #expect(out.translations.map(\.isPortArbitrary) == [false])
            let answer = try #require(out.departure).frame.answered(on: 1)
            let back = node.evaluate(answer, arrivingOn: H.right, connections: &connections)
            #expect(back.ip?.destination == .v4(H.inside))
            #expect(back.ip?.source == .v4(H.outside))
            #expect(back.departure?.link == H.left)
            #expect(back.translations == [])
            // What is written afterwards has right checksums.
            let bytes = try #require(back.departure).frame.bytes
            #expect(try Frame(parsing: bytes).checksumFaults == [])
        }
    }

    @Test func `comes in by a forwarded port, and is answered from it`() throws {
        let node = try node()
        var connections = ConnectionTable()
        let call = H.frame(from: H.outside, to: publicAddress, on: 1, .tcp(5000, 80))
        let inward = node.evaluate(call, arrivingOn: H.right, connections: &connections)
        #expect(inward.ip?.destination == .v4(server))
        #expect(inward.ip?.ports?.destination == 8080)
        #expect(inward.translations.count == 1)
        #expect(inward.decidedBy == H.origin(3))
        let back = node.evaluate(
            try #require(inward.departure).frame.answered(on: 0), arrivingOn: H.left, connections: &connections)
        #expect(back.ip?.source == .v4(publicAddress))
        #expect(back.ip?.ports?.source == 80)
        #expect(back.decidedBy == H.origin(2))
        let flow = try #require(connections.flows.first)
        #expect(flow.isDestinationTranslated)
        #expect(!flow.isSourceTranslated)
        #expect("\(flow)" == "tcp 192.0.2.7:5000 > 192.0.2.50:80 → 10.0.0.7:8080 > 192.0.2.7:5000")
    }

    /// `nf_nat_oif_changed` in the kernel: what is masqueraded for one link is not let out by another, and ends there.
    @Test func `does not go on by another link than the one whose address it was given`() throws {
        let masquerade = Chain(
            "nat-postrouting", hook: Hook(.nat, .postrouting, priority: 100, policy: .accept),
            rules: [Rule(H.origin(1), [.masquerade])])
        let plan = try H.plan(H.table([masquerade]))
        var moved = plan
        var share = Contribution()
        let gateway = IPv4Address(198, 51, 100, 7)
        let route = Route(
            .v4(IPv4Prefix(host: H.outside)), via: .v4(gateway), on: H.third, table: Route.mainTable)
        share.add(.route(route), H.owner)
        try moved.add(share)
        var connections = ConnectionTable()
        let frame = H.frame(.udp(4000, 53))
        let out = TracedNode(plan).evaluate(frame, arrivingOn: H.left, connections: &connections)
        #expect(out.ip?.source == .v4(H.legs[1].address))
        let other = TracedNode(moved).evaluate(frame, arrivingOn: H.left, connections: &connections)
        #expect(other.outcome == .dropped(.kernel(.otherLink)))
        #expect(connections.count == 0)
    }

    /// Nothing tells two such connections apart once both have one source: the second is lost, but only where it leaves.
    @Test func `has its place for itself where there are no ports to tell it by`() throws {
        let node = try node()
        var connections = ConnectionTable()
        let first = H.frame(.other([0, 1, 2, 3, 4, 5, 6, 7]))
        #expect(node.evaluate(first, arrivingOn: H.left, connections: &connections).departure != nil)
        let second = H.frame(from: IPv4Address(10, 0, 0, 8), to: H.outside, on: 0, .other([0, 1, 2, 3, 4, 5, 6, 7]))
        let trace = node.evaluate(second, arrivingOn: H.left, connections: &connections)
        #expect(trace.outcome == .dropped(.kernel(.taken)))
        #expect(trace.translations.count == 1)
        #expect(connections.count == 1)
    }

    /// The example of RFC 5508, section 4: the error is about the translated packet, and its receiver must know its own.
    @Test func `gets errors about it, with its own addresses in what they quote`() throws {
        let node = try node()
        var connections = ConnectionTable()
        let frame = H.frame(.udp(4000, 9))
        let out = try #require(node.evaluate(frame, arrivingOn: H.left, connections: &connections).departure)
        let hop = IPv4Address(192, 0, 2, 99)
        let error = node.evaluate(
            out.frame.refused(by: hop, on: 1), arrivingOn: H.right, connections: &connections)
        #expect(error.decidedBy == H.origin(2))
        #expect(error.ip?.source == .v4(hop))
        #expect(error.ip?.destination == .v4(H.inside))
        let quoted = try #require(error.ip?.quoted)
        #expect(quoted.source == .v4(H.inside))
        #expect(quoted.destination == .v4(H.outside))
        #expect(quoted.ports?.source == 4000)
        #expect(quoted.ports?.destination == 9)
        #expect(quoted.checksumFaults == [])
        // The same of a packet that nobody sent is no part of anything.
        let foreign = H.frame(from: publicAddress, on: 1, .udp(4001, 9)).refused(by: hop, on: 1)
        #expect(!node.evaluate(foreign, arrivingOn: H.right, connections: &connections).isForwarded)
    }

    @Test func `keeps its port unless another has it`() throws {
        let node = try node()
        var connections = ConnectionTable()
        let first = node.evaluate(H.frame(.tcp(4000, 443)), arrivingOn: H.left, connections: &connections)
        #expect(first.ip?.ports?.source == 4000)
        let neighbour = H.frame(from: IPv4Address(10, 0, 0, 8), .tcp(4000, 443))
        let second = node.evaluate(neighbour, arrivingOn: H.left, connections: &connections)
        #expect(second.translations.map(\.isPortArbitrary) == [true])
        let port = try #require(second.ip?.ports?.source)
        #expect(port != 4000 && port >= 1024)
        // To another place the port is free.
        let elsewhere = H.frame(from: IPv4Address(10, 0, 0, 8), to: IPv4Address(192, 0, 2, 8), .tcp(4000, 443))
        #expect(node.evaluate(elsewhere, arrivingOn: H.left, connections: &connections).ip?.ports?.source == 4000)
    }

    @Test func `begins with a packet that may begin one`() throws {
        let node = try node()
        let strangers: [Transport] = [
            .tcp(4000, 443, [.syn, .ack]), .tcp(4000, 443, .rst), .tcp(4000, 443, .fin), .tcp(4000, 443, []),
            .icmp(ICMPMessage(type: 0, rest: 1)), .icmp(ICMPMessage(type: 3, payload: [1, 2])),
        ]
        for body in strangers {
            var connections = ConnectionTable()
            let trace = node.evaluate(H.frame(body), arrivingOn: H.left, connections: &connections)
            // Untranslated: without a connection there is nothing to translate.
            #expect(trace.ip?.source == .v4(H.inside), "\(body)")
            #expect(connections.count == 0)
        }
    }
}
