public import Ruleset

extension NodePlan {
    /// A set of the node's table that plans leave empty. A transaction that takes something away puts an element there,
    /// which stays until the connections that lived by it are ended: so that a crash in between is seen at the next
    /// start, and nothing need be looked through when there was none.
    public static let pendingRevocations: SetName = "pending-revocations"

    /// The element that stands there.
    public static let revocationKey = ElementKey([.mark(1)])

    /// Whether connections are followed up on this node.
    public var tracksRevocations: Bool { table?.sets[Self.pendingRevocations] != nil }

    /// The plan while connections are still to be followed up.
    public var withPendingRevocation: NodePlan {
        var plan = self
        plan.table?.elements[Self.pendingRevocations] = [Self.revocationKey: Element(origin: owner)]
        return plan
    }

    /// Whether a change of this plan can take a way away from a living connection. What only opens cannot.
    public func revokes(_ delta: PlanDelta) -> Bool {
        guard tracksRevocations else { return false }
        // Branches choose among what sets allow.
        return !delta.removedElements.keys.allSatisfy(choosingSets.contains) || !delta.removedRows.isEmpty
            || delta.addedElements.keys.contains(where: closingSets.contains)
    }
}
