import CloudModel
import NetworkVocabulary
import TestSupport
import Testing

struct ApplyTests {
    @Test func `a step and the step back leave the model equal`() throws {
        var sample = try SampleCloud()
        let before = sample.cloud
        let nic = try sample.nic(IPv4Address(10, 1, 1, 7))
        let between = sample.cloud
        var network = sample.network
        network.name = "renamed"
        var range = sample.range
        range.addresses = try #require(IPv4Range("203.0.113.20-203.0.113.30"))
        let steps: [Change] = [
            .put(.nic(nic)), .put(.network(network)), .put(.publicRange(range)),
            .put(.series(Series(name: .mac, next: 9))),
            .remove(.publicRange, range.id),
        ]
        for step in steps {
            let start = sample.cloud
            let back = try sample.cloud.apply(step)
            let there = sample.cloud
            #expect(there != start)
            let again = try sample.cloud.apply(back)
            #expect(sample.cloud == start)
            #expect(again == step)
            try sample.cloud.apply(again)
            #expect(sample.cloud == there)
        }
        #expect(sample.cloud != between)
        #expect(before.nics.isEmpty)
    }

    @Test func `what others refer to cannot be removed`() throws {
        let sample = try SampleCloud()
        for object in [
            Reference(.account, sample.account.id), Reference(.zone, sample.zone.id),
            Reference(.physicalNetwork, sample.wire.id), Reference(.networkOffering, sample.offering.id),
        ] {
            var cloud = sample.cloud
            #expect(throws: ModelError.self) { try cloud.apply(.remove(object.kind, object.id)) }
            #expect(cloud == sample.cloud)
        }
    }

    @Test func `removing what is not there and removing series is refused`() throws {
        var sample = try SampleCloud()
        let nobody = sample.ids.next()
        var cloud = sample.cloud
        for kind in RecordKind.allCases where kind != .series {
            #expect(throws: ModelError.missing(Reference(kind, nobody))) { try cloud.apply(.remove(kind, nobody)) }
        }
        #expect(throws: ModelError.series) { try cloud.apply(.remove(.series, nobody)) }
        #expect(cloud == sample.cloud)
    }

    @Test func `a record that refers to nothing is refused`() throws {
        var sample = try SampleCloud()
        let nobody = sample.ids.next()
        let nic = try sample.nic(IPv4Address(10, 1, 1, 7), guest: nobody)
        var cloud = sample.cloud
        #expect(throws: ModelError.dangling(Reference(.guest, nobody), in: Reference(.nic, nic.id))) {
            try cloud.apply(.put(.nic(nic)))
        }
        #expect(cloud == sample.cloud)
    }

    @Test func `an address, a MAC and a name are one object's`() throws {
        var sample = try SampleCloud()
        let other = try sample.anotherGuest()
        let nic = try sample.nic(IPv4Address(10, 1, 1, 7))
        try sample.cloud.apply(.put(.nic(nic)))
        let sameAddress = try sample.nic(IPv4Address(10, 1, 1, 7), guest: other.id)
        let sameMAC = NIC(
            id: sample.ids.next(), guest: other.id, network: nic.network, index: 0, address: IPv4Address(10, 1, 1, 8),
            attachment: nic.attachment, isDefault: true)
        let secondOnNetwork = try sample.nic(IPv4Address(10, 1, 1, 8), index: 1)
        var namesake = other
        namesake.name = "WEB"
        let sameZone = Zone(
            id: sample.ids.next(), name: "Z", dns1: sample.zone.dns1, internalDNS1: sample.zone.dns1,
            guestCIDR: sample.zone.guestCIDR, isEnabled: true)
        var cloud = sample.cloud
        for record in [.nic(sameAddress), .nic(sameMAC), .nic(secondOnNetwork), .zone(sameZone)] as [Record] {
            #expect(throws: ModelError.self) { try cloud.apply(.put(record)) }
            #expect(cloud == sample.cloud)
        }
        // A name on a network counts from whichever comes last: the NIC or the new name.
        try cloud.apply(.put(.guest(namesake)))
        #expect(throws: ModelError.self) {
            try cloud.apply(.put(.nic(try sample.nic(IPv4Address(10, 1, 1, 9), guest: other.id))))
        }
        cloud = sample.cloud
        try cloud.apply(.put(.nic(try sample.nic(IPv4Address(10, 1, 1, 9), guest: other.id))))
        #expect(throws: ModelError.self) { try cloud.apply(.put(.guest(namesake))) }
    }

    @Test(arguments: ["10.1.1.0", "10.1.1.255", "10.1.1.1", "10.1.2.7"])
    func `a NIC has a host address of its network that is not the gateway's`(text: String) throws {
        var sample = try SampleCloud()
        let nic = try sample.nic(try #require(IPv4Address(text)))
        #expect(throws: ModelError.self) { try sample.cloud.apply(.put(.nic(nic))) }
    }

    @Test func `changes of an entry come all or none`() throws {
        var sample = try SampleCloud()
        let before = sample.cloud
        var network = sample.network
        network.name = "renamed"
        let changes: [Change] = [.put(.network(network)), .remove(.zone, sample.zone.id)]
        #expect(throws: ModelError.self) { try sample.cloud.apply(changes, revision: Revision(7)) }
        #expect(sample.cloud == before)
        try sample.cloud.apply(Array(changes.prefix(1)), revision: Revision(7))
        #expect(sample.cloud.revision == Revision(7))
    }

    @Test func `a damaged index does not go unnoticed`() throws {
        var sample = try SampleCloud()
        try sample.cloud.apply(.put(.nic(try sample.nic(IPv4Address(10, 1, 1, 7)))))
        #expect(sample.cloud.violations() == [])
        try sample.cloud.apply(.put(.series(Series(name: .machine, next: 1))))
        #expect(sample.cloud.violations().count == 1)
    }

    @Test func `a checkpoint makes the same model`() throws {
        var sample = try SampleCloud()
        try sample.cloud.apply(.put(.nic(try sample.nic(IPv4Address(10, 1, 1, 7)))))
        sample.cloud.revision = Revision(4)
        let copy = try Cloud(checkpoint: sample.cloud.checkpoint(), revision: Revision(4))
        #expect(copy == sample.cloud)
        #expect(copy.checkpoint() == sample.cloud.checkpoint())
    }
}
