import NetworkVocabulary

// Which rules speak of the same traffic. Two firewall rules of an address, or two egress rules of a network, must not
// speak of overlapping ports from and to the very same prefixes, and no port of an address can be that of two rules for
// port forwarding or load balancing. Since none that are in the model do, a new one need only be compared with its neighbours.

/// The place of a rule among those that it could conflict with.
struct RuleSpot: Hashable, Comparable, Sendable {
    /// Address or network.
    let owner: ObjectID
    let use: Use
    /// The protocol's number; 256 for all of them.
    let transport: UInt16
    let source: IPPrefix?
    let destination: IPPrefix?
    /// The first port, or ICMP type and code.
    let first: UInt32

    enum Use: Int, Sendable { case firewall, egress, translation }

    static func < (a: Self, b: Self) -> Bool {
        if a.owner != b.owner { return a.owner < b.owner }
        if a.use != b.use { return a.use.rawValue < b.use.rawValue }
        if a.transport != b.transport { return a.transport < b.transport }
        if a.source != b.source { return a.source.precedes(b.source) }
        if a.destination != b.destination { return a.destination.precedes(b.destination) }
        return a.first < b.first
    }

    /// The same place, at another number.
    func at(_ first: UInt32) -> RuleSpot {
        RuleSpot(
            owner: owner, use: use, transport: transport, source: source, destination: destination, first: first)
    }
}

/// Whose spot it is, and how far it goes.
struct RuleSpan: Hashable, Sendable {
    let rule: Reference
    let last: UInt32
}

extension IPPrefix? {
    fileprivate func precedes(_ other: IPPrefix?) -> Bool {
        switch (self, other) {
        case (nil, _?): true
        case (let a?, let b?): a < b
        case (_, nil): false
        }
    }
}

extension Traffic {
    /// The protocol, and the numbers within it that the rule speaks of.
    var span: (transport: UInt16, numbers: ClosedRange<UInt32>) {
        switch self {
        case .all: (256, 0...0)
        case .tcp(let ports): (6, ports.numbers)
        case .udp(let ports): (17, ports.numbers)
        case .icmp(nil, _): (1, 0...0xffff)
        case .icmp(let type?, nil): (1, UInt32(type) << 8...UInt32(type) << 8 | 0xff)
        case .icmp(let type?, let code?): (1, UInt32(type) << 8 | UInt32(code)...UInt32(type) << 8 | UInt32(code))
        case .other(let number): (UInt16(number.number), 0...0)
        }
    }
}

extension PortRange? {
    fileprivate var numbers: ClosedRange<UInt32> { map { UInt32($0.first)...UInt32($0.last) } ?? 0...0xffff }
}

extension Record {
    fileprivate var spots: [(RuleSpot, RuleSpan)] {
        switch self {
        case .firewallRule(let rule):
            let (transport, numbers) = rule.traffic.span
            return rule.sources.map { source in
                let spot = RuleSpot(
                    owner: rule.publicAddress, use: .firewall, transport: transport, source: source,
                    destination: nil, first: numbers.lowerBound)
                return (spot, RuleSpan(rule: rule.reference, last: numbers.upperBound))
            }
        case .egressRule(let rule):
            let (transport, numbers) = rule.traffic.span
            return rule.sources.flatMap { source in
                rule.destinations.map { destination in
                    let spot = RuleSpot(
                        owner: rule.network, use: .egress, transport: transport, source: source,
                        destination: destination, first: numbers.lowerBound)
                    return (spot, RuleSpan(rule: rule.reference, last: numbers.upperBound))
                }
            }
        case .portForwarding(let rule):
            let spot = RuleSpot(
                owner: rule.publicAddress, use: .translation, transport: UInt16(rule.transport.ipProtocol.number),
                source: nil, destination: nil, first: UInt32(rule.publicPorts.first))
            return [(spot, RuleSpan(rule: rule.reference, last: UInt32(rule.publicPorts.last)))]
        case .loadBalancerRule(let rule):
            let spot = RuleSpot(
                owner: rule.publicAddress ?? rule.internalAddress ?? rule.id, use: .translation,
                transport: UInt16(rule.transport.ipProtocol.number),
                source: nil, destination: nil, first: UInt32(rule.publicPort))
            return [(spot, RuleSpan(rule: rule.reference, last: UInt32(rule.publicPort)))]
        default: return []
        }
    }
}

extension Cloud {
    /// Another rule that speaks of traffic that this one speaks of, from and to the same prefixes. Rules are not in
    /// conflict with themselves, so that one can be asked about before and after it changes.
    public func conflict(of record: Record) -> Reference? { conflict(of: record) { _ in } }

    /// Tells of each rule that it had to be compared with.
    func conflict(of record: Record, examining: (RuleSpan) -> Void) -> Reference? {
        let own = record.reference
        for (spot, span) in record.spots {
            var cursor: UInt32? = span.last
            while let number = cursor, let (found, other) = ruleSpots.last(upTo: spot.at(number)) {
                examining(other)
                guard found.at(spot.first) == spot, other.last >= spot.first else { break }
                if other.rule != own { return other.rule }
                cursor = found.first > 0 ? found.first - 1 : nil
            }
        }
        return nil
    }

    mutating func rememberSpots(of record: Record) {
        for (spot, span) in record.spots { ruleSpots[spot] = span }
    }

    mutating func forgetSpots(of record: Record) {
        for (spot, span) in record.spots where ruleSpots[spot] == span { ruleSpots[spot] = nil }
    }
}
