import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// Who may come in to a public address. One chain judges everybody, by the connection as the outsider sent it: its first
// packet's destination from connection tracking, and the source that it has now. Outsiders come here with the guest's
// address already in the header, guests of the network itself with their public one.

extension Planner {
    func firewallSets(_ words: FamilyWords, _ origin: Origin) -> [SetDeclaration] {
        [
            SetDeclaration(
                words.name(Pipeline.firewallPorts), key: [words.addressType, .ipProtocol, .port],
                countsElements: true, origin: origin)
        ]
            + [Pipeline.firewallRanges, Pipeline.firewallICMP, Pipeline.firewallProtocols].map { set in
                SetDeclaration(
                    words.name(set), key: Self.firewallKey(set, words), isInterval: true, countsElements: true,
                    origin: origin)
            }
    }

    private static func firewallKey(_ set: SetName, _ words: FamilyWords) -> [DataType] {
        let (address, between) = (words.addressType, words.between(set))
        return [address] + between + [address]
    }

    /// Offerings without a firewall let in what is forwarded.
    func firewallRules(_ words: [FamilyWords], _ network: Network, _ offering: NetworkOffering?) -> [Rule] {
        let origin =
            offering.map { Origin(RecordKind.networkOffering.rawValue, $0.id, part: "firewall") } ?? network.origin
        var rules = limitedForwardRules(origin)
        guard offering?.services["Firewall"] != nil || offering == nil else {
            return rules + [Rule(origin, [.verdict(.accept)])]
        }
        for words in words {
            let port: [Field] = [words.originalDestination, .transportProtocol, .originalDestinationPort]
            func allow(_ head: [Statement], _ fields: [Field], _ set: SetName) {
                rules.append(
                    Rule(
                        origin,
                        [words.isFamily] + head + [.lookup(fields, in: words.name(set), .equal), .verdict(.accept)]))
            }
            allow([FamilyWords.hasPorts], port, Pipeline.firewallPorts)
            allow([FamilyWords.hasPorts], port + [words.source], Pipeline.firewallRanges)
            allow(
                [words.isICMP], [words.originalDestination, words.icmpType, words.icmpCode, words.source],
                Pipeline.firewallICMP)
            allow([], [words.originalDestination, .transportProtocol, words.source], Pipeline.firewallProtocols)
        }
        return rules + [Rule(origin, [.counter, .verdict(.drop)])]
    }

    func addFirewallRule(
        _ rule: FirewallRule, _ address: PublicAddress, _ neighbours: inout RuleNeighbours, _ cloud: Cloud,
        to share: inout Contribution
    ) {
        let destination = IPAddress.v4(address.address)
        let words = FamilyWords.of(destination.family)
        if let key = rule.portForEverybody(at: destination) {
            share.add(key, to: words.name(Pipeline.firewallPorts), rule.origin)
        } else if let member = rule.member(at: destination) {
            let taken = neighbours.taken(before: member, of: .address(address.id), in: cloud)
            for box in RuleCoverage.disjoint(member.boxes, without: taken) {
                guard let key = box.values(Self.firewallKey(member.set, words)) else { continue }
                share.add(key, to: words.name(member.set), rule.origin)
            }
        }
    }
}

extension FirewallRule {
    var origin: Origin { Origin(RecordKind.firewallRule.rawValue, id) }

    /// The key of the rule's one element when it is about one port for everybody: such elements lie in a set whose cost
    /// does not grow.
    func portForEverybody(at address: IPAddress) -> [Value]? {
        guard opensOnePort(toEverybodyOf: address.family) else { return nil }
        switch traffic {
        case .tcp(let ports?): return [address.value, .ipProtocol(.tcp), .port(ports.first)]
        case .udp(let ports?): return [address.value, .ipProtocol(.udp), .port(ports.first)]
        default: return nil
        }
    }

    /// The rule among those that it may overlap; nil when it can overlap none.
    func member(at address: IPAddress) -> RuleNeighbours.Member? {
        if opensOnePort(toEverybodyOf: address.family) { return nil }
        let (set, between) = traffic.components(.of(address.family), Pipeline.firewallSets)
        let sources = sources.filter { $0.family == address.family }
        return RuleNeighbours.Member(
            rule: origin, number: number, set: set,
            boxes: sources.map { Box([address.value] + between + [$0.value]) })
    }
}

extension Pipeline {
    /// The sets of a rule's traffic: with ports, of ICMP, whole protocols.
    static let firewallSets = (firewallRanges, firewallICMP, firewallProtocols)
    static let egressSets = (egressRanges, egressICMP, egressProtocols)
}

extension Traffic {
    /// Which of the three sets holds such traffic, and what of an element's key stands between the addresses.
    func components(
        _ words: FamilyWords, _ sets: (ranges: SetName, icmp: SetName, protocols: SetName)
    ) -> (set: SetName, between: [Value]) {
        let everything: ClosedRange<UInt8> = 0...255
        switch self {
        case .tcp(let ports?): return (sets.ranges, [.ipProtocol(.tcp), Value.portRange(ports).normal])
        case .udp(let ports?): return (sets.ranges, [.ipProtocol(.udp), Value.portRange(ports).normal])
        case .icmp(let type?, let code):
            let codes = code.map { Value.icmpCode($0) } ?? .icmpCodeRange(everything)
            return (sets.icmp, [.icmpType(type), codes])
        case .tcp(nil): return (sets.protocols, [.ipProtocol(.tcp)])
        case .udp(nil): return (sets.protocols, [.ipProtocol(.udp)])
        case .icmp(nil, _): return (sets.protocols, [.ipProtocol(words.icmp)])
        case .other(let number): return (sets.protocols, [.ipProtocol(number)])
        case .all: return (sets.protocols, [.ipProtocolRange(everything)])
        }
    }
}

extension FamilyWords {
    /// What stands between the addresses in the keys of these sets.
    func between(_ set: SetName) -> [DataType] {
        switch set {
        case Pipeline.firewallRanges, Pipeline.egressRanges: [.ipProtocol, .port]
        case Pipeline.firewallICMP, Pipeline.egressICMP: [icmpTypeType, icmpCodeType]
        default: [.ipProtocol]
        }
    }
}
