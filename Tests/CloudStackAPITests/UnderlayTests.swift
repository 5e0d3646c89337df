import Foundation
import TestSupport
import Testing

/// What operators say of wires, and to whom ports are handed: our extensions beside CloudStack's own words.
@Suite struct `Wires and ports` {
    let client: Client
    let site: Site

    init() throws {
        client = try Client()
        site = try Site(client)
    }

    @Test func `have hosts instead of groups where the wire is VXLAN, and else are refused by name`() throws {
        let wire = try client.finish(
            "createPhysicalNetwork", "physicalnetwork",
            ["name": "Overlay", "zoneid": site.zone, "vlan": "5000-5999", "isolationmethods": "VXLAN"])
        let type = try client.finish(
            "addTrafficType", "traffictype",
            ["physicalnetworkid": id(wire), "traffictype": "Guest", "vxlanpeers": "192.0.2.3, 192.0.2.2,192.0.2.2"])
        #expect(type["vxlanpeers"] as? String == "192.0.2.2,192.0.2.3")
        let listed = try client.list("listTrafficTypes", "traffictype", ["physicalnetworkid": id(wire)])
        #expect(listed.first?["vxlanpeers"] as? String == "192.0.2.2,192.0.2.3")
        let kept = try client.finish("updateTrafficType", "traffictype", ["id": id(type), "kvmnetworklabel": "eth9"])
        #expect(kept["vxlanpeers"] as? String == "192.0.2.2,192.0.2.3")
        let none = try client.finish("updateTrafficType", "traffictype", ["id": id(type), "vxlanpeers": ""])
        #expect(none["vxlanpeers"] == nil)
        let vlan = try client.list("listTrafficTypes", "traffictype", ["physicalnetworkid": id(site.wire)])
        for (target, peers) in [
            (id(type), "239.0.0.1"), (id(type), "127.0.0.1"), (id(type), "x"), (id(vlan[0]), "192.0.2.2"),
            (id(type), (0...256).map { "192.0.\($0 / 200 + 2).\($0 % 200 + 1)" }.joined(separator: ",")),
        ] {
            #expect(throws: Refused.self, "\(peers.prefix(20))") {
                try client.finish("updateTrafficType", "traffictype", ["id": target, "vxlanpeers": peers])
            }
        }
    }

    @Test func `have public ranges of IPv6 addresses alone, which are listed and deleted with the others`() throws {
        let asked = [
            "zoneid": site.zone, "startipv6": "2001:db8::10", "endipv6": "2001:db8::1f", "ip6gateway": "2001:db8::1",
            "ip6cidr": "2001:db8::/64", "vlan": "60", "forvirtualnetwork": "true",
        ]
        let range = try client.call("createVlanIpRange", asked)["vlan"] as? [String: Any] ?? [:]
        #expect(range["startipv6"] as? String == "2001:db8::10" && range["vlan"] as? String == "vlan://60")
        #expect(range["startip"] == nil && range["ip6cidr"] as? String == "2001:db8::/64")
        for filter in [[:], ["id": id(range)], ["keyword": "2001:db8"], ["vlan": "60"], ["zoneid": site.zone]] {
            let found = try client.list("listVlanIpRanges", "vlaniprange", filter).map(id)
            #expect(found.contains(id(range)), "\(filter)")
        }
        #expect(try client.list("listVlanIpRanges", "vlaniprange", ["id": id(range)]).count == 1)
        for (name, value) in [("account", "admin"), ("startip", "203.0.113.50"), ("startipv6", "2001:db8::1")] {
            #expect(throws: Refused.self, "\(name)") {
                try client.call("createVlanIpRange", asked.merging([name: value]) { $1 })
            }
        }
        #expect(throws: Refused.self) {
            try client.call("updateVlanIpRange", ["id": id(range), "startip": "203.0.113.3"])
        }
        _ = try client.call("deleteVlanIpRange", ["id": id(range)])
        #expect(try client.list("listVlanIpRanges", "vlaniprange").map(id) == [id(site.range)])
    }

    @Test func `say what stands behind them`() throws {
        func nic(_ machine: [String: Any]) -> [String: Any] { (machine["nic"] as? [[String: Any]])?.first ?? [:] }
        let tap = nic(try site.deploy("vm", ["port": "tap"]))
        #expect(
            tap["port"] as? String == "tap" && tap["path"] as? String == "/dev/net/tun" && tap["mtu"] as? Int == 1500)
        #expect((tap["hostdevice"] as? String)?.hasPrefix("slg") == true && tap["device"] == nil)
        let box = nic(try site.deploy("box", ["port": "namespace", "hostnamespace": "jar"]))
        #expect(box["port"] as? String == "namespace" && box["hostnamespace"] as? String == "jar")
        #expect(box["device"] as? String == "eth0" && (box["hostdevice"] as? String)?.hasPrefix("slgc") == true)
        let none = nic(try site.deploy("card", ["port": "none"]))
        #expect(none["port"] as? String == "none" && none["hostdevice"] == nil)
        let idle = nic(try site.deploy("idle", ["port": "tap", "startvm": "false"]))
        #expect(idle["port"] as? String == "tap" && idle["hostdevice"] == nil && idle["path"] == nil)
        #expect(throws: Refused.self) { try site.deploy("odd", ["port": "pipe"]) }
    }
}
