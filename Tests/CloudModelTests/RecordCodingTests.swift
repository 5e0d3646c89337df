import CloudModel
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

struct RecordCodingTests {
    @Test func `a change is short readable JSON`() throws {
        let sample = try SampleCloud()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = { (change: Change) in String(decoding: try encoder.encode(change), as: UTF8.self) }
        #expect(
            try text(.put(.physicalNetwork(sample.wire))) == """
                {"put":"physicalNetwork","value":{"id":"\(sample.wire.id)","isolation":"VLAN","name":"p",\
                "segmentRanges":["100-102","200"],"zone":"\(sample.zone.id)"}}
                """)
        #expect(
            try text(.remove(.publicRange, sample.range.id)) == """
                {"id":"\(sample.range.id)","remove":"publicRange"}
                """)
    }

    @Test func `every record comes back as it was`() throws {
        var sample = try SampleCloud()
        var records = sample.cloud.checkpoint()
        let attachment = Attachment(mac: MACAddress(locallyAdministered: 5), shard: 3)
        let address = sample.ids.next()
        let nic = sample.ids.next()
        let forwarding = sample.ids.next()
        let ports = try #require(PortRange(80, 90))
        let prefixes = ["192.0.2.0/24", "0.0.0.0/0"].compactMap { IPPrefix($0) }
        for traffic in ["all", "tcp", "tcp/80-90", "udp/53", "icmp", "icmp/8", "icmp/3/4", "47"] {
            records.append(
                .firewallRule(
                    FirewallRule(
                        id: sample.ids.next(), number: 7, publicAddress: address,
                        traffic: try #require(Traffic(traffic)), sources: prefixes, isSystem: traffic == "all",
                        forwarding: traffic == "tcp" ? forwarding : nil)))
            records.append(
                .egressRule(
                    EgressRule(
                        id: sample.ids.next(), number: 8, network: sample.network.id,
                        traffic: try #require(Traffic(traffic)), sources: prefixes, destinations: prefixes,
                        isSystem: traffic == "all")))
        }
        var bare = sample.offering
        bare.conservesAddresses = false
        var held = try sample.nic(IPv4Address(10, 1, 1, 12))
        held.secondaryAddresses = [SecondaryAddress(id: sample.ids.next(), address: IPv4Address(10, 1, 1, 50))]
        records += [
            .portForwarding(
                PortForwarding(
                    id: forwarding, publicAddress: address, transport: .udp, publicPorts: ports, privatePorts: ports,
                    nic: nic, guestAddress: IPv4Address(10, 1, 1, 9), sources: prefixes)),
            .publicAddress(
                PublicAddress(
                    id: address, range: sample.range.id, address: IPv4Address(203, 0, 113, 11),
                    account: sample.account.id, network: sample.network.id, isSourceNAT: false,
                    staticNAT: StaticNAT(nic: nic, guestAddress: IPv4Address(10, 1, 1, 9)))),
            .networkOffering(bare), .nic(held),
            .nic(try sample.nic(IPv4Address(10, 1, 1, 9))),
            .publicAddress(
                PublicAddress(
                    id: sample.ids.next(), range: sample.range.id, address: IPv4Address(203, 0, 113, 10),
                    account: sample.account.id, network: sample.network.id, isSourceNAT: true)),
            .router(
                VirtualRouter(
                    id: sample.ids.next(), number: 4, name: "r-4-VM", zone: sample.zone.id, account: sample.account.id,
                    network: sample.network.id, isRunning: true, guestLeg: attachment,
                    publicLegs: [.init(index: 1, range: sample.range.id, attachment: attachment)])),
        ]
        #expect(Set(records.map(\.kind)) == Set(RecordKind.allCases))
        for record in records {
            let change = Change.put(record)
            #expect(try JSONDecoder().decode(Change.self, from: JSONEncoder().encode(change)) == change)
            #expect(try JSONDecoder().decode(Record.self, from: JSONEncoder().encode(record)) == record)
        }
    }

    @Test func `an offering from before there were rates is unlimited`() throws {
        let json = #"""
            {"id":"6e0c0000-0000-4000-8000-000000000001","name":"o","displayText":"o","guestType":"Isolated","services":{},
            "egressDefaultAllow":true,"isPersistent":false,"specifiesVLAN":false,"isEnabled":true,"isDefault":false}
            """#
        let offering = try JSONDecoder().decode(NetworkOffering.self, from: Data(json.utf8))
        #expect(offering.rate == nil)
        #expect(!String(decoding: try JSONEncoder().encode(offering), as: UTF8.self).contains("rate"))
    }

    @Test func `what was written before there were rules is read as without them`() throws {
        var sample = try SampleCloud()
        let nic = try sample.nic(IPv4Address(10, 1, 1, 9))
        let id = "6e0c0000-0000-4000-8000-000000000001"
        let offering = try JSONDecoder().decode(
            Record.self,
            from: Data(
                #"""
                {"record":"networkOffering","value":{"id":"\#(id)","name":"o","displayText":"o","guestType":"Isolated",\#
                "services":{"SourceNat":"VirtualRouter"},"egressDefaultAllow":true,"isPersistent":false,\#
                "specifiesVLAN":false,"isEnabled":true,"isDefault":true}}
                """#.utf8))
        guard case .networkOffering(let offering) = offering else {
            Issue.record("\(offering)")
            return
        }
        #expect(offering.conservesAddresses)
        // An address and a NIC, without the fields that came later.
        for (record, later) in [
            (
                Record.publicAddress(
                    PublicAddress(
                        id: sample.ids.next(), range: sample.range.id, address: IPv4Address(203, 0, 113, 10),
                        account: sample.account.id, network: sample.network.id, isSourceNAT: true)), "staticNAT"
            ), (.nic(nic), "secondaryAddresses"),
        ] {
            var fields = try #require(
                JSONSerialization.jsonObject(with: JSONEncoder().encode(record)) as? [String: Any])
            var value = try #require(fields["value"] as? [String: Any])
            value[later] = nil
            fields["value"] = value
            let data = try JSONSerialization.data(withJSONObject: fields)
            #expect(!String(decoding: data, as: UTF8.self).contains(later))
            #expect(try JSONDecoder().decode(Record.self, from: data) == record)
        }
    }

    @Test(arguments: [
        (#"{"put":"teleporter","value":{}}"#, "teleporter"),
        (#"{"put":"account","value":{"id":"ID","number":2,"name":"a","colour":"red"}}"#, "colour"),
        (#"{"remove":"account","id":"ID","why":"because"}"#, "why"),
        (#"{"remove":"teleporter","id":"ID"}"#, "teleporter"),
        (
            #"{"put":"nic","value":{"id":"ID","guest":"ID","network":"ID","index":0,"address":"10.1.1.2","#
                + #""attachment":{"mac":"02:00:00:00:00:01","shard":0,"speed":9},"isDefault":true}}"#, "speed"
        ),
    ])
    func `what a newer program wrote is refused by name`(json: String, word: String) {
        let text = json.replacingOccurrences(of: "ID", with: "6e0c0000-0000-4000-8000-000000000001")
        #expect {
            try JSONDecoder().decode(Change.self, from: Data(text.utf8))
        } throws: { error in
            "\(error)".contains(word)
        }
    }
}
