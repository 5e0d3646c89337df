import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// Ports of public addresses that several guests share. A verdict map leads the port to a chain of its own, where the
// kernel keeps count of turns; the chain's one rule picks a slot, and a map of all rules' slots says whose it is. So a
// connection costs the same beside one rule or a thousand, and a guest that comes or goes is a few elements.

extension Planner {
    func balancerSets(_ origin: Origin) -> [SetDeclaration] {
        let perMember = [Pipeline.memberConnections, Pipeline.memberSent, Pipeline.memberReceived].map {
            SetDeclaration($0, key: Self.portKey + [.ipv4], countsElements: true, origin: origin)
        }
        return perMember + [
            SetDeclaration(Pipeline.balancedPorts, key: Self.portKey, yield: .verdict, origin: origin),
            SetDeclaration(Pipeline.balancerSlots, key: [.slot], yield: .values([.ipv4]), origin: origin),
            SetDeclaration(Pipeline.routerPorts, key: Self.portKey, origin: origin),
            SetDeclaration(Pipeline.refusedPorts, key: Self.portKey, origin: origin),
            SetDeclaration(Pipeline.internalPorts, key: Self.portKey, origin: origin),
        ]
    }

    func balancedPortRules(_ origin: Origin) -> [Rule] {
        [
            Rule(
                origin,
                [
                    FamilyWords.ipv4.isFamily, FamilyWords.hasPorts,
                    .verdictMap([.ipv4Destination, .transportProtocol, .destinationPort], Pipeline.balancedPorts),
                ])
        ]
    }

    /// Whose port of a public address ends at the router.
    private static let isRouterPort: [Statement] = [
        FamilyWords.ipv4.isFamily, FamilyWords.hasPorts, .lookup(originalPort, in: Pipeline.routerPorts, .equal),
    ]

    /// Whose port is of an address of the network's own.
    private static let isInternalPort: [Statement] = [
        FamilyWords.ipv4.isFamily, FamilyWords.hasPorts, .lookup(originalPort, in: Pipeline.internalPorts, .equal),
    ]

    /// Such ports are judged as those that lead to guests are; guests when they have their public address. Ports of the
    /// network's own addresses are for its guests alone.
    func balancerInputRules(_ origin: Origin) -> [Rule] {
        [
            Rule(origin, [Self.fromOutside] + Self.isInternalPort + [.counter, .verdict(.drop)]),
            Rule(origin, [Self.fromOutside] + Self.isRouterPort + [.verdict(.goto(Pipeline.publicFirewall))]),
            Rule(origin, [Self.fromGuests] + Self.isRouterPort + [.verdict(.accept)]),
        ]
    }

    func natInputRules(_ origin: Origin) -> [Rule] {
        let head = [Self.fromGuests] + Self.isRouterPort
        return [
            Rule(origin, [Self.fromGuests] + Self.isInternalPort + [.verdict(.accept)]),
            Rule(origin, head + [.sourceNAT(.ipv4, .map(Pipeline.staticNATOut, key: [.ipv4Source]))]),
            Rule(origin, head + [.sourceNAT(.ipv4, .map(Pipeline.sourceNAT, key: [.inputInterface]))]),
        ]
    }

    func hairpinInputRules(_ origin: Origin) -> [Rule] {
        [
            Rule(
                origin, [.connectionState(.new), Self.fromGuests] + Self.isInternalPort + [.verdict(.accept)]),
            Rule(
                origin,
                [.connectionState(.new), Self.fromGuests] + Self.isRouterPort
                    + [.verdict(.goto(Pipeline.publicFirewall))]),
        ]
    }

    /// Who was let in to a port that nobody answers is told so.
    func refusalRules(_ origin: Origin) -> [Rule] {
        let isTCP = Statement.match(.transportProtocol, .equal, .ipProtocol(.tcp))
        return [
            Rule(
                origin,
                [
                    FamilyWords.ipv4.isFamily, isTCP, .lookup(Self.originalPort, in: Pipeline.refusedPorts, .equal),
                    .reject(.tcpReset),
                ]),
            Rule(
                origin,
                [
                    FamilyWords.ipv4.isFamily, FamilyWords.hasPorts,
                    .lookup(Self.originalPort, in: Pipeline.refusedPorts, .equal), .reject(.portUnreachable),
                ]),
        ]
    }

    /// What members carry. The rule's own totals are the sum of theirs.
    func memberCountingRules(_ origin: Origin) -> [Rule] {
        let key = Self.originalPort + [.ipv4ReplySource]
        func count(_ head: Statement, _ set: SetName, _ tail: [Statement]) -> Rule {
            Rule(origin, [head, FamilyWords.ipv4.isFamily, FamilyWords.hasPorts, .lookup(key, in: set, .equal)] + tail)
        }
        func isDirection(_ direction: ConnectionDirection) -> Statement {
            .match(.connectionDirection, .equal, .direction(direction))
        }
        return [
            count(.connectionState(.new), Pipeline.memberConnections, []),
            count(isDirection(.original), Pipeline.memberReceived, [.verdict(.return)]),
            count(isDirection(.reply), Pipeline.memberSent, [.verdict(.return)]),
        ]
    }

    func addBalancer(
        _ rule: LoadBalancerRule, _ address: IPv4Address, _ neighbours: inout RuleNeighbours, _ cloud: Cloud,
        to share: inout Contribution
    ) {
        guard rule.isOpen else { return }
        let origin = rule.origin
        let key = rule.key(at: address)
        addSources(rule.sources, at: key, origin, to: &share)
        if rule.needsProxy { return addProxied(rule, at: key, to: &share) }
        guard let choice = neighbours.slots(of: rule, in: cloud).choice else {
            share.add(key, to: Pipeline.routerPorts, origin)
            share.add(key, to: Pipeline.refusedPorts, origin)
            return
        }
        let chain = Pipeline.balancer(rule.slot)
        share.add(key, .verdict(.goto(chain)), to: Pipeline.balancedPorts, origin)
        share.add(
            [
                FamilyWords.ipv4.isFamily, .match(.transportProtocol, .equal, .ipProtocol(rule.transport.ipProtocol)),
                .balance(.ipv4, Pipeline.balancerSlots, choice, port: rule.privatePort),
            ], asBranch: chain, origin)
    }

    func addBalancerMember(
        _ member: LoadBalancerMember, of rule: LoadBalancerRule, _ address: IPv4Address,
        _ neighbours: inout RuleNeighbours, _ cloud: Cloud, to share: inout Contribution
    ) {
        // The proxy counts its own, and chooses.
        if rule.needsProxy { return }
        let origin = member.origin
        let guest = Value.ipv4(member.guestAddress)
        for set in [Pipeline.memberConnections, Pipeline.memberSent, Pipeline.memberReceived] {
            share.add(rule.key(at: address) + [guest], to: set, origin)
        }
        for slot in neighbours.slots(of: rule, in: cloud).slots[member.id] ?? [] {
            share.add([.slot(slot)], .values([guest]), to: Pipeline.balancerSlots, origin)
        }
    }
}

extension LoadBalancerRule {
    var origin: Origin { Origin(.loadBalancerRule, id) }

    /// The port in the sets of ports.
    fileprivate func key(at address: IPv4Address) -> [Value] {
        [.ipv4(address), .ipProtocol(transport.ipProtocol), .port(publicPort)]
    }
}

extension LoadBalancerMember {
    var origin: Origin { Origin(.loadBalancerMember, id) }
}
