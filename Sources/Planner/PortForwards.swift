import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// Ports of public addresses that lead to guests. A single port is one element of a map, a range that keeps its ports
// one of a map of ranges; a range whose ports shift is an element for each port, since the kernel can add nothing to a
// port.

extension Planner {
    func portForwardSets(_ origin: Origin) -> [SetDeclaration] {
        [
            SetDeclaration(
                Pipeline.portForwards, key: Self.portKey, yield: .values([.ipv4, .port]), origin: origin),
            SetDeclaration(
                Pipeline.portForwardRanges, key: Self.portKey, yield: .values([.ipv4]), isInterval: true,
                origin: origin),
            SetDeclaration(Pipeline.limitedForwards, key: Self.portKey, isInterval: true, origin: origin),
            SetDeclaration(
                Pipeline.forwardSourceSet, key: Self.portKey + [.ipv4], isInterval: true, origin: origin),
        ]
    }

    /// Public address, protocol, port.
    static let portKey: [DataType] = [.ipv4, .ipProtocol, .port]
    /// The same of a connection, as its first packet came.
    static let originalPort: [Field] = [.ipv4OriginalDestination, .transportProtocol, .originalDestinationPort]

    /// Whatever it came in by: a guest reaches the public addresses of its network as outsiders do.
    func portForwardRules(_ origin: Origin) -> [Rule] {
        let head = [FamilyWords.ipv4.isFamily, FamilyWords.hasPorts]
        let key: [Field] = [.ipv4Destination, .transportProtocol, .destinationPort]
        return [
            Rule(origin, head + [.destinationNAT(.ipv4, .map(Pipeline.portForwards, key: key), withPort: true)]),
            Rule(origin, head + [.destinationNAT(.ipv4, .map(Pipeline.portForwardRanges, key: key), withPort: false)]),
        ]
    }

    /// Whether the forwarding rule lets this source use it: asked only where it names any.
    func limitedForwardRules(_ origin: Origin) -> [Rule] {
        [
            Rule(
                origin,
                [
                    FamilyWords.ipv4.isFamily, FamilyWords.hasPorts,
                    .lookup(Self.originalPort, in: Pipeline.limitedForwards, .equal),
                    .verdict(.jump(Pipeline.forwardSources)),
                ])
        ]
    }

    func forwardSourceRules(_ origin: Origin) -> [Rule] {
        [
            Rule(
                origin,
                [
                    FamilyWords.ipv4.isFamily, FamilyWords.hasPorts,
                    .lookup(Self.originalPort + [.ipv4Source], in: Pipeline.forwardSourceSet, .equal),
                    .verdict(.return),
                ]),
            Rule(origin, [.counter, .verdict(.drop)]),
        ]
    }

    func addPortForwarding(_ rule: PortForwarding, _ address: PublicAddress, to share: inout Contribution) {
        let origin = rule.origin
        let guest = Value.ipv4(rule.guestAddress)
        let head: [Value] = [.ipv4(address.address), .ipProtocol(rule.transport.ipProtocol)]
        let range = Value.portRange(rule.publicPorts)
        if rule.publicPorts.count > 1, rule.publicPorts == rule.privatePorts {
            share.add(head + [range], .values([guest]), to: Pipeline.portForwardRanges, origin)
            addForwardTraffic(head + [range], isRange: true, origin, to: &share)
        } else {
            for (outside, inside) in zip(
                rule.publicPorts.first...rule.publicPorts.last, rule.privatePorts.first...rule.privatePorts.last)
            {
                let key = head + [.port(outside)]
                share.add(key, .values([guest, .port(inside)]), to: Pipeline.portForwards, origin)
                addForwardTraffic(key, isRange: false, origin, to: &share)
            }
        }
        addSources(rule.sources, at: head + [range.normal], origin, to: &share)
    }

    /// Who alone may use a port, if anybody is named.
    func addSources(_ sources: [IPPrefix], at limited: [Value], _ origin: Origin, to share: inout Contribution) {
        if sources.isEmpty { return }
        share.add(limited, to: Pipeline.limitedForwards, origin)
        let boxes = sources.filter { $0.family == .ipv4 }.map { Box(limited + [$0.value]) }
        for box in RuleCoverage.disjoint(boxes) {
            guard let key = box.values(Self.portKey + [.ipv4]) else { continue }
            share.add(key, to: Pipeline.forwardSourceSet, origin)
        }
    }
}

extension PortForwarding {
    var origin: Origin { Origin(RecordKind.portForwarding.rawValue, id) }
}

extension IPPrefix {
    /// The prefix as a component of an element's key.
    var value: Value {
        switch self {
        case .v4(let prefix): .ipv4Prefix(prefix)
        case .v6(let prefix): .ipv6Prefix(prefix)
        }
    }

    /// Every address of its family.
    var isEverything: Bool { length == 0 }
}

extension IPAddress {
    /// The address as a component of an element's key.
    var value: Value {
        switch self {
        case .v4(let address): .ipv4(address)
        case .v6(let address): .ipv6(address)
        }
    }
}
