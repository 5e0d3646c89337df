public import NetworkVocabulary
public import RouterPlan

// What a reconciler is told and what it tells.

extension Reconciler {
    public enum Command: Sendable {
        /// The complete desired state, at the start or to begin anew: whatever else carries our mark is removed.
        /// What is kept is wanted too, but nobody knows how it should be: it is left alone.
        case adopt([NodePlan], keeping: Set<NodeName> = [])
        /// A node's whole plan, new or replaced.
        case plan(NodePlan, Ticket?, drains: Bool = false)
        /// One object's change to a node's plan. `drains`: connections that lived by what goes away may finish.
        case change(PlanDelta, object: Origin, Ticket?, drains: Bool = false)
        case withdraw(NodeName, Ticket?)
        /// Somebody wants to be sure that the node is as planned.
        case examine(NodeName, Ticket?)
        /// The kernel says that somebody else touched the node.
        case disturbed(NodeName)
        /// The kernel lost count of its events.
        case disturbedEverywhere
        /// Read what every node has counted, when there is nothing better to do.
        case measure
        /// Leave the node as it is until it is released as often: what it leads to is not there yet.
        case hold(NodeName)
        case release(NodeName)
    }

    public enum Report: Sendable {
        /// The kernel holds the node's plan, read back, and so many connections that it does not admit were ended, or left
        /// to finish where that was asked for.
        case settled(NodeName, tickets: [Ticket], revoked: Int = 0)
        /// Connections that were begun while the ruleset changed, found and ended afterwards.
        case ended(NodeName, flows: Int)
        case measured(NodeName, [MeterReading])
        /// The first failure for these tickets; attempts go on.
        case failed(NodeName, DataplaneError, tickets: [Ticket])
        /// A disturbed node was found to differ and was set right by these steps.
        case repaired(NodeName, [Step])
        case removed(NodeName, tickets: [Ticket])
        /// Every node of the adopted state has been verified, and every other removed, or has failed once.
        case adopted(verified: Int, failed: Int)
    }
}
