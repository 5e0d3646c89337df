import Foundation
import TestSupport
import Testing

/// Where pools meet: ranges that touch, numbers that two wires have, and what errors call them.
@Suite struct `Edges of pools` {
    let client: Client
    let site: Site

    init() throws {
        client = try Client()
        site = try Site(client)
    }

    private func refusal(_ command: String, _ parameters: [String: String]) throws -> String {
        do {
            _ = try client.call(command, parameters)
        } catch let refused as Refused {
            return refused.text
        }
        return ""
    }

    private func offering(_ name: String) throws -> String {
        id(try #require(try client.list("listNetworkOfferings", "networkoffering", ["name": name]).first))
    }

    @Test func `ranges of segments that touch are one, which can be dedicated and split again`() throws {
        let set = { (vlan: String) in
            try client.finish("updatePhysicalNetwork", "physicalnetwork", ["id": id(site.wire), "vlan": vlan])["vlan"]
                as? String
        }
        #expect(try set("103-105,100-102,110,111,200") == "100-105,110-111,200")
        _ = try client.call(
            "dedicateGuestVlanRange",
            ["physicalnetworkid": id(site.wire), "vlanrange": "101-104", "account": "admin", "domainid": root])
        // The same numbers in other words, and one more.
        #expect(try set("100-102,103-106") == "100-106")
        #expect(
            try refusal("updatePhysicalNetwork", ["id": id(site.wire), "vlan": "100-102,104-106"]).contains("101-104"))
    }

    private var root: String { "00000000-524f-4f54-8000-000000000001" }

    @Test func `no IPv6 address is in two public ranges, whatever else is in them`() throws {
        let both = { (first: Int, v6: Int) in
            [
                "zoneid": site.zone, "gateway": "192.0.2.1", "netmask": "255.255.255.0", "startip": "192.0.2.\(first)",
                "endip": "192.0.2.\(first + 4)", "vlan": "60", "ip6gateway": "2001:db8::1", "ip6cidr": "2001:db8::/64",
                "startipv6": "2001:db8::\(v6)", "endipv6": "2001:db8::\(v6 + 9)",
            ]
        }
        _ = try client.call("createVlanIpRange", both(10, 10))
        #expect(try refusal("createVlanIpRange", both(20, 19)).contains("startipv6"))
        _ = try client.call("createVlanIpRange", both(20, 20))
        // Without addresses of its own there is nothing to share.
        _ = try client.call(
            "createVlanIpRange", both(30, 10).merging(["startipv6": "", "endipv6": ""]) { $1 })
    }

    @Test func `a VNI that the public interface of one wire carries is no guest's of another`() throws {
        let wire = { (name: String, vnis: String, type: String, label: String) in
            let made = try client.finish(
                "createPhysicalNetwork", "physicalnetwork",
                ["name": name, "zoneid": site.zone, "vlan": vnis, "isolationmethods": "VXLAN", "tags": name])
            _ = try client.finish(
                "addTrafficType", "traffictype",
                ["physicalnetworkid": id(made), "traffictype": type, "kvmnetworklabel": label])
            let provider = try client.list(
                "listNetworkServiceProviders", "networkserviceprovider",
                ["physicalnetworkid": id(made), "name": "VirtualRouter"])
            let element = try client.list(
                "listVirtualRouterElements", "virtualrouterelement", ["nspid": id(provider[0])])
            _ = try client.finish(
                "configureVirtualRouterElement", "virtualrouterelement", ["id": id(element[0]), "enabled": "true"])
            _ = try client.finish(
                "updateNetworkServiceProvider", "networkserviceprovider",
                ["id": id(provider[0]), "state": "Enabled"])
            return try client.finish(
                "updatePhysicalNetwork", "physicalnetwork", ["id": id(made), "state": "Enabled"])
        }
        let outside = try wire("outside", "", "Public", "eth2")
        let inside = try wire("inside", "6000-6009", "Guest", "eth3")
        let range = [
            "physicalnetworkid": id(outside), "gateway": "198.18.0.1", "netmask": "255.255.255.0",
            "startip": "198.18.0.10", "vlan": "vxlan://6000",
        ]
        _ = try client.call("createVlanIpRange", range)
        let services = [
            "serviceproviderlist[0].service": "Dhcp", "serviceproviderlist[0].provider": "VirtualRouter",
            "supportedservices": "Dhcp", "guestiptype": "Isolated", "traffictype": "Guest", "name": "tagged",
            "displaytext": "tagged", "tags": "inside",
        ]
        let made = try client.call("createNetworkOffering", services)["networkoffering"] as? [String: Any] ?? [:]
        _ = try client.call("updateNetworkOffering", ["id": id(made), "state": "Enabled"])
        let network = try client.call(
            "createNetwork",
            ["name": "n", "zoneid": site.zone, "networkofferingid": id(made), "physicalnetworkid": id(inside)])
        let guests = network["network"] as? [String: Any] ?? [:]
        _ = try site.deploy("a", ["networkids": id(guests)])
        let there = try client.list("listNetworks", "network", ["id": id(guests)]).first
        #expect(there?["broadcasturi"] as? String == "vxlan://6001")
        // And the other way round.
        let taken = range.merging(["startip": "198.19.0.10", "gateway": "198.19.0.1", "vlan": "vxlan://6001"]) { $1 }
        #expect(try refusal("createVlanIpRange", taken).contains("vxlan://6001"))
    }

    @Test func `an error about a row of a list names the row that was sent`() throws {
        let unknown = "00000000-0000-4000-8000-000000000000"
        let network = id(site.network)
        let machine = id(try site.deploy("web"))
        let port = ["iptonetworklist[3].networkid": network]
        let rows: [([String: String], String)] = [
            (["iptonetworklist[3].networkid": unknown], "iptonetworklist[3].networkid"),
            (["iptonetworklist[3].ip": "10.1.1.9"], "iptonetworklist[3].networkid"),
            (["iptonetworklist[3].networkid": "x"], "iptonetworklist[3].networkid"),
            (port.merging(["iptonetworklist[3].ip": "10.1.2.3"]) { $1 }, "iptonetworklist[3].ip"),
            (port.merging(["iptonetworklist[3].mac": "x"]) { $1 }, "iptonetworklist[3].mac"),
            (port.merging(["iptonetworklist[3].port": "pipe"]) { $1 }, "iptonetworklist[3].port"),
            (port.merging(["iptonetworklist[3].port": "namespace"]) { $1 }, "iptonetworklist[3].hostnamespace"),
            (
                port.merging(["dhcpoptionsnetworklist[5].networkid": network, "dhcpoptionsnetworklist[5].dhcp:1": "x"])
                { $1 }, "dhcpoptionsnetworklist[5].dhcp:1"
            ),
            (
                port.merging(["dhcpoptionsnetworklist[5].dhcp:66": "x"]) { $1 }, "dhcpoptionsnetworklist[5].networkid"
            ),
            (
                port.merging(["dhcpoptionsnetworklist[5].networkid": network, "dhcpoptionsnetworklist[5].tftp": "x"]) {
                    $1
                }, "dhcpoptionsnetworklist[5]"
            ),
        ]
        for (parameters, name) in rows {
            let text = try refusal(
                "deployVirtualMachine", ["zoneid": site.zone, "name": "x"].merging(parameters) { $1 })
            #expect(text.contains(name), "\(name): \(text)")
        }
        let text = try refusal(
            "updateVirtualMachine",
            [
                "id": machine, "dhcpoptionsnetworklist[2].networkid": network,
                "dhcpoptionsnetworklist[2].dhcp:3": "10.1.1",
            ])
        #expect(text.contains("dhcpoptionsnetworklist[2].dhcp:3"), "\(text)")
        let further = try client.call(
            "createNetwork",
            [
                "name": "further", "zoneid": site.zone,
                "networkofferingid": site.network["networkofferingid"] as? String ?? "",
            ])
        let added = try refusal(
            "addNicToVirtualMachine",
            [
                "virtualmachineid": machine, "networkid": id(further["network"] as? [String: Any] ?? [:]),
                "dhcpoptions[4].dhcp:3": "10.1.1",
            ])
        #expect(added.contains("dhcpoptions[4].dhcp:3"), "\(added)")
    }

    @Test func `an error about a netmask repeats it`() throws {
        let asked = [
            "name": "n", "zoneid": site.zone, "networkofferingid": site.network["networkofferingid"] as? String ?? "",
            "gateway": "10.9.0.1",
        ]
        for netmask in ["255.255.255.252", "254.0.0.0"] {
            #expect(
                try refusal("createNetwork", asked.merging(["netmask": netmask]) { $1 })
                    .contains("value \(netmask) for parameter netmask:"))
        }
    }

    @Test func `that ports are kept apart is told`() throws {
        let made = try client.call(
            "createNetwork",
            [
                "name": "square", "zoneid": site.zone, "vlan": "401", "isolatedpvlantype": "Isolated",
                "networkofferingid": try offering("DefaultSharedNetworkOffering"), "gateway": "10.20.0.1",
                "netmask": "255.255.255.0", "startip": "10.20.0.10", "endip": "10.20.0.29",
            ])
        let square = made["network"] as? [String: Any] ?? [:]
        #expect(square["isolatedpvlantype"] as? String == "Isolated")
        let machine = try site.deploy("a", ["networkids": "\(id(square)),\(id(site.network))"])
        let nics = machine["nic"] as? [[String: Any]] ?? []
        #expect(nics.map { $0["isolatedpvlantype"] as? String } == ["Isolated", nil])
        #expect(site.network["isolatedpvlantype"] == nil)
        let asked = [
            "name": "n", "zoneid": site.zone, "networkofferingid": site.network["networkofferingid"] as? String ?? "",
            "isolatedpvlantype": "Isolated",
        ]
        #expect(try refusal("createNetwork", asked).contains("Only ports of shared networks"))
    }

    @Test func `who is in the way of a smaller pool is named`() throws {
        _ = try site.deploy("web")
        let text = try refusal("updatePhysicalNetwork", ["id": id(site.wire), "vlan": "101-199"])
        #expect(text.contains("Net") && text.contains("vlan://100"), "\(text)")
    }

    @Test func `an error about a range that is moved names the end that was sent`() throws {
        let move = { (parameters: [String: String]) in
            try refusal("updateVlanIpRange", ["id": id(site.range)].merging(parameters) { $1 })
        }
        #expect(try move(["startip": "203.0.113.30"]).contains("203.0.113.30 for parameter startip:"))
        #expect(try move(["endip": "203.0.113.2"]).contains("203.0.113.2 for parameter endip:"))
        #expect(try move(["gateway": "203.0.114.1"]).contains("203.0.114.1 for parameter gateway:"))
        #expect(try move(["netmask": "255.255.255.252"]).contains("255.255.255.252 for parameter netmask:"))
        let square =
            try client.call(
                "createNetwork",
                [
                    "name": "square", "zoneid": site.zone, "vlan": "401",
                    "networkofferingid": try offering("DefaultSharedNetworkOffering"), "gateway": "10.20.0.1",
                    "netmask": "255.255.255.0", "startip": "10.20.0.10", "endip": "10.20.0.29",
                ])["network"] as? [String: Any] ?? [:]
        let range = try client.list("listVlanIpRanges", "vlaniprange", ["networkid": id(square)])[0]
        #expect(
            try refusal("updateVlanIpRange", ["id": id(range), "startip": "10.20.0.30"])
                .contains("10.20.0.30 for parameter startip:"))
        // It is a range, and no public address is of it.
        #expect(try client.list("listPublicIpAddresses", "publicipaddress", ["vlanid": id(range)]).isEmpty)
        #expect(
            try client.list("listPublicIpAddresses", "publicipaddress", ["vlanid": id(site.range), "state": "Free"])
                .count == 11)
    }

    @Test func `a machine begins with as many ports as it may have`() throws {
        let one = id(site.network)
        let listed = (0..<33).reduce(into: [:]) { $0["iptonetworklist[\($1)].networkid"] = one }
        for networks in [["networkids": Array(repeating: one, count: 33).joined(separator: ",")], listed] {
            let asked = ["zoneid": site.zone, "name": "many"].merging(networks) { $1 }
            #expect(try refusal("deployVirtualMachine", asked).contains("at most 32 NICs"))
        }
    }

    @Test func `an internal balancer's address is in use, and stays in the part that is given out`() throws {
        let asked = [
            "scheme": "Internal", "networkid": id(site.network), "sourceipaddressnetworkid": id(site.network),
            "name": "db", "algorithm": "source", "sourceport": "5432", "instanceport": "5432",
            "sourceipaddress": "10.1.1.200",
        ]
        _ = try site.deploy("web", ["ipaddress": "10.1.1.10"])
        let balancer = try client.finish("createLoadBalancer", "loadbalancer", asked)
        let part = ["id": id(site.network), "guestvmcidr": "10.1.1.0/25"]
        #expect(try refusal("updateNetwork", part).contains("10.1.1.200"))
        _ = try client.call("deleteLoadBalancer", ["id": id(balancer)])
        #expect(try client.finish("updateNetwork", "network", part)["cidr"] as? String == "10.1.1.0/25")
    }

    @Test func `what is reserved, and what a network is to be seen by, counts for the account's limit`() throws {
        let bob = try Client(besides: client, account: "bob")
        let limit = { (most: Int) in
            _ = try client.call(
                "updateResourceLimit",
                ["account": "bob", "domainid": root, "resourcetype": "1", "max": String(most)])
        }
        try limit(1)
        let free = try bob.list("listPublicIpAddresses", "publicipaddress", ["state": "Free"])
        let word = "Maximum amount of resources of Type = 'public_ip'"
        func isFull(_ command: String, _ parameters: [String: String]) -> Bool {
            do {
                _ = try bob.call(command, parameters)
                return false
            } catch { return (error as? Refused)?.text.contains(word) == true }
        }
        _ = try bob.call("reserveIpAddress", ["id": id(free[3])])
        #expect(isFull("reserveIpAddress", ["id": id(free[4])]))
        #expect(
            isFull("associateIpAddress", ["zoneid": site.zone, "ipaddress": free[4]["ipaddress"] as? String ?? ""]))
        // It has been counted.
        let taken = try bob.finish(
            "associateIpAddress", "ipaddress",
            ["zoneid": site.zone, "ipaddress": free[3]["ipaddress"] as? String ?? ""])
        #expect(id(taken) == id(free[3]) && taken["state"] as? String == "Allocated")

        let made = try bob.call(
            "createNetwork",
            [
                "name": "bobs", "zoneid": site.zone, "gateway": "10.3.0.1", "netmask": "255.255.255.0",
                "networkofferingid": site.network["networkofferingid"] as? String ?? "",
            ])
        let network = made["network"] as? [String: Any] ?? [:]
        let see = { (address: [String: Any]) in
            ["id": id(network), "sourcenatipaddress": address["ipaddress"] as? String ?? ""]
        }
        #expect(isFull("updateNetwork", see(free[5])))
        // One that it has is no further one.
        _ = try bob.call("updateNetwork", see(free[3]))
        try limit(2)
        _ = try bob.call("updateNetwork", see(free[5]))
        #expect(isFull("updateNetwork", see(free[6])))
        #expect(try bob.list("listPublicIpAddresses", "publicipaddress").count == 2)
    }

    @Test func `no IPv6 address is in two ranges of a shared network`() throws {
        let made = try client.call(
            "createNetwork",
            [
                "name": "square", "zoneid": site.zone, "vlan": "401",
                "networkofferingid": try offering("DefaultSharedNetworkOffering"), "gateway": "10.20.0.1",
                "netmask": "255.255.255.0", "startip": "10.20.0.10", "endip": "10.20.0.29",
            ])
        let range = { (first: Int, v6: Int) in
            [
                "networkid": id(made["network"] as? [String: Any] ?? [:]), "startip": "10.20.0.\(first)",
                "ip6gateway": "2001:db8::1", "ip6cidr": "2001:db8::/64", "startipv6": "2001:db8::\(v6)",
                "endipv6": "2001:db8::\(v6 + 9)",
            ]
        }
        _ = try client.call("createVlanIpRange", range(40, 10))
        #expect(try refusal("createVlanIpRange", range(50, 15)).contains("startipv6"))
        _ = try client.call("createVlanIpRange", range(50, 20))
    }
}
