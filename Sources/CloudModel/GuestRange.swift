public import NetworkVocabulary

/// Addresses of a shared network that its guests, and its router, get theirs from.
public struct GuestRange: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let network: ObjectID
    public var addresses: IPv4Range
    /// The IPv6 addresses that go with it. They are kept, and nothing uses them yet.
    public var ipv6: IPv6Part?

    public init(id: ObjectID, network: ObjectID, addresses: IPv4Range, ipv6: IPv6Part? = nil) {
        self.id = id
        self.network = network
        self.addresses = addresses
        self.ipv6 = ipv6
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, network, addresses, ipv6
    }
}

extension GuestRange: CloudObject {
    static var kind: RecordKind { .guestRange }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, GuestRange>> { \.guestRanges }
    var record: Record { .guestRange(self) }

    var references: [Reference] { [Reference(.network, network)] }

    func contradiction(in cloud: Cloud, replacing old: GuestRange?) -> String? {
        guard let home = cloud.networks[network], let cidr = home.cidr else { return "its network has no addresses" }
        if home.guestType != .shared { return "its network is not a shared one" }
        if !cidr.hosts.contains(addresses) { return "its addresses are outside its network" }
        if let why = ipv6?.contradiction { return why }
        for other in cloud.guestRanges(ofNetwork: network) where other.id != id {
            if other.addresses.overlaps(addresses) { return "its addresses overlap those of guest range \(other.id)" }
        }
        guard let old, old.addresses != addresses else { return nil }
        if old.network != network { return "its network cannot change" }
        let held = cloud.addressesInUse(inNetwork: network, within: old.addresses)
        let kept = old.addresses.clamped(to: addresses).map { cloud.addressesInUse(inNetwork: network, within: $0) }
        return held == kept ?? 0 ? nil : "an address that is in use would be outside"
    }
}

extension Cloud {
    /// Ascending.
    public func guestRanges(ofNetwork network: ObjectID) -> [GuestRange] {
        referrers(.guestRange, of: .network)[network].compactMap { guestRanges[$0] }
            .sorted { $0.addresses.first < $1.addresses.first }
    }

    /// What the guests of the network may have, the gateway apart.
    public func guestPools(ofNetwork network: Network) -> [IPv4Range] {
        guard network.guestType == .shared else { return network.guestAddresses.map { [$0] } ?? [] }
        return guestRanges(ofNetwork: network.id).map(\.addresses)
    }
}

extension IPv4Range {
    /// What both have, if anything.
    fileprivate func clamped(to other: IPv4Range) -> IPv4Range? {
        IPv4Range(max(first, other.first), min(last, other.last))
    }
}
