import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import TestSupport
import Testing

@Suite struct `Load balancer rules` {
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

    private func create(_ parameters: [String: String] = [:]) throws -> String {
        let usual = [
            "publicipid": address, "name": "shared", "algorithm": "roundrobin", "publicport": "80",
            "privateport": "8080",
        ]
        let made = try client.finished(
            "createLoadBalancerRule", usual.merging(parameters) { $1 }, makes: "loadbalancer")
        return try #require(made["id"]?.text)
    }

    private func rule(_ id: String) throws -> [String: Any] {
        try #require(try client.list("listLoadBalancerRules", "loadbalancerrule", ["id": id]).first)
    }

    private func assign(_ rule: String, _ parameters: [String: String]) throws {
        _ = try client.finished("assignToLoadBalancerRule", parameters.merging(["id": rule]) { $1 })
    }

    /// What Ansible, Terraform and libcloud read of them.
    @Test func `come back as they were sent, ports as text`() throws {
        _ = try create(["protocol": "UDP", "algorithm": "Source", "cidrlist": "198.51.100.0/24,192.0.2.0/24"])
        let rule = try #require(try client.list("listLoadBalancerRules", "loadbalancerrule").first)
        let expected = [
            "name": "shared", "protocol": "udp", "algorithm": "source", "publicport": "80", "privateport": "8080",
            "publicip": "203.0.113.11", "publicipid": address, "networkid": id(site.network), "state": "Active",
            "cidrlist": "198.51.100.0/24,192.0.2.0/24", "description": "",
        ]
        for (key, value) in expected {
            #expect(rule[key] as? String == value, "\(key)")
        }
        #expect(rule["tags"] as? [String] == [])
    }

    @Test func `tell their addresses from others`() throws {
        let plain = try site.acquire()
        _ = try create()
        let found = { (value: String) in
            Set(try client.list("listPublicIpAddresses", "publicipaddress", ["forloadbalancing": value]).map(id))
        }
        #expect(try found("true") == [address])
        #expect(try found("false").contains(plain) && !(try found("false").contains(address)))
        let free = ["forloadbalancing": "true", "allocatedonly": "false"]
        #expect(try client.list("listPublicIpAddresses", "publicipaddress", free).map(id) == [address])
        #expect {
            try client.call("disassociateIpAddress", ["id": plain, "ipaddress": "203.0.113.12"])
        } throws: {
            ($0 as? Refused)?.status == 432
        }
    }

    @Test func `are for TCP unless told otherwise, and open the firewall`() throws {
        let rule = try create()
        #expect(try self.rule(rule)["protocol"] as? String == "tcp")
        let opening = try client.list("listFirewallRules", "firewallrule")
        #expect(opening.map { $0["startport"] as? Int } == [80])
        _ = try create(["publicport": "81", "openfirewall": "False"])
        #expect(try client.list("listFirewallRules", "firewallrule").count == 1)
        _ = try client.finished("deleteLoadBalancerRule", ["id": rule])
        #expect(try client.list("listFirewallRules", "firewallrule").isEmpty)
    }

    @Test func `are found by name, address, network, id and member`() throws {
        let rule = try create()
        let other = try create(["publicport": "81", "name": "other"])
        try assign(other, ["virtualmachineids": guest])
        func found(_ parameters: [String: String]) throws -> [String] {
            try client.list("listLoadBalancerRules", "loadbalancerrule", parameters).map(id)
        }
        #expect(try found([:]) == [rule, other])
        #expect(try found(["publicipid": address, "networkid": id(site.network)]) == [rule, other])
        #expect(try found(["name": "SHARED", "publicipid": address]) == [rule])
        #expect(try found(["name": "share"]) == [])
        #expect(try found(["id": other]) == [other])
        #expect(try found(["virtualmachineid": guest]) == [other])
    }

    /// libcloud reads `nic[0].ipaddress` of the members, Ansible their ids.
    @Test func `have members that come and go`() throws {
        let rule = try create()
        let second = id(try site.deploy("db", ["ipaddress": "10.1.1.78"]))
        let nic = try #require(
            try client.list("listNics", "nic", ["virtualmachineid": guest]).first.map(id))
        _ = try client.finished("addIpToNic", ["nicid": nic, "ipaddress": "10.1.1.99"], makes: "nicsecondaryip")
        func members(_ parameters: [String: String] = [:]) throws -> [[String: Any]] {
            try client.list(
                "listLoadBalancerRuleInstances", "loadbalancerruleinstance", parameters.merging(["id": rule]) { $1 })
        }
        try assign(rule, ["virtualmachineids": "\(guest),\(second)"])
        try assign(rule, ["vmidipmap[0].vmid": guest, "vmidipmap[0].vmip": "10.1.1.99"])
        #expect(try members().map(id) == [guest, second])
        let nics = try #require(try members().first?["nic"] as? [[String: Any]])
        #expect(nics.first?["ipaddress"] as? String == "10.1.1.77")
        let pairs = try client.list(
            "listLoadBalancerRuleInstances", "lbrulevmidip", ["id": rule, "lbvmips": "true"])
        #expect(pairs.map { $0["lbvmipaddresses"] as? [String] } == [["10.1.1.77", "10.1.1.99"], ["10.1.1.78"]])
        #expect(pairs.compactMap { $0["loadbalancerruleinstance"] as? [String: Any] }.map(id) == [guest, second])
        #expect(try members(["applied": "false"]).isEmpty)
        _ = try client.finished(
            "removeFromLoadBalancerRule",
            ["id": rule, "vmidipmap[0].vmid": guest, "vmidipmap[0].vmip": "10.1.1.77", "cleanup": "drain"])
        _ = try client.finished("removeFromLoadBalancerRule", ["id": rule, "virtualmachineids": second])
        #expect(try members().map(id) == [guest])
        #expect(try members(["applied": "false"]).map(id) == [second])
        _ = try client.finished("destroyVirtualMachine", ["id": guest, "expunge": "true"])
        #expect(try members().isEmpty)
    }

    @Test func `change in place`() throws {
        let rule = try create()
        let changed =
            try client.finished(
                "updateLoadBalancerRule",
                ["id": rule, "algorithm": "source", "name": "new", "description": "d", "cidrlist": "192.0.2.0/24"]
            )["loadbalancer"] ?? .null
        #expect(changed["algorithm"]?.text == "source" && changed["name"]?.text == "new")
        #expect(changed["description"]?.text == "d" && changed["cidrlist"]?.text == "192.0.2.0/24")
        let opening = try #require(try client.list("listFirewallRules", "firewallrule").first)
        #expect(opening["cidrlist"] as? String == "192.0.2.0/24")
    }

    @Test func `are figures for Prometheus, by rule and address`() throws {
        #expect(!Metrics.text(client.service.view).contains("load_balancer"))
        let rule = try create()
        try assign(rule, ["virtualmachineids": guest])
        let labels = "{rule=\"\(rule)\",address=\"10.1.1.77\"}"
        for (name, type, value) in [
            ("up", "gauge", 1), ("connections_total", "counter", 0), ("received_bytes_total", "counter", 0),
            ("sent_bytes_total", "counter", 0), ("errors_total", "counter", 0),
        ] {
            let text = Metrics.text(client.service.view)
            #expect(text.contains("# TYPE sluice_load_balancer_member_\(name) \(type)\n"), "\(name)")
            #expect(text.contains("\nsluice_load_balancer_member_\(name)\(labels) \(value)\n"), "\(name)")
        }
        for name in ["connections", "received_bytes", "sent_bytes", "errors"] {
            let line = "\nsluice_load_balancer_\(name)_total{rule=\"\(rule)\"} 0\n"
            #expect(Metrics.text(client.service.view).contains(line), "\(name)")
        }
        // Of whom it is not known how fast they answer, nothing is said.
        #expect(!Metrics.text(client.service.view).contains("response_milliseconds"))
    }

    @Test func `name the parameter that is wrong`() throws {
        let rule = try create()
        try assign(rule, ["virtualmachineids": guest])
        func refused(
            _ command: String, _ status: Int, _ parameters: [String: String], _ what: Comment? = nil,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(what, sourceLocation: sourceLocation) {
                try client.finished(command, parameters)
            } throws: {
                ($0 as? Refused)?.status == status
            }
        }
        let usual = [
            "publicipid": address, "name": "x", "algorithm": "roundrobin", "publicport": "81", "privateport": "1",
        ]
        for (name, value, status) in [
            ("algorithm", "random", 431), ("publicport", "0", 431), ("publicport", "65536", 431),
            ("privateport", "0", 431), ("protocol", "sctp", 431), ("publicport", "80", 537), ("cidrlist", "x", 431),
            ("name", "a\nb", 431), ("name", "", 431), ("fordisplay", "false", 432),
        ] {
            refused("createLoadBalancerRule", status, usual.merging([name: value]) { $1 }, "\(name)=\(value)")
        }
        refused("assignToLoadBalancerRule", 431, ["id": rule, "virtualmachineids": guest])
        refused("assignToLoadBalancerRule", 431, ["id": rule])
        refused(
            "assignToLoadBalancerRule", 431, ["id": rule, "vmidipmap[0].vmid": guest, "vmidipmap[0].vmip": "10.1.1.9"])
        refused("removeFromLoadBalancerRule", 431, ["id": rule, "virtualmachineids": address])
        refused("enableStaticNat", 537, ["ipaddressid": address, "virtualmachineid": guest])
    }

    @Test func `keep clients with a machine, by policies that wrap themselves in a list`() throws {
        let rule = try create()
        let started = try client.wire(
            "createLBStickinessPolicy",
            [
                "lbruleid": rule, "methodname": "lbcookie", "name": "sticky", "param[0].name": "cookie-name",
                "param[0].value": "SRV", "param[1].name": "indirect", "param[1].value": "true",
            ])
        let made = try #require(try client.list("listLBStickinessPolicies", "stickinesspolicies").first)
        #expect(made["lbruleid"] as? String == rule)
        let policy = try #require((made["stickinesspolicy"] as? [[String: Any]])?.first)
        #expect(id(policy) == started["id"]?.text)
        #expect(policy["methodname"] as? String == "LbCookie" && policy["name"] as? String == "sticky")
        #expect((policy["params"] as? [String: Any])?["cookie-name"] as? String == "SRV")
        #expect(try client.list("listLBStickinessPolicies", "stickinesspolicies", ["lbruleid": rule]).count == 1)
        #expect(throws: Refused.self) {
            try client.finished(
                "createLBStickinessPolicy", ["lbruleid": rule, "methodname": "SourceBased", "name": "second"])
        }
        _ = try client.finished("deleteLBStickinessPolicy", ["id": id(policy)])
        #expect(try client.list("listLBStickinessPolicies", "stickinesspolicies", ["lbruleid": rule]).isEmpty)
        // What would have been a line of somebody's configuration.
        for (name, value, status) in [
            ("cookie-name", "a\nglobal", 431), ("cookie-name", "a b", 431), ("cookie-name", "a#", 431),
            ("cookie-name", "%[env(PATH)]", 431), ("mode", "rewrite", 432), ("tablesize", "1", 432), ("x", "y", 432),
        ] {
            #expect("\(name)=\(value)") {
                try client.finished(
                    "createLBStickinessPolicy",
                    [
                        "lbruleid": rule, "methodname": "LbCookie", "name": "x", "param[0].name": name,
                        "param[0].value": value,
                    ])
            } throws: {
                ($0 as? Refused)?.status == status
            }
        }
    }

    @Test func `have their machines checked, with CloudStack's numbers where none are given`() throws {
        let rule = try create()
        let started = try client.wire("createLBHealthCheckPolicy", ["lbruleid": rule, "unhealthythreshold": "3"])
        let made = try #require(try client.list("listLBHealthCheckPolicies", "healthcheckpolicies").first)
        let policy = try #require((made["healthcheckpolicy"] as? [[String: Any]])?.first)
        #expect(id(policy) == started["id"]?.text)
        #expect(policy["healthcheckinterval"] as? Int == 5 && policy["responsetime"] as? Int == 2)
        #expect(policy["healthcheckthresshold"] as? Int == 2 && policy["unhealthcheckthresshold"] as? Int == 3)
        #expect(policy["pingpath"] == nil)
        _ = try client.finished("deleteLBHealthCheckPolicy", ["id": id(policy)])
        for (name, value) in [
            ("pingpath", "no"), ("pingpath", "/a b"), ("pingpath", "/a\nserver"), ("intervaltime", "0"),
            ("responsetimeout", "61"), ("healthythreshold", "0"),
        ] {
            #expect("\(name)=\(value)") {
                try client.finished("createLBHealthCheckPolicy", ["lbruleid": rule, name: value])
            } throws: {
                ($0 as? Refused)?.status == 431
            }
        }
    }
}
