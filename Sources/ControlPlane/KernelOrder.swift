public import LoadBalancer
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
    /// What the proxies of routers do, at the start; there are no others.
    case adoptProxies([NodeName: ProxyPlan])
    /// The members of one of a router's rules that are checked from now on by whether they take a connection.
    case check(NodeName, rule: ObjectID, [MemberCheck])
    /// What a router's proxy is to do; nil for none. Comes before the changes of the router that lead to it, and they wait
    /// until it does.
    case proxy(NodeName, ProxyPlan?, ticket: UInt64, drains: Bool)
    /// Say what everything has counted, when there is time.
    case measure
}

/// What the driver of the kernel reports.
public enum KernelReport: Sendable {
    /// `revoked` connections ended, or were left to finish, because the plan does not admit them.
    case settled(NodeName, tickets: [UInt64], revoked: Int = 0)
    case ended(NodeName, flows: Int)
    case measured(NodeName, [MeterReading])
    /// How long members of a router's rules took to answer, in milliseconds; nil of those of whom it is not known.
    case answered(NodeName, [ObjectID: Int?])
    case failed(NodeName, reason: String, origin: Origin?, tickets: [UInt64])
    case repaired(NodeName, steps: [String])
    case removed(NodeName, tickets: [UInt64])
    case adopted(verified: Int, failed: Int)
    /// A router's proxy does what was asked for.
    case served(NodeName, tickets: [UInt64])
    case unserved(NodeName, reason: String, tickets: [UInt64])
    case proxyRestarted(NodeName)
}
