import Foundation
import LinuxKernel
import Testing

extension Scenarios {
    /// Pools under many callers at once, and a daemon that dies in between.
    @Suite struct PoolRushTests {
        /// Two ranges of public addresses and a few VLANs: pools that run out all the time.
        private static let cloud = """
            {"zones": [{"name": "pools", "dns1": "198.51.100.1",
              "physicalNetworks": [{"name": "wire", "segments": ["100-111"]}],
              "publicRanges": [
                {"subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "addresses": "192.0.2.10-192.0.2.19", "segment": "50"},
                {"subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "addresses": "192.0.2.20-192.0.2.32", "segment": "50"}]}],
             "networkOfferings": [{"name": "segment", "guestType": "L2", "services": {}, "persistent": true}],
             "accounts": [{"name": "tenant1"}, {"name": "tenant2"}]}
            """

        private static let scripts = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "pools").path

        @Test(.timeLimit(.minutes(30)))
        func
            `callers who take, keep and give back at once lose nothing and share nothing, though the daemon is killed`()
            async throws
        {
            try await inOwnWorld { world in
                let (operations, lives) = isLong ? (10_000, 20) : (2_000, 4)
                let data = "\(world.directory)/data"
                var daemon = try DaemonUnderTest(world, data: data)
                let file = "\(world.directory)/pools.json"
                try Self.cloud.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                var done = 0
                var random = SystemRandomNumberGenerator()
                for life in 1...lives {
                    let rush = try world.start(
                        ["python3", "\(Self.scripts)/rush"] + daemon.credentials + [
                            "pools", "\(life)", "\(2 * operations / lives)", "8", "\(world.directory)/state",
                        ], log: "\(world.directory)/rush.log")
                    _ = try rush.read(within: .seconds(600)) { $0.contains("half\n") }
                    poll(nil, 0, Int32.random(in: 0...40, using: &random))
                    #expect(try daemon.stop(with: SIGKILL) == 128 + SIGKILL)
                    let status = try rush.wait(within: .seconds(120))
                    let log = (try? String(contentsOfFile: "\(world.directory)/rush.log", encoding: .utf8)) ?? ""
                    #expect(status == 0, "\(rush.output) \(log)")
                    done += Self.done(rush.output)
                    daemon = try DaemonUnderTest(world, data: data)
                    try daemon.waitUntilVerified()
                    let counted = try world.run(
                        ["python3", "\(Self.scripts)/count"] + daemon.credentials + ["pools", "\(data)/ledger.sqlite"])
                    #expect(counted.status == 0, "\(counted.output) \(counted.errors)")
                    if life == lives { print("\(done) operations, \(lives) kills; \(counted.output)") }
                }
                #expect(done >= operations)
                // Each network that is there has its bridge, and no other has one.
                let networks = try daemon.list("listNetworks", "network")
                let bridges = try world.shell("ip -o link show type bridge").split(separator: "\n").filter {
                    $0.contains(": slb")
                }
                #expect(bridges.count == networks.count { ($0["state"] as? String) == "Implemented" })
            }
        }

        private static func done(_ output: String) -> Int {
            let line = output.split(separator: "\n").last { $0.hasPrefix("{") } ?? ""
            let report = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return report?["done"] as? Int ?? 0
        }
    }
}
