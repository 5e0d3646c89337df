import CLinux
import Foundation
import Testing

extension Scenarios {
    /// IS20: what one tenant gives back the next one gets, and nothing of the first comes with it: behind ports of every
    /// kind, each after each.
    @Suite struct RecyclingTests {
        /// What tells a network's frames from others' on the wire, of which there is one.
        private enum Segment: String {
            case vxlan = "5000"
            case vlan = "50"

            var isolation: String { self == .vlan ? "VLAN" : "VXLAN" }
            var device: String { self == .vlan ? "trunk0.50" : "slv5000" }
        }

        /// Public addresses for one network: whoever comes next gets the same.
        private static func cloud(_ segment: Segment) -> String {
            """
            {"zones": [{"name": "narrow", "dns1": "198.51.100.1",
              "physicalNetworks": [{"name": "wire", "isolation": "\(segment.isolation)",
                                    "segments": ["\(segment.rawValue)"], "trunk": "trunk0"}],
              "publicRanges": [{"subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "addresses": "192.0.2.10-192.0.2.11"}]}],
             "accounts": [{"name": "anna"}, {"name": "bert"}]}
            """
        }
        private static let address = "192.0.2.11"
        private static let outside = "198.51.100.1"
        private static let ports: [String: UInt16] = ["anna": 81, "bert": 82]

        /// A tenant's network, with a router and a public address once it has a machine.
        private struct Estate {
            let network: String
            private(set) var router = ""
            private(set) var address = ""

            init(_ daemon: DaemonUnderTest, _ tenant: String, _ zone: String) throws {
                let offering = try daemon.id(
                    of: "DefaultIsolatedNetworkOfferingWithSourceNatService", "listNetworkOfferings", "networkoffering")
                let made =
                    try daemon.perform(
                        "createNetwork",
                        [
                            "account": tenant, "zoneid": zone, "networkofferingid": offering, "name": "net-\(tenant)",
                            "gateway": "10.1.1.1", "netmask": "255.255.255.0", "networkdomain": "\(tenant).example",
                        ])["network"] as? [String: Any]
                network = try #require(made)[text: "id"]
            }

            mutating func open(_ daemon: DaemonUnderTest) throws {
                address = try daemon.acquire(RecyclingTests.address, for: network)
                let found = try daemon.list("listRouters", "router", ["networkid": network]).first
                router = try #require(found)[text: "name"]
            }

            func end(_ daemon: DaemonUnderTest) throws {
                try daemon.perform("disassociateIpAddress", ["id": address])
                try daemon.perform("deleteNetwork", ["id": network])
            }

            func counted(_ daemon: DaemonUnderTest) throws -> [String: Int] {
                let found = try daemon.list("listPublicIpAddresses", "publicipaddress", ["id": address]).first
                let address = try #require(found)
                return ["receivedpackets", "sentpackets"].reduce(into: [:]) { $0[$1] = address[$1] as? Int ?? 0 }
            }
        }

        @Test(.timeLimit(.minutes(60)))
        func `IS20: an address, a VNI and a MAC that go to another tenant take nothing along`() async throws {
            try await inOwnWorld { world in try Self.recycle(world, .vxlan, rounds: isLong ? 1_000 : 18) }
        }

        /// In the kernel tier, where all is ten times slower: once from tenant to tenant, and from each kind of port to each in
        /// the long form; without what is served, which knows nothing of segments.
        @Test(.needsVLANs, .timeLimit(.minutes(60)))
        func `IS20: neither do an address, a VLAN and a MAC`() async throws {
            try await inOwnWorld { world in try Self.recycle(world, .vlan, rounds: isLong ? 10 : 2) }
        }

        private static func recycle(_ world: World, _ segment: Segment, rounds: Int) throws {
            try world.shell(
                """
                ip link add trunk0 type veth peer name wall; ip link set wall up
                ip addr add 10.255.0.1/24 dev trunk0; ip link set trunk0 up
                """)
            let premises = try Premises(world)
            let daemon = try DaemonUnderTest(world)
            let file = "\(world.directory)/narrow.json"
            try cloud(segment).write(toFile: file, atomically: true, encoding: .utf8)
            let applied = try daemon.sluice("apply", file)
            #expect(applied.status == 0, "\(applied.errors)")
            let template = try Turn.prepare(daemon)
            let zone = try daemon.id(of: "narrow", "listZones", "zone")
            let client = try world.inside("sluice-internet") { try Wire.bound(SOCK_DGRAM, outside, 4000) }
            let raw = try world.inside("sluice-internet") { try Wire(AF_INET, SOCK_RAW, Int32(IPPROTO_RAW)) }
            let resolver = try world.inside("sluice-internet") { try Wire.bound(SOCK_DGRAM, outside, 53) }
            let late = { (turn: Turn) in
                let port = turn.before.flatMap { ports[$0.tenant] } ?? 80
                for _ in 0..<10 {
                    client.tell(Array("late".utf8), to: address, port)
                    _ = raw.tell(Wire.opening(from: outside, to: address, port), to: address, port)
                }
            }
            for round in 0..<rounds {
                let turn = Turn(round: round, subnet: "10.1.1")
                let port = try #require(ports[turn.tenant])
                late(turn)
                var estate = try Estate(daemon, turn.tenant, zone)
                let tenancy = try Tenancy(turn, daemon, on: estate.network, zone, template: template)
                try estate.open(daemon)
                let ear = try world.inside(tenancy.node) {
                    try Wire(AF_PACKET, SOCK_DGRAM, Int32(UInt16(ETH_P_IP).bigEndian))
                }
                let fresh = try RouterMemory(world, estate.router)
                #expect(fresh.flows == 0 && fresh.learned == [] && fresh.counts == [], "\(turn.name): \(fresh)")
                #expect(try estate.counted(daemon).values.allSatisfy { $0 == 0 })
                // What belonged to the one before still comes in, and is not the next one's.
                late(turn)
                if segment == .vlan {
                    try tenancy.configure(router: "10.1.1.1")
                } else {
                    try tenancy.expectOwn(from: "10.1.1.1", domain: "\(turn.tenant).example")
                    try expectForeign(turn, tenancy, resolver)
                }
                for transport in ["udp", "tcp"] {
                    _ = try daemon.forward(estate.address, transport, Int(port), to: tenancy.machine)
                }
                late(turn)
                let service = try world.inside(tenancy.node) { try Wire.bound(SOCK_DGRAM, turn.address, port) }
                let door = try world.inside(tenancy.node) { try Wire.bound(SOCK_STREAM, turn.address, port) }
                let questions = round % 5 + 1
                for _ in 0..<questions {
                    client.tell(Array("for \(turn.name)".utf8), to: address, port)
                    let heard = try service.hear()
                    #expect(heard.text == "for \(turn.name)")
                    service.tell(Array("from \(turn.name)".utf8), to: heard.from, heard.port)
                    #expect(try client.hear().text == "from \(turn.name)")
                }
                while let packet = ear.arrived() {
                    guard packet.count >= 24, packet[12..<16].elementsEqual([198, 51, 100, 1]) else { continue }
                    #expect(packet[22..<24].elementsEqual([0, UInt8(port)]), "\(packet)")
                }
                // Counters are read by the clock: seldom, since that is what takes long here.
                if segment == .vxlan, round % 6 < 2 {
                    try seen("the counts of this one's packets and no others") {
                        _ = try daemon.call("listTraffic")
                        let counts = try estate.counted(daemon)
                        return counts == ["receivedpackets": questions, "sentpackets": questions] ? true : nil
                    }
                }
                // A stream that is in the middle of it when everything is taken away.
                let stream = try world.inside("sluice-internet") { try Wire.tcp(to: address, port) }
                let used = try RouterMemory(world, estate.router)
                #expect(used.flows >= 2 && !used.learned.isEmpty && !used.counts.isEmpty, "\(turn.name): \(used)")
                try tenancy.end()
                try estate.end(daemon)
                let traces = try tenancy.traces([estate.network, estate.router, segment.device])
                let changes = try premises.changes()
                #expect(traces == [] && changes == [], "\(turn.name)")
                withExtendedLifetime((stream, door)) {}
            }
        }

        /// The name of the one before, in a domain that is not this network's, is not the router's to know: it asks outside.
        private static func expectForeign(_ turn: Turn, _ tenancy: Tenancy, _ resolver: Wire) throws {
            guard let before = turn.before else { return }
            let client = try tenancy.world.inside(tenancy.node) { try Wire.bound(SOCK_DGRAM, turn.address, 4000) }
            let name = "\(before.name).\(before.tenant).example"
            client.tell(DNSByHand.question(name, UInt16(turn.round)), to: "10.1.1.1", 53)
            let asked = try DNSByHand.heard(resolver, name)
            resolver.tell(DNSByHand.denial(of: asked.bytes), to: asked.from, asked.port)
            #expect(try client.receive().map { $0[3] & 0xf } == 3, "\(turn.name)")
        }
    }
}
