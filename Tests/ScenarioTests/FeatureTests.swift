import CLinux
import Foundation
import Testing

extension Scenarios {
    /// What a kernel lacks disables what needs it, and nothing else.
    @Suite struct FeatureTests {
        @Test func `without 802.1Q a tagged network is refused by the module's name, and others work`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let features = try daemon.status["features"] as? [[String: Any]] ?? []
                let tagging = try #require(features.first { $0[text: "name"] == "vlan" })
                try world.shell(
                    "ip link add trunk0 type veth peer name wall0 && ip link set trunk0 up && ip link set wall0 up")
                let file = "\(world.directory)/tagged.json"
                try """
                {"zones": [{"name": "tagged", "dns1": "192.0.2.53",
                    "physicalNetworks": [{"name": "wire", "segments": ["7-8"], "trunk": "trunk0"}],
                    "publicRanges": [{"subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "addresses": "192.0.2.10-192.0.2.20"}]}]}
                """.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                let zone = try #require(daemon.list("listZones", "zone").first { $0[text: "name"] == "tagged" })[
                    text: "id"]
                let offering = try #require(
                    daemon.list("listNetworkOfferings", "networkoffering").first {
                        $0["egressdefaultpolicy"] as? Bool == true
                    })
                let network = try daemon.perform(
                    "createNetwork",
                    [
                        "zoneid": zone, "networkofferingid": offering[text: "id"], "name": "tagged",
                        "gateway": "10.7.0.1", "netmask": "255.255.255.0",
                    ])
                let id = (network["network"] as? [String: Any] ?? [:])[text: "id"]
                let deployed = try daemon.finish(
                    "deployVirtualMachine", ["zoneid": zone, "networkids": id, "name": "tagged"])
                if tagging["available"] as? Bool == true {
                    #expect(deployed.status == 200, "\(deployed)")
                    #expect(try world.shell("ip -d -o link show type vlan").contains("id 7"))
                    return
                }
                #expect(deployed.status == 530 && deployed.error?.contains("8021q") == true, "\(deployed)")
                #expect(deployed.error?.contains("taken back") == true, "\(deployed)")
                #expect(try daemon.events("CHANGE.REVERT").contains { $0.contains("8021q") })
                #expect(try daemon.list("listVirtualMachines", "virtualmachine").count == 2)
                #expect(
                    try daemon.list("listNetworks", "network").first { $0[text: "id"] == id }?[text: "state"]
                        == "Allocated")
                // The demo's network takes the next guest as if nothing had been.
                try daemon.waitUntilVerified()
                let demo = try #require(daemon.list("listNetworks", "network").first { $0[text: "name"] == "demo" })
                try daemon.perform(
                    "deployVirtualMachine",
                    ["zoneid": demo[text: "zoneid"], "networkids": demo[text: "id"], "name": "next"])
                let next = try DemoTests.guest(daemon, "next")
                #expect(try world.run(["ping", "-c", "1", "-W", "5", "198.51.100.1"], in: next).status == 0)
                // The operator's trunk stays the operator's.
                #expect(try daemon.stop(with: SIGINT) == 0)
                #expect(try world.shell("ip -o link | grep -c trunk0") == "2\n")
            }
        }
    }
}
