internal import CLinux
internal import Glibc
public import NetworkVocabulary

/// The connections that the kernel tracks in one network namespace.
///
/// Synchronous and of one lane, as `RouteSocket`. Removing a rule leaves the connections that it let in; they end when
/// they are deleted here.
///
/// A list costs a walk over the buckets of a table that all namespaces of the machine share: many milliseconds, however
/// little is found. So an empty namespace's is not walked for, and whoever wants many things asks for them at once.
public final class ConntrackSocket {
    private(set) var netlink: NetlinkSocket
    private let scratch: NetlinkScratch

    /// Opens a socket in `namespace`, or in the calling thread's when that is nil. A kernel without connection tracking
    /// over netlink is an error that `isUnsupported` and names the module.
    public init(in namespace: NetworkNamespace? = nil, sharing scratch: NetlinkScratch? = nil) throws(KernelError) {
        let scratch = if let scratch { scratch } else { try NetlinkScratch() }
        let open = { () throws(KernelError) in try NetlinkSocket(protocol: NETLINK_NETFILTER, scratch) }
        netlink = if let namespace { try namespace.enter(open) } else { try open() }
        self.scratch = scratch
        do {
            _ = try count()
        } catch {
            throw Self.namingModule(error)
        }
    }

    /// What was said to the kernel through this socket.
    public var counters: NetlinkCounters { netlink.counters }

    /// The address under which the kernel announces this socket's changes to listeners.
    public var portID: UInt32 { netlink.portID }

    /// How many connections the namespace has: one short question, whatever the answer. Those that begin or end just
    /// now are among them.
    public func count() throws(KernelError) -> Int {
        var count: UInt32?
        let type = ConntrackMessage.statistics
        try netlink.lookUp("count connections", "", type) {
            $0.append(nfgenmsg())
        } read: { head, payload in
            guard Int(head.nlmsg_type) == type else { return }
            var attributes = NetlinkAttributes(payload, after: MemoryLayout<nfgenmsg>.size)
            while let attribute = attributes.next() {
                if attribute.type == CTA_STATS_GLOBAL_ENTRIES.number { count = attribute.networkOrder() }
            }
        }
        guard let count else { throw KernelError(operation: "count connections", object: "", errno: EBADMSG) }
        return Int(count)
    }

    /// The connections of one family, or of all, that the filter means.
    ///
    /// One that lives all the while is there, at least once; the table goes on changing while it is read, and one may
    /// come twice when others end beside it.
    public func flows(
        _ family: AddressFamily? = nil, matching filter: FlowFilter = FlowFilter()
    ) throws(KernelError) -> [Flow] {
        var flows: [Flow] = []
        try forEachFlow(family, matching: filter, restart: { flows.removeAll() }, { flows.append($0) })
        return flows
    }

    /// As `flows`, one by one and without keeping them.
    ///
    /// The kernel leaves out what it can (addresses, protocol, single ports, mark); the rest is left out here. `restart`
    /// is called before a list is read, and again if that has to begin anew.
    public func forEachFlow(
        _ family: AddressFamily?, matching filter: FlowFilter = FlowFilter(), restart: () -> Void = {},
        _ body: (Flow) -> Void
    ) throws(KernelError) {
        guard try count() > 0 else { return }
        var attempts = 0
        while true {
            attempts += 1
            do {
                try netlink.dump("list connections", ConntrackMessage.get) { message in
                    message.append(nfgenmsg(family))
                    // What the kernel can compare is of one family.
                    if let family { message.put(filter, family) }
                } restart: {
                    restart()
                } read: { head, payload in
                    guard Int(head.nlmsg_type) == ConntrackMessage.new, let flow = Flow(conntrack: payload),
                        family == nil || flow.original.family == family, filter.matches(flow)
                    else { return }
                    body(flow)
                }
                return
            } catch {
                guard error.errno == ENOBUFS, attempts < 3 else { throw error }
                try reopen()
            }
        }
    }

    /// A list that the kernel found no memory for stays unfinished on its socket, which is then good for no other.
    func reopen() throws(KernelError) {
        let descriptor = ioctl(netlink.descriptor, UInt(SIOCGSKNS))
        guard descriptor >= 0 else { throw .last("find network namespace", "of a netlink socket") }
        let namespace = try NetworkNamespace(FileDescriptor(owning: descriptor), "of a netlink socket")
        let scratch = self.scratch
        let fresh = try namespace.enter { () throws(KernelError) in
            try NetlinkSocket(protocol: NETLINK_NETFILTER, scratch)
        }
        fresh.counters = netlink.counters
        netlink = fresh
    }

    /// The kernel's answer to a subsystem that it does not have is an invalid argument.
    static func namingModule(_ error: KernelError) -> KernelError {
        guard error.errno == EINVAL || error.isUnsupported else { return error }
        var named = error
        named.errno = EOPNOTSUPP
        named.explanation = "needs the module \(KernelFeatures.Feature.connectionTable.module)"
        return named
    }
}
