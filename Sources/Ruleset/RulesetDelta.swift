/// What to change in a table, by name: small when little changed, whatever the table's size.
///
/// A chain is replaced whole, because its rules are ordered and few; elements change one by one.
public struct RulesetDelta: Hashable, Sendable {
    /// The elements to change in one set.
    public struct ElementChanges: Hashable, Sendable {
        /// As the set is declared after the change.
        public var declaration: SetDeclaration
        public var removed: Set<ElementKey>
        public var added: [ElementKey: Element]
        /// Elements whose content or origin is another now: removed and added again in the same transaction.
        public var changed: [ElementKey: Element]

        public init(
            _ declaration: SetDeclaration, removed: Set<ElementKey> = [], added: [ElementKey: Element] = [:],
            changed: [ElementKey: Element] = [:]
        ) {
            self.declaration = declaration
            self.removed = removed
            self.added = added
            self.changed = changed
        }

        public var isEmpty: Bool { removed.isEmpty && added.isEmpty && changed.isEmpty }
    }

    /// The whole table is made anew with this content: there is none, or its shape cannot be changed in place.
    /// Everything else in the delta is then without meaning.
    public var replacement: Table?
    public var addedChains: [Chain]
    /// Chains that stay, with all the rules they shall have.
    public var changedChains: [Chain]
    public var removedChains: [ChainName]
    public var addedSets: [SetDeclaration]
    /// Sets that go, with those of their elements that name chains (`removedElements`).
    public var removedSets: [SetName]
    /// Sets whose type or flags are others now: deleted and added under the same name. Every chain that asks them
    /// must be among the changed chains, and `elements` must add all their elements.
    public var redeclaredSets: [SetDeclaration]
    public var elements: [SetName: ElementChanges]

    public init(
        replacement: Table? = nil, addedChains: [Chain] = [], changedChains: [Chain] = [],
        removedChains: [ChainName] = [], addedSets: [SetDeclaration] = [], removedSets: [SetName] = [],
        redeclaredSets: [SetDeclaration] = [], elements: [SetName: ElementChanges] = [:]
    ) {
        self.replacement = replacement
        self.addedChains = addedChains
        self.changedChains = changedChains
        self.removedChains = removedChains
        self.addedSets = addedSets
        self.removedSets = removedSets
        self.redeclaredSets = redeclaredSets
        self.elements = elements
    }

    public var isEmpty: Bool {
        replacement == nil && addedChains.isEmpty && changedChains.isEmpty && removedChains.isEmpty
            && addedSets.isEmpty && removedSets.isEmpty && redeclaredSets.isEmpty
            && elements.values.allSatisfy(\.isEmpty)
    }

    /// Everything of a table that is not there yet, the table itself first.
    struct Creation {
        let table: Table

        var operations: [Operation] {
            var delta = RulesetDelta(
                addedChains: table.allChains, addedSets: table.sets.values.sorted { $0.name < $1.name })
            for (name, elements) in table.elements where !elements.isEmpty {
                guard let declaration = table.sets[name] else { continue }
                delta.elements[name] = ElementChanges(declaration, added: elements)
            }
            return [.addTable(comment: table.comment)] + delta.steps
        }
    }

    /// The steps in an order that the kernel accepts in one batch.
    public func transaction(_ family: TableFamily, _ table: String) -> Transaction {
        if let replacement { return .replacingEverything(with: replacement) }
        return Transaction(family, table, steps)
    }

    /// References go before what they refer to, and come after it: rules and elements out, sets out; sets, chains,
    /// elements and rules in; chains out at last, when nothing can jump to them any more.
    private var steps: [Operation] {
        var steps: [Operation] = []
        steps += removedChains.map { .flushChain($0) }
        steps += changedChains.map { .flushChain($0.name) }
        let byName = elements.sorted { $0.key < $1.key }.map(\.value)
        let redeclared = Set(redeclaredSets.map(\.name))
        for changes in byName where !redeclared.contains(changes.declaration.name) {
            let keys = changes.removed.union(changes.changed.keys).sorted()
            if !keys.isEmpty { steps.append(.deleteElements(changes.declaration, keys)) }
        }
        steps += (removedSets + redeclaredSets.map(\.name)).sorted().map { .deleteSet($0) }
        steps += (addedSets + redeclaredSets).sorted { $0.name < $1.name }.map { .addSet($0) }
        steps += addedChains.map { .addChain($0.name, $0.hook) }
        for changes in byName {
            let elements = changes.added.merging(changes.changed) { $1 }.sorted { $0.key < $1.key }
            if !elements.isEmpty {
                steps.append(.addElements(changes.declaration, elements.map { KeyedElement($0.key, $0.value) }))
            }
        }
        for chain in addedChains + changedChains { steps += chain.rules.map { .addRule(chain.name, $0) } }
        steps += removedChains.map { .deleteChain($0) }
        return steps
    }
}
