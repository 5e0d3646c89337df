import CloudModel
import ControlPlane
import Foundation
import TestSupport
import Testing

@Suite struct `Static NAT` {
    let client: Client
    let site: Site
    let guest: String
    let address: String

    init() throws {
        client = try Client()
        site = try Site(client)
        guest = id(try site.deploy("web", ["ipaddress": "10.1.1.77"]))
        address = try site.acquire()
    }

    private func enable(_ parameters: [String: String] = [:]) throws {
        let reply = try client.wire(
            "enableStaticNat", ["ipaddressid": address, "virtualmachineid": guest].merging(parameters) { $1 })
        #expect(reply.keys == ["success"])
        guard case .boolean(true)? = reply["success"] else { throw Refused(status: 200, text: "\(reply)") }
    }

    private func shown(_ parameters: [String: String] = [:]) throws -> [[String: Any]] {
        try client.list("listPublicIpAddresses", "publicipaddress", parameters)
    }

    @Test func `shows at the address, at the machine and at its port`() throws {
        #expect(try shown(["isstaticnat": "true"]).isEmpty)
        try enable()
        let list = try client.wire("listPublicIpAddresses", ["isstaticnat": "TRUE"])
        let wire = try #require(list["publicipaddress"]?.list.first)
        #expect(wire.departures(from: FieldTable.publicAddress) == [])
        let found = try #require(try shown(["isstaticnat": "true"]).first)
        #expect(id(found) == address)
        #expect(found["isstaticnat"] as? Bool == true && found["issourcenat"] as? Bool == false)
        #expect(found["virtualmachineid"] as? String == guest)
        #expect(found["virtualmachinename"] as? String == "web")
        #expect(found["virtualmachinedisplayname"] as? String == "web")
        #expect(found["vmipaddress"] as? String == "10.1.1.77")
        let others = try shown(["isstaticnat": "false"])
        #expect(others.map { $0["ipaddress"] as? String } == ["203.0.113.10"])
        #expect(others[0]["virtualmachineid"] == nil && others[0]["vmipaddress"] == nil)
        let machine = try #require(try client.list("listVirtualMachines", "virtualmachine").first)
        #expect(machine["publicip"] as? String == "203.0.113.11" && machine["publicipid"] as? String == address)
        let nic = try #require(try client.list("listNics", "nic", ["virtualmachineid": guest]).first)
        #expect(nic["publicip"] as? String == "203.0.113.11" && nic["publicipid"] as? String == address)
    }

    @Test func `ends as a job`() throws {
        try enable(["vmguestip": "10.1.1.77", "networkid": id(site.network)])
        let ended = try client.finished("disableStaticNat", ["ipaddressid": address, "cleanup": "drain"])
        #expect(ended.keys == ["success"])
        let found = try #require(try shown(["id": address]).first)
        #expect(found["isstaticnat"] as? Bool == false && found["virtualmachineid"] == nil)
        let machine = try #require(try client.list("listVirtualMachines", "virtualmachine").first)
        #expect(machine["publicip"] == nil && machine["publicipid"] == nil)
        #expect(throws: Refused.self) { try client.call("disableStaticNat", ["ipaddressid": address]) }
    }

    @Test func `is refused for what it cannot be`() throws {
        let source = id(try shown(["issourcenat": "true"])[0])
        for parameters in [
            ["ipaddressid": source, "virtualmachineid": guest], ["ipaddressid": address],
            ["ipaddressid": address, "virtualmachineid": guest, "vmguestip": "10.1.1.99"],
            ["ipaddressid": address, "virtualmachineid": address],
        ] {
            #expect("\(parameters)") {
                try client.call("enableStaticNat", parameters)
            } throws: {
                ($0 as? Refused)?.status == 431
            }
        }
        try enable()
        #expect(throws: Refused.self) {
            try client.call("disableStaticNat", ["ipaddressid": address, "cleanup": "softly"])
        }
        #expect(try shown(["isstaticnat": "true"]).map(id) == [address])
    }

    @Test func `that is only planned is not there`() throws {
        let before = client.service.view.cloud
        let plan = try client.call(
            "enableStaticNat", ["ipaddressid": address, "virtualmachineid": guest, "plan": "true"])
        #expect(plan["plan"] != nil && client.service.view.cloud == before)
    }

    @Test func `has rules for single ports, which are firewall rules by another name`() throws {
        let parameters = ["ipaddressid": address, "protocol": "TCP", "startport": "22"]
        #expect(throws: Refused(status: 431, text: "Static NAT is not enabled for the address")) {
            try client.call("createIpForwardingRule", parameters)
        }
        try enable()
        let rule = try client.finished("createIpForwardingRule", parameters, makes: "ipforwardingrule")
        #expect(rule.departures(from: FieldTable.ipForwardingRule) == [])
        let expected = [
            "protocol": "tcp", "publicport": "22", "publicendport": "22", "privateport": "22", "privateendport": "22",
            "ipaddress": "203.0.113.11", "ipaddressid": address, "virtualmachineid": guest, "state": "Active",
        ]
        for (key, value) in expected { #expect(rule[key]?.text == value, "\(key)") }
        let firewall = try client.list("listFirewallRules", "firewallrule")
        #expect(firewall.map(id) == [rule["id"]?.text] && firewall[0]["startport"] as? Int == 22)
        // A rule without ports is none of a single port.
        _ = try client.finished(
            "createFirewallRule", ["ipaddressid": address, "protocol": "icmp"], makes: "firewallrule")
        for filter in [[:], ["ipaddressid": address], ["virtualmachineid": guest], ["id": rule["id"]?.text ?? ""]] {
            let found = try client.list("listIpForwardingRules", "ipforwardingrule", filter)
            #expect(found.map(id) == [rule["id"]?.text], "\(filter)")
        }
        let icmp = try client.list("listFirewallRules", "firewallrule", ["keyword": "icmp"])
        #expect(throws: Refused.self) { try client.call("deleteIpForwardingRule", ["id": id(icmp[0])]) }
        #expect(
            try client.finished("deleteIpForwardingRule", ["id": rule["id"]?.text ?? ""]).keys == ["success"])
        #expect(try client.call("listIpForwardingRules").isEmpty)
    }

    @Test(arguments: [
        (["openfirewall": "false"], 432), (["protocol": "icmp"], 431), (["startport": ""], 431),
        (["cidrlist": ","], 431),
    ])
    func `refuses rules for single ports that it cannot have`(parameters: [String: String], status: Int) throws {
        try enable()
        #expect {
            try client.call(
                "createIpForwardingRule",
                ["ipaddressid": address, "protocol": "tcp", "startport": "22"].merging(parameters) { $1 })
        } throws: {
            ($0 as? Refused)?.status == status
        }
        #expect(try client.call("listFirewallRules").isEmpty)
    }
}
