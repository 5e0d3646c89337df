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

    init(_ chain: Chain, in table: Table) {
        self.chain = chain
        self.table = table
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
    /// field and all its elements have what the condition wants.
    func wideningShows(_ index: Int, _ place: Int) -> Bool {
        let statements = chain.rules[index].statements
        guard let (field, values) = statements[place].wanted else { return true }
        return !statements.contains { statement in
            guard case .lookup(let fields, let set, .equal) = statement, let column = fields.firstIndex(of: field) else {
                return false
            }
            return (table.elements[set] ?? [:]).keys.allSatisfy { values.contains($0.values[column]) }
        }
    }

    // MARK: Facts

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

    /// What a rule asks before it does anything.
    private func conditions(_ rule: Rule) -> ArraySlice<Statement> {
        rule.statements.prefix { statement in
            guard statement.asks else { return false }
            if case .lookup(_, let set, _) = statement { return table.sets[set]?.countsElements != true }
            if case .limit = statement { return false }
            return true
        }
    }

    private func exclude(_ a: Statement, _ b: Statement) -> Bool {
        if case (.connectionState(let one), .connectionState(let other)) = (a, b) { return one.isDisjoint(with: other) }
        if let (field, values) = a.wanted, let (same, others) = b.wanted, field == same {
            return values.allSatisfy { !others.contains($0) }
        }
        return excludes(a, element: b) || excludes(b, element: a)
    }

    /// One asks for a value, the other for a set in which it is not.
    private func excludes(_ a: Statement, element b: Statement) -> Bool {
        guard let (field, values) = a.wanted, case .lookup([field], let set, .equal) = b,
            table.sets[set]?.isInterval == false
        else { return false }
        return values.allSatisfy { table.elements[set]?[ElementKey([$0])] == nil }
    }

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
}

extension Value {
    fileprivate var isSingle: Bool {
        switch self {
        case .ipv4, .ipv6, .mac, .interface, .ipProtocol, .port, .family, .icmpType, .icmpCode, .direction: true
        default: false
        }
    }
}
