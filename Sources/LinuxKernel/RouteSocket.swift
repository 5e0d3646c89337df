internal import CLinux

/// The kernel's links, addresses, routes, policy rules and neighbours in one network namespace.
///
/// Everything is synchronous and belongs to one lane: neither the socket nor its scratch room may be used by two
/// threads at once. Each call is one message and its acknowledgement, unless its comment says otherwise.
public final class RouteSocket {
    let netlink: NetlinkSocket

    /// Opens a socket in `namespace`, or in the calling thread's when that is nil.
    public init(in namespace: NetworkNamespace? = nil, sharing scratch: NetlinkScratch? = nil) throws(KernelError) {
        let scratch = if let scratch { scratch } else { try NetlinkScratch() }
        let open = { () throws(KernelError) in try NetlinkSocket(protocol: NETLINK_ROUTE, scratch) }
        netlink = if let namespace { try namespace.enter(open) } else { try open() }
    }

    /// What was said to the kernel through this socket.
    public var counters: NetlinkCounters { netlink.counters }

    /// The address under which the kernel announces this socket's changes to listeners.
    public var portID: UInt32 { netlink.portID }
}
