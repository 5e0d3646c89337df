import CloudModel
import ControlPlane
import Foundation
import TestSupport
import Testing

/// One account's rules, and another account that has learned their ids.
@Suite struct `Another account` {
    let owner: Client
    let stranger: Client
    let site: Site
    /// Ids by what they are of.
    let ids: [String: String]

    init() throws {
        owner = try Client()
        site = try Site(owner)
        stranger = try Client(besides: owner, account: "stranger")
        let guest = try site.deploy("web")
        let nic = id((guest["nic"] as? [[String: Any]])?.first ?? [:])
        let (forwarded, own) = (try site.acquire(), try site.acquire())
        let secondary = try owner.finished("addIpToNic", ["nicid": nic], makes: "nicsecondaryip")["id"]?.text
        let forwarding = try owner.finished(
            "createPortForwardingRule",
            [
                "ipaddressid": forwarded, "protocol": "tcp", "publicport": "80", "privateport": "80",
                "virtualmachineid": id(guest),
            ], makes: "portforwardingrule")["id"]?.text
        _ = try owner.call("enableStaticNat", ["ipaddressid": own, "virtualmachineid": id(guest)])
        let rule = try owner.finished(
            "createFirewallRule", ["ipaddressid": own, "protocol": "tcp", "startport": "22"], makes: "firewallrule")
        let egress = try owner.finished(
            "createEgressFirewallRule", ["networkid": id(site.network), "protocol": "all"], makes: "firewallrule")
        let shared = try owner.finished(
            "createLoadBalancerRule",
            [
                "publicipid": forwarded, "name": "shared", "algorithm": "roundrobin", "publicport": "8080",
                "privateport": "80", "openfirewall": "false",
            ], makes: "loadbalancer")["id"]?.text
        let sticky = try owner.wire(
            "createLBStickinessPolicy", ["lbruleid": shared ?? "", "methodname": "SourceBased", "name": "s"])["id"]?
            .text
        let check = try owner.wire("createLBHealthCheckPolicy", ["lbruleid": shared ?? ""])["id"]?.text
        let forge = try Forge.shared.get()
        owner.clock.advance(seconds: Int64(Date().timeIntervalSince1970) - Client.now / 1_000 + 5)
        let certificate = try owner.call(
            "uploadSslCert", ["name": "c", "certificate": forge["lone.crt"], "privatekey": forge["lone.key"]])
        ids = [
            "certificate": id(certificate["sslcert"] as? [String: Any] ?? [:]), "shared": shared ?? "",
            "sticky": sticky ?? "", "check": check ?? "",
            "network": id(site.network), "guest": id(guest), "nic": nic, "forwarded": forwarded, "own": own,
            "secondary": secondary ?? "", "forwarding": forwarding ?? "", "rule": rule["id"]?.text ?? "",
            "egress": egress["id"]?.text ?? "",
        ]
    }

    /// A value that is a word of `ids` stands for the id.
    private func named(_ parameters: [String: String]) -> [String: String] { parameters.mapValues { ids[$0] ?? $0 } }

    @Test(arguments: [
        ("createFirewallRule", ["ipaddressid": "own", "protocol": "tcp"]), ("updateFirewallRule", ["id": "rule"]),
        ("deleteFirewallRule", ["id": "rule"]),
        ("createEgressFirewallRule", ["networkid": "network", "protocol": "tcp"]),
        ("updateEgressFirewallRule", ["id": "egress"]), ("deleteEgressFirewallRule", ["id": "egress"]),
        (
            "createPortForwardingRule",
            [
                "ipaddressid": "forwarded", "protocol": "tcp", "publicport": "81", "privateport": "81",
                "virtualmachineid": "guest",
            ]
        ), ("updatePortForwardingRule", ["id": "forwarding"]), ("deletePortForwardingRule", ["id": "forwarding"]),
        (
            "createLoadBalancerRule",
            [
                "publicipid": "forwarded", "name": "x", "algorithm": "source", "publicport": "82", "privateport": "82",
            ]
        ), ("updateLoadBalancerRule", ["id": "shared"]), ("deleteLoadBalancerRule", ["id": "shared"]),
        ("assignToLoadBalancerRule", ["id": "shared", "virtualmachineids": "guest"]),
        ("removeFromLoadBalancerRule", ["id": "shared", "virtualmachineids": "guest"]),
        ("createLBStickinessPolicy", ["lbruleid": "shared", "methodname": "SourceBased", "name": "x"]),
        ("createLBHealthCheckPolicy", ["lbruleid": "shared"]), ("deleteLBStickinessPolicy", ["id": "sticky"]),
        ("deleteLBHealthCheckPolicy", ["id": "check"]), ("deleteSslCert", ["id": "certificate"]),
        ("assignCertToLoadBalancer", ["lbruleid": "shared", "certid": "certificate"]),
        ("removeCertFromLoadBalancer", ["lbruleid": "shared"]),
        ("enableStaticNat", ["ipaddressid": "forwarded", "virtualmachineid": "guest"]),
        ("disableStaticNat", ["ipaddressid": "own"]), ("addIpToNic", ["nicid": "nic"]),
        ("removeIpFromNic", ["id": "secondary"]), ("updateNetwork", ["id": "network"]),
    ])
    func `is denied every change`(command: String, parameters: [String: String]) throws {
        let before = owner.service.view.cloud
        for plan in ["false", "true"] {
            #expect("\(command)") {
                try stranger.call(command, named(parameters).merging(["plan": plan]) { $1 })
            } throws: {
                ($0 as? Refused)?.status == 531
            }
        }
        #expect(owner.service.view.cloud == before)
    }

    /// What can be asked for by id is as unknown as what is not there.
    @Test(arguments: [
        ("listFirewallRules", "id", "rule"), ("listFirewallRules", "ipaddressid", "own"),
        ("listFirewallRules", "networkid", "network"), ("listEgressFirewallRules", "id", "egress"),
        ("listEgressFirewallRules", "networkid", "network"), ("listPortForwardingRules", "id", "forwarding"),
        ("listPortForwardingRules", "ipaddressid", "forwarded"), ("listPortForwardingRules", "networkid", "network"),
        ("listIpForwardingRules", "id", "rule"), ("listIpForwardingRules", "ipaddressid", "own"),
        ("listIpForwardingRules", "virtualmachineid", "guest"), ("listNics", "virtualmachineid", "guest"),
        ("listLoadBalancerRules", "id", "shared"), ("listLoadBalancerRules", "publicipid", "forwarded"),
        ("listLoadBalancerRules", "networkid", "network"), ("listLoadBalancerRules", "virtualmachineid", "guest"),
        ("listLoadBalancerRuleInstances", "id", "shared"), ("listLBStickinessPolicies", "lbruleid", "shared"),
        ("listLBHealthCheckPolicies", "lbruleid", "shared"), ("listLBHealthCheckPolicies", "id", "check"),
        ("updateLBStickinessPolicy", "id", "sticky"), ("listSslCerts", "certid", "certificate"),
        ("listSslCerts", "lbruleid", "shared"),
        ("listPublicIpAddresses", "id", "own"), ("deleteIpForwardingRule", "id", "rule"),
    ])
    func `does not find what it names`(command: String, parameter: String, object: String) {
        #expect {
            try stranger.call(command, [parameter: ids[object] ?? ""])
        } throws: {
            ($0 as? Refused)?.status == 431
                && ($0 as? Refused)?.text.contains(
                    "Invalid parameter \(parameter) value=\(ids[object] ?? "") due to incorrect long value format")
                    == true
        }
    }

    @Test(arguments: [
        "listFirewallRules", "listEgressFirewallRules", "listPortForwardingRules", "listIpForwardingRules",
        "listLoadBalancerRules",
    ])
    func `sees nothing of it, however much it asks for`(command: String) throws {
        #expect(try !owner.call(command).isEmpty)
        #expect(try stranger.call(command).isEmpty)
        #expect(try stranger.call(command, ["listall": "true"]).isEmpty)
        #expect(throws: Refused.self) { try stranger.call(command, ["account": "admin"]) }
    }

    @Test(arguments: ["listLBStickinessPolicies", "listLBHealthCheckPolicies"])
    func `sees no policies of it`(command: String) throws {
        #expect(try !owner.call(command).isEmpty)
        #expect(try stranger.call(command).isEmpty)
    }

    @Test func `is shown to the administrator who asks for everything, and not else`() throws {
        let rules = stranger.service.view.cloud.firewallRules.count
        #expect(rules == 2)
        #expect(try owner.call("listFirewallRules", ["account": "stranger"]).isEmpty)
        #expect(try owner.list("listFirewallRules", "firewallrule", ["listall": "true"]).count == 2)
    }

    @Test func `makes no rules for the system, not even on an address of its own`() throws {
        let offering = try owner.list("listNetworkOfferings", "networkoffering")[0]
        let network = try stranger.call(
            "createNetwork", ["name": "own", "zoneid": site.zone, "networkofferingid": id(offering)])
        let networkID = id(network["network"] as? [String: Any] ?? [:])
        let address = try stranger.finish("associateIpAddress", "ipaddress", ["networkid": networkID])
        let parameters = ["ipaddressid": id(address), "protocol": "tcp"]
        #expect {
            try stranger.call("createFirewallRule", parameters.merging(["type": "System"]) { $1 })
        } throws: {
            ($0 as? Refused)?.status == 531
        }
        let rule = try stranger.finished("createFirewallRule", parameters, makes: "firewallrule")
        #expect(rule["type"]?.text == "User")
        #expect(try stranger.list("listFirewallRules", "firewallrule").map(id) == [rule["id"]?.text])
        #expect(try owner.list("listFirewallRules", "firewallrule").count == 2)
    }
}
