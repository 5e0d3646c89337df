public import NetworkVocabulary

/// An address of a public range in somebody's hands. Free addresses have no record.
public struct PublicAddress: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let range: ObjectID
    public let address: IPv4Address
    public let account: ObjectID
    public var network: ObjectID?
    public var isSourceNAT: Bool
    /// The guest that the address stands for; then no other rule leads anywhere from it.
    public var staticNAT: StaticNAT?
    /// Kept for its account, which may acquire it; it is nobody's to use until then.
    public var isReserved: Bool
    /// Whether lists show it without being asked.
    public var isDisplayed: Bool

    public init(
        id: ObjectID, range: ObjectID, address: IPv4Address, account: ObjectID, network: ObjectID? = nil,
        isSourceNAT: Bool, staticNAT: StaticNAT? = nil, isReserved: Bool = false, isDisplayed: Bool = true
    ) {
        self.isReserved = isReserved
        self.isDisplayed = isDisplayed
        self.id = id
        self.range = range
        self.address = address
        self.account = account
        self.network = network
        self.isSourceNAT = isSourceNAT
        self.staticNAT = staticNAT
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, range, address, account, network, isSourceNAT, staticNAT, isReserved, isDisplayed
    }
}

/// A public address that is a guest's in both directions.
public struct StaticNAT: Hashable, Codable, Sendable {
    public let nic: ObjectID
    /// The NIC's address or one of its secondary ones.
    public let guestAddress: IPv4Address

    public init(nic: ObjectID, guestAddress: IPv4Address) {
        self.nic = nic
        self.guestAddress = guestAddress
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case nic, guestAddress
    }
}

extension PublicAddress: CloudObject {
    static var kind: RecordKind { .publicAddress }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, PublicAddress>> { \.publicAddresses }
    var record: Record { .publicAddress(self) }

    var references: [Reference] {
        [Reference(.account, account), Reference(.publicRange, range)]
            + (network.map { [Reference(.network, $0)] } ?? []) + (staticNAT.map { [Reference(.nic, $0.nic)] } ?? [])
    }

    func claims(in cloud: Cloud) -> [Claim] {
        var claims = [Claim.publicAddress(range: range, address)]
        guard let network else { return claims }
        if isSourceNAT { claims.append(.sourceNAT(network: network)) }
        if let staticNAT { claims.append(.staticNAT(network: network, staticNAT.guestAddress)) }
        return claims
    }

    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        cloud.addressesInUseByRange.edit(edit, address.bits, in: range)
    }

    func contradiction(in cloud: Cloud, replacing old: PublicAddress?) -> String? {
        guard let range = cloud.publicRanges[range], range.addresses.contains(address) else {
            return "the address is outside its range"
        }
        if !range.isOpen(to: account, in: cloud) { return "its range is another account's" }
        if isReserved, network != nil { return "it is reserved, and a network's" }
        if let network = network.flatMap({ cloud.networks[$0] }) {
            if network.zone != range.zone { return "its network is in another zone" }
            if network.account != account { return "its network is another account's" }
        } else if isSourceNAT {
            return "source NAT is for a network"
        }
        return contradictionOfRules(in: cloud, replacing: old)
    }

    private func contradictionOfRules(in cloud: Cloud, replacing old: PublicAddress?) -> String? {
        if let old, old.network != network,
            !cloud.firewallRulesByAddress[id].isEmpty || !cloud.portForwardingsByAddress[id].isEmpty
                || !cloud.loadBalancerRulesByAddress[id].isEmpty
        {
            return "its network cannot change while it has rules"
        }
        guard let staticNAT, let nic = cloud.nics[staticNAT.nic] else { return nil }
        if isSourceNAT { return "a source NAT address has no static NAT" }
        if network == nil || nic.network != network { return "static NAT is for a NIC of its network" }
        if !nic.addresses.contains(staticNAT.guestAddress) { return "its guest has no such address" }
        if !cloud.loadBalancerRulesByAddress[id].isEmpty { return "it has load balancer rules" }
        return cloud.portForwardingsByAddress[id].isEmpty ? nil : "it has port forwarding rules"
    }
}
