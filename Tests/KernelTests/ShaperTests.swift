import ControlPlane
import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import Reconciler
import RouterPlan
import TestSupport
import Testing

@Suite(.needsRoot, .needsQueues, .serialized) struct `A cloud with rates on this kernel` {
    /// Two networks of one guest, one of them with a rate.
    private static func file(rate: Int?) throws -> CloudFile {
        try CloudFile(
            json: """
                {
                  "zones": [{"name": "z", "dns1": "198.51.100.53",
                    "physicalNetworks": [{"name": "w", "segments": ["100-199"]}],
                    "publicRanges": [
                      {"subnet": "203.0.113.0/24", "gateway": "203.0.113.1", "addresses": "203.0.113.10-203.0.113.19"}
                    ]}],
                  "networkOfferings": [{
                    "name": "slow", "services": {"SourceNat": "VirtualRouter", "Gateway": "VirtualRouter"},
                    "egressDefault": "allow" \(rate.map { #", "rate": \#($0)"# } ?? "")
                  }],
                  "networks": [
                    {"name": "slow", "zone": "z", "offering": "slow", "cidr": "10.1.1.0/24"},
                    {"name": "fast", "zone": "z", "cidr": "10.1.2.0/24"}
                  ],
                  "guests": [{"name": "g", "nics": [{"network": "slow"}, {"network": "fast"}]}]
                }
                """)
    }

    private static func cloud(rate: Int? = 10) throws -> LiveCloud {
        try LiveCloud(try PlannedCloud(try file(rate: rate)))
    }

    private func limits(_ cloud: LiveCloud) throws -> [String] { try cloud.picture().filter { $0.hasPrefix("tc ") } }

    private func shaper(_ cloud: LiveCloud) throws -> (guest: NodePlan, Shaper) {
        let guest = try #require(cloud.guests.first)
        let shapers = guest.rows.values.compactMap { row in
            if case .shaper(let shaper) = row.content { shaper } else { nil }
        }
        try #require(shapers.count == 1)
        return (guest, shapers[0])
    }

    @Test func `limits the ports of its networks and no others, and is adopted without a write`() async throws {
        try await withFreshNamespace {
            let cloud = try Self.cloud()
            #expect(try cloud.start().failed == 0, "\(cloud.failures)")
            let (guest, shaper) = try shaper(cloud)
            let shown = try objects(from: "tc -j qdisc show").filter { $0["kind"] as? String == "tbf" }
            #expect(Set(shown.compactMap { $0["dev"] as? String }) == [shaper.port.rawValue, shaper.queue.rawValue])
            for bucket in shown {
                let options = try #require(bucket["options"] as? [String: Any])
                #expect(options["rate"] as? Int == 1_250_000)
            }
            // Nothing of it is where the guest could undo it.
            let inside = try objects(from: "ip netns exec \(guest.name) tc -j qdisc show")
            #expect(Set(inside.compactMap { $0["kind"] as? String }) == ["noqueue"])
            #expect(try cloud.reaches("10.1.1.1", from: guest.name))
            let queue = try #require(try objects(from: "tc -s -j qdisc show dev \(shaper.queue)").first)
            #expect(try #require(queue["packets"] as? Int) >= 3)

            let picture = try cloud.picture()
            #expect(try cloud.start().failed == 0)
            #expect(cloud.lane?.counters().writes == 0)
            #expect(try cloud.changes(from: picture) == "")
        }
    }

    /// `PORT` and `QUEUE` are the limited port's devices, `OTHER` a port without a limit.
    @Test(arguments: [
        "tc qdisc del dev PORT root", "tc qdisc del dev PORT clsact", "tc filter del dev PORT ingress",
        "tc qdisc replace dev PORT root tbf rate 1gbit burst 1mb limit 9mb", "tc qdisc replace dev PORT root htb",
        "tc qdisc del dev QUEUE root", "ip link set QUEUE down", "ip link del QUEUE", "ip link del PORT",
        "tc filter add dev PORT ingress prio 2 protocol ip u32 match u32 0 0 action mirred egress redirect dev lo",
        "tc qdisc add dev OTHER root tbf rate 1mbit burst 16kb limit 9kb",
    ])
    func `has its limits again`(_ deed: String) async throws {
        try await withFreshNamespace {
            let cloud = try Self.cloud()
            #expect(try cloud.start().failed == 0)
            let (guest, shaper) = try shaper(cloud)
            let picture = try cloud.picture()
            let other = guest.rows.values.flatMap { row in
                if case .link(let link) = row.content { link.hostEnds } else { [InterfaceName]() }
            }.first { $0 != shaper.port }
            let command = deed.replacing("PORT", with: shaper.port.rawValue)
                .replacing("QUEUE", with: shaper.queue.rawValue).replacing("OTHER", with: try #require(other).rawValue)
            #expect(try output(of: command) == "")
            try cloud.awaitRepair(of: guest.name, to: picture)
            #expect(try cloud.reaches("10.1.1.1", from: guest.name))
        }
    }

    @Test func `leaves what others attach to a port without a limit`() async throws {
        try await withFreshNamespace {
            let cloud = try Self.cloud(rate: nil)
            #expect(try cloud.start().failed == 0)
            let guest = try #require(cloud.guests.first)
            let port = try #require(
                guest.rows.values.flatMap { row in
                    if case .link(let link) = row.content { link.hostEnds } else { [InterfaceName]() }
                }.first)
            #expect(try output(of: "tc qdisc add dev \(port) root htb; tc qdisc add dev \(port) clsact") == "")
            let picture = try cloud.picture()
            #expect(try cloud.start().failed == 0)
            #expect(cloud.lane?.counters().writes == 0)
            #expect(try cloud.changes(from: picture) == "")
            #expect(try limits(cloud).count == 2)
        }
    }

    @Test func `loses its limits with the offering's rate, and gets them with it`() async throws {
        try await withFreshNamespace {
            let unlimited = try Self.cloud(rate: nil)
            #expect(try unlimited.start().failed == 0)
            let before = try unlimited.picture()
            unlimited.stop()
            let limited = try Self.cloud(rate: 1)
            #expect(try limited.start().failed == 0)
            #expect(try limits(limited).count == 3)
            limited.stop()
            let faster = try Self.cloud(rate: 100_000)
            #expect(try faster.start().failed == 0)
            #expect(try limits(faster).filter { $0.contains("12500000000") }.count == 2)
            faster.stop()
            #expect(try unlimited.start().failed == 0)
            #expect(try unlimited.changes(from: before) == "")
        }
    }

    @Test func `goes with its queues, also those whose ports are gone`() async throws {
        try await withFreshNamespace {
            let cloud = try Self.cloud()
            #expect(try cloud.start().failed == 0)
            let (guest, shaper) = try shaper(cloud)
            #expect(try cloud.start(cloud.planned.inOrder.filter { $0.name != guest.name }).failed == 0)
            #expect(try !output(of: "ip -o link").contains(shaper.queue.rawValue))
            #expect(try cloud.start().failed == 0)
            cloud.stop()
            #expect(try output(of: "ip netns del \(guest.name)") == "")
            // The kernel takes the ports down when the last descriptor is closed, in its own time.
            while try output(of: "ip -o link").contains(shaper.port.rawValue) {}
            #expect(try output(of: "ip -o link").contains(shaper.queue.rawValue))
            #expect(try cloud.start(cloud.planned.inOrder.filter { $0.name != guest.name }).failed == 0)
            #expect(try !output(of: "ip -o link").contains(shaper.queue.rawValue))
        }
    }

    @Test func `builds nothing over a device that is not ours`() async throws {
        try await withFreshNamespace {
            let cloud = try Self.cloud()
            let (guest, shaper) = try shaper(cloud)
            #expect(try output(of: "ip link add \(shaper.queue) type ifb") == "")
            #expect(try cloud.start().failed == 1)
            #expect(cloud.failures.contains { $0.hasPrefix("\(guest.name)") && $0.contains("\(shaper.queue)") })
            #expect(try !output(of: "tc qdisc show dev \(shaper.queue)").contains("tbf"))
        }
    }
}
