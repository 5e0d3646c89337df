import Foundation
import Testing

extension Scenarios {
    /// Networks that are not one tenant's isolated ones, and networks that change, with real packets.
    @Suite struct NetworkKindTests {
        private static let cloud = """
            {"accounts": [{"name": "acme"}],
             "networkOfferings": [
              {"name": "shared", "guestType": "Shared", "services": {}, "specifiesSegment": true},
              {"name": "l2", "guestType": "L2", "services": {}}],
             "networks": [
              {"name": "office", "zone": "demo", "offering": "shared", "segment": "98", "cidr": "10.9.0.0/24",
               "gateway": "10.9.0.1", "ranges": ["10.9.0.10-10.9.0.19"]},
              {"name": "twin", "zone": "demo", "offering": "shared", "segment": "97", "cidr": "10.9.0.0/24",
               "gateway": "10.9.0.1", "ranges": ["10.9.0.10-10.9.0.19"]},
              {"name": "bare", "zone": "demo", "offering": "l2"}],
             "guests": [
              {"name": "one", "nics": [{"network": "office", "address": "10.9.0.10"}]},
              {"name": "two", "account": "acme", "nics": [{"network": "office", "address": "10.9.0.11"}]},
              {"name": "three", "nics": [{"network": "twin", "address": "10.9.0.12"}]},
              {"name": "four", "nics": [{"network": "bare"}]}]}
            """

        @Test func `guests of different tenants meet on a shared network and on no other`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/kinds.json"
                try Self.cloud.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                let nodes = try ["one", "two", "three", "four"].map { try DemoTests.guest(daemon, $0) }
                let pings = { (from: String, to: String) in
                    try world.run(["ping", "-q", "-c", "1", "-W", "2", to], in: from).status == 0
                }
                #expect(try pings(nodes[0], "10.9.0.11"))
                #expect(try pings(nodes[1], "10.9.0.10"))
                // The twin has the same addresses on another segment.
                #expect(try !pings(nodes[2], "10.9.0.11"))
                #expect(try !pings(nodes[0], "10.9.0.12"))
                // No gateway of ours: what leaves the network goes nowhere.
                #expect(try !pings(nodes[0], "198.51.100.1"))
                #expect(try world.shell("ip -o -4 address show eth0", in: nodes[3]).isEmpty)
                #expect(try world.shell("ip -o link show eth0", in: nodes[3]).contains("state UP"))
                #expect(try daemon.list("listRouters", "router").count == 1)
                // Twice is once, and without the guests everything goes.
                #expect(try daemon.sluice("apply", file).status == 0)
                for name in ["one", "two", "three", "four"] {
                    try daemon.perform(
                        "destroyVirtualMachine", ["id": try daemon.machine(name), "expunge": "true"])
                }
                for name in ["office", "twin", "bare"] {
                    try daemon.perform("deleteNetwork", ["id": try daemon.network(name)])
                }
                let bridges = try world.shell("ip -o link show type bridge").split(separator: "\n").filter {
                    $0.contains(": slb")
                }
                #expect(bridges.count == 1, "\(bridges)")
            }
        }

        @Test func `a restart repairs what somebody broke, and loses no block of a stream`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let router = try DemoTests.router(daemon, of: "demo")
                let stream = try Stream(world, from: DemoTests.guest(daemon, "web"))
                let before = try daemon.list("listRouters", "router").first?["guestmacaddress"] as? String
                for cleanup in ["false", "true"] {
                    let rounds = stream.rounds
                    try daemon.perform("restartNetwork", ["id": try daemon.network(), "cleanup": cleanup])
                    try seen("more blocks") { stream.rounds > rounds + 10 ? true : nil }
                }
                let id = try daemon.id(of: router, "listRouters", "router")
                try daemon.perform("rebootRouter", ["id": id])
                #expect(stream.end() == nil)
                #expect(try daemon.list("listRouters", "router").first?["guestmacaddress"] as? String == before)
                try daemon.perform("destroyRouter", ["id": id])
                #expect(try world.run(["ls", "/run/netns/\(router)"]).status != 0)
                try daemon.perform("restartNetwork", ["id": try daemon.network()])
                // Another router has another MAC address, which the guest has to ask for when nobody answers any more.
                let web = try DemoTests.guest(daemon, "web")
                try seen("an answer by way of the new router", within: .seconds(120)) {
                    try world.run(["ping", "-q", "-c", "1", "-W", "1", "198.51.100.1"], in: web).status == 0
                        ? true : nil
                }
            }
        }

        @Test func `a network takes another offering under a stream that both allow`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let offering =
                    try daemon.perform(
                        "createNetworkOffering",
                        [
                            "name": "slim", "displaytext": "slim", "guestiptype": "Isolated", "traffictype": "Guest",
                            "supportedservices": "SourceNat,Gateway,Firewall", "egressdefaultpolicy": "true",
                            "enable": "true",
                        ])["networkoffering"] as? [String: Any]
                let stream = try Stream(world, from: DemoTests.guest(daemon, "web"))
                try daemon.perform(
                    "updateNetwork", ["id": try daemon.network(), "networkofferingid": offering?[text: "id"] ?? ""])
                let rounds = stream.rounds
                try seen("more blocks") { stream.rounds > rounds + 10 ? true : nil }
                #expect(stream.end() == nil)
                let refused = try daemon.finish(
                    "createPortForwardingRule",
                    [
                        "ipaddressid": try daemon.acquire("203.0.113.50", for: try daemon.network()), "protocol": "tcp",
                        "publicport": "80", "privateport": "80", "virtualmachineid": try daemon.machine("web"),
                    ])
                #expect(refused.status == 432, "\(refused)")
                try daemon.waitUntilVerified()
            }
        }
    }
}
