import CLinux
import Foundation
import Testing

extension Scenarios {
    /// What the counters say, against packets that the test counts itself.
    @Suite struct TrafficTests {
        /// Datagrams through a forward, each answered before the next is sent, so that none is lost or sent again.
        private struct Transfer {
            static let outside = "198.51.100.1"
            static let (question, answer) = (1_000, 200)
            let world: World
            let client: Wire
            /// What has gone through: towards the guest, and back.
            var packets = 0
            var receivedBytes: Int { packets * (28 + Self.question) }
            var sentBytes: Int { packets * (28 + Self.answer) }

            init(_ world: World) throws {
                self.world = world
                client = try world.inside("sluice-internet") { try Wire.bound(SOCK_DGRAM, Self.outside, 4000) }
            }

            mutating func run(_ count: Int, to address: String, _ port: UInt16, guest: String, at inside: UInt16) throws
            {
                let server = try world.inside(guest) { try Wire.bound(SOCK_DGRAM, "0.0.0.0", inside) }
                for _ in 0..<count {
                    try #require(client.tell([UInt8](repeating: 0x71, count: Self.question), to: address, port))
                    #expect(try server.hear().text.count == Self.question)
                    try #require(server.tell([UInt8](repeating: 0x61, count: Self.answer), to: Self.outside, 4000))
                    #expect(try client.hear().text.count == Self.answer)
                    packets += 1
                }
            }
        }

        /// Waits until these are the counts, exactly; they must not go beyond.
        private func expect(
            _ daemon: DaemonUnderTest, _ command: String, _ key: String, _ id: String, _ counts: [String: Int]
        ) throws {
            var last: [String: Any] = [:]
            do {
                try seen("counts of \(key)", within: .seconds(20)) {
                    _ = try daemon.call("listTraffic")
                    last = try #require(daemon.list(command, key).first { $0[text: "id"] == id })
                    return counts.allSatisfy { last[$0] as? Int == $1 } ? true : nil
                }
            } catch {
                Issue.record("\(counts) expected of \(key): \(last)")
            }
        }

        @Test func `counts are those of the packets, through edits, kill -9 and restart`() async throws {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                var daemon = try DaemonUnderTest(world, data: data)
                let guest = try DemoTests.guest(daemon, "web")
                let network = try #require(daemon.list("listNetworks", "network").first)
                let public4 = "203.0.113.50"
                #expect(try daemon.sluice("address", "acquire", network[text: "name"], public4).status == 0)
                #expect(try daemon.sluice("forward", "add", public4, "udp/5000-5001", "web", "6000").status == 0)
                let address = try #require(
                    daemon.list("listPublicIpAddresses", "publicipaddress").first { $0[text: "ipaddress"] == public4 })[
                        text: "id"]
                let forward = try #require(daemon.list("listPortForwardingRules", "portforwardingrule").first)[
                    text: "id"]
                let opening = try #require(daemon.list("listFirewallRules", "firewallrule").first)[text: "id"]
                var transfer = try Transfer(world)
                func expectAll(_ daemon: DaemonUnderTest, hits: Int) throws {
                    let passage = [
                        "receivedpackets": transfer.packets, "sentpackets": transfer.packets,
                        "receivedbytes": transfer.receivedBytes, "sentbytes": transfer.sentBytes,
                    ]
                    try expect(daemon, "listPublicIpAddresses", "publicipaddress", address, passage)
                    try expect(daemon, "listPortForwardingRules", "portforwardingrule", forward, passage)
                    try expect(daemon, "listNetworks", "network", network[text: "id"], passage)
                    try expect(
                        daemon, "listFirewallRules", "firewallrule", opening,
                        ["matchedpackets": hits, "matchedbytes": hits * (28 + Transfer.question)])
                }

                try transfer.run(40, to: public4, 5000, guest: guest, at: 6000)
                try expectAll(daemon, hits: 1)
                // What the edit takes away nobody has read yet: its elements are in another set now.
                try transfer.run(7, to: public4, 5000, guest: guest, at: 6000)
                try daemon.perform(
                    "updatePortForwardingRule", ["id": forward, "privateport": "5000", "privateendport": "5001"])
                try transfer.run(5, to: public4, 5000, guest: guest, at: 5000)
                try expectAll(daemon, hits: 2)

                // Killed at once after traffic that nobody has read, and traffic while there is no daemon.
                try transfer.run(11, to: public4, 5000, guest: guest, at: 5000)
                #expect(try daemon.stop(with: SIGKILL) == 128 + SIGKILL)
                try transfer.run(13, to: public4, 5000, guest: guest, at: 5000)
                daemon = try DaemonUnderTest(world, data: data)
                try expectAll(daemon, hits: 2)

                // The firewall rule's own elements go, and come anew.
                try daemon.perform("updateFirewallRule", ["id": opening, "cidrlist": "198.51.100.0/24"])
                try daemon.perform("updateFirewallRule", ["id": opening, "cidrlist": "0.0.0.0/0"])
                try transfer.run(3, to: public4, 5000, guest: guest, at: 5000)
                try expectAll(daemon, hits: 2)
                #expect(try daemon.stop() == 0)
                daemon = try DaemonUnderTest(world, data: data)
                try expectAll(daemon, hits: 2)

                // A rule and an address that go leave the network what they carried.
                #expect(try daemon.sluice("address", "release", public4).status == 0)
                try expect(
                    daemon, "listNetworks", "network", network[text: "id"],
                    ["receivedbytes": transfer.receivedBytes, "sentbytes": transfer.sentBytes])
            }
        }

        @Test func `top shows what passes, sorted, with its rate`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let guest = try DemoTests.guest(daemon, "web")
                let network = try #require(daemon.list("listNetworks", "network").first)[text: "name"]
                for (address, port) in [("203.0.113.50", "udp/5000"), ("203.0.113.51", "udp/5001")] {
                    #expect(try daemon.sluice("address", "acquire", network, address).status == 0)
                    #expect(try daemon.sluice("forward", "add", address, port, "web").status == 0)
                }
                var transfer = try Transfer(world)
                try transfer.run(50, to: "203.0.113.51", 5001, guest: guest, at: 5001)
                try seen("the counts in top") { () -> Bool? in
                    let said = try daemon.sluice(
                        "--json", "top", "addresses", "--once", "--sort", "received", "--interval", "0.2")
                    #expect(said.status == 0, "\(said.errors)")
                    let rows = try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [[String: Any]] ?? []
                    #expect(rows.count == 3)
                    guard rows.first?[text: "name"] == "203.0.113.51" else { return nil }
                    #expect(rows[0]["receivedbytes"] as? Int == transfer.receivedBytes)
                    #expect(rows[0]["sentbytes"] as? Int == transfer.sentBytes)
                    return rows[0]["receivedrate"] != nil ? true : nil
                }
                let table = try daemon.sluice("top", "rules", "--once", "--sort=matched", "--interval=0.1")
                let lines = table.output.split(separator: "\n")
                #expect(lines.count == 5 && lines[0].hasPrefix("KIND"), "\(table.output)")
                #expect(lines[1].hasPrefix("firewall") && lines[1].contains("203.0.113.51 udp/5001"), "\(table.output)")
                // It goes on until somebody ends it.
                let live = try world.start(
                    ["\(DaemonUnderTest.programs)/sluice", "top", "--interval", "0.1"], environment: daemon.environment)
                #expect(try live.read(until: { $0.components(separatedBy: "NETWORK").count > 3 }))
                live.end()
                for words in [
                    ["top", "routers"], ["top", "--sort", "size"], ["top", "--interval", "0"],
                    ["top", "--interval", "x"],
                ] {
                    let said = try world.run(
                        ["\(DaemonUnderTest.programs)/sluice"] + words, environment: daemon.environment)
                    #expect(said.status == 2 && said.errors.contains("top ["), "\(words): \(said.errors)")
                }
            }
        }
    }
}
