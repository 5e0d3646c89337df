import RouterPlan
import Ruleset

/// Which chains of a table judge, and which only write down, translate or count.
///
/// A packet that passes was accepted many times; its fate is due to the last rule that could have been a refusal. A base
/// chain judges when it, or what it leads to, can drop.
struct Judging {
    /// The base chains that lead to each chain, themselves included.
    private var bases: [ChainName: [Chain]] = [:]
    private var judges: Set<ChainName> = []

    init(_ table: Table?) {
        guard let table else { return }
        let chains = Dictionary(table.allChains.map { ($0.name, $0) }) { first, _ in first }
        for base in table.chains {
            guard let hook = base.hook else { continue }
            var reached: Set<ChainName> = []
            var next = [base.name]
            var canDrop = hook.policy == .drop
            while let name = next.popLast() {
                guard reached.insert(name).inserted, let chain = chains[name] else { continue }
                for verdict in chain.rules.lazy.flatMap(\.statements).flatMap({ table.verdicts(of: $0) }) {
                    switch verdict {
                    case .jump(let target), .goto(let target): next.append(target)
                    case .drop: canDrop = true
                    case .accept, .return: break
                    }
                }
            }
            for name in reached {
                bases[name, default: []].append(base)
                if canDrop, hook.kind != .nat { judges.insert(name) }
            }
        }
    }

    func judges(_ chain: ChainName) -> Bool { judges.contains(chain) }

    /// Before the routing, wherever it was asked.
    func isEarly(_ chain: ChainName) -> Bool {
        bases[chain]?.allSatisfy { $0.hook?.point == .prerouting } ?? false
    }

    /// What a chain may be called: its name, and those of the base chains that lead to it.
    func names(of chain: ChainName) -> [String] {
        [chain.text] + (bases[chain]?.map(\.name.text).filter { $0 != chain.text } ?? [])
    }
}

extension Table {
    /// What a statement may say about a packet.
    fileprivate func verdicts(of statement: Statement) -> [Verdict] {
        switch statement {
        case .verdict(let verdict): [verdict]
        case .reject: [.drop]
        case .verdictMap(_, let set):
            (elements[set] ?? [:]).values.compactMap {
                if case .verdict(let verdict) = $0.content { verdict } else { nil }
            }
        default: []
        }
    }
}

extension NodePlan {
    /// The rule that spoke; nil where it was the policy.
    func rule(behind ruling: Passage.Ruling) -> Rule? {
        guard let index = ruling.rule,
            let rules = table?.allChains.first(where: { $0.name == ruling.chain })?.rules, index < rules.count
        else { return nil }
        return rules[index]
    }

    /// The sets that a rule asks and whose elements count: the kernel's counters tell which of them it was.
    func countingSets(of rule: Rule) -> Set<SetName> {
        Set(
            rule.statements.compactMap { statement in
                if case .lookup(_, let set, _) = statement, meters[set] == .matched { set } else { nil }
            })
    }
}
