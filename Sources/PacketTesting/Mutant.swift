import NetworkVocabulary
import RouterPlan
import Ruleset

/// One small mistake in the plans of all routers: a rule less, two rules the other way round, a rule that asks less.
///
/// Known by its words: a rule that stands in the plans of many cases is one rule.
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
    }

    enum Subject: Hashable, Sendable {
        case rule(ChainName, [Statement], Change)
        /// The policy of a base chain, turned.
        case policy(ChainName)
        /// A set or map without elements.
        case emptied(SetName)
        /// A row of a plan that is not there.
        case row(String)
    }

    let subject: Subject

    var description: String {
        switch subject {
        case .policy(let chain): return "\(chain): policy turned"
        case .row(let row): return "row removed: \(row)"
        case .emptied(let set): return "emptied: \(set)"
        case .rule(let chain, let statements, let change):
            let words = statements.map { $0.syntax(in: .inet) }
            let text = words.joined(separator: " ")
            switch change {
            case .removed: return "\(chain): removed: \(text)"
            case .first: return "\(chain): first: \(text)"
            case .last: return "\(chain): last: \(text)"
            case .reordered: return "\(chain): behind the next: \(text)"
            case .widened(let place): return "\(chain): without '\(words[place])': \(text)"
            case .negated(let place): return "\(chain): not '\(words[place])': \(text)"
            case .turned: return "\(chain): turned: \(text)"
            }
        }
    }

    /// Every mistake that can be made in a plan.
    static func all(in plan: NodePlan) -> [Mutant] {
        var mutants: [Mutant] = []
        for chain in plan.table?.chains ?? [] {
            if chain.hook != nil { mutants.append(Mutant(subject: .policy(chain.name))) }
            for (index, rule) in chain.rules.enumerated() {
                var changes: [Change] = [.removed]
                if index + 1 < chain.rules.count { changes.append(.reordered) }
                // The next to either end is what the one above moves.
                if index > 1 { changes.append(.first) }
                if index + 2 < chain.rules.count { changes.append(.last) }
                for (place, statement) in rule.statements.enumerated() {
                    if statement.asks { changes.append(.widened(place)) }
                    if statement.negated != nil { changes.append(.negated(place)) }
                }
                if rule.statements.contains(where: { $0.turned != nil }) { changes.append(.turned) }
                mutants += changes.map { Mutant(subject: .rule(chain.name, rule.statements, $0)) }
            }
        }
        for (set, elements) in plan.table?.elements ?? [:] where !elements.isEmpty {
            mutants.append(Mutant(subject: .emptied(set)))
        }
        for row in plan.rows.values { if let words = row.words { mutants.append(Mutant(subject: .row(words))) } }
        return mutants
    }

    /// The plan with the mistake in it; nil where there is no such rule.
    func applied(to plan: NodePlan) -> NodePlan? {
        switch subject {
        case .row(let words):
            let keys = plan.rows.filter { $0.value.words == words }.map(\.key)
            return keys.isEmpty ? nil : plan.without(Set(keys))
        case .emptied(let set):
            guard var table = plan.table, table.elements[set]?.isEmpty == false else { return nil }
            table.elements[set] = [:]
            return plan.with(table: table)
        case .policy(let name):
            return changed(plan, name) { chain in
                guard let hook = chain.hook else { return nil }
                let policy: Hook.Policy = hook.policy == .drop ? .accept : .drop
                return Chain(
                    name, hook: Hook(hook.kind, hook.point, priority: hook.priority, policy: policy), rules: chain.rules
                )
            }
        case .rule(let name, let statements, let change):
            return changed(plan, name) { chain in
                guard let index = chain.rules.firstIndex(where: { $0.statements == statements }) else { return nil }
                var chain = chain
                switch change {
                case .removed: chain.rules.remove(at: index)
                case .reordered:
                    guard index + 1 < chain.rules.count else { return nil }
                    chain.rules.swapAt(index, index + 1)
                case .first: chain.rules.insert(chain.rules.remove(at: index), at: 0)
                case .last: chain.rules.append(chain.rules.remove(at: index))
                case .widened(let place): chain.rules[index].statements.remove(at: place)
                case .negated(let place):
                    chain.rules[index].statements[place] = statements[place].negated ?? statements[place]
                case .turned:
                    chain.rules[index].statements = statements.map { $0.turned ?? $0 }
                }
                return chain
            }
        }
    }

    private func changed(_ plan: NodePlan, _ name: ChainName, _ body: (Chain) -> Chain?) -> NodePlan? {
        guard var table = plan.table, let index = table.chains.firstIndex(where: { $0.name == name }),
            let chain = body(table.chains[index])
        else { return nil }
        table.chains[index] = chain
        return plan.with(table: table)
    }
}

extension Statement {
    /// Whether it can end the rule.
    fileprivate var asks: Bool {
        switch self {
        case .match, .oneOf, .connectionState, .connectionStatus, .maskedMark, .lookup, .limit: true
        default: false
        }
    }

    fileprivate var negated: Statement? {
        switch self {
        case .match(let field, let comparison, let value): .match(field, comparison.opposite, value)
        case .oneOf(let field, let comparison, let values): .oneOf(field, comparison.opposite, values)
        case .lookup(let fields, let set, let comparison): .lookup(fields, in: set, comparison.opposite)
        case .maskedMark(let field, let mask, let comparison, let value):
            .maskedMark(field, mask: mask, comparison.opposite, value)
        default: nil
        }
    }

    fileprivate var turned: Statement? {
        switch self {
        case .verdict(.accept): .verdict(.drop)
        case .verdict(.drop): .verdict(.accept)
        default: nil
        }
    }
}

extension Comparison {
    fileprivate var opposite: Comparison { self == .equal ? .notEqual : .equal }
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
