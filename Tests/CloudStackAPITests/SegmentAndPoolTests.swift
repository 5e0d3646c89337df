import Foundation
import TestSupport
import Testing

/// Segments, ranges and shared networks as operators and tenants ask for them.
@Suite struct `Segments and pools` {
    let client: Client
    let site: Site
    let ann: Client
    let bob: Client

    init() throws {
        client = try Client()
        site = try Site(client)
        ann = try Client(besides: client, account: "ann")
        bob = try Client(besides: client, account: "bob")
    }

    private func offering(_ name: String) throws -> String {
        id(try #require(try client.list("listNetworkOfferings", "networkoffering", ["name": name]).first))
    }

    private func shared(_ name: String, _ vlan: String, _ extra: [String: String] = [:]) throws -> [String: Any] {
        let asked = [
            "name": name, "zoneid": site.zone, "networkofferingid": try offering("DefaultSharedNetworkOffering"),
            "vlan": vlan, "gateway": "10.20.0.1", "netmask": "255.255.255.0", "startip": "10.20.0.10",
            "endip": "10.20.0.29",
        ]
        let made = try client.call("createNetwork", asked.merging(extra) { $1 })
        return made["network"] as? [String: Any] ?? [:]
    }

    private func deploy(_ owner: Client, _ name: String, on network: [String: Any]) throws -> String {
        id(
            try owner.finish(
                "deployVirtualMachine", "virtualmachine",
                ["zoneid": site.zone, "name": name, "networkids": id(network)]))
    }

    @Test func `a shared network that is made for an account is that account's alone`() throws {
        let everybodys = try shared("square", "401")
        let anns = try shared("anns", "402", ["account": "ann"])
        #expect(everybodys["acltype"] as? String == "Domain" && anns["acltype"] as? String == "Account")
        #expect(anns["account"] as? String == "ann")
        let seen = { (user: Client) in Set(try user.list("listNetworks", "network", ["type": "Shared"]).map(id)) }
        #expect(try seen(ann) == [id(everybodys), id(anns)])
        #expect(try seen(bob) == [id(everybodys)])
        _ = try deploy(ann, "a", on: anns)
        #expect {
            try deploy(bob, "b", on: anns)
        } throws: {
            ($0 as? Refused)?.status == 531
        }
        // Said outright it is for the domain, whoever it is made for.
        #expect(try shared("both", "403", ["account": "ann", "acltype": "Domain"])["acltype"] as? String == "Domain")
    }

    @Test func `on a shared network everybody finds their own machines, and no others`() throws {
        let square = try shared("square", "401")
        let anns = try shared("anns", "402", ["account": "ann"])
        let (first, second) = (try deploy(ann, "a", on: square), try deploy(bob, "b", on: square))
        let on = { (user: Client, network: [String: Any]) in
            try user.list("listVirtualMachines", "virtualmachine", ["networkid": id(network)]).map(id)
        }
        #expect(try on(ann, square) == [first])
        #expect(try on(bob, square) == [second])
        #expect(
            try ann.list("listNics", "nic", ["virtualmachineid": first, "networkid": id(square)]).count == 1)
        #expect {
            try on(bob, anns)
        } throws: {
            ($0 as? Refused)?.status == 431
        }
    }

    @Test func `on a shared network a port's addresses are its machine's owner's`() throws {
        let square = try shared("square", "401")
        let machine = try deploy(ann, "a", on: square)
        let nic = id(try #require(try ann.list("listNics", "nic", ["virtualmachineid": machine]).first))
        #expect {
            try bob.call("addIpToNic", ["nicid": nic])
        } throws: {
            ($0 as? Refused)?.status == 531
        }
        let further = try ann.finish("addIpToNic", "nicsecondaryip", ["nicid": nic, "ipaddress": "10.20.0.20"])
        #expect {
            try bob.call("removeIpFromNic", ["id": id(further)])
        } throws: {
            ($0 as? Refused)?.status == 531
        }
        _ = try ann.call("removeIpFromNic", ["id": id(further)])
        let moved = try ann.finish("updateVmNicIp", "virtualmachine", ["nicid": nic, "ipaddress": "10.20.0.21"])
        #expect((moved["nic"] as? [[String: Any]])?.first?["ipaddress"] as? String == "10.20.0.21")
    }

    @Test func `an error about a port names what was sent`() throws {
        let plain = ["zoneid": site.zone, "name": "x", "networkids": id(site.network), "ipaddress": "10.1.2.3"]
        let listed = [
            "zoneid": site.zone, "name": "x", "iptonetworklist[0].networkid": id(site.network),
            "iptonetworklist[0].ip": "10.1.2.3",
        ]
        for (parameters, name) in [(plain, "ipaddress"), (listed, "iptonetworklist[0].ip")] {
            #expect {
                try client.call("deployVirtualMachine", parameters)
            } throws: {
                ($0 as? Refused)?.text.contains("for parameter \(name):") == true
            }
        }
        #expect {
            try ann.call("deployVirtualMachine", plain.merging(["ipaddress": ""]) { $1 })
        } throws: {
            // Whose it is, and what it is called, is nobody else's business.
            guard let refused = $0 as? Refused else { return false }
            return refused.status == 531 && !refused.text.contains("iptonetworklist")
                && !refused.text.contains(site.network["name"] as? String ?? "")
        }
    }

    @Test func `what only administrators may ask of a network is said`() throws {
        let shared = ["zoneid": site.zone, "name": "x", "displaytext": "x", "vlan": "400"]
        for (offering, word) in [("DefaultL2NetworkOfferingVlan", "vlan"), ("DefaultSharedNetworkOffering", "vlan")] {
            let asked = shared.merging(["networkofferingid": try self.offering(offering)]) { $1 }
            #expect {
                try ann.call(
                    "createNetwork",
                    offering.contains("Shared")
                        ? asked.merging(["gateway": "10.20.0.1", "netmask": "255.255.255.0", "startip": "10.20.0.2"]) {
                            $1
                        } : asked)
            } throws: {
                ($0 as? Refused)?.status == 531 && ($0 as? Refused)?.text.contains(word) == true
            }
        }
    }

    @Test func `an empty range takes all segments from a wire that none are used of`() throws {
        _ = try site.deploy("web")
        #expect {
            try client.call("updatePhysicalNetwork", ["id": id(site.wire), "vlan": ""])
        } throws: {
            ($0 as? Refused)?.status == 536
        }
        let idle = try client.finish(
            "createPhysicalNetwork", "physicalnetwork", ["name": "Idle", "zoneid": site.zone, "vlan": "700-799"])
        #expect(idle["vlan"] as? String == "700-799")
        let renamed = try client.finish(
            "updatePhysicalNetwork", "physicalnetwork", ["id": id(idle), "networkspeed": "1G"])
        #expect(renamed["vlan"] as? String == "700-799")
        let empty = try client.finish("updatePhysicalNetwork", "physicalnetwork", ["id": id(idle), "vlan": ""])
        #expect(empty["vlan"] == nil)
    }

    @Test func `what is kept for a domain is everybody's when the domain goes, and what is in its way is named`() throws
    {
        let made = try client.call("createDomain", ["name": "north"])["domain"] as? [String: Any] ?? [:]
        let north = id(made)
        let segments = { try client.list("listDedicatedGuestVlanRanges", "dedicatedguestvlanrange").count }
        _ = try client.call(
            "dedicateGuestVlanRange",
            ["physicalnetworkid": id(site.wire), "vlanrange": "120-129", "domainid": north])
        _ = try client.call("dedicatePublicIpRange", ["id": id(site.range), "domainid": north])
        let square = try shared("square", "401", ["acltype": "Domain", "domainid": north])
        let refusals = [([:], "kept for it"), (["cleanup": "true"], "square")]
        for (extra, word) in refusals {
            #expect {
                try client.call("deleteDomain", ["id": north].merging(extra) { $1 })
            } throws: {
                ($0 as? Refused)?.text.contains(word) == true
            }
        }
        #expect(try segments() == 1)
        _ = try client.call("deleteNetwork", ["id": id(square)])
        _ = try client.call("deleteDomain", ["id": north, "cleanup": "true"])
        #expect(try segments() == 0)
        let range = try client.list("listVlanIpRanges", "vlaniprange", ["id": id(site.range)]).first
        #expect(range?["domainid"] == nil)
        _ = try ann.call("associateIpAddress", ["zoneid": site.zone])
    }

    @Test(arguments: [
        ("lo", false), ("slb5", false), ("slg3e0", false), ("slp1d6b8660", false), ("slv5000", false),
        ("sl35c134f2.100", false), ("slgc82e0", false), ("slup1d6b8660.0", false), ("eth1", true), ("cloudbr0", true),
        ("slip0", true),
        ("sl", true),
        ("bond0.7", true),
    ])
    func `a wire is an interface or a bridge of the host, and no device of ours`(_ label: String, isWire: Bool) throws {
        let wire = try client.finish(
            "createPhysicalNetwork", "physicalnetwork", ["name": "Other", "zoneid": site.zone])
        let asked = ["physicalnetworkid": id(wire), "traffictype": "Guest", "kvmnetworklabel": label]
        if isWire {
            let type = try client.finish("addTrafficType", "traffictype", asked)
            #expect(type["kvmnetworklabel"] as? String == label)
        } else {
            #expect {
                try client.call("addTrafficType", asked)
            } throws: {
                ($0 as? Refused)?.text.contains("for parameter kvmnetworklabel:") == true
            }
        }
    }

    @Test func `a zone's guest network is none of its public ones`() throws {
        #expect {
            try client.call("updateZone", ["id": site.zone, "guestcidraddress": "203.0.113.128/25"])
        } throws: {
            ($0 as? Refused)?.text.contains("203.0.113.0/24") == true
        }
        let zone = try client.call("updateZone", ["id": site.zone, "guestcidraddress": "10.8.0.0/16"])["zone"]
        #expect((zone as? [String: Any])?["guestcidraddress"] as? String == "10.8.0.0/16")
    }

    @Test func `a public range is where Public traffic is`() throws {
        let guests = try client.finish(
            "createPhysicalNetwork", "physicalnetwork", ["name": "Guests", "zoneid": site.zone])
        _ = try client.finish(
            "addTrafficType", "traffictype", ["physicalnetworkid": id(guests), "traffictype": "Guest"])
        let asked = [
            "zoneid": site.zone, "gateway": "198.51.100.1", "netmask": "255.255.255.0", "startip": "198.51.100.10",
            "vlan": "60", "forvirtualnetwork": "true",
        ]
        #expect {
            try client.call("createVlanIpRange", asked.merging(["physicalnetworkid": id(guests)]) { $1 })
        } throws: {
            ($0 as? Refused)?.text.contains("no Public traffic") == true
        }
        let range = try client.call("createVlanIpRange", asked)["vlan"] as? [String: Any]
        #expect(range?["physicalnetworkid"] as? String == id(site.wire))
    }

    @Test func `a zone that is disabled gives addresses to administrators alone`() throws {
        let free = try #require(
            try ann.list("listPublicIpAddresses", "publicipaddress", ["state": "Free", "zoneid": site.zone]).first)
        _ = try client.call("updateZone", ["id": site.zone, "allocationstate": "Disabled"])
        for (command, parameters) in [
            ("reserveIpAddress", ["id": id(free)]), ("associateIpAddress", ["zoneid": site.zone]),
        ] {
            #expect("\(command)") {
                try ann.call(command, parameters)
            } throws: {
                ($0 as? Refused)?.status == 531 && ($0 as? Refused)?.text.contains("disabled") == true
            }
            _ = try client.call(command, parameters)
        }
    }

    @Test func `a number alone is a VLAN id, also where there are VNIs`() throws {
        let wire = try client.finish(
            "createPhysicalNetwork", "physicalnetwork",
            ["name": "Overlay", "zoneid": site.zone, "isolationmethods": "VXLAN"])
        _ = try client.finish(
            "addTrafficType", "traffictype", ["physicalnetworkid": id(wire), "traffictype": "Public"])
        let asked = [
            "zoneid": site.zone, "physicalnetworkid": id(wire), "gateway": "198.51.100.1", "netmask": "255.255.255.0",
            "startip": "198.51.100.10", "forvirtualnetwork": "true",
        ]
        #expect {
            try client.call("createVlanIpRange", asked.merging(["vlan": "6100"]) { $1 })
        } throws: {
            ($0 as? Refused)?.text.contains("vxlan://") == true
        }
        let range = try client.call("createVlanIpRange", asked.merging(["vlan": "vxlan://6100"]) { $1 })["vlan"]
        #expect((range as? [String: Any])?["vlan"] as? String == "vxlan://6100")
    }

    @Test func `a range of IPv6 addresses alone is in the way as others are, and not unknown`() throws {
        let wire = try client.finish(
            "createPhysicalNetwork", "physicalnetwork", ["name": "Six", "zoneid": site.zone])
        let type = try client.finish(
            "addTrafficType", "traffictype", ["physicalnetworkid": id(wire), "traffictype": "Public"])
        let range =
            try client.call(
                "createVlanIpRange",
                [
                    "zoneid": site.zone, "physicalnetworkid": id(wire), "startipv6": "2001:db8::10",
                    "endipv6": "2001:db8::1f", "ip6gateway": "2001:db8::1", "ip6cidr": "2001:db8::/64", "vlan": "60",
                    "forvirtualnetwork": "true",
                ])["vlan"] as? [String: Any] ?? [:]
        for (command, extra) in [("deleteTrafficType", [:]), ("updateTrafficType", ["kvmnetworklabel": "eth9"])] {
            #expect("\(command)") {
                try client.call(command, ["id": id(type)].merging(extra) { $1 })
            } throws: {
                ($0 as? Refused)?.status == 536
            }
        }
        for (command, extra) in [("dedicatePublicIpRange", ["account": "ann"]), ("releasePublicIpRange", [:])] {
            #expect("\(command)") {
                try client.call(command, ["id": id(range)].merging(extra) { $1 })
            } throws: {
                guard let refused = $0 as? Refused else { return false }
                return refused.status == 432 && !refused.text.contains("entity does not exist")
            }
        }
        _ = try client.call("deleteVlanIpRange", ["id": id(range)])
        _ = try client.call("deleteTrafficType", ["id": id(type)])
    }

    @Test func `the part that guests get no addresses from is shown`() throws {
        _ = try site.deploy("web")
        let shown = { try client.list("listNetworks", "network", ["id": id(site.network)]).first ?? [:] }
        #expect(try shown()["reservediprange"] == nil)
        for (part, reserved) in [
            ("10.1.1.0/26", "10.1.1.64-10.1.1.254"), ("10.1.1.0/25", "10.1.1.128-10.1.1.254"), ("10.1.1.0/24", nil),
        ] {
            let network = try client.finish(
                "updateNetwork", "network", ["id": id(site.network), "guestvmcidr": part])
            #expect(network["reservediprange"] as? String == reserved)
        }
    }
}
