import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// What guests may open to the outside: the offering's default policy, and the user's exceptions from it. A rule where the
// default is to allow forbids, one where it is to deny allows.

extension Planner {
    func egressSets(_ words: FamilyWords, _ origin: Origin) -> [SetDeclaration] {
        [Pipeline.egressRanges, Pipeline.egressICMP, Pipeline.egressProtocols].map { set in
            SetDeclaration(
                words.name(set), key: Self.egressKey(set, words), isInterval: true, countsElements: true,
                origin: origin)
        }
    }

    private static func egressKey(_ set: SetName, _ words: FamilyWords) -> [DataType] {
        [words.addressType] + words.between(set) + [words.addressType]
    }

    func egressRules(_ words: [FamilyWords], _ network: Network, _ offering: NetworkOffering?) -> [Rule] {
        // Without an offering to ask, nothing is allowed.
        let origin =
            offering.map { Origin(RecordKind.networkOffering.rawValue, $0.id, part: "egress") } ?? network.origin
        let allows = offering?.egressDefaultAllow == true
        var rules: [Rule] = []
        for words in words {
            func except(_ head: [Statement], _ fields: [Field], _ set: SetName) {
                rules.append(
                    Rule(
                        origin,
                        [words.isFamily] + head + [
                            .lookup([words.source] + fields + [words.destination], in: words.name(set), .equal),
                            .verdict(allows ? .drop : .accept),
                        ]))
            }
            except([FamilyWords.hasPorts], [.transportProtocol, .destinationPort], Pipeline.egressRanges)
            except([words.isICMP], [words.icmpType, words.icmpCode], Pipeline.egressICMP)
            except([], [.transportProtocol], Pipeline.egressProtocols)
        }
        return rules + [Rule(origin, [.counter, .verdict(allows ? .accept : .drop)])]
    }

    func addEgressRule(
        _ rule: EgressRule, _ network: Network, _ neighbours: inout RuleNeighbours, _ cloud: Cloud,
        to share: inout Contribution
    ) {
        for words in network.families.map(FamilyWords.of) {
            let member = rule.member(words)
            let taken = neighbours.taken(before: member, of: .network(network.id, words.family), in: cloud)
            for box in RuleCoverage.disjoint(member.boxes, without: taken) {
                guard let key = box.values(Self.egressKey(member.set, words)) else { continue }
                share.add(key, to: words.name(member.set), rule.origin)
            }
        }
    }
}

extension EgressRule {
    var origin: Origin { Origin(RecordKind.egressRule.rawValue, id) }

    /// The rule among those that it may overlap.
    func member(_ words: FamilyWords) -> RuleNeighbours.Member {
        let (set, between) = traffic.components(words, Pipeline.egressSets)
        let sources = sources.filter { $0.family == words.family }
        let destinations = destinations.filter { $0.family == words.family }
        return RuleNeighbours.Member(
            rule: origin, number: number, set: set,
            boxes: sources.flatMap { source in
                destinations.map { Box([source.value] + between + [$0.value]) }
            })
    }
}
