import CLinux
import Foundation
import Testing

extension Scenarios {
    /// IS20: what one tenant gives back the next one gets, and nothing of the first comes with it.
    @Suite struct RecyclingTests {
        /// One VNI, and public addresses for one network: whoever comes next gets the same.
        private static let cloud = """
            {"zones": [{"name": "narrow", "dns1": "198.51.100.1",
              "physicalNetworks": [{"name": "wire", "isolation": "VXLAN", "segments": ["5000"], "trunk": "trunk0"}],
              "publicRanges": [{"subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "addresses": "192.0.2.10-192.0.2.11"}]}],
             "accounts": [{"name": "anna"}, {"name": "bert"}]}
            """
        private static let (address, mac, inside) = ("192.0.2.11", "0a:00:00:00:00:01", "10.1.1.10")
        private static let outside = "198.51.100.1"

        /// What a tenant has while it is there.
        private struct Tenancy {
            let network: String
            let machine: String
            let node: String
            let router: String
            let address: String
        }

        private static func begin(_ daemon: DaemonUnderTest, _ tenant: String, _ zone: String) throws -> Tenancy {
            let offering = try daemon.id(
                of: "DefaultIsolatedNetworkOfferingWithSourceNatService", "listNetworkOfferings", "networkoffering")
            let made =
                try daemon.perform(
                    "createNetwork",
                    [
                        "account": tenant, "zoneid": zone, "networkofferingid": offering, "name": "net-\(tenant)",
                        "gateway": "10.1.1.1", "netmask": "255.255.255.0",
                    ])["network"] as? [String: Any]
            let network = try #require(made)[text: "id"]
            let deployed =
                try daemon.perform(
                    "deployVirtualMachine",
                    [
                        "account": tenant, "zoneid": zone, "networkids": network, "name": "box-of-\(tenant)",
                        "ipaddress": inside, "macaddress": mac,
                    ])["virtualmachine"] as? [String: Any]
            let address =
                try daemon.perform("associateIpAddress", ["networkid": network, "ipaddress": Self.address])[
                    "ipaddress"] as? [String: Any]
            let machine = try #require(deployed)
            return Tenancy(
                network: network, machine: machine[text: "id"], node: machine[text: "instancename"],
                router: try DemoTests.router(daemon, of: "net-\(tenant)"), address: try #require(address)[text: "id"])
        }

        private static func end(_ daemon: DaemonUnderTest, _ tenancy: Tenancy) throws {
            try daemon.perform("disassociateIpAddress", ["id": tenancy.address])
            try daemon.perform("destroyVirtualMachine", ["id": tenancy.machine, "expunge": "true"])
            try daemon.perform("deleteNetwork", ["id": tenancy.network])
        }

        /// What the kernel keeps in the router by itself: connections, neighbours, and the counts of elements that are not 0.
        private static func memory(_ world: World, _ router: String) throws -> (
            flows: Int, learned: [String], counts: [String]
        ) {
            let flows = try world.shell("conntrack -L 2>/dev/null | wc -l", in: router)
            let learned = try world.shell(
                "ip neigh show nud reachable nud stale nud delay nud probe nud failed", in: router)
            let rules = try world.shell("nft list sets; nft list maps", in: router)
            return (
                Int(flows.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1,
                learned.split(separator: "\n").map(String.init),
                rules.matches(of: /[0-9a-f.:-]+[^{},]* counter packets [1-9][0-9]* bytes [0-9]+/).map { String($0.0) }
            )
        }

        @Test(.timeLimit(.minutes(60)))
        func `IS20: an address, a VNI and a MAC that go to another tenant take nothing along`() async throws {
            try await inOwnWorld { world in
                try world.shell(
                    "ip link add trunk0 type veth peer name wall; ip link set wall up; ip addr add 10.255.0.1/24 dev trunk0; ip link set trunk0 up"
                )
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/narrow.json"
                try Self.cloud.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                let zone = try daemon.id(of: "narrow", "listZones", "zone")
                let client = try world.inside("sluice-internet") { try Wire.bound(SOCK_DGRAM, Self.outside, 4000) }
                let raw = try world.inside("sluice-internet") { try Wire(AF_INET, SOCK_RAW, Int32(IPPROTO_RAW)) }
                let ports: [String: UInt16] = ["anna": 81, "bert": 82]
                let late = { (tenant: String) in
                    let port = ports[tenant == "anna" ? "bert" : "anna"] ?? 0
                    for _ in 0..<10 {
                        client.tell(Array("late".utf8), to: Self.address, port)
                        _ = raw.tell(Wire.opening(from: Self.outside, to: Self.address, port), to: Self.address, port)
                    }
                }
                for round in 0..<(isLong ? 1_000 : 24) {
                    let tenant = round % 2 == 0 ? "anna" : "bert"
                    let port = try #require(ports[tenant])
                    late(tenant)
                    let tenancy = try Self.begin(daemon, tenant, zone)
                    let ear = try world.inside(tenancy.node) {
                        try Wire(AF_PACKET, SOCK_DGRAM, Int32(UInt16(ETH_P_IP).bigEndian))
                    }
                    let fresh = try Self.memory(world, tenancy.router)
                    #expect(fresh.flows == 0 && fresh.learned == [] && fresh.counts == [], "\(round): \(fresh)")
                    #expect(try Self.counted(daemon, tenancy).values.allSatisfy { $0 == 0 })
                    // What belonged to the one before still comes in, and is not the next one's.
                    late(tenant)
                    for transport in ["udp", "tcp"] {
                        _ = try daemon.forward(tenancy.address, transport, Int(port), to: tenancy.machine)
                    }
                    late(tenant)
                    let service = try world.inside(tenancy.node) { try Wire.bound(SOCK_DGRAM, Self.inside, port) }
                    let door = try world.inside(tenancy.node) { try Wire.bound(SOCK_STREAM, Self.inside, port) }
                    let questions = round % 5 + 1
                    for _ in 0..<questions {
                        client.tell(Array("for \(tenant)".utf8), to: Self.address, port)
                        let heard = try service.hear()
                        #expect(heard.text == "for \(tenant)")
                        service.tell(Array("from \(tenant)".utf8), to: heard.from, heard.port)
                        #expect(try client.hear().text == "from \(tenant)")
                    }
                    while let packet = ear.arrived() {
                        #expect(packet.count >= 24 && packet[22..<24].elementsEqual([0, UInt8(port)]), "\(packet)")
                    }
                    // Counters are read by the clock: seldom, since that is what takes long here.
                    if round % 6 < 2 {
                        try seen("the counts of this one's packets and no others") {
                            _ = try daemon.call("listTraffic")
                            let counts = try Self.counted(daemon, tenancy)
                            return counts == ["receivedpackets": questions, "sentpackets": questions] ? true : nil
                        }
                    }
                    // A stream that is in the middle of it when everything is taken away.
                    let stream = try world.inside("sluice-internet") { try Wire.tcp(to: Self.address, port) }
                    let used = try Self.memory(world, tenancy.router)
                    #expect(used.flows >= 2 && !used.learned.isEmpty && !used.counts.isEmpty, "\(used)")
                    try Self.end(daemon, tenancy)
                    #expect(!FileManager.default.fileExists(atPath: "/run/netns/\(tenancy.router)"))
                    let host = try world.shell("ip -o link; bridge fdb show; ip neigh; nft list table bridge sluice")
                    for trace in [Self.mac, "slv5000"] { #expect(!host.contains(trace), "\(round): \(trace)") }
                    withExtendedLifetime((stream, door)) {}
                }
            }
        }

        private static func counted(_ daemon: DaemonUnderTest, _ tenancy: Tenancy) throws -> [String: Int] {
            let found = try daemon.list("listPublicIpAddresses", "publicipaddress", ["id": tenancy.address]).first
            let address = try #require(found)
            return ["receivedpackets", "sentpackets"].reduce(into: [:]) { $0[$1] = address[$1] as? Int ?? 0 }
        }
    }
}
