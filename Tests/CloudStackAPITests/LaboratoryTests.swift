import CloudModel
import ControlPlane
import Foundation
import TestSupport
import Testing

/// What the API tells those who work with packets.
@Suite struct `The laboratory's commands` {
    let client: Client
    let site: Site

    init() throws {
        client = try Client()
        site = try Site(client)
        _ = try site.deploy("web", ["ipaddress": "10.1.1.77"])
        _ = try site.deploy("db", ["ipaddress": "10.1.1.78"])
        let address = id(try client.list("listPublicIpAddresses", "publicipaddress")[0])
        _ = try client.finish(
            "createFirewallRule", "firewallrule",
            ["ipaddressid": address, "protocol": "tcp", "startport": "80", "cidrlist": "198.51.100.0/24"])
    }

    @Test func `ports are told with who is next to them`() throws {
        let ports = try client.list("listPorts", "port")
        #expect(ports.map { $0["name"] as? String } == ["db", "outside", "web"])
        let web = try #require(ports.last)
        let nic = try #require(
            try client.list("listVirtualMachines", "virtualmachine", ["name": "web"])[0]["nic"] as? [[String: Any]])[0]
        #expect(web["macaddress"] as? String == nic["macaddress"] as? String)
        #expect(web["ipaddress"] as? [String] == ["10.1.1.77"])
        #expect(web["mtu"] as? Int == 1500)
        // By the machine's number, as its instance's name is.
        let number = (web["instancename"] as? String)?.split(separator: "-")[2]
        #expect(web["hostdevice"] as? String == "slg\(number ?? "")e0")
        let router = try client.list("listRouters", "router", ["listall": "true"])[0]
        #expect(web["gatewaymac"] as? String == router["guestmacaddress"] as? String)
        let neighbours = try #require(ports[1]["neighbour"] as? [[String: Any]])
        #expect(neighbours.map { $0["address"] as? String } == ["203.0.113.10"])
        #expect(neighbours[0]["macaddress"] as? String == router["publicmacaddress"] as? String)
    }

    @Test func `ports that are handed over are told with where they are found, as NICs are`() throws {
        _ = try site.deploy("vm", ["port": "tap"])
        _ = try site.deploy("box", ["port": "namespace", "hostnamespace": "jar"])
        let ports = try client.list("listPorts", "port").reduce(into: [:]) { $0[$1["name"] as? String ?? ""] = $1 }
        #expect(ports["vm"]?["path"] as? String == "/dev/net/tun")
        #expect(ports["box"]?["path"] == nil && ports["web"]?["path"] == nil)
        for name in ["vm", "box", "web"] {
            let machine = try client.list("listVirtualMachines", "virtualmachine", ["name": name])[0]
            let nic = try #require((machine["nic"] as? [[String: Any]])?.first)
            for field in ["path", "hostdevice", "port"] {
                #expect(ports[name]?[field] as? String == nic[field] as? String, "\(name) \(field)")
            }
        }
    }

    @Test func `the isolation is told with the packets that show it`() throws {
        let found = try #require(try client.call("getIsolation")["isolation"] as? [String: Any])
        let places = try #require(found["place"] as? [[String: Any]])
        #expect(places.map { $0["name"] as? String } == ["admin/Net", "outside"])
        #expect(found["leaks"] as? Int == 0)
        #expect(found["reach"] as? [[String]] == [["nothing", "policy"], ["nothing", "nothing"]])
        let both = try #require(try client.call("getIsolation", ["guests": "2"])["isolation"] as? [String: Any])
        #expect((both["reach"] as? [[String]])?[0][0] == "network")
        let probes = try #require(both["probe"] as? [[String: Any]])
        let numbers = probes.compactMap { $0["number"] as? Int }
        #expect(Set(numbers).count == probes.count && probes.count > 30)
        // The canary: what it begins with, and the number.
        for probe in probes {
            let frame = try #require(probe["frame"] as? String)
            let number = try #require(probe["number"] as? Int)
            #expect(
                frame.contains("736c756963652063616e617279".prefix(24) + String(format: "%08x", number)), "\(probe)")
        }
        #expect(throws: Refused.self) { try client.call("getIsolation", ["guests": "0"]) }
    }

    @Test func `a cloud that is exported is the same when it is applied`() throws {
        let text = try #require((try client.call("exportCloud")["cloud"] as? [String: Any])?["file"] as? String)
        #expect(text.contains("\"10.1.1.77\"") && text.contains("\"tcp/80\"") && text.contains("198.51.100.0/24"))
        let again = try #require(try client.call("applyCloud", ["cloud": text])["cloud"] as? [String: Any])
        #expect((again["changes"] as? [Any])?.isEmpty == true, "\(again)")
        // And made from nothing it tells of itself in the same words.
        let other = try Client()
        _ = try other.call("applyCloud", ["cloud": text])
        let twin = try #require((try other.call("exportCloud")["cloud"] as? [String: Any])?["file"] as? String)
        #expect(twin == text)
    }

    @Test func `they are the administrator's`() throws {
        let tenant = try Client(besides: client, account: "blue")
        for command in ["listPorts", "getIsolation", "exportCloud"] {
            #expect(tenant.status("command=\(command)&response=json") == 401, "\(command)")
        }
    }
}
