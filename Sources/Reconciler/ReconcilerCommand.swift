public import NetworkVocabulary
public import RouterPlan

// What a reconciler is told and what it tells.

extension Reconciler {
    public enum Command: Sendable {
        /// The complete desired state, at the start or to begin anew: whatever else carries our mark is removed.
        /// What is kept is wanted too, but nobody knows how it should be: it is left alone.
        case adopt([NodePlan], keeping: Set<NodeName> = [])
        /// A node's whole plan, new or replaced.
        case plan(NodePlan, Ticket?)
        /// One object's change to a node's plan.
        case change(PlanDelta, object: Origin, Ticket?)
        case withdraw(NodeName, Ticket?)
        /// The kernel says that somebody else touched the node.
        case disturbed(NodeName)
        /// The kernel lost count of its events.
        case disturbedEverywhere
    }

    public enum Report: Sendable {
        /// The kernel holds the node's plan, read back.
        case settled(NodeName, tickets: [Ticket])
        /// The first failure for these tickets; attempts go on.
        case failed(NodeName, DataplaneError, tickets: [Ticket])
        /// A disturbed node was found to differ and was set right by these steps.
        case repaired(NodeName, [Step])
        case removed(NodeName, tickets: [Ticket])
        /// Every node of the adopted state has been verified, and every other removed, or has failed once.
        case adopted(verified: Int, failed: Int)
    }
}
