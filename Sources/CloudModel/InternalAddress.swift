public import NetworkVocabulary

/// An address of a guest network that is no guest's but the network's router's: internal load balancers are found there.
public struct InternalAddress: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let network: ObjectID
    public let address: IPv4Address

    public init(id: ObjectID, network: ObjectID, address: IPv4Address) {
        self.id = id
        self.network = network
        self.address = address
    }

    enum CodingKeys: String, CodingKey, CaseIterable { case id, network, address }
}

extension InternalAddress: CloudObject {
    static var kind: RecordKind { .internalAddress }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, InternalAddress>> { \.internalAddresses }
    var record: Record { .internalAddress(self) }

    var references: [Reference] { [Reference(.network, network)] }

    func claims(in cloud: Cloud) -> [Claim] { [.guestAddress(network: network, address)] }

    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        cloud.addressesInUseByNetwork.edit(edit, address.bits, in: network)
    }

    func contradiction(in cloud: Cloud, replacing old: InternalAddress?) -> String? {
        guard let home = cloud.networks[network] else { return nil }
        if let old, old != self { return "it cannot change" }
        if home.cidr?.hosts.contains(address) != true { return "it is not a host of its network" }
        return address == home.gateway ? "it is the gateway's" : nil
    }
}

extension Cloud {
    /// The address of the network that internal load balancers have, and no guest.
    public func internalAddress(_ address: IPv4Address, ofNetwork network: ObjectID) -> InternalAddress? {
        claims[.guestAddress(network: network, address)].flatMap { internalAddresses[$0.id] }
    }
}

/// Where a load balancer rule is found, and whose it is.
public struct BalancerPlace: Hashable, Sendable {
    public let account: ObjectID
    /// Nil for a public address that is no network's.
    public let network: ObjectID?
    public let address: IPv4Address
    public let zone: ObjectID?
}

extension Cloud {
    public func place(of rule: LoadBalancerRule) -> BalancerPlace? {
        if let address = rule.publicAddress.flatMap({ publicAddresses[$0] }) {
            return BalancerPlace(
                account: address.account, network: address.network, address: address.address,
                zone: publicRanges[address.range]?.zone)
        }
        guard let address = rule.internalAddress.flatMap({ internalAddresses[$0] }),
            let network = networks[address.network]
        else { return nil }
        return BalancerPlace(
            account: network.account, network: network.id, address: address.address, zone: network.zone)
    }
}
