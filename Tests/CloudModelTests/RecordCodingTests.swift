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
        records += [
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
