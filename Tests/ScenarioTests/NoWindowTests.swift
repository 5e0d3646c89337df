import Foundation
import Testing

extension Scenarios {
    /// Promise P2: no packet is judged by anything but the rules before or the rules after.
    @Suite struct NoWindowTests {
        @Test(.timeLimit(.minutes(isLong ? 10 : 3)))
        func `IS21: no packet is judged wrongly while the ruleset changes, and the same in two transactions shows`()
            async throws
        {
            try await inOwnWorld { world in
                let updates = isLong ? 1000 : 200
                let data = "\(world.directory)/data"
                let daemon = try DaemonUnderTest(world, data: data)
                let guest = try DemoTests.guest(daemon, "web")
                let zone = try #require(daemon.list("listZones", "zone").first)[text: "id"]
                let network = try #require(daemon.list("listNetworks", "network").first)[text: "id"]

                // The address that the flood forges is given and taken again and again, to another machine.
                let flood = try Flood(world, from: guest, at: "10.1.1.10", spoofed: "10.1.1.77")
                try seen("the flood") { flood.count.allowedReceived > 100 ? true : nil }
                let start = ContinuousClock.now
                for _ in 0..<updates / 2 {
                    let made = try daemon.perform(
                        "deployVirtualMachine",
                        [
                            "zoneid": zone, "networkids": network, "name": "brief", "ipaddress": "10.1.1.77",
                        ])
                    let id = (made["virtualmachine"] as? [String: Any] ?? [:])[text: "id"]
                    try daemon.perform("destroyVirtualMachine", ["id": id, "expunge": "true"])
                }
                let took = ContinuousClock.now - start
                let count = flood.end()
                #expect(count.wrong == 0, "\(count)")
                let drops = try DemoTests.refusals(world, "address")
                #expect(drops == count.forbiddenSent, "\(drops) drops; \(count)")
                print("\(updates) updates in \(took.milliseconds) ms: \(count)")

                // The same test sees a window when there is one: the daemon is gone, the router
                // does not ask again, and what the guard of the ports knows changes in two steps.
                #expect(try daemon.stop() == 0)
                let (emptied, filled) = ("\(world.directory)/emptied.nft", "\(world.directory)/filled.nft")
                let unguarded = "\(world.directory)/unguarded.nft"
                try world.shell("nft flush chain inet sluice raw-prerouting", in: "r-1-VM")
                try world.shell(
                    """
                    nft list set bridge sluice guest-identities > \(filled)
                    nft list chain bridge sluice unbound >> \(filled)
                    echo 'flush set bridge sluice guest-identities' > \(emptied)
                    echo 'flush chain bridge sluice unbound' > \(unguarded)
                    """)
                let control = try Flood(world, from: guest, at: "10.1.1.10", spoofed: "10.1.1.77")
                try seen("the flood") { control.count.allowedReceived > 100 ? true : nil }
                // Whether a packet falls into a window is chance, the less on a busy machine: as many as it takes.
                for _ in 0..<updates * 5 {
                    try world.shell("nft -f \(emptied)")
                    try world.shell("nft -f \(unguarded); nft -f \(filled)")
                    let so = control.count
                    if so.allowedReceived < so.allowedSent, so.forbiddenReceived > 0 { break }
                }
                let seen = control.end()
                #expect(seen.allowedReceived < seen.allowedSent && seen.forbiddenReceived > 0, "\(seen)")
                print("the control, in two transactions: \(seen)")
            }
        }
    }
}
