public import NetworkVocabulary
public import Ruleset

/// What changed in a plan when one object changed: rows, elements, branches and whom the router serves. Whatever else
/// changes a node (any other chain, a set's shape) is a new plan, compared as a whole.
public struct PlanDelta: Sendable, Hashable {
    public let node: NodeName
    /// Rows that go away, or are replaced by an added row of the same key.
    public var removedRows: [RowKey: Row] = [:]
    public var addedRows: [RowKey: Row] = [:]
    public var removedElements: [SetName: [ElementKey: Element]] = [:]
    public var addedElements: [SetName: [ElementKey: Element]] = [:]
    /// Branches that go away, or get the rules of an added one of the same name.
    public var removedBranches: [ChainName: Chain] = [:]
    public var addedBranches: [ChainName: Chain] = [:]
    public var removedServed: [ObjectID: ServedNIC] = [:]
    public var addedServed: [ObjectID: ServedNIC] = [:]

    public init(node: NodeName) { self.node = node }

    public var isEmpty: Bool {
        changesNoKernel && removedServed.isEmpty && addedServed.isEmpty
    }

    /// Whether the kernel is as it was.
    public var changesNoKernel: Bool {
        removedRows.isEmpty && addedRows.isEmpty && removedElements.isEmpty && addedElements.isEmpty
            && removedBranches.isEmpty && addedBranches.isEmpty
    }

    /// A row that was there before in the same form cancels out.
    mutating func put(_ row: Row) {
        if removedRows[row.key] == row {
            removedRows[row.key] = nil
        } else {
            addedRows[row.key] = row
        }
    }

    mutating func put(_ chain: Chain) {
        if removedBranches[chain.name] == chain {
            removedBranches[chain.name] = nil
        } else {
            addedBranches[chain.name] = chain
        }
    }

    mutating func put(_ placed: Contribution.PlacedElement) {
        if removedElements[placed.set]?[placed.key] == placed.element {
            removedElements[placed.set]?[placed.key] = nil
            if removedElements[placed.set]?.isEmpty == true { removedElements[placed.set] = nil }
        } else {
            addedElements[placed.set, default: [:]][placed.key] = placed.element
        }
    }

    mutating func put(_ nic: ServedNIC) {
        if removedServed[nic.id] == nic {
            removedServed[nic.id] = nil
        } else {
            addedServed[nic.id] = nic
        }
    }

    /// This change followed by another of the same node.
    public func followed(by next: PlanDelta) -> PlanDelta {
        var both = self
        for (key, row) in next.removedRows {
            if both.addedRows.removeValue(forKey: key) == nil { both.removedRows[key] = row }
        }
        for row in next.addedRows.values { both.put(row) }
        for (set, elements) in next.removedElements {
            for (key, element) in elements where both.addedElements[set]?.removeValue(forKey: key) == nil {
                both.removedElements[set, default: [:]][key] = element
            }
            if both.addedElements[set]?.isEmpty == true { both.addedElements[set] = nil }
        }
        for (set, elements) in next.addedElements {
            for (key, element) in elements {
                both.put(Contribution.PlacedElement(set: set, key: key, element: element))
            }
        }
        for (name, chain) in next.removedBranches where both.addedBranches.removeValue(forKey: name) == nil {
            both.removedBranches[name] = chain
        }
        for chain in next.addedBranches.values { both.put(chain) }
        for (id, nic) in next.removedServed where both.addedServed.removeValue(forKey: id) == nil {
            both.removedServed[id] = nic
        }
        for nic in next.addedServed.values { both.put(nic) }
        return both
    }
}
