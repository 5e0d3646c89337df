import Foundation
import Testing

extension Scenarios {
    /// A request that cannot be served is told why and changes nothing: not the model, not a plan, not the kernel.
    @Suite struct RefusalTests {
        @Test func `each wrong value is refused by its field's name and changes nothing`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let zone = try #require(daemon.list("listZones", "zone").first)[text: "id"]
                let wire = try #require(daemon.list("listPhysicalNetworks", "physicalnetwork").first)[text: "id"]
                let offering = try #require(daemon.list("listNetworkOfferings", "networkoffering").first)[text: "id"]
                let network = try #require(daemon.list("listNetworks", "network").first)[text: "id"]
                let revision = try daemon.revision
                let plans = try daemon.plans
                let kernel = "ip -o link | sed s/@.*//; ls /run/netns; ip netns exec r-1-VM nft -s list ruleset"
                let before = try world.shell(kernel)

                let range = [
                    "zoneid": zone, "physicalnetworkid": wire, "gateway": "203.0.114.1", "netmask": "255.255.255.0",
                    "startip": "203.0.114.10", "endip": "203.0.114.20",
                ]
                let net = ["zoneid": zone, "networkofferingid": offering, "name": "n"]
                let physical = ["zoneid": zone, "name": "p2"]
                let cases: [(String, [String: String], [String: String], String)] = [
                    (
                        "createVlanIpRange", range,
                        ["gateway": "203.0.113.1", "startip": "203.0.113.150", "endip": "203.0.113.210"], "startip"
                    ),
                    ("createVlanIpRange", range, ["startip": "203.0.115.10"], "startip"),
                    ("createVlanIpRange", range, ["startip": "203.0.114.1"], "gateway"),
                    ("createVlanIpRange", range, ["netmask": "255.0.255.0"], "netmask"),
                    ("createVlanIpRange", range, ["vlan": "0"], "vlan"),
                    ("createVlanIpRange", range, ["vlan": "4095"], "vlan"),
                    ("createVlanIpRange", range, ["vlan": "-1"], "vlan"),
                    ("createPhysicalNetwork", physical, ["vlan": "0-10"], "vlan"),
                    ("createPhysicalNetwork", physical, ["vlan": "4000-4095"], "vlan"),
                    ("createPhysicalNetwork", physical, ["vlan": "20-10"], "vlan"),
                    (
                        "createNetwork", net,
                        ["gateway": "10.1.5.1", "netmask": "255.255.255.0", "guestvmcidr": "10.1.6.0/26"], "guestvmcidr"
                    ),
                    (
                        "createNetwork", net,
                        ["gateway": "10.1.5.1", "netmask": "255.255.255.0", "guestvmcidr": "10.1.5.7/26"], "guestvmcidr"
                    ),
                    ("createNetwork", net, ["gateway": "10.1.5.0", "netmask": "255.255.255.0"], "gateway"),
                    ("createNetwork", net, ["gateway": "10.1.5.1", "netmask": "255.255.255.255"], "netmask"),
                    (
                        "createNetwork", net, ["networkofferingid": "00000000-0000-4000-8000-0000000000aa"],
                        "networkofferingid"
                    ),
                    ("createNetwork", net, ["networkofferingid": "silver"], "networkofferingid"),
                    ("createNetwork", net, ["name": String(repeating: "n", count: 1_000_000)], "name"),
                    ("createNetwork", net, ["name": "a\u{7}b"], "name"),
                    ("createNetwork", net, ["name": "a\nb"], "name"),
                    ("createNetwork", net, ["name": ""], "name"),
                    (
                        "createZone", ["networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1"],
                        ["name": "z", "guestcidraddress": "10.1.1.1/24"], "guestcidraddress"
                    ),
                    (
                        "deployVirtualMachine", ["zoneid": zone, "name": "g"],
                        ["networkids": network, "ipaddress": "10.1.2.5"], "parameter ipaddress"
                    ),
                    (
                        "deployVirtualMachine", ["zoneid": zone, "name": "g"],
                        ["networkids": network, "ipaddress": "10.1.1.10"], "10.1.1.10 is in use"
                    ),
                    ("deployVirtualMachine", ["zoneid": zone, "name": "g\u{0}"], ["networkids": network], "name"),
                ]
                for (command, base, wrong, field) in cases {
                    let what = "\(command) \(wrong.map { "\($0)=\($1.prefix(20))" })"
                    let answer = try daemon.finish(command, base.merging(wrong) { $1 })
                    // CloudStack's own: 431 is a parameter error, 530 and 533-537 are refusals by state.
                    #expect((400..<600).contains(answer.status), "\(what): \(answer.status)")
                    let text = answer.error ?? ""
                    #expect(text.contains(field), "\(what): \(answer.status) \(text)")
                    #expect(
                        text.utf8.count < 500 && text.unicodeScalars.allSatisfy { $0.value >= 32 },
                        "\(what): \(text.prefix(600))")
                    #expect(try daemon.revision == revision, "\(what) changed something")
                }
                // What is too large to be read at all is not read.
                #expect(
                    try daemon.call("createNetwork", ["name": String(repeating: "n", count: 2_000_000)]).status == 413)
                // The same through the command line, whose errors must say it as well.
                let said = try daemon.sluice("api", "createPhysicalNetwork", "zoneid=\(zone)", "name=p2", "vlan=0-10")
                #expect(said.status == 1 && said.errors.contains("vlan"), "\(said.errors)")
                let file = "\(world.directory)/wrong.json"
                try #"{"networks": [{"name": "n", "zone": "demo", "cidr": "10.1.5.7/24"}]}"#
                    .write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 1 && applied.errors.contains("networks[0].cidr"), "\(applied.errors)")

                #expect(try daemon.revision == revision)
                #expect(try daemon.plans == plans)
                #expect(try world.shell(kernel) == before)
            }
        }

        @Test func `an exhausted pool refuses, and has room again when something is given back`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world, profile: "simulator")
                let file = "\(world.directory)/small.json"
                try """
                {"zones": [{"name": "z", "dns1": "192.0.2.53",
                    "physicalNetworks": [{"name": "p", "segments": ["7-8"]}],
                    "publicRanges": [{"subnet": "203.0.113.0/24", "gateway": "203.0.113.1", "addresses": "203.0.113.10-203.0.113.10"}]}],
                 "networks": [{"name": "n", "zone": "z", "cidr": "10.1.1.0/29", "gateway": "10.1.1.1"}]}
                """.write(toFile: file, atomically: true, encoding: .utf8)
                let applied = try daemon.sluice("apply", file)
                #expect(applied.status == 0, "\(applied.errors)")
                let zone = try #require(daemon.list("listZones", "zone", ["name": "z"]).first)[text: "id"]
                let network = try #require(daemon.list("listNetworks", "network", ["zoneid": zone]).first)[text: "id"]
                let guest = ["zoneid": zone, "networkids": network]
                var machines: [String] = []
                for number in 1...5 {
                    let made = try daemon.perform("deployVirtualMachine", guest.merging(["name": "g\(number)"]) { $1 })
                    machines.append((made["virtualmachine"] as? [String: Any] ?? [:])[text: "id"])
                }
                let revision = try daemon.revision
                let sixth = try daemon.finish("deployVirtualMachine", guest.merging(["name": "g6"]) { $1 })
                #expect(sixth.status != 200 && sixth.error?.contains("address") == true, "\(sixth)")
                #expect(try daemon.revision == revision)
                try daemon.perform("destroyVirtualMachine", ["id": machines[2], "expunge": "true"])
                try daemon.perform("deployVirtualMachine", guest.merging(["name": "g6"]) { $1 })

                // One public address: the second network that needs one is refused, and its segment is free again.
                let offering = try #require(
                    daemon.list("listNetworkOfferings", "networkoffering").first {
                        $0["egressdefaultpolicy"] as? Bool == true
                    })
                let made = try daemon.perform(
                    "createNetwork",
                    [
                        "zoneid": zone, "networkofferingid": offering[text: "id"], "name": "second",
                        "gateway": "10.1.2.1", "netmask": "255.255.255.0",
                    ])
                let second = (made["network"] as? [String: Any] ?? [:])[text: "id"]
                let before = try daemon.revision
                let refused = try daemon.finish(
                    "deployVirtualMachine", ["zoneid": zone, "networkids": second, "name": "s"])
                #expect(refused.status != 200 && refused.error?.contains("public") == true, "\(refused)")
                #expect(try daemon.revision == before)
                #expect(
                    try daemon.list("listNetworks", "network").first { $0[text: "id"] == second }?[text: "state"]
                        == "Allocated")
                try daemon.waitUntilVerified()
            }
        }
    }
}
