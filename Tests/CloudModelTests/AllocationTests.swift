import CloudModel
import NetworkVocabulary
import TestSupport
import Testing

struct AllocationTests {
    @Test func `guest addresses are given from the lowest, and given again once free`() throws {
        var sample = try SampleCloud(cidr: try #require(IPv4Prefix("10.1.1.0/29")), gateway: IPv4Address(10, 1, 1, 3))
        var given: [(IPv4Address, ObjectID)] = []
        while let address = sample.cloud.freeGuestAddress(in: sample.network.id) {
            let guest = try sample.anotherGuest()
            let nic = try sample.nic(address, guest: guest.id)
            try sample.cloud.apply(.put(.nic(nic)))
            given.append((address, nic.id))
        }
        #expect(given.map(\.0.description) == ["10.1.1.1", "10.1.1.2", "10.1.1.4", "10.1.1.5", "10.1.1.6"])
        try sample.cloud.apply(.remove(.nic, given[2].1))
        #expect(sample.cloud.freeGuestAddress(in: sample.network.id) == given[2].0)
    }

    @Test func `a guest range bounds what is given`() throws {
        var sample = try SampleCloud()
        sample.network.guestCIDR = IPv4Prefix("10.1.1.64/30")
        try sample.cloud.apply(.put(.network(sample.network)))
        #expect(sample.cloud.freeGuestAddress(in: sample.network.id) == IPv4Address(10, 1, 1, 64))
        sample.network.guestCIDR = IPv4Prefix("10.1.1.0/30")
        try sample.cloud.apply(.put(.network(sample.network)))
        #expect(sample.cloud.freeGuestAddress(in: sample.network.id) == IPv4Address(10, 1, 1, 2))
        sample.network.guestCIDR = IPv4Prefix("10.1.2.0/30")
        #expect(throws: ModelError.self) { try sample.cloud.apply(.put(.network(sample.network))) }
    }

    @Test func `segments are given range by range and never a public range's`() throws {
        var sample = try SampleCloud()
        let tagged = PublicRange(
            id: sample.ids.next(), zone: sample.zone.id, physicalNetwork: sample.wire.id, number: 2,
            segment: .vlan(try #require(VLANID(101))), subnet: try #require(IPv4Prefix("192.0.2.0/24")),
            gateway: IPv4Address(192, 0, 2, 1), addresses: try #require(IPv4Range("192.0.2.2-192.0.2.3")))
        try sample.cloud.apply(.put(.publicRange(tagged)))
        var given: [String] = []
        while let segment = sample.cloud.freeSegment(on: sample.wire.id, for: sample.account.id) {
            given.append(segment.description)
            let network = Network(
                id: sample.ids.next(), number: UInt64(given.count + 1), name: "n", displayText: "",
                account: sample.account.id,
                zone: sample.zone.id, physicalNetwork: sample.wire.id, offering: sample.offering.id,
                cidr: sample.network.cidr, gateway: sample.network.gateway, state: .implemented, segment: segment,
                mtu: 1500)
            try sample.cloud.apply(.put(.network(network)))
        }
        #expect(given == ["vlan://100", "vlan://102", "vlan://200"])
    }

    @Test func `public addresses are given from the lowest until there is none`() throws {
        var sample = try SampleCloud()
        var given: [ObjectID] = []
        while let address = sample.cloud.freePublicAddress(in: sample.range.id) {
            given.append(sample.ids.next())
            #expect(address == IPv4Address(203, 0, 113, UInt8(9 + given.count)))
            try sample.cloud.apply(
                .put(
                    .publicAddress(
                        PublicAddress(
                            id: given[given.count - 1], range: sample.range.id, address: address,
                            account: sample.account.id, isSourceNAT: false))))
        }
        #expect(given.count == 3)
        #expect(sample.cloud.addressesInUse(inRange: sample.range.id) == 3)
        var smaller = sample.range
        smaller.addresses = try #require(IPv4Range("203.0.113.10-203.0.113.11"))
        #expect(throws: ModelError.self) { try sample.cloud.apply(.put(.publicRange(smaller))) }
        try sample.cloud.apply(.remove(.publicAddress, given[1]))
        #expect(sample.cloud.freePublicAddress(in: sample.range.id) == IPv4Address(203, 0, 113, 11))
    }

    @Test func `ten thousand ports spread over shards that no bridge is too small for`() throws {
        var sample = try SampleCloud(cidr: try #require(IPv4Prefix("10.0.0.0/16")), gateway: IPv4Address(10, 0, 0, 1))
        for _ in 0..<10_000 {
            let guest = try sample.anotherGuest()
            let address = try #require(sample.cloud.freeGuestAddress(in: sample.network.id))
            var nic = try sample.nic(address, guest: guest.id)
            nic.attachment.shard = try #require(sample.cloud.freeShard(on: .network(sample.network.id)))
            try sample.cloud.apply(.put(.nic(nic)))
        }
        let ports = sample.cloud.ports(of: .network(sample.network.id))
        #expect(ports == [900] + Array(repeating: 1_000, count: 9) + [100])
        #expect(sample.cloud.shardCount(ofNetwork: sample.network.id) == 11)
        // A kernel bridge takes 1,023: the root's own and a link to each of the others.
        #expect(ports[0] + (ports.count - 1) <= 1_023)
        #expect(Bridge.capacity(ofShard: 0) + Bridge.shards - 1 + 1 <= 1_023)
        // The last ends at 10.0.39.18: 10,000 addresses from 10.0.0.2, the gateway being 10.0.0.1.
        #expect(sample.cloud.freeGuestAddress(in: sample.network.id) == IPv4Address(10, 0, 39, 18))
    }
}
