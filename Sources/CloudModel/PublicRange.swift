public import NetworkVocabulary

/// Public addresses of a zone that lie in one subnet on one segment.
public struct PublicRange: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let zone: ObjectID
    public let physicalNetwork: ObjectID
    public let number: UInt64
    public var segment: Segment
    public var subnet: IPv4Prefix
    public var gateway: IPv4Address
    public var addresses: IPv4Range
    /// Who alone gets its addresses.
    public var dedication: Dedication?
    /// For machines of the system, of which there are none here: tenants get no address of it.
    public var isForSystem: Bool
    /// The IPv6 addresses that go with it. They are kept, and nothing uses them yet.
    public var ipv6: IPv6Part?

    public init(
        id: ObjectID, zone: ObjectID, physicalNetwork: ObjectID, number: UInt64, segment: Segment, subnet: IPv4Prefix,
        gateway: IPv4Address, addresses: IPv4Range, dedication: Dedication? = nil, isForSystem: Bool = false,
        ipv6: IPv6Part? = nil
    ) {
        self.dedication = dedication
        self.isForSystem = isForSystem
        self.ipv6 = ipv6
        self.id = id
        self.zone = zone
        self.physicalNetwork = physicalNetwork
        self.number = number
        self.segment = segment
        self.subnet = subnet
        self.gateway = gateway
        self.addresses = addresses
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, zone, physicalNetwork, number, segment, subnet, gateway, addresses, dedication, isForSystem, ipv6
    }
}

extension PublicRange {
    /// Where public legs of routers are hung on.
    public var bridge: Bridge { .publicSegment(physicalNetwork: physicalNetwork, segment) }

    /// Whether the account gets addresses of it.
    public func isOpen(to account: ObjectID, in cloud: Cloud) -> Bool {
        !isForSystem && dedication?.admits(account, in: cloud) ?? true
    }

    /// Same wire, same subnet, same gateway: one leg of a router serves both.
    public func sharesSubnet(with other: PublicRange) -> Bool {
        physicalNetwork == other.physicalNetwork && segment == other.segment && subnet == other.subnet
            && gateway == other.gateway
    }
}

extension PublicRange: CloudObject {
    static var kind: RecordKind { .publicRange }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, PublicRange>> { \.publicRanges }
    var record: Record { .publicRange(self) }

    var references: [Reference] {
        [Reference(.zone, zone), Reference(.physicalNetwork, physicalNetwork)]
            + (dedication.map { [$0.reference] } ?? [])
    }

    func claims(in cloud: Cloud) -> [Claim] { [.publicRangeNumber(number)] }

    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        cloud.publicRangesByBridge.edit(edit, id, of: bridge)
        cloud.publicRangeStarts[ZoneAddress(zone: zone, address: addresses.first)] = edit == .insert ? id : nil
    }

    func contradiction(in cloud: Cloud, replacing old: PublicRange?) -> String? {
        if cloud.physicalNetworks[physicalNetwork]?.zone != zone { return "its physical network is in another zone" }
        if !subnet.range.contains(addresses) { return "its addresses are outside its subnet" }
        if !subnet.contains(gateway) { return "its gateway is outside its subnet" }
        if addresses.contains(gateway) { return "its gateway is one of its addresses" }
        if let ipv6, let why = ipv6.contradiction { return why }
        if let wire = cloud.physicalNetworks[physicalNetwork], cloud.isOnAnotherTrunk(segment, besides: wire) {
            return "its segment is on another trunk"
        }
        if cloud.claims[.segment(physicalNetwork: physicalNetwork, segment)] != nil {
            return "its segment is a guest network's"
        }
        if let other = neighbour(in: cloud) { return "its addresses overlap those of public range \(other)" }
        guard let old else { return nil }
        if cloud.isReferenced(reference),
            old.segment != segment || old.physicalNetwork != physicalNetwork || old.zone != zone
                || old.subnet != subnet
        {
            return "its segment, subnet and physical network cannot change while it is used"
        }
        if dedication != old.dedication || isForSystem != old.isForSystem {
            for address in cloud.publicAddressesByRange[id] {
                guard let holder = cloud.publicAddresses[address]?.account, !isOpen(to: holder, in: cloud) else {
                    continue
                }
                return "an address of it is another account's"
            }
        }
        if let held = cloud.addressesInUseByRange[id], let first = held.first, let last = held.last,
            first < addresses.first.bits || last > addresses.last.bits
        {
            return "an address that is in use would be outside"
        }
        return nil
    }

    /// Another range of the zone that has an address of this one. Ranges that do not overlap need only be compared
    /// with their neighbours.
    private func neighbour(in cloud: Cloud) -> ObjectID? {
        var cursor: IPv4Address? = addresses.last
        while let address = cursor {
            guard let before = cloud.publicRangeStarts.last(upTo: ZoneAddress(zone: zone, address: address)),
                before.key.zone == zone, let other = cloud.publicRanges[before.value]
            else { return nil }
            if other.id != id { return other.addresses.overlaps(addresses) ? other.id : nil }
            cursor = other.addresses.first.advanced(by: -1)
        }
        return nil
    }
}
