import NetworkVocabulary
import RouterPlan
import Ruleset

/// One small mistake in the plans of all routers: a rule less, two rules the other way round, a rule that asks less.
///
/// Known by its shape: a rule that stands in the plans of many cases, for another network or another slot, is one rule.
struct Mutant: Hashable, Sendable, CustomStringConvertible {
    enum Change: Hashable, Sendable {
        case removed
        /// Behind the rule that follows it.
        case reordered
        /// Before all others of its chain, or behind them.
        case first, last
        /// Without the statement of this place, so that it matches more.
        case widened(Int)
        /// The statement of this place turned into its opposite.
        case negated(Int)
        /// What it accepts is dropped, and the other way round.
        case turned
        /// It decides at once what it would leave to another chain.
        case decided(Hook.Policy)
        /// The statement of this place says something else of its kind, which is told by this word.
        case altered(Int, Alteration)
    }

    /// Mistakes in what a rule does.
    enum Alteration: String, Hashable, Sendable {
        /// The first slot, or the last, is never chosen.
        case withoutFirst = "without the first slot", withoutLast = "without the last slot"
        /// One of several values is not asked for.
        case withoutFirstValue = "without the first value", withoutLastValue = "without the last value"
        /// By turns for by source, and the other way round.
        case otherWay = "chosen the other way"
        case otherPort = "to the next port"
        case otherMark = "with no mark"
    }

    enum Subject: Hashable, Sendable {
        case rule(RuleShape, Change)
        /// The policy of a base chain, turned.
        case policy(ChainName)
        /// All elements of a set or map.
        case elements(SetName, ElementChange)
        /// A row of a plan that is not there.
        case row(String)
    }

    let subject: Subject

    var description: String {
        switch subject {
        case .policy(let chain): return "\(chain): policy turned"
        case .row(let row): return "row removed: \(row)"
        case .elements(let set, let change): return "\(set): \(change.words)"
        case .rule(let shape, let change):
            let words = shape.statements.map { $0.syntax(in: .inet) }
            return "\(shape.chain): \(change.words(words)): \(words.joined(separator: " "))"
        }
    }

    /// Every mistake that can be made in a plan and makes a difference to some packet.
    ///
    /// Left out is what `Equivalence` proves to make none.
    static func all(in plan: NodePlan) -> [Mutant] {
        var mutants: [Mutant] = []
        guard let table = plan.table else { return rows(of: plan) }
        for chain in table.allChains {
            let equivalence = Equivalence(chain, in: table, takesIPv6: plan.takesIPv6)
            if chain.hook != nil, !equivalence.hidesPolicy { mutants.append(Mutant(subject: .policy(chain.name))) }
            for (index, rule) in chain.rules.enumerated() {
                let shape = RuleShape(chain.name, rule.statements)
                mutants += changes(of: rule, at: index, in: chain, equivalence).map {
                    Mutant(subject: .rule(shape, $0))
                }
            }
        }
        for (set, elements) in table.elements {
            guard let declaration = table.sets[set] else { continue }
            mutants += ElementChange.all(declaration, elements).map { Mutant(subject: .elements(set, $0)) }
        }
        return mutants + rows(of: plan)
    }

    private static func rows(of plan: NodePlan) -> [Mutant] {
        plan.rows.values.compactMap { $0.words.map { Mutant(subject: .row($0)) } }
    }

    private static func changes(
        of rule: Rule, at index: Int, in chain: Chain, _ equivalence: Equivalence
    ) -> [Change] {
        var changes: [Change] = equivalence.removalShows(index) ? [.removed] : []
        if index + 1 < chain.rules.count, equivalence.moveShows(index, to: index + 1) { changes.append(.reordered) }
        // The next to either end is what the one above moves.
        if index > 1, equivalence.moveShows(index, to: 0) { changes.append(.first) }
        if index + 2 < chain.rules.count, equivalence.moveShows(index, to: chain.rules.count - 1) {
            changes.append(.last)
        }
        for (place, statement) in rule.statements.enumerated() {
            if statement.asks, rule.statements.count > 1, equivalence.wideningShows(index, place) {
                changes.append(.widened(place))
            }
            if statement.negated != nil, equivalence.negationShows(index, place) { changes.append(.negated(place)) }
            changes += statement.alterations.map { .altered(place, $0) }
        }
        if rule.statements.contains(where: { $0.turned != nil }) { changes.append(.turned) }
        if rule.statements.last?.leads == true { changes += [.decided(.accept), .decided(.drop)] }
        return changes
    }

    /// The plan with the mistake in it; nil where there is no such rule.
    func applied(to plan: NodePlan) -> NodePlan? {
        switch subject {
        case .row(let words):
            let keys = plan.rows.filter { $0.value.words == words }.map(\.key)
            return keys.isEmpty ? nil : plan.without(Set(keys))
        case .elements(let set, let change):
            guard var table = plan.table, let elements = table.elements[set], let wrong = change.applied(to: elements)
            else { return nil }
            table.elements[set] = wrong
            return plan.with(table: table)
        case .policy(let name):
            guard var table = plan.table, let index = table.chains.firstIndex(where: { $0.name == name }),
                let hook = table.chains[index].hook
            else { return nil }
            let policy: Hook.Policy = hook.policy == .drop ? .accept : .drop
            table.chains[index] = Chain(
                name, hook: Hook(hook.kind, hook.point, priority: hook.priority, policy: policy),
                rules: table.chains[index].rules)
            return plan.with(table: table)
        case .rule(let shape, let change):
            guard var table = plan.table else { return nil }
            var isChanged = false
            for index in table.chains.indices {
                isChanged = change.apply(to: &table.chains[index], shape) || isChanged
            }
            for name in table.branches.keys {
                guard var branch = table.branches[name], change.apply(to: &branch, shape) else { continue }
                table.branches[name] = branch
                isChanged = true
            }
            return isChanged ? plan.with(table: table) : nil
        }
    }
}

extension Mutant.Change {
    fileprivate func words(_ statements: [String]) -> String {
        switch self {
        case .removed: "removed"
        case .first: "first"
        case .last: "last"
        case .reordered: "behind the next"
        case .widened(let place): "without '\(statements[place])'"
        case .negated(let place): "not '\(statements[place])'"
        case .turned: "turned"
        case .decided(let policy): "at once \(policy)"
        case .altered(let place, let alteration): "\(alteration.rawValue) in '\(statements[place])'"
        }
    }

    /// False where the chain has no rule of this shape, or the mistake cannot be made there.
    fileprivate func apply(to chain: inout Chain, _ shape: RuleShape) -> Bool {
        guard RuleShape.name(of: chain.name) == shape.chain,
            let index = chain.rules.firstIndex(where: { RuleShape(chain.name, $0.statements) == shape })
        else { return false }
        let statements = chain.rules[index].statements
        switch self {
        case .removed: chain.rules.remove(at: index)
        case .reordered:
            guard index + 1 < chain.rules.count else { return false }
            chain.rules.swapAt(index, index + 1)
        case .first: chain.rules.insert(chain.rules.remove(at: index), at: 0)
        case .last: chain.rules.append(chain.rules.remove(at: index))
        case .widened(let place): chain.rules[index].statements.remove(at: place)
        case .negated(let place):
            chain.rules[index].statements[place] = statements[place].negated ?? statements[place]
        case .turned: chain.rules[index].statements = statements.map { $0.turned ?? $0 }
        case .decided(let policy):
            chain.rules[index].statements[statements.count - 1] = .verdict(policy == .accept ? .accept : .drop)
        case .altered(let place, let alteration):
            guard let altered = statements[place].altered(alteration) else { return false }
            chain.rules[index].statements[place] = altered
        }
        return true
    }
}

extension NodePlan {
    /// Whether a packet of IPv6 gets as far as a chain.
    fileprivate var takesIPv6: Bool {
        !rows.values.contains {
            guard case .sysctl(let setting) = $0.content else { return false }
            return setting.path == "net/ipv6/conf/default/disable_ipv6" && setting.value == "1"
        }
    }
}

extension Row {
    /// Rows that the same mistake would leave out of every router's plan.
    fileprivate var words: String? {
        switch content {
        case .policyRule(let rule): "policy rule \(rule.priority) of \(rule.family)"
        case .sysctl(let sysctl): "setting \(sysctl.path)"
        default: nil
        }
    }
}
