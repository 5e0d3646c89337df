internal import CLinux
internal import Glibc
internal import Synchronization

/// Hears every change to the network in the calling thread's namespace and in all namespaces that have a number
/// there, on a thread of its own.
///
/// One socket for each family serves any number of namespaces. `onEvent` runs on the monitor's thread, one event at
/// a time, in the kernel's order within a family; it must return soon, and must not call `stop`.
public final class KernelMonitor: Sendable {
    /// What to listen to.
    public struct Interests: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        public static let links = Interests(rawValue: 1)
        public static let addresses = Interests(rawValue: 2)
        public static let routes = Interests(rawValue: 4)
        public static let policyRules = Interests(rawValue: 8)
        public static let namespaceIDs = Interests(rawValue: 16)
        public static let rulesets = Interests(rawValue: 32)
        /// Not part of `standard`: every address that is resolved is an event.
        public static let neighbours = Interests(rawValue: 64)

        /// Nobody but those who set limits causes these: links come and go without them.
        public static let queues = Interests(rawValue: 128)

        public static let standard: Interests = [
            .links, .addresses, .routes, .policyRules, .namespaceIDs, .rulesets, .queues,
        ]
    }

    private let thread: KernelThread
    private let loop: MonitorLoop
    private let isStopped = Mutex(false)

    /// Starts listening: every change after this returns is heard.
    ///
    /// `directory` is watched for names that go away; it is prepared if it does not exist. The receive buffers are as
    /// large as asked for when the caller may exceed the system's limit, else as large as that limit.
    public init(
        _ interests: Interests = .standard, directory: NamespaceDirectory? = .system,
        receiveBuffer: Int32 = 32 << 20, onEvent: @escaping @Sendable (KernelEvent) -> Void
    ) throws(KernelError) {
        let wake = try Self.check(eventfd(0, Int32(EFD_CLOEXEC)), "eventfd")
        let poll = try Self.check(epoll_create1(Int32(EPOLL_CLOEXEC)), "epoll")
        let routing = try MulticastSocket(NETLINK_ROUTE, groups: interests.routingGroups, buffer: receiveBuffer)
        let netfilter = try MulticastSocket(
            NETLINK_NETFILTER, groups: interests.netfilterGroups, buffer: receiveBuffer, only: newGeneration)
        let names = if let directory { try NamespaceNameWatch(directory) } else { NamespaceNameWatch?.none }
        loop = MonitorLoop(
            poll: poll, wake: wake, routing: routing, netfilter: netfilter, names: names, onEvent: onEvent)
        try loop.register()
        thread = try KernelThread(name: "kernel monitor") { [loop] in loop.run() }
    }

    deinit { stop() }

    /// Listens to these from now on, and to nothing else. What happened to newly chosen things before is not heard:
    /// whoever adds to the interests must look for himself.
    ///
    /// Listening has a price that grows with the number of namespaces: for each announcement in another namespace the
    /// kernel searches the list of their numbers (about 25 µs with 1,000), and the one who made the change waits for
    /// it. A mass creation is quicker while nobody listens.
    public func listen(to interests: Interests) throws(KernelError) {
        let others = Interests(rawValue: ~interests.rawValue)
        try loop.routing.setMembership(true, in: interests.routingGroups)
        try loop.netfilter.setMembership(true, in: interests.netfilterGroups)
        try loop.routing.setMembership(false, in: others.routingGroups)
        try loop.netfilter.setMembership(false, in: others.netfilterGroups)
    }

    /// Stops listening; no event is delivered after this returns.
    public func stop() {
        isStopped.withLock {
            guard !$0 else { return }
            $0 = true
            loop.end()
            thread.join()
        }
    }

    static func check(_ number: Int32, _ what: String) throws(KernelError) -> FileDescriptor {
        guard number >= 0 else { throw .last("start kernel monitor", what) }
        return FileDescriptor(owning: number)
    }
}

extension KernelMonitor.Interests {
    fileprivate var netfilterGroups: [UInt32] { contains(.rulesets) ? [NFNLGRP_NFTABLES.rawValue] : [] }

    fileprivate var routingGroups: [UInt32] {
        var groups: [rtnetlink_groups] = []
        if contains(.links) { groups.append(RTNLGRP_LINK) }
        if contains(.addresses) { groups += [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR] }
        if contains(.routes) { groups += [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE] }
        if contains(.policyRules) { groups += [RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE] }
        if contains(.namespaceIDs) { groups.append(RTNLGRP_NSID) }
        if contains(.queues) { groups.append(RTNLGRP_TC) }
        if contains(.neighbours) { groups.append(RTNLGRP_NEIGH) }
        return groups.map(\.rawValue)
    }
}
