public import CloudModel
import NetworkVocabulary
import Ruleset

/// What objects of one plan have to know of each other. First of all: rules that lie in sets of ranges, with their
/// packets, oldest first. Whose packets overlap share a set; what belongs
/// to one of them depends on the older ones. Read once for each owner while a plan is made.
struct RuleNeighbours {
    /// Rules of one owner share sets; those of different ones never meet.
    enum Owner: Hashable {
        case address(ObjectID)
        case network(ObjectID, AddressFamily)
    }

    struct Member {
        let rule: Origin
        /// Rises with age.
        let number: UInt64
        let set: SetName
        /// All its packets, whoever else's they are.
        let boxes: [Box]

        func overlaps(_ other: Member) -> Bool {
            set == other.set && boxes.contains { box in other.boxes.contains { $0.overlaps(box) } }
        }
    }

    private var members: [Owner: [Member]] = [:]
    private var balancers: [ObjectID: BalancerSlots] = [:]

    /// How the connections of a load balancer rule are dealt out among its members.
    mutating func slots(of rule: LoadBalancerRule, in cloud: Cloud) -> BalancerSlots {
        if let known = balancers[rule.id] { return known }
        let slots = BalancerSlots(rule, cloud.members(ofBalancer: rule.id))
        balancers[rule.id] = slots
        return slots
    }

    /// The packets of older rules that are also this one's, in the order of age.
    mutating func taken(before member: Member, of owner: Owner, in cloud: Cloud) -> [Box] {
        let others = read(owner, cloud)
        return others.prefix { $0.number < member.number }.filter { $0.overlaps(member) }.flatMap(\.boxes)
    }

    /// Younger rules that have packets of this one's, in the order of age.
    mutating func younger(than member: Member, of owner: Owner, in cloud: Cloud) -> [Member] {
        read(owner, cloud).filter { $0.number > member.number && $0.overlaps(member) }
    }

    /// The owner's rules with this one in its place.
    mutating func put(_ member: Member, of owner: Owner, in cloud: Cloud) {
        var all = read(owner, cloud).filter { $0.number != member.number }
        all.insert(member, at: all.firstIndex { $0.number > member.number } ?? all.count)
        members[owner] = all
    }

    private mutating func read(_ owner: Owner, _ cloud: Cloud) -> [Member] {
        if let known = members[owner] { return known }
        let found: [Member] =
            switch owner {
            case .address(let id):
                cloud.broadFirewallRulesByAddress[id].compactMap { rule in
                    cloud.publicAddresses[id].flatMap { cloud.firewallRules[rule]?.member(at: .v4($0.address)) }
                }
            case .network(let id, let family):
                cloud.egressRulesByNetwork[id].compactMap { cloud.egressRules[$0]?.member(.of(family)) }
            }
        let sorted = found.sorted { $0.number < $1.number }
        members[owner] = sorted
        return sorted
    }
}

extension Planner {
    /// How many elements one rule may take: what overlaps is cut to pieces, and somebody could cut very small.
    public static let mostElementsOfRule = 4096

    /// The elements that the rule would take in this cloud, or a younger rule that it would cut, whichever has more.
    /// One more than `mostElementsOfRule` stands for all above.
    public static func elementCount(of rule: FirewallRule, in cloud: Cloud) -> Int {
        guard let address = cloud.publicAddresses[rule.publicAddress] else { return 0 }
        guard let member = rule.member(at: .v4(address.address)) else { return 1 }
        return mostElements(of: member, .address(address.id), cloud)
    }

    /// See the other.
    public static func elementCount(of rule: EgressRule, in cloud: Cloud) -> Int {
        guard let network = cloud.networks[rule.network] else { return 0 }
        return network.families.map { family in
            mostElements(of: rule.member(.of(family)), .network(network.id, family), cloud)
        }.max() ?? 0
    }

    private static func mostElements(
        of member: RuleNeighbours.Member, _ owner: RuleNeighbours.Owner, _ cloud: Cloud
    ) -> Int {
        var neighbours = RuleNeighbours()
        neighbours.put(member, of: owner, in: cloud)
        var most = 0
        for member in [member] + neighbours.younger(than: member, of: owner, in: cloud) {
            let taken = neighbours.taken(before: member, of: owner, in: cloud)
            let parts = RuleCoverage.disjoint(member.boxes, without: taken, limit: mostElementsOfRule)
            most = max(most, parts?.count ?? mostElementsOfRule + 1)
        }
        return most
    }
}
