import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import Planner
import RouterPlan
import TestSupport
import Testing

@Suite(.needsRoot) struct `A disturbed cloud on this kernel` {
    /// What somebody does with `ip` or `nft`, and whose repair must be reported.
    struct Deed: Sendable, CustomTestStringConvertible {
        enum Victim: Sendable { case router, host }
        let victim: Victim
        /// `R` is the router's namespace, `GUESTBRIDGE`, `GUESTLEG` and `PUBLICLEG` devices of the host.
        let command: String

        init(_ command: String, on victim: Victim = .router) {
            self.victim = victim
            self.command = command
        }

        var testDescription: String { command }
    }

    static let deeds = [
        Deed(
            """
            h=$(ip netns exec R nft -a list chain inet sluice filter-forward | sed -n 's/.*counter.*# handle //p' | tail -1); \
            ip netns exec R nft delete rule inet sluice filter-forward handle $h
            """),
        Deed("ip netns exec R nft insert rule inet sluice filter-forward accept"),
        Deed("ip netns exec R nft 'delete element inet sluice public-legs { \"eth1\" }'"),
        Deed("ip netns exec R nft flush set inet sluice guest-identities"),
        Deed("ip netns exec R nft delete table inet sluice"),
        Deed("ip netns exec R nft flush ruleset"),
        Deed("ip -n R addr flush dev eth1"),
        Deed("ip -n R addr add 203.0.113.77/24 dev eth1"),
        Deed("ip -n R link set eth1 down"),
        Deed("ip -n R link set eth0 mtu 1300"),
        Deed("ip -n R link set eth0 address 02:00:00:00:99:99"),
        Deed("ip -n R link del eth0"),
        Deed("ip link del PUBLICLEG"),
        Deed("ip link set GUESTLEG nomaster"),
        Deed("ip link set GUESTLEG down"),
        Deed("ip link del GUESTBRIDGE", on: .host),
        Deed("ip link set GUESTBRIDGE down", on: .host),
        Deed("ip link set GUESTBRIDGE alias ''", on: .host),
        // With an address of its own a port would be a way to the host.
        Deed("ip link set GUESTLEG addrgenmode eui64"),
        Deed("ip link set GUESTBRIDGE addrgenmode eui64", on: .host),
        Deed(
            """
            printf 'link set GUESTLEG addrgenmode eui64\nlink set GUESTLEG down\nlink set GUESTLEG up\n' | ip -batch -
            """),
        Deed("ip netns del R"),
        Deed("ip -n R rule del pref 32000"),
        Deed("ip -n R rule add pref 50 lookup main"),
        Deed("ip -n R rule add pref 0 fwmark 0 lookup main"),
        Deed("ip -n R route replace default via 203.0.113.99 dev eth1 table 101"),
        Deed("ip -n R route flush table 101"),
        Deed("ip -n R link add stranger type bridge"),
        // Kernels before 6.2 rename no link that is up, nor one that goes down in the same message.
        Deed(#"printf 'link set eth1 down\nlink set eth1 name stranger\n' | ip -n R -batch -"#),
    ]

    @Test(arguments: deeds) func `is as planned again`(_ deed: Deed) async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            #expect(try cloud.start().failed == 0)
            let router = try cloud.router
            let foreign = "table inet bystander {\n}\n"
            #expect(try output(of: "ip netns add bystander") == "")
            let picture = try cloud.picture()
            let ends = Dictionary(
                router.rows.values.compactMap { row -> (String, [InterfaceName])? in
                    guard case .link(let link) = row.content, case .leg(let hostEnd, let bridge) = link.kind else {
                        return nil
                    }
                    return (link.name.rawValue, [hostEnd, bridge])
                }
            ) { $1 }
            let guestEnds = try #require(ends["eth0"])
            let publicEnds = try #require(ends["eth1"])
            let command = deed.command.replacing("GUESTBRIDGE", with: guestEnds[1].rawValue)
                .replacing("GUESTLEG", with: guestEnds[0].rawValue)
                .replacing("PUBLICLEG", with: publicEnds[0].rawValue)
                .replacing(/\bR\b/, with: router.name.text)
            #expect(try output(of: command) == "")
            try cloud.awaitRepair(of: deed.victim == .host ? .host : router.name, to: picture)
            let guest = try #require(cloud.guests.first)
            #expect(try cloud.reaches("\(Planner.internetHost)", from: guest.name))
            // What is not ours was not touched.
            #expect(try output(of: "ip netns exec bystander nft add table inet bystander") == "")
            #expect(try output(of: "ip netns exec bystander nft list ruleset") == foreign)
        }
    }

    @Test func `leaves a foreign table in the router's namespace as it is`() async throws {
        try await withFreshNamespace {
            let cloud = try LiveCloud()
            #expect(try cloud.start().failed == 0)
            let router = try cloud.router.name
            #expect(try output(of: "ip netns exec \(router) nft add table inet bystander") == "")
            #expect(try output(of: "ip netns exec \(router) nft add chain inet bystander watched") == "")
            let picture = try cloud.picture()
            #expect(picture.contains("\(router) table inet bystander {"))
            #expect(try output(of: "ip netns exec \(router) nft delete table inet sluice") == "")
            try cloud.awaitRepair(of: router, to: picture)
            #expect(try cloud.start().failed == 0)
            #expect(cloud.lane?.counters().writes == 0)
            #expect(try cloud.changes(from: picture) == "")
        }
    }
}
