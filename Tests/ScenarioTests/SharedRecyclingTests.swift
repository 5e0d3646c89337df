import CLinux
import Foundation
import Testing

extension Scenarios {
    /// IS20 where the router stays: on a network that tenants share, which one leaves and the next one enters.
    @Suite struct SharedRecyclingTests {
        /// The network's resolver is one of its guests, so that the test holds its answers back.
        private static let cloud = """
            {"accounts": [{"name": "anna"}, {"name": "bert"}],
             "networkOfferings": [
              {"name": "shared", "guestType": "Shared", "specifiesSegment": true,
               "services": {"Dhcp": "VirtualRouter", "Dns": "VirtualRouter", "UserData": "VirtualRouter"}}],
             "networks": [
              {"name": "office", "zone": "demo", "offering": "shared", "segment": "98", "cidr": "10.9.0.0/24",
               "gateway": "10.9.0.1", "ranges": ["10.9.0.10-10.9.0.13"], "domain": "office.example", "dns1": "10.9.0.13"}],
             "guests": [{"name": "resolver", "nics": [{"network": "office", "address": "10.9.0.13"}]}]}
            """
        private static let resolver = "10.9.0.13"

        @Test(.timeLimit(.minutes(60)))
        func `IS20: who comes to a shared network hears nothing that was for the one before`() async throws {
            try await inOwnWorld { world in
                let premises = try Premises(world)
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/office.json"
                try Self.cloud.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                let template = try Turn.prepare(daemon)
                let (zone, network) = (try daemon.zone(), try daemon.network("office"))
                let found = try daemon.list("listRouters", "router", ["networkid": network]).first
                let (router, server) = (try #require(found)[text: "name"], try #require(found)[text: "guestipaddress"])
                let witness = try DemoTests.guest(daemon, "resolver")
                let resolver = try world.inside(witness) { try Wire.bound(SOCK_DGRAM, Self.resolver, 53) }
                var late: DNSByHand.Heard?
                for round in 0..<(isLong ? 1_000 : 18) {
                    let turn = Turn(round: round, subnet: "10.9.0")
                    let tenancy = try Tenancy(turn, daemon, on: network, zone, template: template)
                    let fresh = try RouterMemory(world, router, of: turn.address)
                    #expect(fresh.flows == 0 && fresh.counts == [], "\(turn.name): \(fresh)")
                    try tenancy.expectOwn(from: server, domain: "office.example")
                    let client = try world.inside(tenancy.node) { try Wire.bound(SOCK_DGRAM, turn.address, 4000) }

                    // What the one before has asked is answered now, to where it asked from: it does not hear it any more.
                    if let question = late {
                        resolver.tell(DNSByHand.denial(of: question.bytes), to: server, question.port)
                    }
                    let own = UInt16(round)
                    client.tell(DNSByHand.question("\(turn.name).example.org", own), to: server, 53)
                    let asked = try DNSByHand.heard(resolver, turn.name)
                    resolver.tell(DNSByHand.denial(of: asked.bytes), to: server, asked.port)
                    #expect(try client.receive().map(DNSByHand.id) == own, "\(turn.name)")

                    // Its own name, a question that is not answered, and a page that it does not read; then it goes.
                    client.tell(DNSByHand.question("\(turn.name).office.example", own | 0x4000), to: server, 53)
                    #expect(try client.receive()?.last == turn.address.split(separator: ".").last.flatMap { UInt8($0) })
                    client.tell(DNSByHand.question("late-\(turn.name).example.org", own | 0x8000), to: server, 53)
                    late = try DNSByHand.heard(resolver, "late-\(turn.name)")
                    let reader = try world.inside(tenancy.node) { try Self.reader(server) }
                    if turn.hasSecrets {
                        try reader.send(Array("GET /latest/user-data HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
                        try seen("a page that is not read") {
                            try world.shell("ss -Htn dst \(turn.address)", in: router).split(separator: "\n").contains {
                                $0.split(separator: " ").dropFirst(2).first != "0"
                            } ? true : nil
                        }
                    }
                    #expect(try RouterMemory(world, router, of: turn.address).flows > 0)
                    try tenancy.end()
                    let (traces, changes) = (try tenancy.traces(), try premises.changes())
                    #expect(traces == [] && changes == [], "\(turn.name)")
                    let kept = try Self.memory(world, router, turn.address)
                    #expect(kept == [], "\(turn.name)")
                    withExtendedLifetime(reader) {}
                }
            }
        }

        /// All that a router knows of an address, or of the MAC that goes round.
        private static func memory(_ world: World, _ router: String, _ address: String) throws -> [String] {
            // What is served is told beside what the kernel is told, and not after it.
            try seen("the end of connections") {
                try world.shell("ss -Htn dst \(address)", in: router).isEmpty ? true : nil
            }
            // A neighbour that was asked for in vain is nobody: the last segment of a connection goes there too.
            let all = try world.shell(
                """
                conntrack -L 2>/dev/null; ip route show table all; nft list ruleset
                ip neigh show nud permanent nud noarp nud reachable nud stale nud delay nud probe
                """, in: router)
            let pattern = try Regex("\\b\(address.replacing(".", with: "\\."))\\b|\(Turn.mac)")
            return all.split(separator: "\n").map(String.init).filter { $0.contains(pattern) }
        }

        /// A connection that takes in little.
        private static func reader(_ server: String) throws -> Wire {
            let wire = try Wire(AF_INET, SOCK_STREAM)
            wire.set(SO_RCVBUF, Int32(2_048))
            guard Wire.pointing(at: Wire.address(server, 80), { connect(wire.descriptor, $0, $1) }) == 0 else {
                throw Trouble("connect to \(server): \(String(cString: strerror(errno)))")
            }
            return wire
        }
    }
}
