public import NetworkVocabulary

/// An exception from the default egress policy of the network's offering: what guests may send out where the default
/// is to deny, what they may not where it is to allow.
public struct EgressRule: Hashable, Codable, Sendable {
    public let id: ObjectID
    /// Rises with age.
    public let number: UInt64
    public let network: ObjectID
    public var traffic: Traffic
    /// Parts of the network, in the user's order; never empty.
    public var sources: [IPPrefix]
    /// In the user's order; never empty.
    public var destinations: [IPPrefix]
    public let isSystem: Bool

    public init(
        id: ObjectID, number: UInt64, network: ObjectID, traffic: Traffic, sources: [IPPrefix],
        destinations: [IPPrefix], isSystem: Bool = false
    ) {
        self.id = id
        self.number = number
        self.network = network
        self.traffic = traffic
        self.sources = sources
        self.destinations = destinations
        self.isSystem = isSystem
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, network, traffic, sources, destinations, isSystem
    }
}

extension EgressRule: CloudObject {
    static var kind: RecordKind { .egressRule }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, EgressRule>> { \.egressRules }
    var record: Record { .egressRule(self) }

    var references: [Reference] { [Reference(.network, network)] }
    func claims(in cloud: Cloud) -> [Claim] { [.ruleNumber(number)] }

    func contradiction(in cloud: Cloud, replacing old: EgressRule?) -> String? {
        guard let home = cloud.networks[network] else { return nil }
        if let old, old.network != network || old.number != number { return "its network and number cannot change" }
        if sources.isEmpty || destinations.isEmpty { return "it names no source or no destination" }
        for case .v4(let source) in sources where home.cidr?.contains(source) != true && source != .everything {
            return "its source is outside the network"
        }
        return traffic.contradiction
    }
}
