public import NetworkVocabulary
public import RouterPlan

/// What the engine asks of whoever drives the kernel. A ticket comes back in a report when the order is carried out.
public enum KernelOrder: Sendable {
    /// The complete desired state, at the start or to take everything away.
    /// `keeping` names nodes that are wanted and could not be planned: they stay as they are.
    case adopt([NodePlan], keeping: Set<NodeName> = [])
    /// `drains`: connections that the change takes the way from may finish.
    case plan(NodePlan, ticket: UInt64?, drains: Bool = false)
    case change(PlanDelta, object: Origin, ticket: UInt64?, drains: Bool = false)
    case withdraw(NodeName, ticket: UInt64?)
    /// Look whether the node is as planned, and make it so.
    case examine(NodeName, ticket: UInt64?)
    /// Say what everything has counted, when there is time.
    case measure
}

/// What the driver of the kernel reports.
public enum KernelReport: Sendable {
    /// `revoked` connections ended, or were left to finish, because the plan does not admit them.
    case settled(NodeName, tickets: [UInt64], revoked: Int = 0)
    case ended(NodeName, flows: Int)
    case measured(NodeName, [MeterReading])
    case failed(NodeName, reason: String, origin: Origin?, tickets: [UInt64])
    case repaired(NodeName, steps: [String])
    case removed(NodeName, tickets: [UInt64])
    case adopted(verified: Int, failed: Int)
}
