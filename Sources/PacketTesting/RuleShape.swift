import NetworkVocabulary
import Ruleset

/// What rules have in common that the same line of the planner makes for one network or another, for one slot or another:
/// guests' networks are one network, chains of shared ports one chain.
struct RuleShape: Hashable, Sendable {
    let chain: ChainName
    let statements: [Statement]

    init(_ chain: ChainName, _ statements: [Statement]) {
        self.chain = Self.name(of: chain)
        self.statements = statements.map(\.shape)
    }

    static func name(of chain: ChainName) -> ChainName {
        let parts = chain.description.split(separator: "-")
        return parts.count == 2 && parts[0] == "balancer" ? "balancer" : chain
    }
}

extension Statement {
    fileprivate var shape: Statement {
        switch self {
        case .match(let field, let comparison, let value): .match(field, comparison, value.shape)
        case .oneOf(let field, let comparison, let values): .oneOf(field, comparison, values.map(\.shape))
        case .sourceNAT(let family, .value(let value)): .sourceNAT(family, .value(value.shape))
        case .balance(let family, let set, let choice, _):
            .balance(
                family, set,
                Choice(choice.way.shape, first: 0, count: Swift.min(choice.count, 2)), port: 80)
        default: self
        }
    }

    /// Whether it can end the rule.
    var asks: Bool {
        switch self {
        case .match, .oneOf, .connectionState, .connectionStatus, .maskedMark, .lookup, .limit: true
        default: false
        }
    }

    /// Whether it gives the packet to another chain.
    var leads: Bool {
        switch self {
        case .verdict(.goto), .verdict(.jump): true
        default: false
        }
    }

    var negated: Statement? {
        switch self {
        case .match(let field, let comparison, let value): .match(field, comparison.opposite, value)
        case .oneOf(let field, let comparison, let values): .oneOf(field, comparison.opposite, values)
        case .lookup(let fields, let set, let comparison): .lookup(fields, in: set, comparison.opposite)
        case .maskedMark(let field, let mask, let comparison, let value):
            .maskedMark(field, mask: mask, comparison.opposite, value)
        default: nil
        }
    }

    var turned: Statement? {
        switch self {
        case .verdict(.accept): .verdict(.drop)
        case .verdict(.drop): .verdict(.accept)
        default: nil
        }
    }

    var alterations: [Mutant.Alteration] {
        switch self {
        case .oneOf(_, _, let values) where values.count > 1: [.withoutFirstValue, .withoutLastValue]
        case .balance(_, _, let choice, _):
            (choice.count > 1 ? [.withoutFirst, .withoutLast, .otherWay] : []) + [.otherPort]
        case .setPacketMark, .setConnectionMark: [.otherMark]
        default: []
        }
    }

    func altered(_ alteration: Mutant.Alteration) -> Statement? {
        switch (self, alteration) {
        case (.oneOf(let field, let comparison, let values), .withoutFirstValue):
            return .oneOf(field, comparison, Array(values.dropFirst()))
        case (.oneOf(let field, let comparison, let values), .withoutLastValue):
            return .oneOf(field, comparison, Array(values.dropLast()))
        case (.setPacketMark, .otherMark): return .setPacketMark(.value(.mark(0)))
        case (.setConnectionMark, .otherMark): return .setConnectionMark(.value(.mark(0)))
        case (.balance(let family, let set, let choice, let port), _):
            var (way, first, count, target) = (choice.way, choice.first, choice.count, port)
            switch alteration {
            case .withoutFirst where count > 1: (first, count) = (first + 1, count - 1)
            case .withoutLast where count > 1: count -= 1
            case .otherWay where count > 1:
                if case .inTurn = way { way = .byHash(.ipv4Source, seed: 0) } else { way = .inTurn }
            case .otherPort: target = port == .max ? port - 1 : port + 1
            default: return nil
            }
            return .balance(family, set, Choice(way, first: first, count: count), port: target)
        default: return nil
        }
    }
}

extension Choice.Way {
    fileprivate var shape: Choice.Way {
        if case .byHash(let field, _) = self { .byHash(field, seed: 0) } else { self }
    }
}

extension Comparison {
    fileprivate var opposite: Comparison { self == .equal ? .notEqual : .equal }
}

extension Value {
    /// Guests' networks and addresses in them are the first network and its gateway, which is what rules name.
    fileprivate var shape: Value {
        switch self {
        case .ipv4(let address) where address.bits >> 24 == 10: .ipv4(IPv4Address(10, 1, 1, 1))
        case .ipv4Prefix(let prefix) where prefix.address.bits >> 24 == 10:
            IPv4Prefix(containing: IPv4Address(10, 1, 1, 0), length: 24).map(Value.ipv4Prefix) ?? self
        default: self
        }
    }
}
