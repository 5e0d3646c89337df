/// Something that changed in the kernel, as it announced it.
///
/// Events tell where to look, not what is true: by the time one is heard, the next change may have happened.
public struct KernelEvent: Hashable, Sendable {
    public enum Change: Hashable, Sendable {
        case link(KernelLink, isRemoved: Bool)
        case address(KernelAddress, isRemoved: Bool)
        case route(KernelRoute, isRemoved: Bool)
        case policyRule(KernelPolicyRule, isRemoved: Bool)
        case neighbour(KernelNeighbour, isRemoved: Bool)
        /// Somebody did something to a link's queues or to what is done with frames that come in by it.
        case queues(linkIndex: Int32)
        /// A transaction was committed to the namespace's nftables; its contents are not reported.
        case ruleset(generation: UInt32, processID: Int32, processName: String)
        /// Something of this table for bridges was added, changed or removed.
        case bridgeRules(table: String)
        /// A namespace got or lost its number here; losing it is the end of the namespace.
        case namespaceID(Int32, isRemoved: Bool)
        /// A name is gone from the directory of named namespaces; the namespace itself may live on.
        case namespaceFileGone(String)
        /// Announcements were lost: anything may have changed.
        case overflow
    }

    /// The number of the namespace it happened in; nil: the one that the monitor was opened in.
    public var namespaceID: Int32?
    /// The socket that asked for the change (`RouteSocket.portID`), where the kernel says so: for addresses, routes,
    /// policy rules, queues and rulesets. A link's events carry 0 whoever changed it, as do the kernel's own doings; they must
    /// be recognised by what they say. Numbers are unique in a namespace, and in practice on a machine.
    ///
    /// A link that is down changes its alias without any event.
    public var portID: UInt32
    public var change: Change

    public init(namespaceID: Int32? = nil, portID: UInt32 = 0, _ change: Change) {
        self.namespaceID = namespaceID
        self.portID = portID
        self.change = change
    }
}
