import CloudModel
import ControlPlane
import Foundation
import TestSupport
import Testing

extension Site {
    /// A second public address of the network, beside the one for source NAT.
    func acquire() throws -> String {
        id(try client.finish("associateIpAddress", "ipaddress", ["networkid": id(network)]))
    }
}

@Suite struct `Firewall rules` {
    let client: Client
    let site: Site
    let address: String

    init() throws {
        client = try Client()
        site = try Site(client)
        _ = try site.deploy("web")
        address = try site.acquire()
    }

    private func create(_ parameters: [String: String]) throws -> Wire {
        try client.finished(
            "createFirewallRule", ["ipaddressid": address].merging(parameters) { $1 }, makes: "firewallrule")
    }

    @Test func `come back as they were sent, with the types that clients want`() throws {
        let made = try create([
            "protocol": "TCP", "startport": "80", "endport": "90", "cidrlist": "198.51.100.0/24,192.0.2.0/24",
        ])
        #expect(made.departures(from: FieldTable.firewallRule) == [])
        let rule = try #require(try client.list("listFirewallRules", "firewallrule").first)
        #expect(rule["protocol"] as? String == "tcp")
        #expect(rule["startport"] as? Int == 80 && rule["endport"] as? Int == 90)
        #expect(rule["cidrlist"] as? String == "198.51.100.0/24,192.0.2.0/24")
        #expect(rule["ipaddressid"] as? String == address)
        #expect(rule["ipaddress"] as? String == "203.0.113.11")
        #expect(rule["networkid"] as? String == id(site.network))
        #expect(rule["state"] as? String == "Active")
        #expect(rule["tags"] as? [String] == [])
        #expect(rule["icmptype"] == nil && rule["destcidrlist"] == nil)
        #expect(id(rule) == made["id"]?.text)
    }

    @Test func `for ICMP carry both numbers, others no ports`() throws {
        let any = try create(["protocol": "icmp"])
        guard case (.number(-1)?, .number(-1)?) = (any["icmptype"], any["icmpcode"]) else {
            Issue.record("\(any)")
            return
        }
        #expect(any["startport"] == nil)
        _ = try client.finished("deleteFirewallRule", ["id": any["id"]?.text ?? ""])
        let echo = try create(["protocol": "icmp", "icmptype": "8", "icmpcode": "0"])
        #expect(echo.departures(from: FieldTable.firewallRule) == [])
        let rules = try client.list("listFirewallRules", "firewallrule")
        #expect(rules.map { $0["icmptype"] as? Int } == [8] && rules.map { $0["icmpcode"] as? Int } == [0])
        let gre = try create(["protocol": "47"])
        #expect(gre["protocol"]?.text == "47" && gre["startport"] == nil && gre["icmptype"] == nil)
        let all = try create(["protocol": "udp"])
        #expect(all["startport"] == nil && all["cidrlist"]?.text == "0.0.0.0/0")
    }

    @Test func `are found by address, network, id and keyword, oldest first`() throws {
        let first = try create(["protocol": "tcp", "startport": "80"])
        let second = try create(["protocol": "udp", "startport": "53"])
        func found(_ parameters: [String: String]) throws -> [String] {
            try client.list("listFirewallRules", "firewallrule", parameters).map(id)
        }
        let ids = [first, second].compactMap { $0["id"]?.text }
        let source = try client.list("listPublicIpAddresses", "publicipaddress", ["issourcenat": "true"])
        #expect(try found([:]) == ids)
        #expect(try found(["ipaddressid": address]) == ids)
        #expect(try found(["ipaddressid": id(source[0])]) == [])
        #expect(try found(["networkid": id(site.network)]) == ids)
        #expect(try found(["id": ids[1]]) == [ids[1]])
        #expect(try found(["id": ids[1], "ipaddressid": id(source[0])]) == [])
        #expect(try found(["keyword": "UDP/53"]) == [ids[1]])
        #expect(try found(["fordisplay": "false"]) == [])
        #expect(try found(["page": "2", "pagesize": "1"]) == [ids[1]])
        #expect(try client.call("listFirewallRules", ["ipaddressid": id(source[0])]).isEmpty)
    }

    @Test func `change what of their protocol they let in`() throws {
        let rule = try create(["protocol": "tcp", "startport": "80"])
        let changed = try client.finished(
            "updateFirewallRule",
            [
                "id": rule["id"]?.text ?? "", "startport": "8000", "endport": "8010", "cidrlist": "192.0.2.0/24",
                "cleanup": "drain",
            ])["firewallrule"]
        guard case (.number(8000)?, .number(8010)?) = (changed?["startport"], changed?["endport"]) else {
            Issue.record("\(String(describing: changed))")
            return
        }
        #expect(changed?["cidrlist"]?.text == "192.0.2.0/24")
        #expect(changed?["id"]?.text == rule["id"]?.text)
        let gone = try client.finished("deleteFirewallRule", ["id": rule["id"]?.text ?? "", "cleanup": "END"])
        #expect(gone.keys == ["success"])
        #expect(try client.list("listFirewallRules", "firewallrule").isEmpty)
        #expect(throws: Refused.self) { try client.call("deleteFirewallRule", ["id": rule["id"]?.text ?? ""]) }
    }

    @Test func `from 256 places are taken, from 257 refused by name`() throws {
        let networks = (0..<257).map { "100.100.\($0 / 2).\($0 % 2 * 128)/25" }
        let rule = try create([
            "protocol": "tcp", "startport": "1", "cidrlist": networks.prefix(256).joined(separator: ","),
        ])
        #expect(rule["cidrlist"]?.text == networks.prefix(256).joined(separator: ","))
        #expect {
            try create(["protocol": "tcp", "startport": "2", "cidrlist": networks.joined(separator: ",")])
        } throws: {
            ($0 as? Refused)?.status == 431 && ($0 as? Refused)?.text.contains("cidrlist") == true
        }
        #expect(
            throws: Refused(status: 431, text: "Value greater than max allowed length 8192 for param: cidrlist")
        ) {
            try create(["protocol": "tcp", "cidrlist": String(repeating: "x", count: 8_193)])
        }
    }

    /// A list of nothing must not become "from everywhere".
    @Test(arguments: [",", " ", "192.0.2.0/24,", ",192.0.2.0/24", "192.0.2.0/24,,198.51.100.0/24"])
    func `with a gap in their list of places are refused`(list: String) {
        #expect {
            try create(["protocol": "tcp", "startport": "80", "cidrlist": list])
        } throws: {
            ($0 as? Refused)?.status == 431 && ($0 as? Refused)?.text.contains("parameter cidrlist") == true
        }
    }

    @Test(arguments: [
        (["fordisplay": "false"], 432), (["type": "Nobody"], 431), (["protocol": ""], 431), (["protocol": "quic"], 431),
        (["startport": "x"], 431), (["startport": "0"], 431), (["startport": "90", "endport": "80"], 431),
        (["icmptype": "8"], 431), (["ipaddressid": "x"], 431),
    ])
    func `are refused for what they cannot be`(parameters: [String: String], status: Int) throws {
        #expect {
            try create(["protocol": "tcp"].merging(parameters) { $1 })
        } throws: {
            ($0 as? Refused)?.status == status
        }
        #expect(try client.list("listFirewallRules", "firewallrule").isEmpty)
    }

    @Test(arguments: [(["customid": "x"], 432), (["fordisplay": "False"], 432), (["cleanup": "maybe"], 431)])
    func `are not updated in ways that are not there`(parameters: [String: String], status: Int) throws {
        let rule = try create(["protocol": "tcp", "startport": "80"])
        #expect {
            try client.call("updateFirewallRule", ["id": rule["id"]?.text ?? ""].merging(parameters) { $1 })
        } throws: {
            ($0 as? Refused)?.status == status
        }
        #expect {
            try client.call("listFirewallRules", ["projectid": "6e0c1f7a-1111-4222-8333-444455556666"])
        } throws: {
            ($0 as? Refused)?.status == 431
        }
    }

    @Test func `of the system are shown and stay`() throws {
        let rule = try create(["protocol": "icmp", "type": "system"])
        #expect(rule["type"]?.text == "System")
        #expect(try client.list("listFirewallRules", "firewallrule").map { $0["type"] as? String } == ["System"])
    }

    @Test func `that are only planned are not there`() throws {
        let before = client.service.view.cloud
        let plan = try client.call(
            "createFirewallRule", ["ipaddressid": address, "protocol": "tcp", "startport": "80", "plan": "true"])
        let changes = (plan["plan"] as? [String: Any])?["changes"] as? [String]
        #expect(changes?.contains { $0.hasPrefix("put firewall") } == true, "\(plan)")
        #expect(client.service.view.cloud == before)
    }

    @Test func `that speak of the same are a conflict`() throws {
        _ = try create(["protocol": "tcp", "startport": "80", "endport": "90"])
        #expect {
            try create(["protocol": "tcp", "startport": "85"])
        } throws: {
            ($0 as? Refused)?.status == 537
        }
    }
}
