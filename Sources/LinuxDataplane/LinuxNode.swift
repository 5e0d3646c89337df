import LinuxKernel
import NetworkVocabulary
import RouterPlan

/// The open handles of one node: its namespace, a socket of each netlink family inside it, and what we know of its
/// links. Handles stay open, because opening costs more than most changes do.
final class LinuxNode {
    let name: NodeName
    let namespace: NetworkNamespace
    let route: RouteSocket
    let netfilter: NetfilterSocket
    /// The namespace's number in the host's namespace, by which kernel events name it.
    let namespaceID: Int32?
    /// The ruleset's generation after our last look or commit; a commit that finds another one is refused.
    var generation: UInt32?
    /// When we last began to look at all of it.
    var lastLook: ContinuousClock.Instant?
    /// Made by us a moment ago and not looked at yet: its settings are those that the kernel gives to a new namespace.
    var isNewborn = false
    /// Settings written since the last look. The file's acknowledgement is the reading of the very same value, so the
    /// look right after our own work takes them from here; any later one reads the files.
    var justWritten: [String: String] = [:]
    /// Indexes of our links, learned when they were made or seen.
    var indexes: [InterfaceName: Int32] = [:]

    init(
        _ name: NodeName, _ namespace: NetworkNamespace, host: RouteSocket, sharing scratch: NetlinkScratch,
        _ room: NetfilterRoom
    )
        throws(KernelError)
    {
        self.name = name
        self.namespace = namespace
        route = try RouteSocket(in: namespace, sharing: scratch)
        netfilter = try Self.openNetfilter(namespace, room)
        if name.isHost {
            namespaceID = nil
        } else if let known = try host.namespaceID(of: namespace) {
            namespaceID = known
        } else {
            namespaceID = try host.assignNamespaceID(to: namespace)
        }
    }

    /// Sockets belong to the namespace that the thread is in when they are opened.
    private static func openNetfilter(
        _ namespace: NetworkNamespace, _ room: NetfilterRoom
    ) throws(KernelError) -> NetfilterSocket {
        var opened: Result<NetfilterSocket, NetfilterError> = .failure(.restless)
        try namespace.enter { () throws(KernelError) in
            do throws(NetfilterError) {
                opened = .success(try NetfilterSocket(sharing: room))
            } catch {
                opened = .failure(error)
            }
        }
        do throws(NetfilterError) {
            return try opened.get()
        } catch {
            throw KernelError(
                operation: "open netfilter socket", object: "", errno: error.errno, explanation: "\(error)")
        }
    }

    /// The node's connections; opened when first asked for, since most nodes never are. Nil where the kernel lacks it.
    func connections(sharing scratch: NetlinkScratch) throws(KernelError) -> ConntrackSocket? {
        if let connectionSocket { return connectionSocket }
        do throws(KernelError) {
            connectionSocket = try ConntrackSocket(in: namespace, sharing: scratch)
        } catch {
            guard error.isUnsupported else { throw error }
        }
        return connectionSocket
    }

    private var connectionSocket: ConntrackSocket?

    /// Requests of its sockets.
    var counters: NetlinkCounters {
        let counters = route.counters + netfilter.counters
        return connectionSocket.map { counters + $0.counters } ?? counters
    }

    /// By which kernel events name us as their cause.
    var ports: Set<UInt32> { [route.portID, netfilter.portID] }

    /// The index of a link in this node.
    func index(of link: InterfaceName) throws(KernelError) -> Int32 {
        if let index = indexes[link] { return index }
        let index = try route.link(named: link.rawValue).index
        indexes[link] = index
        return index
    }
}
