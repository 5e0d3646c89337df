extension Table {
    /// What turns `old` into this table. A set keeps its elements and a rule its counters unless they changed
    /// themselves; a hook can only be changed by making the table anew.
    public func delta(from old: Table?) -> RulesetDelta {
        guard let old, old.family == family, old.name == name, old.comment == comment else {
            return RulesetDelta(replacement: self)
        }
        var delta = RulesetDelta()
        let chains = allChains
        let oldChains = Dictionary(old.allChains.map { ($0.name, $0) }) { $1 }
        let names = Set(chains.map(\.name))
        if chains.contains(where: { chain in oldChains[chain.name].map { $0.hook != chain.hook } ?? false }) {
            return RulesetDelta(replacement: self)
        }
        for name in old.sets.keys.sorted() {
            guard let declaration = sets[name] else {
                delta.remove(old, name)
                continue
            }
            if declaration != old.sets[name] {
                // Its chains would count as used until the old map is freed (see `remove`).
                if old.sets[name]?.yield == .verdict { return RulesetDelta(replacement: self) }
                delta.redeclaredSets.append(declaration)
            }
        }
        delta.addedSets = sets.values.filter { old.sets[$0.name] == nil }.sorted { $0.name < $1.name }
        let touched = Set(delta.redeclaredSets.map(\.name))
        for (name, declaration) in sets {
            let before = touched.contains(name) ? [:] : old.elements[name] ?? [:]
            let changes = declaration.changes(from: before, to: elements[name] ?? [:])
            if !changes.isEmpty { delta.elements[name] = changes }
        }
        delta.addedChains = chains.filter { oldChains[$0.name] == nil }
        delta.changedChains = chains.filter { chain in
            guard let before = oldChains[chain.name] else { return false }
            return before.rules != chain.rules || chain.rules.contains { !$0.sets.isDisjoint(with: touched) }
        }
        delta.removedChains = old.allChains.map(\.name).filter { !names.contains($0) }
        return delta
    }

    /// The steps that turn `old` into this table; from nothing when there is no old one.
    public func difference(from old: Table?) -> Transaction { delta(from: old).transaction(family, name) }
}

extension SetDeclaration {
    func changes(from old: [ElementKey: Element], to new: [ElementKey: Element]) -> RulesetDelta.ElementChanges {
        var changes = RulesetDelta.ElementChanges(self)
        if old == new { return changes }
        for (key, element) in new {
            switch old[key] {
            case nil: changes.added[key] = element
            case .some(let before) where before != element: changes.changed[key] = element
            default: break
            }
        }
        for key in old.keys where new[key] == nil { changes.removed.insert(key) }
        return changes
    }
}

extension RulesetDelta {
    /// A verdict map must lose its elements first: kernels before 6.4 let the chains that it named count as used
    /// until the map is freed, after the transaction.
    mutating func remove(_ table: Table, _ name: SetName) {
        removedSets.append(name)
        guard let declaration = table.sets[name], declaration.yield == .verdict,
            let elements = table.elements[name], !elements.isEmpty
        else { return }
        self.elements[name] = ElementChanges(declaration, removed: Set(elements.keys))
    }
}

extension Rule {
    /// The named sets that the rule asks.
    public var sets: Set<SetName> {
        var names: Set<SetName> = []
        for statement in statements {
            switch statement {
            case .lookup(_, let name, _), .verdictMap(_, let name): names.insert(name)
            case .setPacketMark(.map(let name, _)), .setConnectionMark(.map(let name, _)),
                .sourceNAT(_, .map(let name, _)), .destinationNAT(_, .map(let name, _), _),
                .balance(_, let name, _, _):
                names.insert(name)
            default: break
            }
        }
        return names
    }
}
