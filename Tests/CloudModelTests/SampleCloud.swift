import CloudModel
import NetworkVocabulary
import TestSupport
import Testing

/// A small cloud put together record by record, without decide.
struct SampleCloud {
    var cloud = Cloud()
    var ids = SeededIDs(seed: 1)
    let account: Account
    let zone: Zone
    let wire: PhysicalNetwork
    let range: PublicRange
    let offering: NetworkOffering
    var network: Network
    let guest: Guest

    init(cidr: IPv4Prefix, gateway: IPv4Address) throws {
        account = Account(id: ids.next(), number: 2, name: "admin")
        zone = Zone(
            id: ids.next(), name: "z", dns1: IPv4Address(198, 51, 100, 1), dns2: nil,
            internalDNS1: IPv4Address(198, 51, 100, 1), guestCIDR: cidr, networkDomain: "z.example", isEnabled: true)
        wire = PhysicalNetwork(
            id: ids.next(), zone: zone.id, name: "p", isolation: .vlan,
            segmentRanges: [SegmentRange(100, 102), SegmentRange(200, 200)].compactMap(\.self), trunk: nil)
        range = PublicRange(
            id: ids.next(), zone: zone.id, physicalNetwork: wire.id, number: 1, segment: .untagged,
            subnet: try #require(IPv4Prefix("203.0.113.0/24")), gateway: IPv4Address(203, 0, 113, 1),
            addresses: try #require(IPv4Range("203.0.113.10-203.0.113.12")))
        offering = NetworkOffering(
            id: ids.next(), name: "o", displayText: "o", guestType: .isolated, services: ["SourceNat": "VirtualRouter"],
            egressDefaultAllow: true, isPersistent: false, specifiesVLAN: false, isEnabled: true, isDefault: true)
        network = Network(
            id: ids.next(), number: 1, name: "n", displayText: "n", account: account.id, zone: zone.id,
            physicalNetwork: wire.id, offering: offering.id, cidr: cidr, gateway: gateway, state: .allocated, mtu: 1500)
        guest = Guest(
            id: ids.next(), number: 1, name: "web", instanceName: "i-2-1-VM", account: account.id, zone: zone.id,
            port: .emulated, isRunning: false)
        for record in [
            .account(account), .zone(zone), .physicalNetwork(wire), .publicRange(range), .networkOffering(offering),
            .network(network), .guest(guest),
        ] as [Record] {
            try cloud.apply(.put(record))
        }
        for (name, next) in [(.account, 3), (.network, 2), (.publicRange, 2), (.machine, 2)] as [(Series.Name, UInt64)]
        {
            try cloud.apply(.put(.series(Series(name: name, next: next))))
        }
    }

    init() throws {
        try self.init(cidr: try #require(IPv4Prefix("10.1.1.0/24")), gateway: IPv4Address(10, 1, 1, 1))
    }

    /// Another NIC with the next MAC; guests get one each beyond the first.
    mutating func nic(_ address: IPv4Address, guest: ObjectID? = nil, index: Int = 0) throws -> NIC {
        let number = cloud.next(.mac)
        try cloud.apply(.put(.series(Series(name: .mac, next: number + 1))))
        return NIC(
            id: ids.next(), guest: guest ?? self.guest.id, network: network.id, index: index, address: address,
            attachment: Attachment(mac: MACAddress(locallyAdministered: number), shard: 0), isDefault: true)
    }

    mutating func anotherGuest() throws -> Guest {
        let number = cloud.next(.machine)
        try cloud.apply(.put(.series(Series(name: .machine, next: number + 1))))
        let guest = Guest(
            id: ids.next(), number: number, name: "g\(number)", instanceName: "i-2-\(number)-VM", account: account.id,
            zone: zone.id, port: .emulated, isRunning: false)
        try cloud.apply(.put(.guest(guest)))
        return guest
    }
}
