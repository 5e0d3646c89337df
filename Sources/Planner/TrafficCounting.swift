import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// What has passed, by public address and by port forwarding rule: the last chain's lookups match for the sake of their
// elements' counters and decide nothing.

extension Planner {
    func addressTrafficSets(_ words: FamilyWords, _ origin: Origin) -> [SetDeclaration] {
        [Pipeline.addressSent, Pipeline.addressReceived].map {
            SetDeclaration(words.name($0), key: [words.addressType], countsElements: true, origin: origin)
        }
    }

    /// Between guests and the outside, as CloudStack counts: the router's own words and what stays inside are nobody's
    /// public traffic.
    func addressTrafficRules(_ words: FamilyWords, _ origin: Origin) -> [Rule] {
        func received(_ direction: ConnectionDirection, _ address: Field) -> Rule {
            Rule(
                origin,
                [
                    Self.fromOutside, Self.toGuests, words.isFamily,
                    .match(.connectionDirection, .equal, .direction(direction)),
                    .lookup([address], in: words.name(Pipeline.addressReceived), .equal),
                ])
        }
        return [
            Rule(
                origin,
                [
                    Self.fromGuests, Self.toOutside, words.isFamily,
                    .lookup([words.source], in: words.name(Pipeline.addressSent), .equal),
                ]),
            received(.original, words.originalDestination), received(.reply, words.replyDestination),
        ]
    }

    func forwardTrafficSets(_ origin: Origin) -> [SetDeclaration] {
        [
            (Pipeline.forwardSent, false), (Pipeline.forwardReceived, false), (Pipeline.forwardRangesSent, true),
            (Pipeline.forwardRangesReceived, true),
        ].map { name, isInterval in
            SetDeclaration(name, key: Self.portKey, isInterval: isInterval, countsElements: true, origin: origin)
        }
    }

    /// Whoever used the rule, guests of the network included.
    func forwardTrafficRules(_ origin: Origin) -> [Rule] {
        [
            (ConnectionDirection.original, Pipeline.forwardReceived), (.original, Pipeline.forwardRangesReceived),
            (.reply, Pipeline.forwardSent), (.reply, Pipeline.forwardRangesSent),
        ].map { direction, set in
            Rule(
                origin,
                [
                    .connectionStatus(.destinationNAT), .match(.connectionDirection, .equal, .direction(direction)),
                    FamilyWords.ipv4.isFamily, FamilyWords.hasPorts,
                    .lookup(Self.originalPort, in: set, .equal),
                ])
        }
    }

    func addAddressTraffic(_ address: IPAddress, _ origin: Origin, to share: inout Contribution) {
        let words = FamilyWords.of(address.family)
        for set in [Pipeline.addressSent, Pipeline.addressReceived] {
            share.add([address.value], to: words.name(set), origin)
        }
    }

    func addForwardTraffic(_ key: [Value], isRange: Bool, _ origin: Origin, to share: inout Contribution) {
        let sets =
            isRange
            ? [Pipeline.forwardRangesSent, Pipeline.forwardRangesReceived]
            : [Pipeline.forwardSent, Pipeline.forwardReceived]
        for set in sets { share.add(key, to: set, origin) }
    }
}
