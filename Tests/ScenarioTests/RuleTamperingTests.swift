import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Promise P7 for the sets and chains that rules of users live in.
    @Suite struct RuleTamperingTests {
        private static let deeds = [
            "flush set inet sluice firewall-ports", "flush set inet sluice firewall-ranges",
            "flush set inet sluice egress-ranges", "flush map inet sluice port-forwards",
            "delete element inet sluice port-forwards { 203.0.113.50 . tcp . 80 }",
            "add element inet sluice port-forwards { 203.0.113.50 . tcp . 99 : 10.1.1.10 . 80 }",
            "add element inet sluice static-nat-in { 203.0.113.77 : 10.1.1.10 }",
            "add element inet sluice firewall-ports { 203.0.113.50 . tcp . 82 }",
            "add element inet sluice firewall-ranges { 203.0.113.50 . udp . 1-65535 . 0.0.0.0/0 }",
            "add element inet sluice pending-revocations { 7 }",
            "insert rule inet sluice filter-forward accept", "add rule inet sluice public-firewall accept",
            "insert rule inet sluice network-egress accept", "flush chain inet sluice public-firewall",
            "flush chain inet sluice nat-prerouting",
            "flush chain inet sluice nat-prerouting; delete chain inet sluice nat-prerouting",
            "chain inet sluice filter-forward { policy accept; }",
            "add chain inet sluice more { type filter hook forward priority -10; policy accept; }",
            "add set inet sluice more { type ipv4_addr; }",
        ]

        @Test func `whatever is done to rules in the kernel is undone, with an event`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let network = try daemon.network()
                let address = try daemon.acquire("203.0.113.50", for: network)
                let web = try daemon.machine("web")
                _ = try daemon.forward(address, "tcp", 80, to: web)
                _ = try daemon.forward(address, "tcp", 82, to: web, ["openfirewall": "false"])
                _ = try daemon.admit(address, "tcp", 90...99, from: "198.51.100.0/24")
                _ = try daemon.exempt(network, "tcp", 25...25)
                let listener = try world.listen(in: DemoTests.guest(daemon, "web"), 80)
                try daemon.waitUntilVerified()
                // Rules in their order, but neither chains, of which a new one is the last, nor elements, which are as
                // hashes have them.
                let listing = {
                    try world.shell(
                        """
                        nft -s list table inet sluice | tr -d '\\n\\t' | sed 's/elements = {[^}]*}//g'
                        """, in: "r-1-VM"
                    ).replacing("}", with: "").components(separatedBy: "chain ").sorted()
                }
                let names = ["firewall-ports", "firewall-ranges", "egress-ranges", "port-forwards", "static-nat-in"]
                let elements = { try KernelSets(world, of: "r-1-VM") }
                let (before, sets) = (try listing(), try elements())
                for deed in Self.deeds {
                    let repairs = try daemon.events("NODE.REPAIR").count
                    try world.shell("nft '\(deed)'", in: "r-1-VM")
                    do {
                        try seen("the repair after: \(deed)") {
                            try daemon.events("NODE.REPAIR").count > repairs ? true : nil
                        }
                    } catch {
                        Issue.record("\(error)\n\(daemon.logText)")
                    }
                    try daemon.waitUntilVerified()
                    #expect(try listing() == before, "\(deed)")
                    let now = try elements()
                    for name in names { #expect(now[name] == sets[name] && !deed.isEmpty, "\(deed): \(name)") }
                    let talk = try Conversation(
                        world, deed, from: RevocationTests.outside, to: "203.0.113.50", 80, at: listener)
                    #expect(throws: Never.self) { try talk.echo() }
                }
                #expect(sets["static-nat-in"].isEmpty && sets["port-forwards"].count == 2)
            }
        }

        /// The daemon stands still while somebody opens the router and somebody else comes in.
        @Test func `who came in by a rule that somebody added is out when it is undone`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let network = try daemon.network()
                let address = try daemon.acquire("203.0.113.50", for: network)
                let (web, node) = (try daemon.machine("web"), try DemoTests.guest(daemon, "web"))
                _ = try daemon.forward(address, "tcp", 80, to: web)
                _ = try daemon.forward(address, "tcp", 82, to: web, ["openfirewall": "false"])
                let listener = try world.listen(in: node, 80)
                let closed = try world.listen(in: node, 82)
                let from = RevocationTests.outside
                let talks = Conversations()
                talks.add(try Conversation(world, "by a rule", from: from, to: "203.0.113.50", 80, at: listener))
                for (deed, port) in [
                    ("insert rule inet sluice filter-forward accept", 82),
                    ("add element inet sluice firewall-ports { 203.0.113.50 . tcp . 82 }", 82),
                    ("add element inet sluice static-nat-in { 203.0.113.50 : 10.1.1.10 }", 80),
                ] as [(String, UInt16)] {
                    #expect(try !world.reaches(from: from, "203.0.113.50", 82))
                    let ends = try daemon.events("FLOW.END").count
                    let repairs = try daemon.events("NODE.REPAIR").count
                    daemon.process.signal(SIGSTOP)
                    try world.shell("nft '\(deed)'", in: "r-1-VM")
                    let came = try Conversation(
                        world, deed, from: from, to: "203.0.113.50", port, at: port == 80 ? listener : closed)
                    try came.echo()
                    daemon.process.signal(SIGCONT)
                    talks.add(came)
                    try seen("the repair after: \(deed)") {
                        try daemon.events("NODE.REPAIR").count > repairs ? true : nil
                    }
                    try daemon.waitUntilVerified()
                    // What static NAT led to the guest, the forward leads there as well.
                    guard port != 80 else { continue }
                    try seen("the end of what came in by: \(deed)") {
                        try daemon.events("FLOW.END").count > ends ? true : nil
                    }
                    talks.end([deed])
                    #expect(talks.faults() == [])
                }
                #expect(talks.faults() == [])
                #expect(talks.living.count == 2)
            }
        }
    }
}
