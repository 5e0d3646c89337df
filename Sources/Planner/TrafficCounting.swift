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
    /// public traffic. To guests, see `receivedRules`.
    func trafficRules(_ words: [FamilyWords], _ origin: Origin) -> [Rule] {
        // The kernel has the router's own news about a connection (a time to live that ran out, a port that nobody has)
        // go by as part of that connection; what tells it from what is forwarded is that it came in by no leg.
        let isOwn = Statement.match(.inputInterface, .notEqual, .interfacePrefix(DeviceNames.insidePrefix))
        return [
            Rule(origin, [isOwn, .verdict(.accept)]),
            Rule(origin, [Self.toGuests, .verdict(.goto(Pipeline.guestTraffic))]),
        ]
            + words.map { words in
                Rule(
                    origin,
                    [
                        Self.fromGuests, words.isFamily,
                        .lookup([words.source], in: words.name(Pipeline.addressSent), .equal),
                    ])
            } + forwardTrafficRules(origin)
    }

    /// What guests receive that they did not send to each other.
    func receivedRules(_ words: [FamilyWords], _ origin: Origin) -> [Rule] {
        let notFromGuests = Statement.match(.inputInterface, .notEqual, .interface(DeviceNames.inside(0)))
        func received(_ words: FamilyWords, _ direction: ConnectionDirection, _ address: Field) -> Rule {
            Rule(
                origin,
                [
                    .match(.connectionDirection, .equal, .direction(direction)), words.isFamily, notFromGuests,
                    .lookup([address], in: words.name(Pipeline.addressReceived), .equal),
                ])
        }
        return words.flatMap {
            [received($0, .original, $0.originalDestination), received($0, .reply, $0.replyDestination)]
        } + forwardTrafficRules(origin)
    }

    func forwardTrafficSets(_ origin: Origin) -> [SetDeclaration] {
        [
            (Pipeline.forwardSent, false), (Pipeline.forwardReceived, false), (Pipeline.forwardRangesSent, true),
            (Pipeline.forwardRangesReceived, true),
        ].map { name, isInterval in
            SetDeclaration(name, key: Self.portKey, isInterval: isInterval, countsElements: true, origin: origin)
        }
    }

    /// Every packet comes by; most are of no forwarding rule.
    private func forwardTrafficRules(_ origin: Origin) -> [Rule] {
        [Rule(origin, [.connectionStatus(.destinationNAT), .verdict(.goto(Pipeline.forwardTraffic))])]
    }

    /// Whoever used the rule, guests of the network included. A packet is of one rule: when that is found, it is done.
    func forwardCountingRules(_ origin: Origin) -> [Rule] {
        forwardCountingRules(origin, received: Pipeline.forwardReceived, sent: Pipeline.forwardSent)
            + memberCountingRules(origin)
            + forwardCountingRules(origin, received: Pipeline.forwardRangesReceived, sent: Pipeline.forwardRangesSent)
    }

    private func forwardCountingRules(_ origin: Origin, received: SetName, sent: SetName) -> [Rule] {
        [(ConnectionDirection.original, received), (.reply, sent)].map { direction, set in
            Rule(
                origin,
                [
                    .match(.connectionDirection, .equal, .direction(direction)), FamilyWords.ipv4.isFamily,
                    FamilyWords.hasPorts, .lookup(Self.originalPort, in: set, .equal), .verdict(.return),
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
