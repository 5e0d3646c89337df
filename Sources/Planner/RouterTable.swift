import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// The frame of a router's nftables table: chains and the shapes of sets. The chains are static; guests, addresses,
// legs and rules are elements, so that neither a packet nor a change costs more where there are more of them. The rules
// of a feature stand in the feature's own file.

extension Planner {
    /// What the sets of a network's router measure.
    static func meters(_ families: [AddressFamily]) -> [SetName: Meter] {
        var meters: [SetName: Meter] = [:]
        for words in families.map(FamilyWords.of) {
            for set in [
                Pipeline.firewallPorts, Pipeline.firewallRanges, Pipeline.firewallICMP, Pipeline.firewallProtocols,
                Pipeline.egressRanges, Pipeline.egressICMP, Pipeline.egressProtocols,
            ] {
                meters[words.name(set)] = .matched
            }
            meters[words.name(Pipeline.addressSent)] = .sent
            meters[words.name(Pipeline.addressReceived)] = .received
        }
        for set in [Pipeline.forwardSent, Pipeline.forwardRangesSent, Pipeline.memberSent] { meters[set] = .sent }
        for set in [Pipeline.forwardReceived, Pipeline.forwardRangesReceived, Pipeline.memberReceived] {
            meters[set] = .received
        }
        meters[Pipeline.memberConnections] = .matched
        return meters
    }

    /// Sets with which a connection may lose what it had although they gained something: who alone may use a forward,
    /// and where guests may not go.
    func closingSets(_ families: [AddressFamily], _ offering: NetworkOffering?) -> Set<SetName> {
        var sets: Set<SetName> = [Pipeline.limitedForwards]
        guard offering?.egressDefaultAllow == true else { return sets }
        for words in families.map(FamilyWords.of) {
            for set in [Pipeline.egressRanges, Pipeline.egressICMP, Pipeline.egressProtocols] {
                sets.insert(words.name(set))
            }
        }
        return sets
    }

    /// The table depends on the router's id, the network's gateway and families, and its offering with the services that it
    /// has; on nothing that comes and goes.
    func routerTable(
        _ router: VirtualRouter, _ network: Network, _ offering: NetworkOffering?, _ services: GuestServices?,
        families: [AddressFamily]
    ) -> Table {
        let origin = router.origin
        let words = families.map(FamilyWords.of)
        var table = Table(.inet, Pipeline.tableName, comment: OwnershipMark(installation.id, origin).text)
        let shared = [
            SetDeclaration(Pipeline.guestIdentities, key: [.interfaceName, .etherAddress, .ipv4], origin: origin),
            SetDeclaration(Pipeline.dhcpClients, key: [.interfaceName, .etherAddress], origin: origin),
            SetDeclaration(Pipeline.publicLegs, key: [.interfaceName], origin: origin),
            SetDeclaration(Pipeline.legMarks, key: [.interfaceName], yield: .values([.mark]), origin: origin),
            SetDeclaration(NodePlan.pendingRevocations, key: [.mark], origin: origin),
        ]
        let translations =
            sourceNATSets(origin) + staticNATSets(origin) + portForwardSets(origin) + forwardTrafficSets(origin)
            + balancerSets(origin)
        let filters = words.flatMap {
            firewallSets($0, origin) + egressSets($0, origin) + addressTrafficSets($0, origin)
        }
        for set in shared + translations + filters { table.sets[set.name] = set }
        table.chains = Pipeline.BaseChain.allCases.map { chain in
            let rules =
                switch chain {
                case .rawPrerouting: identityRules(services, origin) + outsideSourceRules(network, origin)
                case .manglePrerouting: legSelectionRules(origin)
                case .natPrerouting:
                    staticNATRules(origin) + portForwardRules(origin) + balancedPortRules(origin)
                case .filterInput:
                    routerPortRules(origin) + servicePortRules(services, origin) + balancerInputRules(origin)
                        + [Rule(origin, [.counter, .verdict(.drop)])]
                case .natInput: natInputRules(origin)
                case .hairpinInput: hairpinInputRules(origin)
                case .refusalInput: refusalRules(origin)
                case .filterForward: forwardRules(origin)
                case .mangleOutput: [Rule(origin, [.setPacketMark(.field(.connectionMark))])]
                case .natPostrouting: sourceNATRules(network, origin)
                case .hairpinPostrouting: hairpinRules(origin)
                case .trafficPostrouting: trafficRules(words, origin)
                }
            return Chain(chain.name, hook: chain.hook, rules: rules)
        }
        table.chains += [
            Chain(Pipeline.publicFirewall, rules: firewallRules(words, network, offering)),
            Chain(Pipeline.forwardSources, rules: forwardSourceRules(origin)),
            Chain(Pipeline.networkEgress, rules: egressRules(words, network, offering)),
            Chain(Pipeline.guestTraffic, rules: receivedRules(words, origin)),
            Chain(Pipeline.forwardTraffic, rules: forwardCountingRules(origin)),
        ]
        return table
    }

    static let fromGuests = Statement.match(.inputInterface, .equal, .interface(DeviceNames.inside(0)))
    static let toGuests = Statement.match(.outputInterface, .equal, .interface(DeviceNames.inside(0)))
    static let fromOutside = Statement.lookup([.inputInterface], in: Pipeline.publicLegs, .equal)
    static let toOutside = Statement.lookup([.outputInterface], in: Pipeline.publicLegs, .equal)

    /// Which way a connection goes is decided by its first packet and remembered in its mark: a guest's leaves by the
    /// leg of the address that it leaves with, an outsider's answers leave by the leg that it came in by. A connection
    /// that has a leg keeps it, and what else its mark says. Most packets are of connections that are decided, so these
    /// come first.
    private func legSelectionRules(_ origin: Origin) -> [Rule] {
        let undecided: [Statement] = [
            .connectionState(.new), .maskedMark(.connectionMark, mask: LegMark.mask, .equal, 0),
        ]
        return [
            Rule(
                origin,
                [
                    .connectionState([.established, .related]), .setPacketMark(.field(.connectionMark)),
                    .verdict(.accept),
                ]),
            Rule(
                origin,
                [Self.fromGuests] + undecided + [
                    FamilyWords.ipv4.isFamily,
                    .setConnectionMark(.map(Pipeline.staticNATLegs, key: [.ipv4Source])),
                ]),
            Rule(origin, undecided + [.setConnectionMark(.map(Pipeline.legMarks, key: [.inputInterface]))]),
            Rule(origin, [.setPacketMark(.field(.connectionMark))]),
        ]
    }

    /// The router's own ports: answers to what it asked, echo from its guests, and from outside a little echo. What it
    /// serves its guests follows.
    private func routerPortRules(_ origin: Origin) -> [Rule] {
        let echo: [Statement] = [
            .match(.networkProtocol, .equal, .family(.ipv4)),
            .match(.transportProtocol, .equal, .ipProtocol(.icmp)),
            .match(.icmpType, .equal, .icmpType(8)),
        ]
        return [
            Rule(origin, [.match(.inputInterface, .equal, .interface(DeviceNames.loopback)), .verdict(.accept)]),
            Rule(origin, [.connectionState(.invalid), .counter, .verdict(.drop)]),
            // Before the rule for what goes on: an echo that was answered has begun a connection for those after it.
            Rule(
                origin,
                [Self.fromOutside] + echo
                    + [.limit(RateLimit(packets: 20, per: .second, burst: 50)), .counter, .verdict(.accept)]),
            Rule(origin, [Self.fromOutside] + echo + [.counter, .verdict(.drop)]),
            Rule(origin, [.connectionState([.established, .related]), .verdict(.accept)]),
            Rule(origin, [Self.fromGuests] + echo + [.verdict(.accept)]),
        ]
    }

    private func forwardRules(_ origin: Origin) -> [Rule] {
        [
            Rule(origin, [.connectionState([.established, .related]), .verdict(.accept)]),
            Rule(origin, [.connectionState(.invalid), .counter, .verdict(.drop)]),
            Rule(origin, [Self.fromGuests, Self.toOutside, .verdict(.goto(Pipeline.networkEgress))]),
            Rule(
                origin,
                [
                    Self.fromOutside, Self.toGuests, .connectionStatus(.destinationNAT),
                    .verdict(.goto(Pipeline.publicFirewall)),
                ]),
            // Judged when it has its public source: see `hairpinRules`.
            Rule(
                origin, [Self.fromGuests, Self.toGuests, .connectionStatus(.destinationNAT), .verdict(.accept)]),
            Rule(origin, [.counter, .verdict(.drop)]),
        ]
    }

    /// A guest that opens a connection to a public address of its own network is an outsider there: it has its public
    /// address by now.
    private func hairpinRules(_ origin: Origin) -> [Rule] {
        [
            Rule(
                origin,
                [
                    .connectionState(.new), .connectionStatus(.destinationNAT), Self.fromGuests, Self.toGuests,
                    .verdict(.goto(Pipeline.publicFirewall)),
                ])
        ]
    }
}

extension Network {
    /// The families whose packets its router forwards.
    var families: [AddressFamily] { [.ipv4] }
}
