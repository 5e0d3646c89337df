public import Ruleset

/// What changed in a plan when one object changed: rows and elements only. Whatever else changes a node (a chain, a
/// set's shape) is a new plan, compared as a whole.
public struct PlanDelta: Sendable, Hashable {
    public let node: NodeName
    /// Rows that go away, or are replaced by an added row of the same key.
    public var removedRows: [RowKey: Row] = [:]
    public var addedRows: [RowKey: Row] = [:]
    public var removedElements: [SetName: [ElementKey: Element]] = [:]
    public var addedElements: [SetName: [ElementKey: Element]] = [:]

    public init(node: NodeName) { self.node = node }

    public var isEmpty: Bool {
        removedRows.isEmpty && addedRows.isEmpty && removedElements.isEmpty && addedElements.isEmpty
    }

    /// A row that was there before in the same form cancels out.
    mutating func put(_ row: Row) {
        if removedRows[row.key] == row {
            removedRows[row.key] = nil
        } else {
            addedRows[row.key] = row
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
        return both
    }
}
