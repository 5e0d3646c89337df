import CloudModel
import ControlPlane
import Foundation
import TestSupport
import Testing

/// Two tenants whose networks have the same addresses; what the API says about packets at their guests' ports.
@Suite struct `A packet explained` {
    let admin: Client
    let blue: Client
    let green: Client

    init() throws {
        admin = try Client()
        let site = try Site(admin)
        let offering = try admin.list(
            "listNetworkOfferings", "networkoffering", ["name": "IsolatedNetworkOfferingWithEgressDeny"])
        blue = try Client(besides: admin, account: "blue")
        green = try Client(besides: admin, account: "green")
        for (tenant, guest) in [(blue, "web"), (green, "db")] {
            let made = try tenant.call(
                "createNetwork", ["name": "net", "zoneid": site.zone, "networkofferingid": id(offering[0])])
            _ = try tenant.finish(
                "deployVirtualMachine", "virtualmachine",
                [
                    "zoneid": site.zone, "name": guest,
                    "networkids": id(made["network"] as? [String: Any] ?? [:]), "ipaddress": "10.1.1.77",
                ])
            // The policy of the offering is to deny.
            _ = try tenant.finish(
                "createEgressFirewallRule", "firewallrule",
                ["networkid": id(made["network"] as? [String: Any] ?? [:]), "protocol": "tcp"])
        }
    }

    private func explain(_ client: Client, _ parameters: [String: String]) throws -> [[String: Any]] {
        try client.list("explainPacket", "explanation", parameters)
    }

    private func refusal(_ client: Client, _ parameters: [String: String]) -> String {
        do {
            return "answered: \(try explain(client, parameters))"
        } catch let error as Refused {
            return "\(error.status) \(error.text)"
        } catch {
            return "\(error)"
        }
    }

    @Test func `arrives outside with the public address, and the rule that let it out is named`() throws {
        let found = try #require(
            try explain(blue, ["from": "web", "packet": "tcp 10.1.1.77:40000 > 198.51.100.1:7 S"]).first)
        #expect(found["verdict"] as? String == "arrives at outside")
        let arrival = try #require((found["arrival"] as? [[String: Any]])?.first)
        #expect((arrival["packet"] as? String)?.hasPrefix("tcp 203.0.113.10:40000 > 198.51.100.1:7 S") == true)
        let passage = try #require((found["passage"] as? [[String: Any]])?.first)
        let stages = try #require(passage["stage"] as? [[String: Any]])
        let egress = try #require(stages.last { $0["chain"] as? String == "network-egress" })
        #expect(egress["originname"] as? String == "egressRule net tcp")
        #expect(stages.contains { ($0["action"] as? String)?.contains("203.0.113.10:40000") == true }, "\(stages)")
    }

    @Test func `is dropped with the rule that came closest`() throws {
        let found = try #require(
            try explain(blue, ["from": "web", "packet": "udp 10.1.1.77:40000 > 198.51.100.1:53"]).first)
        #expect((found["verdict"] as? String)?.hasPrefix("r-1-VM drops it: network-egress") == true, "\(found)")
        let passage = try #require((found["passage"] as? [[String: Any]])?.first)
        #expect(passage["nearest"] as? [String] == ["egressRule net tcp from 10.1.1.0/24: the packet is udp"])
        #expect((found["arrival"] as? [Any])?.isEmpty == true)
    }

    @Test func `is followed by an answer that belongs to its connection`() throws {
        let found = try explain(
            admin,
            [
                "from": "web", "packet": "tcp 10.1.1.77:40000 > 198.51.100.1:7 S", "then[0].from": "outside",
                "then[0].packet": "tcp 198.51.100.1:7 > 203.0.113.10:40000 S.",
            ])
        #expect(found.map { $0["verdict"] as? String } == ["arrives at outside", "arrives at web"])
        let alone = try explain(
            admin, ["from": "outside", "packet": "tcp 198.51.100.1:7 > 203.0.113.10:40000 S."])
        #expect((alone.first?["verdict"] as? String)?.contains("drops it") == true, "\(alone)")
    }

    @Test func `a frame of a capture is as good as a line`() throws {
        let line = try #require(
            try explain(blue, ["from": "web", "packet": "tcp 10.1.1.77:40000 > 198.51.100.1:7 S"]).first)
        let frame = try #require(line["frame"] as? String)
        let again = try #require(try explain(blue, ["from": "web", "packet": "0x\(frame)"]).first)
        #expect(again["text"] as? String == line["text"] as? String)
    }

    @Test func `tells a tenant of nobody else's ports and routers`() throws {
        #expect(refusal(blue, ["from": "db", "packet": "any"]).hasPrefix("431 There is no port db"))
        #expect(refusal(blue, ["from": "outside", "packet": "any"]).hasPrefix("531 "))
        // The other tenant's public address: that it leads somewhere is known to everybody, what it meets there is not.
        let found = try #require(
            try explain(blue, ["from": "web", "packet": "tcp 10.1.1.77:40000 > 203.0.113.11:22 S"]).first)
        #expect(found["verdict"] as? String == "goes to a router that is somebody else's")
        let nodes = (found["passage"] as? [[String: Any]])?.compactMap { $0["node"] as? String }
        #expect(nodes?.count == 1)
        #expect((found["text"] as? String)?.contains("filter-input") == false)
        let seen = try #require(
            try explain(admin, ["from": "web", "packet": "tcp 10.1.1.77:40000 > 203.0.113.11:22 S"]).first)
        #expect((seen["passage"] as? [Any])?.count == 2)
        #expect((seen["verdict"] as? String)?.contains(" drops it: filter-input ") == true)
    }

    @Test func `what cannot be understood is refused by the name of the parameter and the place`() throws {
        #expect(refusal(blue, ["from": "web", "packet": "tcp 10.1.1.77:40000 < 1.2.3.4:7"]).contains("1:21: expected"))
        #expect(refusal(blue, ["from": "web/1", "packet": "any"]).hasPrefix("431 There is no port web/1"))
        #expect(refusal(blue, ["from": "web", "packet": "0x00"]).contains("packet"))
        #expect(refusal(blue, ["from": "web", "packet": "0xzz"]).contains("packet"))
        #expect(refusal(blue, ["from": "web", "packet": "malformed"]).hasPrefix("431 "))
        #expect(refusal(blue, ["packet": "any"]).contains("missing parameter from"))
        #expect(refusal(blue, ["from": "web"]).contains("missing parameter packet"))
        #expect(refusal(blue, ["from": "web", "packet": "any", "then[0].from": "web"]).contains("then"))
    }
}
