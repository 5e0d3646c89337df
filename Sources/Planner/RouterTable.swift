import CloudModel
import NetworkVocabulary
import Ruleset

// The frame of a router's nftables table: chains and the shapes of sets. The chains are static; guests, addresses and
// legs are elements. The rules of a feature stand in the feature's own file.

extension Planner {
    func routerTable(_ router: VirtualRouter, _ network: Network, _ offering: NetworkOffering?) -> Table {
        let origin = router.origin
        var table = Table(.inet, Pipeline.tableName, comment: OwnershipMark(installation.id, origin).text)
        for set in [
            SetDeclaration(
                Pipeline.guestIdentities, key: [.interfaceName, .etherAddress, .ipv4], origin: origin),
            SetDeclaration(Pipeline.publicLegs, key: [.interfaceName], origin: origin),
            SetDeclaration(Pipeline.legMarks, key: [.interfaceName], yield: .values([.mark]), origin: origin),
            SetDeclaration(Pipeline.sourceNAT, key: [.interfaceName], yield: .values([.ipv4]), origin: origin),
        ] {
            table.sets[set.name] = set
        }
        table.chains = Pipeline.BaseChain.allCases.map { chain in
            let rules =
                switch chain {
                case .rawPrerouting: identityRules(origin)
                case .manglePrerouting: legSelectionRules(router)
                case .filterInput: routerPortRules(origin)
                case .filterForward: forwardRules(origin)
                case .natPostrouting: sourceNATRules(origin)
                }
            return Chain(chain.name, hook: chain.hook, rules: rules)
        }
        table.chains.append(Chain(Pipeline.networkEgress, rules: egressRules(network, offering)))
        return table
    }

    /// Which way a connection goes is decided by its first packet and remembered in its mark: a guest's leaves by the
    /// leg of its source NAT address, an outsider's answers leave by the leg that it came in by.
    private func legSelectionRules(_ router: VirtualRouter) -> [Rule] {
        var rules: [Rule] = []
        if let leg = router.publicLegs.first {
            rules.append(
                Rule(
                    router.origin,
                    [
                        .match(.inputInterface, .equal, .interface(DeviceNames.inside(0))),
                        .connectionState(.new),
                        .setConnectionMark(.value(.mark(LegMark.mark(ofLeg: leg.index)))),
                    ]))
        }
        rules.append(
            Rule(
                router.origin,
                [
                    .lookup([.inputInterface], in: Pipeline.publicLegs, .equal),
                    .connectionState(.new),
                    .setConnectionMark(.map(Pipeline.legMarks, key: [.inputInterface])),
                ]))
        rules.append(Rule(router.origin, [.setPacketMark(.field(.connectionMark))]))
        return rules
    }

    /// The router's own ports: answers to what it asked, echo from its guests, and from outside a little echo.
    private func routerPortRules(_ origin: Origin) -> [Rule] {
        let echo: [Statement] = [
            .match(.networkProtocol, .equal, .family(.ipv4)),
            .match(.transportProtocol, .equal, .ipProtocol(.icmp)),
            .match(.icmpType, .equal, .icmpType(8)),
        ]
        return [
            Rule(origin, [.match(.inputInterface, .equal, .interface(DeviceNames.loopback)), .verdict(.accept)]),
            Rule(origin, [.connectionState(.invalid), .counter, .verdict(.drop)]),
            Rule(origin, [.connectionState([.established, .related]), .verdict(.accept)]),
            Rule(
                origin,
                [.match(.inputInterface, .equal, .interface(DeviceNames.inside(0)))] + echo + [.verdict(.accept)]),
            Rule(
                origin,
                [.lookup([.inputInterface], in: Pipeline.publicLegs, .equal)] + echo
                    + [.limit(RateLimit(packets: 20, per: .second, burst: 50)), .counter, .verdict(.accept)]),
        ]
    }

    private func forwardRules(_ origin: Origin) -> [Rule] {
        [
            Rule(origin, [.connectionState(.invalid), .counter, .verdict(.drop)]),
            Rule(origin, [.connectionState([.established, .related]), .verdict(.accept)]),
            Rule(
                origin,
                [
                    .match(.inputInterface, .equal, .interface(DeviceNames.inside(0))),
                    .lookup([.outputInterface], in: Pipeline.publicLegs, .equal),
                    .verdict(.goto(Pipeline.networkEgress)),
                ]),
            Rule(origin, [.counter, .verdict(.drop)]),
        ]
    }
}
