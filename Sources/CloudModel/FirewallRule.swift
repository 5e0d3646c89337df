public import NetworkVocabulary

/// What may come in to a public address. Everything else is refused there.
public struct FirewallRule: Hashable, Codable, Sendable {
    public let id: ObjectID
    /// Rises with age: of two rules that speak of the same packets the older one is the one that counts them.
    public let number: UInt64
    public let publicAddress: ObjectID
    public var traffic: Traffic
    /// Where it may come from, in the user's order; never empty.
    public var sources: [IPPrefix]
    /// Made by the operator for everybody's good; users see it and cannot remove it.
    public let isSystem: Bool
    /// The port forwarding rule that brought it (`openfirewall`) and takes it along when it goes.
    public let forwarding: ObjectID?
    /// The load balancer rule that did.
    public let balancing: ObjectID?

    public init(
        id: ObjectID, number: UInt64, publicAddress: ObjectID, traffic: Traffic, sources: [IPPrefix],
        isSystem: Bool = false, forwarding: ObjectID? = nil, balancing: ObjectID? = nil
    ) {
        self.id = id
        self.number = number
        self.publicAddress = publicAddress
        self.traffic = traffic
        self.sources = sources
        self.isSystem = isSystem
        self.forwarding = forwarding
        self.balancing = balancing
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, publicAddress, traffic, sources, isSystem, forwarding, balancing
    }

    /// Whether another rule brought it.
    public var isCompanion: Bool { forwarding != nil || balancing != nil }

    /// Whether it is about one port, and everybody: no two such rules of an address speak of the same packets.
    public func opensOnePort(toEverybodyOf family: AddressFamily) -> Bool {
        switch traffic {
        case .tcp(let ports?), .udp(let ports?):
            ports.count == 1 && sources.contains { $0.family == family && $0.length == 0 }
        default: false
        }
    }
}

extension FirewallRule: CloudObject {
    static var kind: RecordKind { .firewallRule }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, FirewallRule>> { \.firewallRules }
    var record: Record { .firewallRule(self) }

    var references: [Reference] {
        [Reference(.publicAddress, publicAddress)] + (forwarding.map { [Reference(.portForwarding, $0)] } ?? [])
            + (balancing.map { [Reference(.loadBalancerRule, $0)] } ?? [])
    }

    func claims(in cloud: Cloud) -> [Claim] { [.ruleNumber(number)] }

    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        if !opensOnePort(toEverybodyOf: .ipv4) { cloud.broadFirewallRulesByAddress.edit(edit, id, of: publicAddress) }
    }

    func contradiction(in cloud: Cloud, replacing old: FirewallRule?) -> String? {
        guard let address = cloud.publicAddresses[publicAddress] else { return nil }
        if address.network == nil { return "its address is no network's" }
        if let old, old.publicAddress != publicAddress || old.number != number {
            return "its address and number cannot change"
        }
        if let forwarding = forwarding.flatMap({ cloud.portForwardings[$0] }),
            forwarding.publicAddress != publicAddress
        {
            return "the port forwarding rule that brought it is of another address"
        }
        if let balancing = balancing.flatMap({ cloud.loadBalancerRules[$0] }), balancing.publicAddress != publicAddress
        {
            return "the load balancer rule that brought it is of another address"
        }
        return sources.isEmpty ? "it names no source" : traffic.contradiction
    }
}
