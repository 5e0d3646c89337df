import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Promise P2 for rules of users: each packet is judged by the rules before or by the rules after.
    @Suite struct RuleWindowTests {
        @Test(.timeLimit(.minutes(isLong ? 15 : 4)))
        func `no packet is judged wrongly while rules come, go and change, and the same in two transactions shows`()
            async throws
        {
            try await inOwnWorld { world in
                let updates = isLong ? 1000 : 200
                let data = "\(world.directory)/data"
                let daemon = try DaemonUnderTest(world, data: data)
                let network = try daemon.network()
                let (web, db) = (try daemon.machine("web"), try daemon.machine("db"))
                let node = try DemoTests.guest(daemon, "web")
                let outside = RevocationTests.outside
                let address = try daemon.acquire("203.0.113.50", for: network)
                let closed = ["openfirewall": "false"]
                let open = try daemon.forward(
                    address, "udp", 9001, to: web, closed.merging(["cidrlist": "198.51.100.0/24"]) { $1 })
                _ = try daemon.forward(address, "udp", 9002, to: web, closed)
                let limited = try daemon.forward(address, "udp", 9005, to: web, ["cidrlist": "192.0.2.0/24"])
                let admission = try daemon.admit(address, "udp", 9001...9001, from: "198.51.100.0/24")
                let ban = try daemon.exempt(network, "udp", 9004...9004)
                // Connections of which nobody hears any more are forgotten soon, so that they do not pile up.
                try world.shell("echo 1 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout", in: "r-1-VM")

                func ways() throws -> [Crossfire.Way] {
                    try [
                        ("admitted", true, 9001), ("without a firewall rule", false, 9002),
                        ("from whom the forward is not for", false, 9005),
                    ].map { name, isAllowed, port in
                        try Crossfire.Way(
                            world, name, isAllowed: isAllowed, from: outside, "198.51.100.1", to: "203.0.113.50", port,
                            in: node)
                    }
                        + [("out", true, 9003), ("out where guests may not go", false, 9004)].map {
                            name, isAllowed, port in
                            try Crossfire.Way(
                                world, name, isAllowed: isAllowed, from: node, "10.1.1.10", to: "198.51.100.1", port,
                                in: outside)
                        }
                }
                let fire = try Crossfire(ways())
                try seen("packets on all ways") { fire.isUp ? true : nil }

                // Each leaves what is fired as it was judged before: by the same rule with another reach, or by another.
                let pairs: [(odd: (String, [String: String]), even: (String, [String: String]))] = [
                    (
                        ("updateFirewallRule", ["id": admission, "cidrlist": "198.51.100.0/25"]),
                        ("updateFirewallRule", ["id": admission, "cidrlist": "198.51.100.0/24"])
                    ),
                    (
                        ("updateFirewallRule", ["id": admission, "startport": "9000", "endport": "9001"]),
                        ("updateFirewallRule", ["id": admission, "startport": "9001", "endport": "9001"])
                    ),
                    (
                        ("updateEgressFirewallRule", ["id": ban, "startport": "9004", "endport": "9006"]),
                        ("updateEgressFirewallRule", ["id": ban, "startport": "9004", "endport": "9004"])
                    ),
                    (
                        ("updatePortForwardingRule", ["id": open, "cidrlist": "198.51.0.0/16"]),
                        ("updatePortForwardingRule", ["id": open, "cidrlist": "198.51.100.0/24"])
                    ),
                    (
                        ("updatePortForwardingRule", ["id": limited, "cidrlist": "203.0.113.0/24,192.0.2.0/25"]),
                        ("updatePortForwardingRule", ["id": limited, "cidrlist": "192.0.2.0/24"])
                    ),
                ]
                let start = ContinuousClock.now
                for update in 0..<updates / 2 {
                    switch update % 8 {
                    case let kind where kind < pairs.count:
                        let pair = pairs[kind]
                        try daemon.perform(pair.odd.0, pair.odd.1)
                        try daemon.perform(pair.even.0, pair.even.1)
                    case 5:
                        let rule = try daemon.admit(address, "udp", 9000...9001, from: "0.0.0.0/1,192.0.0.0/3")
                        try daemon.perform("deleteFirewallRule", ["id": rule])
                    case 6:
                        let rule = try daemon.exempt(network, "udp", 9004...9100, to: "198.51.100.0/24")
                        try daemon.perform("deleteEgressFirewallRule", ["id": rule])
                    default:
                        let rule = try daemon.forward(address, "udp", 9100, to: db)
                        try daemon.perform("deletePortForwardingRule", ["id": rule])
                    }
                }
                let took = ContinuousClock.now - start
                let counts = fire.end()
                for count in counts { #expect(count.wrong == 0 && count.sent > 0, "\(count)") }
                print("\(updates) updates of rules in \(took.milliseconds) ms: \(counts)")

                // The same test sees a window when there is one: the daemon is gone, and two sets are filled in two steps.
                #expect(try daemon.stop() == 0)
                let (emptied, filled) = ("\(world.directory)/emptied.nft", "\(world.directory)/filled.nft")
                try world.shell(
                    """
                    for set in firewall-ranges egress-ranges; do
                        echo "flush set inet sluice $set" >> \(emptied); nft list set inet sluice $set >> \(filled)
                    done
                    """, in: "r-1-VM")
                let control = try Crossfire(ways())
                try seen("packets on all ways") { control.isUp ? true : nil }
                for _ in 0..<updates / 2 {
                    try world.shell("nft -f \(emptied); nft -f \(filled)", in: "r-1-VM")
                    if control.counts.count(where: { $0.wrong > 0 && !$0.isAllowed }) > 0 { break }
                }
                let seen = control.end()
                for name in ["admitted", "out where guests may not go"] {
                    #expect(seen.contains { $0.name == name && $0.wrong > 0 }, "\(seen)")
                }
                print("the control, in two transactions: \(seen)")
            }
        }
    }
}
