import Foundation
import Testing

extension Scenarios {
    /// Ports of addresses that are a guest network's own, shared by its machines.
    @Suite struct InternalBalancingTests {
        static let address = "10.1.1.200"

        private static func create(
            _ daemon: DaemonUnderTest, _ more: [String: String] = [:]
        ) throws -> [String: Any] {
            let network = try daemon.network()
            let made = try daemon.perform(
                "createLoadBalancer",
                [
                    "name": "inside", "scheme": "Internal", "algorithm": "roundrobin", "sourceport": "80",
                    "instanceport": "8080", "networkid": network, "sourceipaddressnetworkid": network,
                    "sourceipaddress": address,
                ].merging(more) { $1 })
            return try #require(made["loadbalancer"] as? [String: Any])
        }

        @Test(.needsRoot) func `machines of the network share it, and nobody outside comes near it`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let members = Members(world)
                try members.start("web", in: "i-2-2-VM", 8080)
                try members.start("db", in: "i-2-3-VM", 8080)
                let made = try Self.create(daemon)
                let rule = made[text: "id"]
                #expect(made[text: "sourceipaddress"] == Self.address)
                try daemon.perform(
                    "assignToLoadBalancerRule",
                    ["id": rule, "virtualmachineids": "\(daemon.machine("web")),\(daemon.machine("db"))"])
                // A member is a client too: its neighbour's answers, and its own, go by the router.
                let visit = { try Visit(world, from: "i-2-2-VM", to: Self.address, 80) }
                let heard = try (0..<4).map { _ in try visit().member }
                #expect(heard.sorted() == ["db", "db", "web", "web"])
                // The client is told apart where HTTP is spoken.
                try daemon.perform(
                    "createLBStickinessPolicy", ["lbruleid": rule, "methodname": "LbCookie", "name": "s"])
                let page = try world.shell("curl -s -m 5 http://\(Self.address)/", in: "i-2-2-VM")
                let client = try world.shell(
                    "ip -4 -br addr show scope global | awk '{print $3}' | cut -d/ -f1", in: "i-2-2-VM")
                #expect(page.hasSuffix(" " + client.trimmingCharacters(in: .newlines)), "\(page) from \(client)")

                // From outside the address is not to be had, not even by a neighbour of the router who sends there on
                // purpose, and who reaches what is public.
                let public50 = try daemon.acquire("203.0.113.50", for: daemon.network())
                _ = try daemon.balance(public50, [daemon.machine("web")])
                try world.shell(
                    """
                    bridge=$(ip -br link show type bridge | awk '/^slp/ {print $1}' | cut -d@ -f1)
                    ip netns add stranger
                    ip link add strange type veth peer name eth0 netns stranger
                    ip link set strange master $bridge up
                    ip -n stranger addr add 203.0.113.77/24 dev eth0
                    ip -n stranger link set eth0 up
                    ip -n stranger route add \(Self.address) via 203.0.113.10
                    """)
                try seen("the stranger's link") { try world.reaches(from: "stranger", "203.0.113.50", 80) ? true : nil }
                #expect(try !world.reaches(from: "stranger", Self.address, 80))
                let stopped = try world.shell(
                    "nft list chain inet sluice filter-input | grep internal-ports", in: "r-1-VM")
                #expect(stopped.contains("packets") && !stopped.contains("packets 0 "), "\(stopped)")
                try daemon.perform("disassociateIpAddress", ["id": public50])
                #expect(try daemon.list("listLoadBalancerRules", "loadbalancerrule").isEmpty)
                let listed = try #require(try daemon.list("listLoadBalancers", "loadbalancer").first)
                let instances = listed["loadbalancerinstance"] as? [[String: Any]] ?? []
                #expect(instances.map { $0[text: "name"] }.sorted() == ["i-2-2-VM", "i-2-3-VM"])

                // A second port of the address, then none: it is free again at once, for a guest too.
                let other = try Self.create(daemon, ["sourceport": "81", "algorithm": "leastconn"])
                let taken = try daemon.call(
                    "deployVirtualMachine",
                    [
                        "zoneid": daemon.zone(), "name": "late", "networkids": daemon.network(),
                        "ipaddress": Self.address,
                    ])
                #expect(taken.status == 431, "\(taken.status) \(taken.error ?? "")")
                try daemon.perform("deleteLoadBalancer", ["id": other[text: "id"]])
                _ = try world.shell("curl -s -m 5 http://\(Self.address)/", in: "i-2-2-VM")
                try daemon.perform("deleteLoadBalancer", ["id": rule])
                #expect(try !world.reaches(from: "i-2-2-VM", Self.address, 80))
                try seen("no proxy any more") {
                    try world.run(["ip", "netns", "pids", "r-1-VM"]).output.isEmpty ? true : nil
                }
                _ = try Self.create(daemon)
                #expect(try daemon.stop() == 0)
            }
        }
    }
}
