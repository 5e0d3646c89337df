import Foundation
import Testing

extension Scenarios {
    /// How large packets may be is planned from end to end, and guests are told.
    @Suite struct MTUTests {
        @Test func `what a network's packets may be as large as holds on all of its way, and is told to its guests`()
            async throws
        {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let zone = try #require(try daemon.list("listZones", "zone").first)[text: "id"]
                let offering = try #require(
                    try daemon.list("listNetworkOfferings", "networkoffering").first {
                        $0[text: "name"] == "DefaultIsolatedNetworkOfferingWithSourceNatService"
                    })[text: "id"]
                let asked = [
                    "name": "narrow", "zoneid": zone, "networkofferingid": offering, "gateway": "10.7.7.1",
                    "netmask": "255.255.255.0",
                ]
                for (parameter, value, setting) in [
                    ("privatemtu", "1501", "vr.private.interface.max.mtu"),
                    ("publicmtu", "1501", "vr.public.interface.max.mtu"), ("privatemtu", "1279", "minimum MTU of 1280"),
                ] {
                    let answer = try daemon.call("createNetwork", asked.merging([parameter: value]) { $1 })
                    #expect(answer.status == 431 && answer.error?.contains(setting) == true, "\(answer)")
                }
                let made = try daemon.perform(
                    "createNetwork", asked.merging(["privatemtu": "1400", "publicmtu": "1300"]) { $1 })
                let network = try #require(made["network"] as? [String: Any])
                #expect(network["privatemtu"] as? Int == 1400 && network["publicmtu"] as? Int == 1300)
                let id = network[text: "id"]
                try world.shell("ip netns add jar")
                for (name, more) in [
                    ("machine", ["ipaddress": "10.7.7.10"]),
                    ("box", ["ipaddress": "10.7.7.20", "port": "namespace", "hostnamespace": "jar"]),
                ] {
                    let all = ["zoneid": zone, "name": name, "networkids": id].merging(more) { $1 }
                    try daemon.perform("deployVirtualMachine", all)
                }
                let machine = try DemoTests.guest(daemon, "machine")
                let router = try DemoTests.router(daemon, of: "narrow")
                let nics = try daemon.list("listNics", "nic", ["virtualmachineid": try daemon.machine("box")])
                let port = try #require(nics.first)[text: "hostdevice"]
                func expect(_ mtu: Int, _ publicMTU: Int) throws {
                    for (device, node, wanted) in [
                        ("eth0", machine, mtu), ("eth0", "jar", mtu), ("eth0", router, mtu),
                        ("eth1", router, publicMTU),
                        (port, nil, mtu),
                    ] as [(String, String?, Int)] {
                        let line = try world.shell("ip -o link show \(device)", in: node)
                        #expect(line.contains(" mtu \(wanted) "), "\(line)")
                    }
                    let box = ServiceTown.Plugged(world: world, node: "jar")
                    #expect(try ServiceTown.lease(world, box, "eth0")["mtu"] == "\(mtu)")
                }
                try expect(1400, 1300)
                func ping(_ target: String, _ size: Int) throws -> Finished {
                    try world.run(
                        ["ping", "-n", "-c", "1", "-W", "5", "-M", "do", "-s", "\(size)", target], in: machine)
                }
                // 28 bytes of headers.
                #expect(try ping("10.7.7.1", 1372).status == 0)
                #expect(try ping("10.7.7.1", 1373).status != 0)
                #expect(try ping("198.51.100.1", 1272).status == 0)
                let told = try ping("198.51.100.1", 1273)
                #expect(told.status != 0 && (told.output + told.errors).contains("mtu = 1300"), "\(told)")

                let index = try world.shell("ip -o link show \(port)").prefix { $0 != ":" }
                try daemon.perform("updateNetwork", ["id": id, "privatemtu": "1280", "publicmtu": "1500"])
                try expect(1280, 1500)
                #expect(try world.shell("ip -o link show \(port)").prefix { $0 != ":" } == index)
                #expect(try ping("198.51.100.1", 1252).status == 0)
                try daemon.waitUntilVerified()
                // A bridge keeps its own when a port comes that carries less: nobody changed anything behind our back.
                #expect(try daemon.events("NODE.REPAIR") == [])
            }
        }
    }
}
