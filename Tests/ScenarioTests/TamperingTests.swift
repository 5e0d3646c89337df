import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Promise P7: what others do to our part of the kernel is undone when the kernel tells of it; what is theirs is left
    /// alone.
    @Suite struct TamperingTests {
        struct Deed: CustomTestStringConvertible, Sendable {
            let testDescription: String
            let line: String
            let node: String

            init(_ name: String, _ line: String, of node: String, in namespace: String? = nil) {
                testDescription = name
                self.line = namespace.map { "ip netns exec \($0) \(line)" } ?? line
                self.node = node
            }
        }

        static let deeds = [
            Deed("rules flushed", "nft flush table inet sluice", of: "r-1-VM", in: "r-1-VM"),
            Deed("one rule's chain flushed", "nft flush chain inet sluice raw-prerouting", of: "r-1-VM", in: "r-1-VM"),
            Deed(
                "a rule of others in our chain", "nft insert rule inet sluice filter-forward accept", of: "r-1-VM",
                in: "r-1-VM"),
            Deed("a set emptied", "nft flush set inet sluice guest-identities", of: "r-1-VM", in: "r-1-VM"),
            Deed("the table deleted", "nft delete table inet sluice", of: "r-1-VM", in: "r-1-VM"),
            Deed("the whole ruleset flushed", "nft flush ruleset", of: "r-1-VM", in: "r-1-VM"),
            Deed("a leg deleted from inside", "ip link delete eth1", of: "r-1-VM", in: "r-1-VM"),
            Deed("a leg deleted from the host", "ip link delete slr1e0", of: "r-1-VM"),
            Deed("a leg taken off its bridge", "ip link set slr1e0 nomaster", of: "r-1-VM"),
            Deed("a leg down", "ip link set eth0 down", of: "r-1-VM", in: "r-1-VM"),
            Deed("a leg's outer end down", "ip link set slr1e1 down", of: "r-1-VM"),
            Deed("an address removed", "ip address delete 203.0.113.10/24 dev eth1", of: "r-1-VM", in: "r-1-VM"),
            Deed("the routes flushed", "ip route flush table 101", of: "r-1-VM", in: "r-1-VM"),
            Deed("the policy rules flushed", "ip rule flush", of: "r-1-VM", in: "r-1-VM"),
            Deed("a router's namespace deleted", "ip netns delete r-1-VM", of: "r-1-VM"),
            Deed("a guest's namespace deleted", "ip netns delete i-2-2-VM", of: "i-2-2-VM"),
            Deed("the internet deleted", "ip netns delete sluice-internet", of: "sluice-internet"),
            Deed("a bridge deleted", "ip link delete slb1", of: "(host)"),
            Deed("a bridge down", "ip link set slb1 down", of: "(host)"),
        ]

        /// All in one life of one daemon: each repair must leave the ground for the next.
        @Test func `what is done to ours is repaired, with an event, and packets go again`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let plans = try daemon.plans
                var times: [String] = []
                for deed in Self.deeds {
                    let before = try daemon.events("NODE.REPAIR").filter { $0.hasPrefix(deed.node) }.count
                    let start = ContinuousClock.now
                    try world.shell(deed.line)
                    do {
                        try seen("the repair after: \(deed.testDescription)", within: .seconds(30)) {
                            try daemon.events("NODE.REPAIR").filter { $0.hasPrefix(deed.node) }.count > before
                                ? true : nil
                        }
                        times.append("\(deed.testDescription): \((ContinuousClock.now - start).milliseconds) ms")
                        try daemon.waitUntilVerified()
                        try seen("a ping after: \(deed.testDescription)", within: .seconds(30)) {
                            try world.run(["ping", "-c", "1", "-W", "1", "198.51.100.1"], in: "i-2-2-VM").status == 0
                                ? true : nil
                        }
                    } catch {
                        Issue.record("\(error)\n\(try daemon.events())\n\(daemon.logText)")
                    }
                }
                #expect(try daemon.plans == plans)
                print("Seen to be repaired after:\n  " + times.joined(separator: "\n  "))
            }
        }

        @Test func `tables, namespaces and bridges of others are left alone`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                try world.shell(
                    """
                    ip netns add theirs; ip link add br-theirs type bridge; ip link set br-theirs up
                    ip link add v1 type veth peer name v2 netns theirs; ip link set v1 master br-theirs up
                    ip -n theirs address add 192.0.2.1/24 dev v2
                    ip netns exec theirs nft add table inet sluice
                    nft add table inet theirs; nft add chain inet theirs c
                    ip netns exec r-1-VM nft add table inet theirs
                    ip netns exec r-1-VM nft 'add chain inet theirs c { type filter hook forward priority 10; }'
                    ip netns exec r-1-VM nft add rule inet theirs c counter
                    """)
                let theirs =
                    "ip -o link show type bridge_slave; ip -o link show br-theirs; ip -n theirs -o address;"
                    + " ip netns exec theirs nft list ruleset; nft list table inet theirs;"
                    + " ip netns exec r-1-VM nft -s list table inet theirs"
                let before = try world.shell("\(theirs); ip netns exec r-1-VM nft list tables | grep -c .")
                // A repair of ours beside them, and then the end of everything that is ours.
                try world.shell("nft delete table inet sluice", in: "r-1-VM")
                try seen("the repair", within: .seconds(30)) {
                    try daemon.events("NODE.REPAIR").contains { $0.hasPrefix("r-1-VM") } ? true : nil
                }
                #expect(try world.shell("\(theirs); ip netns exec r-1-VM nft list tables | grep -c .") == before)
                #expect(try daemon.stop(with: SIGINT) == 0)
                #expect(try world.shell("ls /run/netns") == "theirs\n")
                #expect(
                    try world.shell("ip -o link show br-theirs | grep -c UP; nft list tables")
                        == "1\ntable inet theirs\n")
                #expect(try world.shell("nft list tables", in: "theirs") == "table inet sluice\n")
            }
        }
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
