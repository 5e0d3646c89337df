import ControlPlane
import Foundation
import NetworkVocabulary
import RouterPlan
import TestSupport
import Testing

/// Two tenants with a network each, whose addresses have carried something, and the administrator who sees both.
@Suite struct `What has passed` {
    static let measured: Int64 = 1_795_000_000_500
    let admin: Client
    let tenants: [Client]
    let networks: [String]

    init() throws {
        admin = try Client()
        let site = try Site(admin)
        let offering = try admin.list(
            "listNetworkOfferings", "networkoffering", ["name": "DefaultIsolatedNetworkOfferingWithSourceNatService"])
        let both = try [Client(besides: admin, account: "blue"), Client(besides: admin, account: "green")]
        tenants = both
        networks = try zip(both, ["blue net", "green net"]).map { tenant, name in
            let made = try tenant.call(
                "createNetwork", ["name": name, "zoneid": site.zone, "networkofferingid": id(offering[0])])
            let network = id(made["network"] as? [String: Any] ?? [:])
            // The first guest brings the router and its address.
            _ = try tenant.finish(
                "deployVirtualMachine", "virtualmachine",
                ["zoneid": site.zone, "name": "web", "networkids": network])
            let address = try #require(tenant.list("listPublicIpAddresses", "publicipaddress").first)
            _ = try tenant.finish(
                "createFirewallRule", "firewallrule",
                ["ipaddressid": id(address), "protocol": "tcp", "startport": "22"])
            return network
        }
        for (index, tenant) in both.enumerated() {
            let factor = UInt64(index + 1)
            let address = try #require(tenant.list("listPublicIpAddresses", "publicipaddress").first)
            let rule = try #require(tenant.list("listFirewallRules", "firewallrule").first)
            func origin(_ kind: String, _ object: [String: Any]) throws -> Origin {
                Origin(kind, try #require(ObjectID(id(object))))
            }
            admin.service.count(
                [
                    MeterReading(
                        try origin("publicAddress", address), .received,
                        MeterCount(packets: 3 * factor, bytes: 300 * factor)),
                    MeterReading(
                        try origin("publicAddress", address), .sent, MeterCount(packets: 2, bytes: 900 / factor)),
                    MeterReading(
                        try origin("firewallRule", rule), .matched, MeterCount(packets: factor, bytes: 60 * factor)),
                ], at: Self.measured)
        }
    }

    @Test func `is in the lists of what it passed through`() throws {
        let network = try #require(tenants[0].list("listNetworks", "network").first)
        #expect(network["receivedbytes"] as? Int == 300 && network["sentbytes"] as? Int == 900)
        let address = try #require(tenants[1].list("listPublicIpAddresses", "publicipaddress").first)
        #expect(address["receivedbytes"] as? Int == 600 && address["sentbytes"] as? Int == 450)
        #expect(address["receivedpackets"] as? Int == 6 && address["sentpackets"] as? Int == 2)
        #expect(address["lasthit"] as? String == "2026-11-18T11:06:40+0000")
        let rule = try #require(tenants[1].list("listFirewallRules", "firewallrule").first)
        #expect(rule["matchedpackets"] as? Int == 2 && rule["matchedbytes"] as? Int == 120)
        // What was never used says nothing of when.
        let idle = try #require(admin.list("listNetworks", "network").first)
        #expect(idle["receivedbytes"] as? Int == 0 && idle["lasthit"] == nil)
    }

    @Test func `is everybody's own to see, and the administrator's to see whole`() throws {
        func names(_ client: Client, _ parameters: [String: String]) throws -> Set<String> {
            Set(try client.list("listTraffic", "traffic", parameters).map { $0["name"] as? String ?? "" })
        }
        for parameters in [[:], ["listall": "true"], ["account": "blue"]] as [[String: String]] {
            let seen = try tenants[0].list("listTraffic", "traffic", parameters)
            #expect(seen.count == 3)
            #expect(seen.allSatisfy { $0["account"] as? String == "blue" && $0["networkid"] as? String == networks[0] })
        }
        for type in ["network", "address", "rule"] {
            #expect(try tenants[0].list("listTraffic", "traffic", ["type": type, "listall": "true"]).count == 1)
            #expect(try admin.list("listTraffic", "traffic", ["type": type, "account": "green"]).count == 1)
        }
        #expect(try names(admin, ["type": "network", "listall": "true"]) == ["Net", "blue net", "green net"])
        #expect(try names(admin, ["type": "network"]) == ["Net"])
        #expect(try names(tenants[0], ["type": "account", "listall": "true"]) == ["blue"])
        #expect(throws: Refused.self) { try tenants[0].call("listTraffic", ["account": "green"]) }
        #expect {
            try tenants[0].call("listTraffic", ["networkid": networks[1]])
        } throws: {
            ($0 as? Refused)?.status == 431
        }
        #expect(try admin.list("listTraffic", "traffic", ["networkid": networks[1], "listall": "true"]).count == 3)
    }

    @Test func `is sorted and paged, says of when it is, and has the kernel read`() throws {
        func order(_ sort: String) throws -> [String] {
            try admin.list("listTraffic", "traffic", ["type": "network", "listall": "true", "sort": sort]).map {
                $0["name"] as? String ?? ""
            }
        }
        let before = admin.service.watches
        #expect(try order("received") == ["green net", "blue net", "Net"])
        #expect(try order("SENT") == ["blue net", "green net", "Net"])
        let page = try admin.call(
            "listTraffic", ["type": "rule", "listall": "true", "sort": "matched", "page": "1", "pagesize": "1"])
        #expect(page["count"] as? Int == 2 && page["measured"] as? Int == Int(Self.measured))
        #expect((page["traffic"] as? [[String: Any]])?.first?["matchedpackets"] as? Int == 2)
        #expect(admin.service.watches == before + 3)
        for (parameter, value) in [("sort", "size"), ("type", "router")] {
            #expect {
                try admin.call("listTraffic", [parameter: value])
            } throws: {
                ($0 as? Refused)?.status == 431 && ($0 as? Refused)?.text.contains(parameter) == true
            }
        }
    }
}
