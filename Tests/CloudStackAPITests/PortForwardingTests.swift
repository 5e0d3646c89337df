import CloudModel
import ControlPlane
import Foundation
import TestSupport
import Testing

@Suite struct `Port forwarding rules` {
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

    private func create(_ parameters: [String: String] = [:]) throws -> Wire {
        let usual = [
            "ipaddressid": address, "protocol": "tcp", "publicport": "80", "privateport": "8080",
            "virtualmachineid": guest,
        ]
        return try client.finished(
            "createPortForwardingRule", usual.merging(parameters) { $1 }, makes: "portforwardingrule")
    }

    @Test func `come back as they were sent, ports as text`() throws {
        let made = try create(["protocol": "UDP", "publicendport": "89", "cidrlist": "198.51.100.0/24,192.0.2.0/24"])
        #expect(made.departures(from: FieldTable.portForwardingRule) == [])
        let rule = try #require(try client.list("listPortForwardingRules", "portforwardingrule").first)
        let expected = [
            "protocol": "udp", "publicport": "80", "publicendport": "89", "privateport": "8080",
            "privateendport": "8089", "ipaddress": "203.0.113.11", "ipaddressid": address,
            "networkid": id(site.network), "virtualmachineid": guest, "virtualmachinename": "web",
            "virtualmachinedisplayname": "web", "vmguestip": "10.1.1.77", "state": "Active",
            "cidrlist": "198.51.100.0/24,192.0.2.0/24",
        ]
        for (key, value) in expected { #expect(rule[key] as? String == value, "\(key)") }
        #expect(rule["tags"] as? [String] == [])
    }

    @Test func `show the last port even where it is the first, and no list of places where there is none`() throws {
        let rule = try create()
        #expect(rule["publicendport"]?.text == "80" && rule["privateendport"]?.text == "8080")
        #expect(rule["cidrlist"] == nil)
    }

    @Test func `open the firewall unless told not to`() throws {
        _ = try create()
        let opening = try client.list("listFirewallRules", "firewallrule")
        #expect(opening.map { $0["startport"] as? Int } == [80])
        _ = try create(["publicport": "81", "openfirewall": "False"])
        #expect(try client.list("listFirewallRules", "firewallrule").count == 1)
    }

    @Test func `are found by address, network, id and keyword`() throws {
        let rule = try create()["id"]?.text ?? ""
        let other = try create(["publicport": "81"])["id"]?.text ?? ""
        func found(_ parameters: [String: String]) throws -> Set<String> {
            Set(try client.list("listPortForwardingRules", "portforwardingrule", parameters).map(id))
        }
        let source = id(try client.list("listPublicIpAddresses", "publicipaddress", ["issourcenat": "true"])[0])
        #expect(try found([:]) == [rule, other])
        #expect(try found(["ipaddressid": address, "networkid": id(site.network)]) == [rule, other])
        #expect(try found(["ipaddressid": source]) == [])
        #expect(try found(["id": rule]) == [rule])
        #expect(try found(["keyword": "tcp/81"]) == [other])
        #expect(try found(["fordisplay": "false"]) == [])
    }

    @Test func `change where they lead to and go`() throws {
        let second = id(try site.deploy("db", ["ipaddress": "10.1.1.78"]))
        let rule = try create()["id"]?.text ?? ""
        let changed = try client.finished(
            "updatePortForwardingRule",
            [
                "id": rule, "privateport": "9090", "virtualmachineid": second, "cidrlist": "192.0.2.0/24",
                "cleanup": "drain",
            ])["portforwardingrule"]
        #expect(changed?["privateport"]?.text == "9090" && changed?["privateendport"]?.text == "9090")
        #expect(changed?["virtualmachinename"]?.text == "db" && changed?["vmguestip"]?.text == "10.1.1.78")
        #expect(changed?["cidrlist"]?.text == "192.0.2.0/24" && changed?["publicport"]?.text == "80")
        #expect(try client.finished("deletePortForwardingRule", ["id": rule, "cleanup": "end"]).keys == ["success"])
        #expect(try client.call("listPortForwardingRules").isEmpty)
        #expect(try client.call("listFirewallRules").isEmpty)
    }

    @Test(arguments: [
        ("createPortForwardingRule", ["fordisplay": "false"], 432),
        ("createPortForwardingRule", ["protocol": "icmp"], 431),
        ("createPortForwardingRule", ["publicport": ""], 431), ("createPortForwardingRule", ["privateport": "x"], 431),
        ("createPortForwardingRule", ["vmguestip": "10.1.1.200"], 431),
        ("createPortForwardingRule", ["cidrlist": ","], 431), ("createPortForwardingRule", ["publicport": "80"], 537),
        ("updatePortForwardingRule", ["customid": "x"], 432), ("updatePortForwardingRule", ["fordisplay": "no"], 432),
        ("updatePortForwardingRule", ["cleanup": "x"], 431), ("deletePortForwardingRule", ["cleanup": "x"], 431),
        ("listPortForwardingRules", ["projectid": "x"], 431),
    ])
    func `are refused for what they cannot be`(command: String, parameters: [String: String], status: Int) throws {
        let rule = try create()["id"]?.text ?? ""
        let usual =
            command.hasPrefix("create")
            ? [
                "ipaddressid": address, "protocol": "tcp", "publicport": "81", "privateport": "8080",
                "virtualmachineid": guest,
            ] : ["id": rule]
        #expect {
            try client.call(command, usual.merging(parameters) { $1 })
        } throws: {
            ($0 as? Refused)?.status == status
        }
        #expect(try client.list("listPortForwardingRules", "portforwardingrule").map(id) == [rule])
    }

    @Test func `that are only planned are not there`() throws {
        let before = client.service.view.cloud
        let plan = try client.call(
            "createPortForwardingRule",
            [
                "ipaddressid": address, "protocol": "tcp", "publicport": "80", "privateport": "80",
                "virtualmachineid": guest, "plan": "true",
            ])
        #expect(plan["plan"] != nil && client.service.view.cloud == before)
    }
}
