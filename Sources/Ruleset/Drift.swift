import NetworkVocabulary

/// What the kernel holds instead of what we want, and how to repair just that.
public struct Drift: Hashable, Sendable {
    /// The smallest change that makes the table right again.
    public var repair: RulesetDelta
    /// One sentence for each thing that is not as it should be.
    public var findings: [String]

    public var isEmpty: Bool { findings.isEmpty }
}

extension KernelTable {
    /// What to change so that the kernel holds `table`; empty when it does.
    public func differs(from table: Table) -> RulesetDelta { drift(from: table).repair }

    /// Compares what was read with what is wanted, and says what was found. Chains are compared by name: their order in the kernel means nothing.
    public func drift(from table: Table) -> Drift {
        var drift = Drift(repair: RulesetDelta(), findings: [])
        func replaced(_ finding: String) -> Drift {
            Drift(repair: RulesetDelta(replacement: table), findings: [finding])
        }
        guard family == table.family, name == table.name else {
            return replaced("the table is \(family.rawValue) \(name), not \(table.family.rawValue) \(table.name)")
        }
        if comment != table.comment { return replaced("the table's comment is \(quoted(comment))") }
        if let finding = compareSets(with: table, &drift) { return replaced(finding) }
        if let finding = compareChains(with: table, &drift) { return replaced(finding) }
        return drift
    }

    /// A finding that only a new table can repair, or nil.
    private func compareSets(with table: Table, _ drift: inout Drift) -> String? {
        for (name, set) in sets.sorted(by: { $0.key < $1.key }) {
            guard let wanted = table.sets[name] else {
                // Its elements may name chains, and its type may be one that we cannot write back.
                guard let shape = set.shape, set.unreadable == 0 else { return "a foreign set \(name) is there" }
                drift.findings.append("a foreign \(shape.yield == .membership ? "set" : "map") \(name) is there")
                drift.repair.removedSets.append(name)
                if shape.yield == .verdict, !set.elements.isEmpty {
                    let declaration = SetDeclaration(
                        name, key: shape.key, yield: shape.yield, isInterval: shape.isInterval,
                        countsElements: shape.countsElements, limit: shape.limit, origin: .foreign)
                    drift.repair.elements[name] = .init(declaration, removed: Set(set.elements.keys))
                }
                continue
            }
            if set.shape != wanted.shape || set.comment != wanted.origin.description {
                return "\(wanted.keyword) \(name) is declared otherwise"
            }
            if set.unreadable > 0 { return "\(wanted.keyword) \(name) holds elements of another form" }
            compareElements(of: set, with: table.elements[name] ?? [:], wanted, &drift)
        }
        for (name, wanted) in table.sets.sorted(by: { $0.key < $1.key }) where sets[name] == nil {
            drift.findings.append("\(wanted.keyword) \(name) is missing")
            drift.repair.addedSets.append(wanted)
            if let elements = table.elements[name], !elements.isEmpty {
                drift.repair.elements[name] = .init(wanted, added: elements)
            }
        }
        return nil
    }

    private func compareElements(
        of set: KernelSet, with wanted: [ElementKey: Element], _ declaration: SetDeclaration, _ drift: inout Drift
    ) {
        var changes = RulesetDelta.ElementChanges(declaration)
        var seen = 0
        for (key, element) in wanted.sorted(by: { $0.key < $1.key }) {
            guard let found = set.elements[key.normal] else {
                changes.added[key] = element
                drift.findings.append("element \(key) of \(declaration.name) is missing (\(element.origin))")
                continue
            }
            seen += 1
            if found.content != element.content || found.comment != element.origin.description {
                changes.changed[key] = element
                drift.findings.append("element \(key) of \(declaration.name) is another (\(element.origin))")
            }
        }
        if seen < set.elements.count {
            let keys = Set(wanted.keys.map(\.normal))
            for key in set.elements.keys.filter({ !keys.contains($0) }).sorted() {
                changes.removed.insert(key)
                drift.findings.append("a foreign element \(key) is in \(declaration.name)")
            }
        }
        if !changes.isEmpty { drift.repair.elements[declaration.name] = changes }
    }

    private func compareChains(with table: Table, _ drift: inout Drift) -> String? {
        let found = Dictionary(chains.map { ($0.name, $0) }) { first, _ in first }
        let all = table.allChains
        let wanted = Set(all.map(\.name))
        for chain in all {
            guard let held = found[chain.name] else {
                drift.findings.append("chain \(chain.name) is missing")
                drift.repair.addedChains.append(chain)
                continue
            }
            if held.attachment != chain.hook.map({ .base($0) }) ?? .regular {
                return "chain \(chain.name) is attached otherwise"
            }
            let rules = chain.inKernel(family)
            if held.rules != rules {
                drift.findings += Self.compare(rules, with: held.rules, of: chain)
                drift.repair.changedChains.append(chain)
            }
        }
        for chain in chains where !wanted.contains(chain.name) {
            drift.findings.append("a foreign chain \(chain.name) is there")
            drift.repair.removedChains.append(chain.name)
        }
        return nil
    }

    private static func compare(_ wanted: [KernelRule], with found: [KernelRule], of chain: Chain) -> [String] {
        var findings: [String] = []
        for change in found.difference(from: wanted) {
            switch change {
            case .remove(let offset, _, _):
                findings.append("rule \(offset + 1) of \(chain.name) is missing (\(chain.rules[offset].origin))")
            case .insert(let offset, let rule, _):
                findings.append("a foreign rule is at \(offset + 1) of \(chain.name) (\(quoted(rule.comment)))")
            }
        }
        return findings
    }
}

private func quoted(_ comment: String?) -> String { comment.map { "\"\($0)\"" } ?? "absent" }

extension Origin {
    /// Stands where a declaration is needed for something that is not ours.
    static let foreign = Origin("foreign", ObjectID(random: 0, 0))
}
