import CloudModel
import ControlPlane
import Foundation
import TestSupport
import Testing

@Suite struct `Egress rules` {
    let client: Client
    let site: Site

    init() throws {
        client = try Client()
        site = try Site(client)
    }

    private func create(_ parameters: [String: String]) throws -> Wire {
        try client.finished(
            "createEgressFirewallRule", ["networkid": id(site.network)].merging(parameters) { $1 },
            makes: "firewallrule")
    }

    @Test func `come back as they were sent, with the types that clients want`() throws {
        let made = try create([
            "protocol": "Tcp", "startport": "25", "endport": "26", "cidrlist": "10.1.1.128/25,10.1.1.0/26",
            "destcidrlist": "198.51.100.0/24,192.0.2.0/24",
        ])
        #expect(made.departures(from: FieldTable.firewallRule) == [])
        let rule = try #require(
            try client.list("listEgressFirewallRules", "firewallrule", ["networkid": id(site.network)]).first)
        #expect(rule["protocol"] as? String == "tcp")
        #expect(rule["startport"] as? Int == 25 && rule["endport"] as? Int == 26)
        #expect(rule["cidrlist"] as? String == "10.1.1.128/25,10.1.1.0/26")
        #expect(rule["destcidrlist"] as? String == "198.51.100.0/24,192.0.2.0/24")
        #expect(rule["traffictype"] as? String == "Egress")
        #expect(rule["ipaddressid"] == nil && rule["tags"] as? [String] == [])
        #expect(try client.list("listFirewallRules", "firewallrule").isEmpty)
    }

    /// The Ansible module sends 0.0.0.0/0 when nothing is said, and compares the text.
    @Test func `for everything speak of no ports, and keep the places that were sent`() throws {
        let all = try create(["protocol": "all", "cidrlist": "0.0.0.0/0"])
        #expect(all["protocol"]?.text == "all" && all["startport"] == nil && all["cidrlist"]?.text == "0.0.0.0/0")
        #expect(all["destcidrlist"]?.text == "0.0.0.0/0")
        _ = try client.finished("deleteEgressFirewallRule", ["id": all["id"]?.text ?? ""])
        #expect(try create(["protocol": "icmp"])["cidrlist"]?.text == "10.1.1.0/24")
    }

    @Test func `change and go`() throws {
        let rule = try create(["protocol": "icmp", "icmptype": "8", "icmpcode": "0"])["id"]?.text ?? ""
        let changed = try client.finished(
            "updateEgressFirewallRule",
            ["id": rule, "icmptype": "0", "destcidrlist": "192.0.2.0/24", "cidrlist": "10.1.1.0/25"])["firewallrule"]
        guard case .number(0)? = changed?["icmptype"] else {
            Issue.record("\(String(describing: changed))")
            return
        }
        #expect(changed?["destcidrlist"]?.text == "192.0.2.0/24" && changed?["cidrlist"]?.text == "10.1.1.0/25")
        #expect(try client.list("listEgressFirewallRules", "firewallrule", ["keyword": "192.0.2"]).map(id) == [rule])
        #expect(try client.finished("deleteEgressFirewallRule", ["id": rule, "cleanup": "drain"]).keys == ["success"])
        #expect(try client.call("listEgressFirewallRules").isEmpty)
    }

    @Test(arguments: [
        ("createEgressFirewallRule", ["protocol": "all", "fordisplay": "false"], 432),
        ("createEgressFirewallRule", ["protocol": "all", "type": "x"], 431),
        ("createEgressFirewallRule", ["protocol": "all", "destcidrlist": ","], 431),
        ("createEgressFirewallRule", ["protocol": "all", "cidrlist": "10.9.9.0/24"], 431),
        ("createEgressFirewallRule", [:], 431), ("updateEgressFirewallRule", ["customid": "x"], 432),
        ("updateEgressFirewallRule", ["cleanup": "x"], 431), ("updateEgressFirewallRule", ["fordisplay": "no"], 432),
        ("deleteEgressFirewallRule", ["cleanup": "later"], 431), ("listEgressFirewallRules", ["projectid": "x"], 431),
        ("listEgressFirewallRules", ["ipaddressid": "x"], 432),
    ])
    func `are refused for what they cannot be`(command: String, parameters: [String: String], status: Int) throws {
        let rule = try create(["protocol": "tcp", "startport": "25"])["id"]?.text ?? ""
        let place = command.hasPrefix("create") ? ["networkid": id(site.network)] : ["id": rule]
        #expect {
            try client.call(command, place.merging(parameters) { $1 })
        } throws: {
            ($0 as? Refused)?.status == status
        }
        #expect(try client.list("listEgressFirewallRules", "firewallrule").count == 1)
    }

    @Test func `that are only planned are not there`() throws {
        let before = client.service.view.cloud
        let plan = try client.call(
            "createEgressFirewallRule", ["networkid": id(site.network), "protocol": "all", "plan": "true"])
        #expect(plan["plan"] != nil && client.service.view.cloud == before)
    }
}
