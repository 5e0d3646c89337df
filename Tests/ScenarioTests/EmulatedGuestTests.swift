import Foundation
import Testing

extension Scenarios {
    /// An emulated guest is set up from the plan. What a machine in its place would do is asked of a real client.
    @Suite struct EmulatedGuestTests {
        private static let cloud = """
            {"networks": [
              {"name": "front", "zone": "demo", "cidr": "10.1.1.0/24", "gateway": "10.1.1.1"},
              {"name": "back", "zone": "demo", "cidr": "10.2.0.0/20", "gateway": "10.2.0.1"}],
             "guests": [
              {"name": "both", "nics": [{"network": "front", "address": "10.1.1.10"}, {"network": "back"}]}]}
            """

        @Test func `an emulated guest has what DHCP tells a client that runs in it`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/both.json"
                try Self.cloud.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                let node = try DemoTests.guest(daemon, "both")
                for (device, isDefault) in [("eth0", true), ("eth1", false)] {
                    let told = try Self.told(world, node, device)
                    let has = try world.shell("ip -o -4 address show dev \(device)", in: node)
                    #expect(has.contains("inet \(told["ip"] ?? "nothing")/\(told["mask"] ?? "") "), "\(told) \(has)")
                    let link = try world.shell("ip -o link show dev \(device)", in: node)
                    #expect(link.contains(" mtu \(told["mtu"] ?? "nothing") "), "\(told) \(link)")
                    let leaves = try world.shell("ip -4 route show default dev \(device)", in: node)
                    #expect((told["router"] != nil) == isDefault)
                    #expect(
                        leaves.hasPrefix(told["router"].map { "default via \($0) " } ?? "")
                            && leaves.isEmpty != isDefault)
                    // The guest goes on with what it was told: setting it again changes nothing that the daemon watches.
                    try world.shell(
                        "ip address replace \(told["ip"] ?? "")/\(told["mask"] ?? "") dev \(device)", in: node)
                }
                #expect(try world.run(["ping", "-q", "-c", "1", "-W", "5", "198.51.100.1"], in: node).status == 0)
            }
        }

        @Test func `an emulated guest speaks by its first address, also when that is newer than its others`()
            async throws
        {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                var daemon = try DaemonUnderTest(world, data: data)
                let node = try DemoTests.guest(daemon, "web")
                let machine = try daemon.machine("web")
                let nic = try #require(try daemon.list("listNics", "nic", ["virtualmachineid": machine]).first)
                let source = { (target: String) in
                    let words = try world.shell("ip -o route get \(target)", in: node).split(separator: " ")
                    return try String(words[#require(words.firstIndex(of: "src")) + 1])
                }
                try daemon.perform("addIpToNic", ["nicid": nic[text: "id"], "ipaddress": "10.1.1.120"])
                for address in ["10.1.1.111", "10.1.1.112"] {
                    try daemon.perform("updateVmNicIp", ["nicid": nic[text: "id"], "ipaddress": address])
                    #expect(try source("198.51.100.1") == address)
                    #expect(try source("10.1.1.1") == address)
                }
                // What is planned is what is there.
                daemon.process.signal(SIGKILL)
                #expect(try daemon.process.wait() == 128 + SIGKILL)
                daemon = try DaemonUnderTest(world, data: data)
                try daemon.waitUntilVerified()
                let further = try #require(
                    try daemon.list("listNics", "nic", ["virtualmachineid": machine]).first?["secondaryip"]
                        as? [[String: Any]])
                try daemon.perform("removeIpFromNic", ["id": try #require(further.first)[text: "id"]])
                #expect(try source("198.51.100.1") == "10.1.1.112")
                try daemon.waitUntilVerified()
            }
        }

        private static func told(_ world: World, _ node: String, _ device: String) throws -> [String: String] {
            let script = "\(world.directory)/told"
            try "#!/bin/sh\n[ \"$1\" != bound ] || env\n".write(toFile: script, atomically: true, encoding: .utf8)
            try world.shell("chmod +x \(script)")
            let ran = try world.run(
                [
                    "env", "-i", "PATH=/usr/bin:/bin", "busybox", "udhcpc", "-f", "-n", "-q", "-i", device, "-s",
                    script,
                    "-O", "mtu",
                ], in: node)
            #expect(ran.status == 0, "\(ran.errors)")
            let pairs = ran.output.split(separator: "\n").compactMap { line in
                let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
                return parts.count == 2 ? (parts[0], parts[1]) : nil
            }
            return Dictionary(pairs) { $1 }
        }
    }
}
