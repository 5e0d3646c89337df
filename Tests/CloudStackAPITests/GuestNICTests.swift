import Foundation
import TestSupport
import Testing

@Suite struct `Ports of machines` {
    let client: Client
    let site: Site
    let guest: String
    let nic: String

    init() throws {
        client = try Client()
        site = try Site(client)
        let machine = try site.deploy("web", ["ipaddress": "10.1.1.77"])
        guest = id(machine)
        nic = id((machine["nic"] as? [[String: Any]])?.first ?? [:])
    }

    @Test func `are listed, with the types that clients want`() throws {
        let reply = try client.wire("listNics", ["virtualmachineid": guest])
        let shown = try #require(reply["nic"]?.list.first)
        #expect(shown.departures(from: FieldTable.nic) == [])
        #expect(shown["ipaddress"]?.text == "10.1.1.77" && shown["virtualmachineid"]?.text == guest)
        for filter in [["nicid": nic], ["networkid": id(site.network)], ["keyword": "1.77"]] {
            let found = try client.list("listNics", "nic", ["virtualmachineid": guest].merging(filter) { $1 })
            #expect(found.map(id) == [nic], "\(filter)")
        }
        #expect(try client.call("listNics", ["virtualmachineid": guest, "keyword": "1.78"]).isEmpty)
        #expect(
            throws: Refused(
                status: 431, text: "Unable to execute API command listnics due to missing parameter virtualmachineid")
        ) {
            try client.call("listNics")
        }
    }

    @Test func `have further addresses, each with an id of its own`() throws {
        let first = try client.finished(
            "addIpToNic", ["nicid": nic, "ipaddress": "10.1.1.90"], makes: "nicsecondaryip")
        #expect(first.departures(from: FieldTable.secondaryAddress) == [])
        #expect(first["ipaddress"]?.text == "10.1.1.90" && first["nicid"]?.text == nic)
        #expect(first["virtualmachineid"]?.text == guest && first["networkid"]?.text == id(site.network))
        let second = try client.finished("addIpToNic", ["nicid": nic], makes: "nicsecondaryip")
        #expect(second["id"]?.text != first["id"]?.text && second["id"]?.text != nic)

        func secondary(_ nic: [String: Any]?) -> [String] {
            (nic?["secondaryip"] as? [[String: String]] ?? []).compactMap { $0["ipaddress"] }
        }
        let expected = ["10.1.1.90", second["ipaddress"]?.text ?? ""]
        #expect(secondary(try client.list("listNics", "nic", ["virtualmachineid": guest]).first) == expected)
        let machine = try client.list("listVirtualMachines", "virtualmachine", ["id": guest]).first
        #expect(secondary((machine?["nic"] as? [[String: Any]])?.first) == expected)

        let gone = try client.finished("removeIpFromNic", ["id": first["id"]?.text ?? "", "cleanup": "drain"])
        #expect(gone.keys == ["success"])
        let left = try client.list("listNics", "nic", ["virtualmachineid": guest]).first
        #expect(secondary(left) == [second["ipaddress"]?.text])
    }

    @Test func `come, change and go, each time with the whole machine as the answer`() throws {
        let offering = try client.list("listNetworkOfferings", "networkoffering")[0]
        let other =
            try client.call(
                "createNetwork",
                [
                    "name": "Other", "zoneid": site.zone, "networkofferingid": id(offering), "gateway": "10.2.2.1",
                    "netmask": "255.255.255.0",
                ])["network"] as? [String: Any]
        let ports = { (machine: [String: Any]) in machine["nic"] as? [[String: Any]] ?? [] }
        let machine = try client.finish(
            "addNicToVirtualMachine", "virtualmachine",
            [
                "virtualmachineid": guest, "networkid": id(other ?? [:]), "ipaddress": "10.2.2.9",
                "macaddress": "0a:0b:0c:0d:0e:0f",
            ])
        #expect(ports(machine).map { $0["ipaddress"] as? String } == ["10.1.1.77", "10.2.2.9"])
        #expect(ports(machine).last?["macaddress"] as? String == "0a:0b:0c:0d:0e:0f")
        #expect(ports(machine).map { $0["isdefault"] as? Bool } == [true, false])
        let added = id(ports(machine).last ?? [:])
        let chosen = try client.finish(
            "updateDefaultNicForVirtualMachine", "virtualmachine", ["virtualmachineid": guest, "nicid": added])
        #expect(ports(chosen).map { $0["isdefault"] as? Bool } == [false, true])
        let moved = try client.finish(
            "updateVmNicIp", "virtualmachine", ["nicid": added, "ipaddress": "10.2.2.10"])
        #expect(ports(moved).last?["ipaddress"] as? String == "10.2.2.10")
        let left = try client.finish(
            "removeNicFromVirtualMachine", "virtualmachine", ["virtualmachineid": guest, "nicid": nic])
        #expect(ports(left).map(id) == [added])
    }

    @Test func `have no addresses that they cannot have`() throws {
        for (command, parameters) in [
            ("addIpToNic", ["nicid": nic, "ipaddress": "10.1.1.77"]),
            ("addIpToNic", ["nicid": nic, "ipaddress": "192.0.2.1"]), ("addIpToNic", ["nicid": guest]),
            ("addIpToNic", [:]), ("removeIpFromNic", ["id": nic]),
            ("removeIpFromNic", ["id": nic, "cleanup": "never"]), ("listNics", ["virtualmachineid": nic]),
        ] {
            #expect("\(command) \(parameters)") {
                try client.call(command, parameters)
            } throws: {
                ($0 as? Refused)?.status == 431
            }
        }
        let plan = try client.call("addIpToNic", ["nicid": nic, "plan": "true"])
        #expect(plan["plan"] != nil)
        let shown = try client.list("listNics", "nic", ["virtualmachineid": guest]).first
        #expect((shown?["secondaryip"] as? [[String: String]])?.isEmpty == true)
    }
}
