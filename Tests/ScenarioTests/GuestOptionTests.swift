import Foundation
import Testing

extension Scenarios {
    /// What guests are told beyond the usual, on networks of every kind, and how soon they hear of changes.
    @Suite struct GuestOptionTests {
        @Test func `options of a port and of its offering are told, and a second port is no way out`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let lab = try Self.network(
                    town, "lab", "Isolated", "Dhcp,Dns,UserData,SourceNat,Firewall",
                    [
                        "gateway": "10.5.5.1", "netmask": "255.255.255.0", "networkdomain": "lab.example",
                    ], ["details[0].dhcp:42": "192.0.2.42", "details[0].dhcp:66": "192.0.2.66"])
                try town.deploy("both", "10.1.1.77")
                let id = try town.machine("both")[text: "id"]
                try town.daemon.perform(
                    "addNicToVirtualMachine",
                    [
                        "virtualmachineid": id, "networkid": lab, "ipaddress": "10.5.5.5",
                        "dhcpoptions[0].dhcp:66": "10.5.5.66", "dhcpoptions[0].dhcp:67": "start.ipxe",
                    ])
                let guest = try town.plug("both")
                try town.plug("both", on: "lab")
                let first = try town.lease(guest, "eth0")
                #expect(first["ip"] == "10.1.1.77" && first["router"] == "10.1.1.1", "\(first)")
                #expect(first["ntpsrv"] == nil && first["boot_file"] == nil)
                let second = try town.lease(guest, "eth1")
                #expect(second["ip"] == "10.5.5.5" && second["serverid"] == "10.5.5.1", "\(second)")
                // The port's own word goes before the offering's.
                #expect(second["ntpsrv"] == "192.0.2.42" && second["tftp"] == "10.5.5.66")
                #expect(second["siaddr"] == "10.5.5.66" && second["boot_file"] == "start.ipxe")
                for absent in ["router", "dns", "domain", "search", "staticroutes"] {
                    #expect(second[absent] == nil, "\(absent) in \(second)")
                }
                // Another choice is told at the next question.
                try town.daemon.perform(
                    "updateVirtualMachine",
                    [
                        "id": id, "dhcpoptionsnetworklist[0].networkid": lab,
                        "dhcpoptionsnetworklist[0].dhcp:67": "other.ipxe",
                    ])
                let third = try town.lease(guest, "eth1")
                #expect(third["boot_file"] == "other.ipxe" && third["tftp"] == "192.0.2.66", "\(third)")
                let listed = try town.daemon.list("listNics", "nic", ["virtualmachineid": id, "networkid": lab])
                let options = listed.first?["extradhcpoption"] as? [[String: Any]] ?? []
                #expect(options.map { $0[text: "value"] } == ["other.ipxe"])
                // And the port that is the way out now has what the other had.
                let nic = try #require(listed.first)[text: "id"]
                try town.daemon.perform(
                    "updateDefaultNicForVirtualMachine", ["virtualmachineid": id, "nicid": nic])
                let fourth = try town.lease(guest, "eth1")
                #expect(
                    fourth["router"] == "10.5.5.1" && fourth["dns"] == "10.5.5.1" && fourth["domain"] == "lab.example")
                #expect(try town.lease(guest, "eth0")["router"] == nil)
            }
        }

        @Test func `a shared network's guests are served, and sent to a gateway that is not ours`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let office = try Self.network(
                    town, "office", "Shared", "Dhcp,Dns,UserData",
                    [
                        "gateway": "10.9.0.1", "netmask": "255.255.255.0", "startip": "10.9.0.10",
                        "endip": "10.9.0.50", "vlan": "98",
                    ], ["specifyvlan": "true", "specifyipranges": "true"])
                let zone = try #require(try town.daemon.list("listZones", "zone").first)[text: "id"]
                let made = try town.daemon.perform(
                    "deployVirtualMachine",
                    [
                        "zoneid": zone, "name": "clerk", "port": "none", "networkids": office,
                        "userdata": Data("for the clerk".utf8).base64EncodedString(),
                    ])
                let machine = try #require(made["virtualmachine"] as? [String: Any])
                let address = try #require((machine["nic"] as? [[String: Any]])?.first)[text: "ipaddress"]
                let guest = try town.plug("clerk", on: "office")
                let lease = try town.lease(guest, "eth0")
                let server = try #require(lease["serverid"])
                #expect(lease["ip"] == address && lease["router"] == "10.9.0.1", "\(lease)")
                #expect(server != "10.9.0.1" && lease["dns"] == server)
                try world.shell("ip address add \(address)/24 dev eth0", in: guest.node)
                try world.shell("ip route add 169.254.169.254 via \(server)", in: guest.node)
                func curl(_ url: String) throws -> String {
                    try world.run(["curl", "-sS", "--max-time", "10", url], in: guest.node).output
                }
                #expect(try curl("http://\(server)/latest/user-data") == "for the clerk")
                #expect(try curl("http://169.254.169.254/latest/meta-data/local-ipv4") == address)
                let found = try world.run(
                    ["dig", "+short", "+tries=1", "@\(server)", "clerk", "data-server"], in: guest.node)
                #expect(found.output == "\(address)\n\(server)\n", "\(found)")
            }
        }

        @Test func `what changes while a guest runs is read and resolved from then on`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha", configured: true)
                let id = try town.machine("beta")[text: "id"]
                let own = try town.machine("alpha")[text: "id"]
                func dig(_ words: String...) throws -> String {
                    try world.run(["dig", "+short", "+tries=1", "+time=5", "@10.1.1.1"] + words, in: guest.node).output
                }
                // Bytes that are no text, compressed, and larger than a segment.
                var seed = UInt64(1)
                let noise = Data(
                    (0..<24_000).map { _ in
                        seed = seed &* 6_364_136_223_846_793_005 &+ 1
                        return UInt8(truncatingIfNeeded: seed >> 33)
                    })
                for data in [Data("first".utf8), Data([0x1f, 0x8b, 8, 0]) + noise, Data("last\n".utf8)] {
                    try town.daemon.perform(
                        "updateVirtualMachine", ["id": own, "userdata": data.base64EncodedString()])
                    let file = "\(world.directory)/read"
                    try seen("the new user data") {
                        try world.shell(
                            "curl -sS -o \(file) --max-time 10 http://10.1.1.1/latest/user-data", in: guest.node)
                        return try Data(contentsOf: URL(filePath: file)) == data ? true : nil
                    }
                }
                // Each time that the reply has come the very next question has the new answer.
                for round in 0..<(isLong ? 200 : 20) {
                    let (new, old) = ("gamma-\(round)", round == 0 ? "beta" : "gamma-\(round - 1)")
                    try town.daemon.perform("updateVirtualMachine", ["id": id, "name": new])
                    #expect(try dig(new, old) == "10.1.1.20\n")
                    #expect(try dig("-x", "10.1.1.20").hasPrefix("\(new)."))
                }
                let renamed = try town.lease(try town.plug("beta", as: "gamma-\(isLong ? 199 : 19)"), "eth0")
                #expect(renamed["hostname"] == "gamma-\(isLong ? 199 : 19)", "\(renamed)")
            }
        }

        /// A network of an offering of its own.
        private static func network(
            _ town: ServiceTown, _ name: String, _ type: String, _ services: String, _ parameters: [String: String],
            _ offeringParameters: [String: String]
        ) throws -> String {
            let offering = try town.daemon.perform(
                "createNetworkOffering",
                [
                    "name": "\(name) offering", "displaytext": name, "guestiptype": type, "traffictype": "Guest",
                    "supportedservices": services, "enable": "true",
                ].merging(offeringParameters) { $1 })
            let zone = try #require(try town.daemon.list("listZones", "zone").first)[text: "id"]
            let made = try town.daemon.perform(
                "createNetwork",
                [
                    "name": name, "displaytext": name, "zoneid": zone,
                    "networkofferingid": try #require(offering["networkoffering"] as? [String: Any])[text: "id"],
                ].merging(parameters) { $1 })
            return try #require(made["network"] as? [String: Any])[text: "id"]
        }
    }
}
