public import NetworkVocabulary

/// A guest's address that shares the port of a load balancer rule.
public struct LoadBalancerMember: Hashable, Codable, Sendable {
    public let id: ObjectID
    /// Rises with age: the order in which members come into turn.
    public let number: UInt64
    public let rule: ObjectID
    public let nic: ObjectID
    /// The NIC's address or one of its secondary ones.
    public let guestAddress: IPv4Address
    /// Found not to answer: it gets no new connections until it is found to answer again.
    public var isDown: Bool

    public init(
        id: ObjectID, number: UInt64, rule: ObjectID, nic: ObjectID, guestAddress: IPv4Address, isDown: Bool = false
    ) {
        self.id = id
        self.number = number
        self.rule = rule
        self.nic = nic
        self.guestAddress = guestAddress
        self.isDown = isDown
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, rule, nic, guestAddress, isDown
    }
}

extension LoadBalancerMember: CloudObject {
    static var kind: RecordKind { .loadBalancerMember }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, LoadBalancerMember>> { \.loadBalancerMembers }
    var record: Record { .loadBalancerMember(self) }

    var references: [Reference] { [Reference(.loadBalancerRule, rule), Reference(.nic, nic)] }

    func claims(in cloud: Cloud) -> [Claim] {
        [.ruleNumber(number), .balancedAddress(rule: rule, guestAddress)]
    }

    func contradiction(in cloud: Cloud, replacing old: LoadBalancerMember?) -> String? {
        guard let rule = cloud.loadBalancerRules[rule], let nic = cloud.nics[nic] else { return nil }
        if var old {
            old.isDown = isDown
            if old != self { return "only its health can change" }
        }
        if nic.network != cloud.place(of: rule)?.network { return "it is on another network" }
        return nic.addresses.contains(guestAddress) ? nil : "its guest has no such address"
    }
}
