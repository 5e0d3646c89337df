import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import TestSupport
import Testing

/// What a client does to get a network with a guest, step by step, and what it sees.
struct Site {
    let client: Client
    let zone: String
    let wire: [String: Any]
    let range: [String: Any]
    let network: [String: Any]

    init(_ client: Client) throws {
        self.client = client
        let zone = try client.call(
            "createZone",
            [
                "name": "Zone", "networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.2",
                "guestcidraddress": "10.1.1.0/24", "allocationstate": "Enabled",
            ])
        self.zone = id(zone["zone"] as? [String: Any] ?? [:])
        wire = try client.readyWire(in: self.zone)
        range =
            try client.call(
                "createVlanIpRange",
                [
                    "zoneid": self.zone, "gateway": "203.0.113.1", "netmask": "255.255.255.0",
                    "startip": "203.0.113.10",
                    "endip": "203.0.113.20", "vlan": "50",
                ])["vlan"] as? [String: Any] ?? [:]
        let offering = try client.list(
            "listNetworkOfferings", "networkoffering", ["name": "DefaultIsolatedNetworkOfferingWithSourceNatService"])
        network =
            try client.call(
                "createNetwork", ["name": "Net", "zoneid": self.zone, "networkofferingid": id(offering[0])])["network"]
            as? [String: Any] ?? [:]
    }

    func deploy(_ name: String, _ extra: [String: String] = [:]) throws -> [String: Any] {
        try client.finish(
            "deployVirtualMachine", "virtualmachine",
            ["zoneid": zone, "name": name, "networkids": id(network)].merging(extra) { $1 })
    }
}

@Suite struct `A cloud built by commands` {
    @Test func `shows what was put in`() throws {
        let client = try Client()
        let site = try Site(client)
        let zone = try #require(try client.list("listZones", "zone", ["name": "ZONE"]).first)
        #expect(zone["dns1"] as? String == "192.0.2.1")
        #expect(zone["allocationstate"] as? String == "Enabled")
        #expect(zone["tags"] as? [String] == [])
        #expect(zone["dns2"] == nil)
        #expect(site.wire["vlan"] as? String == "100-199,300")
        #expect(site.wire["zonename"] as? String == "Zone")
        #expect(site.range["vlan"] as? String == "vlan://50")
        #expect(site.range["forvirtualnetwork"] as? Bool == true)
        #expect(site.network["cidr"] as? String == "10.1.1.0/24")
        #expect(site.network["gateway"] as? String == "10.1.1.1")
        #expect(site.network["netmask"] as? String == "255.255.255.0")
        #expect(site.network["type"] as? String == "Isolated")
        #expect(site.network["account"] as? String == "admin")

        let guest = try site.deploy("web", ["ipaddress": "10.1.1.77"])
        #expect(guest["state"] as? String == "Running")
        #expect((guest["instancename"] as? String)?.hasPrefix("i-2-") == true)
        #expect(guest["securitygroup"] as? [String] == [])
        let nic = try #require((guest["nic"] as? [[String: Any]])?.first)
        #expect(nic["ipaddress"] as? String == "10.1.1.77")
        #expect(nic["isdefault"] as? Bool == true)
        #expect(nic["networkname"] as? String == "Net")

        let network = try #require(try client.list("listNetworks", "network", ["id": id(site.network)]).first)
        #expect(network["state"] as? String == "Implemented")
        #expect(network["vlan"] as? String == "100")
        #expect(network["broadcasturi"] as? String == "vlan://100")
        let router = try #require(try client.list("listRouters", "router", ["networkid": id(site.network)]).first)
        #expect(router["guestipaddress"] as? String == "10.1.1.1")
        #expect(router["publicip"] as? String == "203.0.113.10")
        #expect(router["gateway"] as? String == "203.0.113.1")
        #expect(router["state"] as? String == "Running")
        let addresses = try client.list("listPublicIpAddresses", "publicipaddress", ["issourcenat": "True"])
        #expect(addresses.map { $0["ipaddress"] as? String } == ["203.0.113.10"])
        #expect(addresses[0]["associatednetworkname"] as? String == "Net")
    }

    @Test func `has networks with rates`() throws {
        let client = try Client()
        let parameters = [
            "name": "slow", "displaytext": "for little things", "guestiptype": "Isolated", "traffictype": "GUEST",
            "supportedservices": "SourceNat,Gateway", "serviceproviderlist[0].service": "SourceNat",
            "serviceproviderlist[0].provider": "VirtualRouter", "networkrate": "10", "forvpc": "false",
            "specifyipranges": "False", "enable": "true", "conservemode": "true",
        ]
        let made = try #require(
            try client.call("createNetworkOffering", parameters)["networkoffering"] as? [String: Any])
        #expect(made["networkrate"] as? Int == 10)
        #expect(made["state"] as? String == "Enabled")
        #expect(made["egressdefaultpolicy"] as? Bool == true)
        let listed = try client.list("listNetworkOfferings", "networkoffering")
        #expect(Set(listed.compactMap { $0["networkrate"] as? Int }) == [10, -1])
        for rate in ["-2", "100001", "ten", "9223372036854775807"] {
            let text =
                "Unable to execute API command createnetworkoffering due to invalid value \(rate) for parameter networkrate"
            #expect {
                try client.call(
                    "createNetworkOffering", parameters.merging(["name": "new", "networkrate": rate]) { $1 })
            } throws: {
                ($0 as? Refused)?.status == 431 && ($0 as? Refused)?.text.hasPrefix(text) == true
            }
        }
    }

    @Test func `is taken down again`() throws {
        let client = try Client()
        let site = try Site(client)
        let guest = try site.deploy("web")
        let stopped = try client.finish("stopVirtualMachine", "virtualmachine", ["id": id(guest)])
        #expect(stopped["state"] as? String == "Stopped")
        let started = try client.finish("startVirtualMachine", "virtualmachine", ["id": id(guest)])
        #expect(started["state"] as? String == "Running")
        let address = try client.finish("associateIpAddress", "ipaddress", ["networkid": id(site.network)])
        #expect(address["issourcenat"] as? Bool == false)
        #expect(client.status("command=deleteNetwork&id=\(id(site.network))") == 536)
        let destroyed = try client.finish(
            "destroyVirtualMachine", "virtualmachine", ["id": id(guest), "expunge": "true"])
        #expect(destroyed["state"] as? String == "Expunging")
        #expect(try client.list("listVirtualMachines", "virtualmachine").isEmpty)
        let job = try client.call("disassociateIpAddress", ["id": id(address)])
        let result = try client.call("queryAsyncJobResult", ["jobid": job["jobid"] as? String ?? ""])
        #expect(result["jobresult"] as? [String: Bool] == ["success": true])
        _ = try client.call("deleteNetwork", ["id": id(site.network)])
        #expect(try client.call("deleteVlanIpRange", ["id": id(site.range)])["success"] as? Bool == true)
    }

    @Test func `takes addresses by network`() throws {
        let client = try Client()
        let site = try Site(client)
        let guest = try client.finish(
            "deployVirtualMachine", "virtualmachine",
            [
                "zoneid": site.zone, "iptonetworklist[3].networkid": id(site.network),
                "iptonetworklist[3].ip": "10.1.1.9",
                "iptonetworklist[3].network": "ignored",
            ])
        #expect((guest["nic"] as? [[String: Any]])?.first?["ipaddress"] as? String == "10.1.1.9")
        // Without any it gets the network that its owner has.
        let other = try client.finish("deployVirtualMachine", "virtualmachine", ["zoneid": site.zone])
        #expect((other["nic"] as? [[String: Any]])?.first?["networkid"] as? String == id(site.network))
    }

    @Test func `is unchanged by a dry run`() throws {
        let client = try Client()
        let site = try Site(client)
        let before = client.service.view.cloud
        let plan = try client.call(
            "deployVirtualMachine", ["zoneid": site.zone, "networkids": id(site.network), "plan": "true"])
        let shown = try #require(plan["plan"] as? [String: Any])
        #expect((shown["changes"] as? [String])?.contains { $0.hasPrefix("put nic/") } == true)
        #expect(shown["difference"] as? String == "+ everything\n")
        #expect(client.service.view.cloud == before)
        #expect(
            client.status("command=createNetwork&plan=true&name=x&zoneid=\(site.zone)&networkofferingid=\(site.zone)")
                == 431)
    }

    @Test func `comes from a file`() throws {
        let client = try Client()
        let file = try #require(CloudFile.demo.json())
        let dry = try client.call("applyCloud", ["cloud": file, "dryrun": "true"])
        #expect(dry["plan"] != nil && client.service.view.cloud.networks.isEmpty)
        let reply = try #require(try client.call("applyCloud", ["cloud": file])["cloud"] as? [String: Any])
        #expect(reply["revision"] as? Int == 2)
        #expect(try client.list("listVirtualMachines", "virtualmachine", ["listall": "true"]).count == 2)
        let again = try #require(
            try client.call("applyCloud", ["cloud": file.replacing("  ", with: "\t")])["cloud"] as? [String: Any])
        #expect(again["changes"] as? [String] == [])
        #expect {
            try client.call("applyCloud", ["cloud": #"{"networks":[{"name":"x","zone":"demo","nonsense":1}]}"#])
        } throws: {
            ($0 as? Refused)?.status == 431 && ($0 as? Refused)?.text.contains("networks[0].nonsense") == true
        }
    }

    @Test func `tells its plans, nodes and status`() throws {
        let client = try Client()
        let site = try Site(client)
        _ = try site.deploy("web")
        let router = try #require(try client.list("listRouters", "router").first?["name"] as? String)
        let plan = try client.call("getPlan", ["name": router])["plan"] as? [String: String]
        #expect(plan == ["name": router, "text": "node \(router)\n"])
        #expect(throws: Refused(status: 431, text: "There is no node r-99-VM")) {
            try client.call("getPlan", ["name": "r-99-VM"])
        }
        #expect(try client.list("listNodes", "node").map { $0["state"] as? String } == ["Verified"])
        let status = try #require(try client.call("getStatus")["status"] as? [String: Any])
        #expect(status["nodes"] as? [String: Int] == ["total": 1, "verified": 1, "pending": 0, "failed": 0])
        #expect((status["objects"] as? [String: Int])?["guests"] == 1)
        #expect(status["uptime"] as? Int == 1_795_000_000)
        #expect((status["features"] as? [[String: Any]])?.first?["missingmodule"] as? String == "8021q")
        let events = try client.list("listEvents", "event", ["keyword": "deploy"])
        #expect(events.map { $0["state"] as? String } == ["Completed", "Started", "Scheduled"])
        #expect(events.allSatisfy { $0["type"] as? String == "TEST.DEPLOYVIRTUALMACHINE" })
        #expect(events[2]["created"] as? String == "1970-01-01T00:00:11+0000" && events[2]["parentid"] == nil)
        #expect(events.prefix(2).allSatisfy { $0["parentid"] as? String == id(events[2]) })
        #expect(try client.list("listEvents", "event", ["startid": id(events[2])]).count == 3)
        #expect(try client.list("listEvents", "event", ["id": id(events[1])]).count == 1)
    }
}
