import CloudModel
import ControlPlane
import Foundation
import TestSupport
import Testing

@Suite struct `A network` {
    let client: Client
    let site: Site

    init() throws {
        client = try Client()
        site = try Site(client)
        _ = try site.deploy("web")
    }

    @Test func `changes the address that its guests are seen by`() throws {
        let other = try site.acquire()
        let network = try client.finished(
            "updateNetwork", ["id": id(site.network), "sourcenatipaddress": "203.0.113.11"])["network"]
        #expect(network?["id"]?.text == id(site.network))
        let source = try client.list("listPublicIpAddresses", "publicipaddress", ["issourcenat": "true"])
        #expect(source.map(id) == [other])
        let router = try #require(try client.list("listRouters", "router").first)
        #expect(router["publicip"] as? String == "203.0.113.11")
        let legs = router["nic"] as? [[String: Any]] ?? []
        #expect(legs.map { $0["ipaddress"] as? String } == ["10.1.1.1", "203.0.113.11"])
    }

    @Test func `changes its names`() throws {
        let offering = site.network["networkofferingid"] as? String ?? ""
        let network = try client.finished(
            "updateNetwork",
            [
                "id": id(site.network), "name": "renamed", "displaytext": "for nothing",
                "networkdomain": "lab.example", "networkofferingid": offering,
            ])["network"]
        #expect(network?["name"]?.text == "renamed" && network?["displaytext"]?.text == "for nothing")
        #expect(network?["networkdomain"]?.text == "lab.example")
        let cleared = try client.finished("updateNetwork", ["id": id(site.network), "networkdomain": ""])["network"]
        #expect(cleared?["networkdomain"] == nil && cleared?["name"]?.text == "renamed")
    }

    @Test(arguments: [
        (["guestvmcidr": "10.1.2.0/25"], 431), (["dns1": "nobody"], 431), (["displaynetwork": "false"], 432),
        (["customid": "x"], 432), (["networkofferingid": "6e0c1f7a-1111-4222-8333-444455556666"], 431),
        (["changecidr": "true"], 432),
        (["sourcenatipaddress": "192.0.2.9"], 431), (["id": "6e0c1f7a-1111-4222-8333-444455556666"], 431),
    ])
    func `is not changed in ways that are not there`(parameters: [String: String], status: Int) throws {
        let before = client.service.view.cloud
        #expect {
            try client.call("updateNetwork", ["id": id(site.network)].merging(parameters) { $1 })
        } throws: {
            ($0 as? Refused)?.status == status
        }
        #expect(client.service.view.cloud == before)
    }

    @Test func `can be made from an offering without conserve mode`() throws {
        let parameters = [
            "name": "One use", "displaytext": "One use for an address", "guestiptype": "isolated",
            "traffictype": "GUEST", "supportedservices": "SourceNat,Firewall,PortForwarding,StaticNat",
            "serviceproviderlist[0].service": "sourcenat", "serviceproviderlist[0].provider": "virtualrouter",
            "conservemode": "false", "egressdefaultpolicy": "true", "enable": "true",
        ]
        let made = try #require(try client.wire("createNetworkOffering", parameters)["networkoffering"])
        #expect(made.departures(from: FieldTable.networkOffering) == [])
        let listed = try #require(try client.list("listNetworkOfferings", "networkoffering", ["name": "One use"]).first)
        #expect(listed["conservemode"] as? Bool == false && listed["egressdefaultpolicy"] as? Bool == true)
        #expect(listed["state"] as? String == "Enabled")
        let usual = try client.list(
            "listNetworkOfferings", "networkoffering", ["name": "DefaultIsolatedNetworkOfferingWithSourceNatService"])
        #expect(usual.first?["conservemode"] as? Bool == true)
        let network =
            try client.call("createNetwork", ["name": "n", "zoneid": site.zone, "networkofferingid": id(listed)])[
                "network"] as? [String: Any]
        #expect(network?["networkofferingconservemode"] as? Bool == false)

        for (name, value, status) in [
            ("guestiptype", "Shared", 431), ("guestiptype", "Other", 431), ("traffictype", "Public", 431),
            ("supportedservices", "SourceNat,Teleport", 432), ("supportedservices", "Lb", 431),
            ("forvpc", "True", 432), ("specifyipranges", "true", 431), ("tags", "x,x", 431),
            ("serviceproviderlist[1].service", "Firewall", 431), ("displaytext", "", 431),
        ] {
            #expect("\(name)") {
                try client.call("createNetworkOffering", parameters.merging(["name": "x", name: value]) { $1 })
            } throws: {
                ($0 as? Refused)?.status == status
            }
        }
    }

    @Test func `has addresses that say whether rules rest on them`() throws {
        let address = try site.acquire()
        func hasRules() throws -> Bool? {
            try client.list("listPublicIpAddresses", "publicipaddress", ["id": address]).first?["hasrules"] as? Bool
        }
        #expect(try hasRules() == false)
        _ = try client.finished(
            "createFirewallRule", ["ipaddressid": address, "protocol": "tcp"], makes: "firewallrule")
        #expect(try hasRules() == true)
    }
}
