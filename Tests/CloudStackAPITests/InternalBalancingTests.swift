import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import TestSupport
import Testing

@Suite struct `Internal load balancers` {
    let client: Client
    let site: Site
    let network: String

    init() throws {
        client = try Client()
        site = try Site(client)
        network = id(site.network)
    }

    private var usual: [String: String] {
        [
            "name": "inside", "scheme": "Internal", "algorithm": "leastconn", "sourceport": "80",
            "instanceport": "8080", "networkid": network, "sourceipaddressnetworkid": network,
        ]
    }

    private func create(_ more: [String: String] = [:]) throws -> String {
        let made = try client.finished("createLoadBalancer", usual.merging(more) { $1 }, makes: "loadbalancer")
        return try #require(made["id"]?.text)
    }

    private func found(_ parameters: [String: String] = [:]) throws -> [[String: Any]] {
        try client.list("listLoadBalancers", "loadbalancer", parameters)
    }

    /// What Ansible and Terraform read of them.
    @Test func `come back with their ports and machines in lists`() throws {
        let guest = try site.deploy("web", ["ipaddress": "10.1.1.77"])
        let made = try create(["sourceipaddress": "10.1.1.200", "description": "d"])
        _ = try client.finished("assignToLoadBalancerRule", ["id": made, "virtualmachineids": id(guest)])
        let shown = try #require(try found().first)
        for (key, value) in [
            ("id", made), ("name", "inside"), ("description", "d"), ("algorithm", "leastconn"), ("networkid", network),
            ("sourceipaddress", "10.1.1.200"), ("sourceipaddressnetworkid", network), ("account", "admin"),
        ] {
            #expect(shown[key] as? String == value, "\(key)")
        }
        let port = try #require((shown["loadbalancerrule"] as? [[String: Any]])?.first)
        #expect(port["sourceport"] as? Int == 80 && port["instanceport"] as? Int == 8080)
        let member = try #require((shown["loadbalancerinstance"] as? [[String: Any]])?.first)
        #expect(id(member) == id(guest) && member["ipaddress"] as? String == "10.1.1.77")
        #expect(member["name"] as? String == guest["instancename"] as? String)
        #expect(try client.list("listLoadBalancerRules", "loadbalancerrule").isEmpty)
        _ = try client.finished("removeFromLoadBalancerRule", ["id": made, "virtualmachineids": id(guest)])
        #expect((try found().first?["loadbalancerinstance"] as? [[String: Any]])?.isEmpty == true)
    }

    @Test func `are found by what they are asked for, hidden ones by those who ask`() throws {
        let (one, two) = (try create(), try create(["name": "other", "fordisplay": "false"]))
        #expect(try found().map(id) == [one])
        #expect(try found(["fordisplay": "false"]).map(id) == [two])
        #expect(try found(["id": two]).map(id) == [two])
        #expect(try found(["name": "INSIDE", "networkid": network, "scheme": "Internal"]).map(id) == [one])
        let place = try #require(try found().first?["sourceipaddress"] as? String)
        #expect(try found(["sourceipaddress": place]).map(id) == [one])
        _ = try client.finished("updateLoadBalancer", ["id": two, "fordisplay": "true"])
        #expect(try found().map(id) == [one, two])
    }

    @Test func `share an address by ports, and give it back with the last`() throws {
        let address = ["sourceipaddress": "10.1.1.200"]
        let one = try create(address)
        let two = try create(["sourceport": "81"].merging(address) { $1 })
        #expect(client.service.view.cloud.internalAddresses.count == 1)
        refused("createLoadBalancer", usual.merging(address) { $1 }, 537)
        #expect(throws: Refused.self) { try site.deploy("late", ["ipaddress": "10.1.1.200"]) }
        _ = try client.finished("deleteLoadBalancer", ["id": one])
        #expect(throws: Refused.self) { try site.deploy("late", ["ipaddress": "10.1.1.200"]) }
        _ = try client.finished("deleteLoadBalancer", ["id": two])
        _ = try create(address)
        #expect(client.service.view.cloud.violations() == [])
    }

    @Test func `go with their network`() throws {
        let guest = try site.deploy("web")
        let made = try create()
        _ = try client.finished("assignToLoadBalancerRule", ["id": made, "virtualmachineids": id(guest)])
        _ = try client.finished("destroyVirtualMachine", ["id": id(guest), "expunge": "true"])
        _ = try client.finished("deleteNetwork", ["id": network])
        let cloud = client.service.view.cloud
        #expect(cloud.internalAddresses.isEmpty && cloud.loadBalancerRules.isEmpty && cloud.violations() == [])
    }

    @Test func `name the parameter that is wrong`() throws {
        let guest = try site.deploy("web", ["ipaddress": "10.1.1.77"])
        #expect(id(guest) != "")
        for (name, value, status) in [
            ("scheme", "Public", 431), ("algorithm", "random", 431), ("sourceport", "0", 431),
            ("instanceport", "65536", 431), ("name", "a\nb", 431), ("sourceipaddress", "10.1.1.77", 431),
            ("sourceipaddress", "10.9.9.9", 431), ("sourceipaddress", "10.1.1.1", 431),
        ] {
            refused("createLoadBalancer", usual.merging([name: value]) { $1 }, status, "\(name)=\(value)")
        }
        for (network, other, status) in [(site.zone, site.zone, 431), (network, site.zone, 432)] {
            refused(
                "createLoadBalancer",
                usual.merging(["networkid": network, "sourceipaddressnetworkid": other]) { $1 }, status)
        }
        let made = try create()
        refused("updateLoadBalancerRule", ["id": made, "name": "x"], 431)
        refused("deleteLoadBalancerRule", ["id": made], 431)
        let stranger = try Client(besides: client, account: "stranger")
        #expect { try stranger.call("deleteLoadBalancer", ["id": made]) } throws: { ($0 as? Refused)?.status == 531 }
        #expect(try stranger.list("listLoadBalancers", "loadbalancer", ["listall": "true"]).isEmpty)
    }

    private func refused(
        _ command: String, _ parameters: [String: String], _ status: Int, _ what: Comment? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let before = client.service.view.cloud
        #expect(what, sourceLocation: sourceLocation) {
            try client.finished(command, parameters)
        } throws: {
            ($0 as? Refused)?.status == status
        }
        #expect(client.service.view.cloud == before, sourceLocation: sourceLocation)
    }
}
