public import LinuxKernel
public import NetworkVocabulary
public import Reconciler
public import RouterPlan
import Ruleset

/// The real kernel. Confined to the lane that made it; every call blocks until the kernel has answered.
///
/// Objects are recognised as ours by their marks alone (`docs/ownership.md`), so that nothing here needs a memory of an
/// earlier process.
public final class LinuxDataplane: Dataplane {
    let installation: ObjectID
    let directory: NamespaceDirectory
    let scratch: NetlinkScratch
    private let room = NetfilterRoom()
    /// The namespace that the daemon itself lives in.
    let host: LinuxNode
    var nodes: [NodeName: LinuxNode] = [:]
    /// Which node is at the other end of a veth in the host's namespace, or sends by way of a queue there.
    var legOwners: [InterfaceName: NodeName] = [:]
    /// Nil where we may not send frames.
    let herald: Herald?
    /// Tables of the host that have the names of ours and that somebody else made, by the node that wants one.
    var foreignTables: Set<NodeName> = []
    /// When we last began to look at the underlay's table.
    var lastUnderlayLook: ContinuousClock.Instant?
    /// Requests of sockets that are closed by now.
    private var retired = NetlinkCounters()
    /// Told of every node that is opened or closed, for whoever follows kernel events by namespace number.
    private let track: (NodeName, Int32?, Set<UInt32>) -> Void

    /// `track` is called with a node's namespace number and its sockets' ports when it is opened, and with neither when
    /// it is closed.
    public init(
        installation: ObjectID, directory: NamespaceDirectory = .system,
        track: @escaping (NodeName, Int32?, Set<UInt32>) -> Void = { _, _, _ in }
    ) throws(DataplaneError) {
        do {
            self.installation = installation
            self.directory = directory
            self.track = track
            try directory.prepare()
            scratch = try NetlinkScratch()
            let route = try RouteSocket(sharing: scratch)
            host = try LinuxNode(.host, try .current(), host: route, sharing: scratch, room)
            herald = try? Herald()
            track(.host, nil, host.ports)
        } catch {
            throw DataplaneError(error)
        }
    }

    /// The kernel's settings of a new namespace, and when they were read.
    var newbornSettings: [String: (value: String?, read: ContinuousClock.Instant)] = [:]
    /// Settings written: not netlink, but changes all the same.
    var settingWrites = 0

    public var writes: Int { host.counters.writes + nodeWrites.total + settingWrites }

    /// Requests of the nodes' sockets, kept as a sum: adding up a thousand nodes after each piece of work would be work.
    private var nodeWrites = (total: 0, known: [NodeName: Int]())

    func countWrites(of name: NodeName) {
        guard let writes = nodes[name]?.counters.writes else { return }
        nodeWrites.total += writes - (nodeWrites.known.updateValue(writes, forKey: name) ?? 0)
    }

    /// All requests so far, by kind.
    public var counters: NetlinkCounters {
        nodes.values.reduce(retired + host.counters) { $0 + $1.counters }
    }

    /// Namespaces whose loopback carries a mark of this installation.
    public func inventory() throws(DataplaneError) -> [NodeName: Origin] {
        var found: [NodeName: Origin] = [:]
        found[.underlay] = try underlayOwner()
        do {
            for name in try directory.names() {
                // Whoever deletes a namespace while we look has made our question moot.
                guard let owner = try? owner(of: try directory.open(name)) else { continue }
                found[NodeName(name)] = owner
            }
            return found
        } catch {
            throw DataplaneError(error)
        }
    }

    private func underlayOwner() throws(DataplaneError) -> Origin? {
        do {
            return try host.netfilter.readTable(NodePlan.underlayGuard.family, NodePlan.underlayGuard.name).0
                .flatMap { ours($0.comment) }
        } catch {
            throw DataplaneError(
                operation: "look for the table of the underlay", reason: "\(error)", errno: error.errno)
        }
    }

    private func owner(of namespace: NetworkNamespace) throws(KernelError) -> Origin? {
        ours(try RouteSocket(in: namespace, sharing: scratch).link(named: "lo").alias)
    }

    /// The object that an alias of this installation names.
    func ours(_ alias: String?) -> Origin? {
        guard let mark = alias.flatMap(OwnershipMark.init), mark.installation == installation else { return nil }
        return mark.origin
    }

    func mark(_ origin: Origin) -> String { OwnershipMark(installation, origin).text }

    /// The link group that devices of this installation are born into on the host. The kernel takes an alias only
    /// afterwards: a device with the group and no alias is one whose maker died in between.
    var birthmark: UInt32 { UInt32(truncatingIfNeeded: installation.low) | 1 << 31 }

    /// Whether a device of the host is ours, if only half made.
    func isOurs(_ link: KernelLink) -> Bool { ours(link.alias) != nil || isHalfMade(link) }
    func isHalfMade(_ link: KernelLink) -> Bool { link.alias ?? "" == "" && link.group == birthmark }

    // MARK: Handles

    /// The node's handles, or nil when there is no such namespace.
    func node(_ name: NodeName) throws(KernelError) -> LinuxNode? {
        if name.isInHostNamespace { return host }
        if let node = nodes[name] { return node }
        guard try directory.isMounted(name.text) else { return nil }
        return try open(name, try directory.open(name.text))
    }

    @discardableResult
    func open(_ name: NodeName, _ namespace: NetworkNamespace) throws(KernelError) -> LinuxNode {
        let node = try LinuxNode(name, namespace, host: host.route, sharing: scratch, room)
        nodes[name] = node
        track(name, node.namespaceID, node.ports)
        return node
    }

    func close(_ name: NodeName) {
        countWrites(of: name)
        nodeWrites.known[name] = nil
        guard let node = nodes.removeValue(forKey: name) else { return }
        retired = retired + node.counters
        legOwners = legOwners.filter { $0.value != name }
        track(name, nil, [])
    }

    // MARK: Steps

    public func perform(_ steps: [Step], on name: NodeName) throws(DataplaneError) {
        defer { countWrites(of: name) }
        var isDooming = false
        for step in steps {
            // Links of the host that go one after the other go together: see `finishRemovals`.
            if isDooming, !step.removesLink {
                try finishRemovals()
                isDooming = false
            }
            do {
                if name.isHost, case .remove(.link(let link)) = step {
                    try doom(link)
                    isDooming = true
                    continue
                }
                try take(step, name)
            } catch {
                if isDooming { try? finishRemovals() }
                throw DataplaneError(step, error)
            }
        }
        if isDooming { try finishRemovals() }
    }

    private func take(_ step: Step, _ name: NodeName) throws {
        switch step {
        case .removeNamespace where name.isUnderlay: try removeUnderlayGuard()
        case .createNamespace(let owner): try create(name, owner)
        case .removeNamespace: try remove(name)
        default:
            guard let node = try node(name) else {
                throw KernelError(operation: "open network namespace", object: name.text, errno: noSuchFile)
            }
            switch step {
            case .restoreName: try directory.mount(node.namespace, as: name.text)
            case .ruleset(let transaction):
                if foreignTables.contains(name) {
                    let what = name.isHost ? "guard the ports of guests" : "guard the underlay"
                    throw KernelError(
                        operation: what, object: transaction.table, errno: alreadyExists,
                        explanation: "a \(transaction.family.rawValue) table of that name exists and is not ours")
                }
                let known = try node.generation ?? node.netfilter.generation()
                node.generation = nil
                node.generation = try node.netfilter.commit(transaction, expectedGeneration: known)
            case .add(let row): try add(row, node)
            case .change(let row): try change(row, node)
            case .remove(let content): try remove(content, node)
            case .raise(let link, _): try raise(try node.index(of: link), node)
            case .createNamespace, .removeNamespace: break
            }
        }
    }

    /// A pair has its carrier when its second end is raised. What waits for that, a queue and the bridge's port at the end
    /// that was up before, is opened by a worker of the kernel's, a moment later or, when many links come and go, seconds.
    /// Until then frames are lost in silence. Whoever asks for one link has it opened first (since Linux 6.8).
    private func raise(_ index: Int32, _ node: LinuxNode) throws(KernelError) {
        try node.route.setLink(index, LinkChange(isUp: true))
        guard let raised = try? node.route.link(index), raised.kind == "veth", let peer = raised.peerIndex else {
            return
        }
        _ = try? node.route.link(peer, inNamespace: raised.peerNamespaceID)
    }

    private func removeUnderlayGuard() throws {
        let (family, name) = NodePlan.underlayGuard
        let (table, generation) = try host.netfilter.readTable(family, name)
        guard let table, ours(table.comment) != nil else { return }
        host.generation = nil
        host.generation = try host.netfilter.commit(
            .removingTable(family, name), expectedGeneration: generation)
    }

    /// The namespace is marked before it has a name: a crash in between leaves nothing, since it ends with the process.
    private func create(_ name: NodeName, _ owner: Origin) throws {
        close(name)
        if let there = try? directory.open(name.text) {
            guard try self.owner(of: there) != nil else {
                throw KernelError(
                    operation: "create network namespace", object: name.text, errno: alreadyExists,
                    explanation: "a namespace of that name exists and is not ours")
            }
            try directory.delete(name.text)
        }
        let node = try open(name, try .unnamed())
        node.isNewborn = true
        do {
            try node.route.setLink(1, LinkChange(alias: mark(owner)))
            try directory.mount(node.namespace, as: name.text)
        } catch {
            close(name)
            throw error
        }
        node.indexes[Self.loopback] = 1
    }

    /// Takes the node's links first, so that nothing reaches a namespace that lives on in somebody's descriptor, and its
    /// mark last: a crash before that leaves what is known as ours and removed at the next start.
    private func remove(_ name: NodeName) throws {
        guard let node = try node(name) else {
            try? directory.delete(name.text)
            try doomQueues(of: name)
            return
        }
        let links = try node.route.links()
        guard ours(links.first(where: { $0.index == 1 })?.alias) != nil else {
            // Somebody else's under a name of ours: it stays, and nothing of ours is there.
            close(name)
            return
        }
        for link in links where link.index != 1 && link.kind == "veth" {
            // The outer end is ours to close at once. A pair that has none on the host goes here and now.
            if link.peerNamespaceID != nil, let outer = link.peerIndex.flatMap({ try? host.route.link($0) }),
                isOurs(outer)
            {
                if case .redirected(let queue) = try host.route.incomingTreatment(of: outer.index) {
                    try doomQueue(queue)
                }
                try host.route.setLink(outer.index, LinkChange(isUp: false, group: doomed))
            } else {
                try? node.route.deleteLink(link.index)
            }
        }
        if try directory.isMounted(name.text) { try directory.delete(name.text) }
        try? node.route.setLink(1, LinkChange(alias: ""))
        close(name)
    }

    private func doom(_ link: Link) throws {
        let index = try host.route.link(named: link.name.rawValue).index
        host.indexes[link.name] = nil
        try host.route.setLink(index, LinkChange(isUp: false, group: doomed))
    }

    /// Removes the legs of all nodes that were closed.
    public func finishRemovals() throws(DataplaneError) {
        do throws(KernelError) {
            try host.route.deleteLinks(group: doomed)
        } catch {
            guard error.isNotFound else { throw DataplaneError(error) }
        }
    }

    /// The group of links that are closed and about to go.
    var doomed: UInt32 { birthmark ^ 1 << 30 }

    static let loopback: InterfaceName = InterfaceName("lo") ?? { preconditionFailure("lo is a name") }()
}

private let noSuchFile: Int32 = 2
private let alreadyExists: Int32 = 17

extension Step {
    fileprivate var removesLink: Bool {
        if case .remove(.link) = self { true } else { false }
    }
}

extension DataplaneError {
    init(_ error: KernelError) {
        self.init(operation: "\(error.operation) \(error.object)", reason: "\(error)", errno: error.errno)
    }

    /// The kernel's refusal of a step, in terms of the object that the step was for.
    init(_ step: Step, _ error: any Error) {
        switch error {
        case let error as NetfilterError:
            self.init(
                operation: "\(step)", origin: error.origin ?? step.origin, reason: "\(error)", errno: error.errno)
        case let error as KernelError:
            self.init(operation: "\(step)", origin: step.origin, reason: "\(error)", errno: error.errno)
        case let error as DataplaneError: self = error
        default: self.init(operation: "\(step)", origin: step.origin, reason: "\(error)")
        }
    }
}
