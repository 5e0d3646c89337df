import Foundation
import Testing

extension Scenarios {
    /// Ports of guests come, change and go while the guests run.
    @Suite struct PlugTests {
        private static let blue = """
            {"networks": [{"name": "blue", "zone": "demo", "cidr": "10.2.2.0/24"}]}
            """

        @Test func `a port comes and goes a hundred times and no packet of any other port is lost`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/blue.json"
                try Self.blue.write(toFile: file, atomically: true, encoding: .utf8)
                #expect(try daemon.sluice("apply", file).status == 0)
                let web = try DemoTests.guest(daemon, "web")
                let db = try DemoTests.guest(daemon, "db")
                let machine = try daemon.machine("web")
                let blue = try daemon.network("blue")
                let stream = try Stream(world, from: web)
                let flood = try Flood(world, from: db, at: "10.1.1.20", spoofed: "10.1.1.99")
                for round in 0..<100 {
                    let mac = "0a:00:00:00:00:" + (round < 16 ? "0" : "") + String(round, radix: 16)
                    try daemon.perform(
                        "addNicToVirtualMachine",
                        [
                            "virtualmachineid": machine, "networkid": blue, "macaddress": mac,
                            "ipaddress": "10.2.2.\(round + 2)",
                        ])
                    let nic = try #require(
                        try daemon.list("listNics", "nic", ["virtualmachineid": machine, "networkid": blue]).first)
                    // `ip` sees what was asked for, and by it the guest reaches its router.
                    let link = try world.shell("ip -o link show eth1; ip -o -4 address show eth1", in: web)
                    #expect(link.contains(mac) && link.contains("10.2.2.\(round + 2)/24"), "\(link)")
                    if round % 20 == 0 { try world.shell("ping -q -c 1 -W 5 -I eth1 10.2.2.1", in: web) }
                    try daemon.perform(
                        "removeNicFromVirtualMachine", ["virtualmachineid": machine, "nicid": nic[text: "id"]])
                    #expect(try world.run(["ip", "link", "show", "eth1"], in: web).status != 0)
                }
                let count = flood.end()
                #expect(count.wrong == 0 && count.allowedSent > 1_000, "\(count)")
                #expect(stream.rounds > 0)
                #expect(stream.end() == nil)
                try daemon.waitUntilVerified()
                let ports = try world.shell("ip -o link show type veth").split(separator: "\n")
                #expect(!ports.contains { $0.contains(": slg") && $0.contains("e1@") }, "\(ports)")
            }
        }

        @Test
        func `what a guest opened by an address that it has no more ends, and the way out follows the default port`()
            async throws
        {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let file = "\(world.directory)/blue.json"
                try Self.blue.write(toFile: file, atomically: true, encoding: .utf8)
                #expect(try daemon.sluice("apply", file).status == 0)
                let web = try DemoTests.guest(daemon, "web")
                let machine = try daemon.machine("web")
                let nic = try #require(try daemon.list("listNics", "nic", ["virtualmachineid": machine]).first)
                let listener = try world.listen(in: "sluice-internet", 7007)
                let kept = try world.inside(web) { try Wire.tcp(to: "198.51.100.1", 7007) }
                #expect(
                    try daemon.flowsEnded(by: "updateVmNicIp", ["nicid": nic[text: "id"], "ipaddress": "10.1.1.111"])
                        == 1)
                #expect(try world.shell("ip -o -4 address show eth0", in: web).contains("10.1.1.111/24"))
                #expect(try world.reaches(from: web, "198.51.100.1", 7007))

                try daemon.perform(
                    "addNicToVirtualMachine", ["virtualmachineid": machine, "networkid": try daemon.network("blue")])
                let other = try #require(
                    try daemon.list("listNics", "nic", ["virtualmachineid": machine]).first {
                        $0["isdefault"] as? Bool == false
                    })
                #expect(try world.shell("ip route show default", in: web).contains("10.1.1.1 dev eth0"))
                try daemon.perform(
                    "updateDefaultNicForVirtualMachine",
                    ["virtualmachineid": machine, "nicid": other[text: "id"]])
                #expect(try world.shell("ip route show default", in: web).contains("10.2.2.1 dev eth1"))
                #expect(try world.reaches(from: web, "198.51.100.1", 7007))
                try daemon.waitUntilVerified()
                withExtendedLifetime((listener, kept)) {}
            }
        }
    }
}
