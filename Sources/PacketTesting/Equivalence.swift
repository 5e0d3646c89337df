import NetworkVocabulary
import Ruleset

/// Mistakes in a chain that make no difference to any packet, nor to what any object has counted; proved from the chain's
/// statements and its sets alone.
///
/// Three facts carry every proof. Two rules *exclude* each other when both ask the same field for values that no packet has
/// at once, before either does anything. Two rules *commute* when they exclude each other, when both only decide and decide
/// the same, or when both only count. And a rule that only decides is *superfluous* when whatever it matches meets the same
/// decision further down, with nothing on the way that does anything with it.
///
/// The `counter` of a rule is for who looks into the kernel; it belongs to no object and is no part of what a mistake changes.
struct Equivalence {
    private let chain: Chain
    private let table: Table
    private let takesIPv6: Bool

    /// Where no link takes IPv6, whatever comes as far as a chain is IPv4.
    init(_ chain: Chain, in table: Table, takesIPv6: Bool) {
        self.chain = chain
        self.table = table
        self.takesIPv6 = takesIPv6
    }

    /// A rule decides about whatever comes so far: the policy is never asked.
    var hidesPolicy: Bool {
        chain.rules.contains { $0.decision != nil && !$0.statements.contains(where: \.asks) }
    }

    func removalShows(_ index: Int) -> Bool {
        let rule = chain.rules[index]
        guard let verdict = rule.decision, !counts(rule) else { return true }
        for next in chain.rules[(index + 1)...] where !exclude(rule, next) {
            guard next.decision == verdict, !counts(next), !next.isLimited else { return true }
            if !next.statements.contains(where: \.asks) { return false }
        }
        switch (chain.hook?.policy, verdict) {
        case (.accept, .accept), (.drop, .drop): return false
        default: return true
        }
    }

    func moveShows(_ index: Int, to target: Int) -> Bool {
        let passed = index < target ? index + 1...target : target...index - 1
        return !passed.allSatisfy { commute(chain.rules[index], chain.rules[$0]) }
    }

    /// Whether a packet can match the rule only because this condition is missing. It cannot where a set asks for the same
    /// field and all its elements have what the condition wants, nor where every packet has it.
    func wideningShows(_ index: Int, _ place: Int) -> Bool {
        let statements = chain.rules[index].statements
        if isAlwaysTrue(statements[place]) { return false }
        guard let (field, values) = statements[place].wanted else { return true }
        return !statements.contains { statement in
            guard case .lookup(let fields, let set, .equal) = statement, let column = fields.firstIndex(of: field)
            else {
                return false
            }
            return elements(set).allSatisfy { values.contains($0.values[column]) }
        }
    }

    /// The opposite of what is always true is never: that is the rule removed once more.
    func negationShows(_ index: Int, _ place: Int) -> Bool { !isAlwaysTrue(chain.rules[index].statements[place]) }

    // MARK: Facts

    private func isAlwaysTrue(_ statement: Statement) -> Bool {
        !takesIPv6 && statement == .match(.networkProtocol, .equal, .family(.ipv4))
    }

    private func commute(_ one: Rule, _ other: Rule) -> Bool {
        if exclude(one, other) { return true }
        if one.onlyCounts, other.onlyCounts { return true }
        return one.decision != nil && one.decision == other.decision && !counts(one) && !counts(other)
            && !one.isLimited && !other.isLimited
    }

    private func exclude(_ one: Rule, _ other: Rule) -> Bool {
        let (first, second) = (conditions(one), conditions(other))
        return first.contains { a in second.contains { b in exclude(a, b) } }
    }

    /// What a rule asks before it does anything: an element that counts, or yields, does so only when it is there.
    private func conditions(_ rule: Rule) -> [Statement] {
        var found: [Statement] = []
        for statement in rule.statements {
            if case .limit = statement { break }
            if let question = statement.question {
                found.append(question)
                break
            }
            guard statement.asks else { break }
            found.append(statement)
            if case .lookup(_, let set, _) = statement, table.sets[set]?.countsElements == true { break }
        }
        return found
    }

    private func exclude(_ a: Statement, _ b: Statement) -> Bool {
        switch (a, b) {
        case (.connectionState(let one), .connectionState(let other)) where one.isDisjoint(with: other): return true
        case (.connectionState(let states), let other), (let other, .connectionState(let states)):
            return states.isSubset(of: [.invalid, .untracked]) && other.needsConnection
        case (.lookup(let fields, let set, .equal), .lookup(let others, let other, .equal)):
            return exclude(fields, elements(set), others, elements(other))
        case (.lookup(let fields, let set, .equal), let other), (let other, .lookup(let fields, let set, .equal)):
            guard let (field, values) = other.wanted else { return false }
            return exclude(fields, elements(set), [field], values.map { ElementKey([$0]) })
        default:
            guard let (field, values) = a.wanted, let (same, others) = b.wanted, field == same else { return false }
            return values.allSatisfy { !others.contains($0) }
        }
    }

    /// Whether no packet is in both: every two elements differ in a field that both are asked for.
    private func exclude(
        _ fields: [Ruleset.Field], _ keys: [ElementKey], _ others: [Ruleset.Field], _ otherKeys: [ElementKey]
    ) -> Bool {
        let shared = fields.indices.compactMap { place in
            others.firstIndex(of: fields[place]).map { (place, $0) }
        }.filter { fields[$0.0].isFixed }
        guard !shared.isEmpty else { return false }
        return keys.allSatisfy { one in
            otherKeys.allSatisfy { other in
                shared.contains { !one.values[$0.0].meets(other.values[$0.1]) }
            }
        }
    }

    private func elements(_ set: SetName) -> [ElementKey] { Array((table.elements[set] ?? [:]).keys) }

    private func counts(_ rule: Rule) -> Bool {
        rule.statements.contains {
            if case .lookup(_, let set, _) = $0 { table.sets[set]?.countsElements == true } else { false }
        }
    }
}

extension Rule {
    /// What it decides, where that is all it does.
    fileprivate var decision: Verdict? {
        guard case .verdict(let verdict)? = statements.last, verdict == .accept || verdict == .drop,
            statements.dropLast().allSatisfy({ $0.asks || $0 == .counter })
        else { return nil }
        return verdict
    }

    fileprivate var onlyCounts: Bool { statements.allSatisfy { $0.asks || $0 == .counter } && !isLimited }

    fileprivate var isLimited: Bool {
        statements.contains { if case .limit = $0 { true } else { false } }
    }
}

extension Statement {
    /// The lookup that what it does depends on.
    fileprivate var question: Statement? {
        switch self {
        case .verdictMap(let fields, let set): .lookup(fields, in: set, .equal)
        case .sourceNAT(_, .map(let set, let key)), .destinationNAT(_, .map(let set, let key), _),
            .setConnectionMark(.map(let set, let key)), .setPacketMark(.map(let set, let key)):
            .lookup(key, in: set, .equal)
        default: nil
        }
    }

    /// Whether it ends the rule for a packet of no connection.
    fileprivate var needsConnection: Bool {
        switch self {
        case .connectionStatus: true
        case .match(let field, _, _): field.isOfConnection
        case .lookup(let fields, _, _): fields.contains(where: \.isOfConnection)
        default: false
        }
    }

    /// The field and the values that it wants one of: single values of what no rule changes.
    fileprivate var wanted: (Ruleset.Field, [Value])? {
        switch self {
        case .match(let field, .equal, let value) where value.isSingle && field.isFixed: (field, [value])
        case .oneOf(let field, .equal, let values) where values.allSatisfy(\.isSingle) && field.isFixed: (field, values)
        default: nil
        }
    }
}

extension Ruleset.Field {
    fileprivate var isFixed: Bool {
        switch self {
        case .packetMark, .connectionMark, .connectionStatus: false
        default: true
        }
    }

    fileprivate var isOfConnection: Bool {
        switch self {
        case .connectionMark, .connectionStatus, .connectionDirection, .ipv4OriginalSource, .ipv4OriginalDestination,
            .originalSourcePort, .originalDestinationPort, .ipv4ReplySource, .ipv4ReplyDestination, .replySourcePort,
            .replyDestinationPort:
            true
        default: false
        }
    }
}

extension Value {
    /// Whether some packet can have both.
    fileprivate func meets(_ other: Value) -> Bool {
        if let bounds, let others = other.bounds { return bounds.overlaps(others) }
        return !isSingle || !other.isSingle || self == other
    }

    fileprivate var isSingle: Bool {
        switch self {
        case .ipv4, .ipv6, .mac, .interface, .ipProtocol, .port, .family, .icmpType, .icmpCode, .direction: true
        default: false
        }
    }
}
