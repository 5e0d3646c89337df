import LinuxKernel
import NetworkVocabulary
import RouterPlan

// What a node's link may carry, held at its outer end: a token bucket before what the node receives, and for what it
// sends a queue device with another one, into which all that comes in by the outer end is redirected.

extension LinuxDataplane {
    /// Brings the limits about, whatever is there already; nothing is taken away in between.
    func put(_ shaper: Shaper, _ origin: Origin, _ node: LinuxNode) throws {
        // Looked up anew: the reason for a repair may be that our memory of indexes is wrong.
        let port = try host.route.link(named: shaper.port.rawValue).index
        let queue = try queueDevice(shaper.queue, origin)
        legOwners[shaper.queue] = node.name
        if node.name.isHost { legOwners[shaper.port] = node.name }
        let bucket = TokenBucket(shaper)
        if try host.route.rootQueue(of: queue) != .tokenBucket(bucket) {
            try host.route.setTokenBucket(bucket, on: queue)
        }
        let treatment = try host.route.incomingTreatment(of: port)
        if treatment != .redirected(to: queue) {
            if treatment != .none { try host.route.removeIncomingTreatment(of: port) }
            try host.route.redirectIncoming(of: port, to: queue)
        }
        if try host.route.rootQueue(of: port) != .tokenBucket(bucket) {
            try host.route.setTokenBucket(bucket, on: port)
        }
    }

    /// Takes away whatever limits the port, be it ours or not.
    func remove(_ shaper: Shaper) throws {
        guard let port = try? host.route.link(named: shaper.port.rawValue).index else { return }
        let treatment = try host.route.incomingTreatment(of: port)
        if treatment != .none { try host.route.removeIncomingTreatment(of: port) }
        if case .redirected(let index) = treatment, let queue = ownQueue(index) {
            try host.route.deleteLink(queue.index)
            if let name = InterfaceName(queue.name) { legOwners[name] = nil }
        }
        // The last, since it is by this that a limit is seen where none is planned.
        if try host.route.rootQueue(of: port) != .standard { try host.route.removeRootQueue(of: port) }
    }

    /// What limits a leg, by the kernel: nil when nothing does. Where no limit is planned only one of our kind is seen:
    /// what others attach to a port is then their own business.
    func shaper(of link: InterfaceName, port name: InterfaceName, isPlanned: Bool) throws -> Shaper? {
        guard let port = try? host.route.link(named: name.rawValue), isPlanned || port.queueKind == "tbf" else {
            return nil
        }
        let root = try host.route.rootQueue(of: port.index)
        let treatment = try host.route.incomingTreatment(of: port.index)
        if root == .standard, treatment == .none { return nil }
        let misshapen = Shaper(on: link, port: name, queue: name, megabits: 0)
        guard case .tokenBucket(let bucket) = root, case .redirected(let index) = treatment,
            let queue = ownQueue(index), queue.isUp, ours(queue.alias) != nil,
            let queueName = InterfaceName(queue.name), try host.route.rootQueue(of: index) == root
        else { return misshapen }
        let seen = Shaper(on: link, port: name, queue: queueName, megabits: Int(clamping: bucket.rate / 125_000))
        return TokenBucket(seen) == bucket ? seen : misshapen
    }

    /// Whether what limits a port is as the plan has it. `device` is the port or its queue.
    func isShapedAsPlanned(_ device: InterfaceName, _ plan: NodePlan) -> Bool {
        let planned = plan.rows.values.lazy.compactMap { row in
            if case .shaper(let shaper) = row.content { shaper } else { nil }
        }
        .first { $0.port == device || $0.queue == device }
        let leg = plan.rows.values.first { row in
            guard case .link(let link) = row.content else { return false }
            return link.hostEnds.contains(device) || link.isGuestPort && link.name == device
        }
        guard let link = planned?.link ?? leg?.content.linkName else { return true }
        let seen = try? shaper(of: link, port: planned?.port ?? device, isPlanned: planned != nil)
        return seen == planned
    }

    /// A device of the host by its index, with the node that it belongs to.
    func node(ofHostLink index: Int32) -> (NodeName, InterfaceName)? {
        guard let link = try? host.route.link(index), let name = InterfaceName(link.name), let node = legOwners[name]
        else { return nil }
        return (node, name)
    }

    /// Closes the queues of a node that goes.
    func doomQueues(of name: NodeName) throws {
        for (device, owner) in legOwners where owner == name {
            guard let link = try? host.route.link(named: device.rawValue), ownQueue(link.index) != nil else { continue }
            try doomQueue(link.index)
        }
    }

    func doomQueue(_ index: Int32) throws {
        guard let queue = ownQueue(index) else { return }
        try host.route.setLink(queue.index, LinkChange(isUp: false, group: doomed))
    }

    private func ownQueue(_ index: Int32) -> KernelLink? {
        guard index != 0, let link = try? host.route.link(index), link.kind == "ifb", isOurs(link) else { return nil }
        return link
    }

    private func queueDevice(_ name: InterfaceName, _ origin: Origin) throws -> Int32 {
        let index: Int32
        do throws(KernelError) {
            index = try host.route.addQueueDevice(LinkSpecification(name, group: birthmark))
        } catch {
            // One that outlived its port, or is being set right.
            guard error.isAlreadyExists, let there = try? host.route.link(named: name.rawValue),
                let own = ownQueue(there.index)
            else { throw error }
            index = own.index
            if own.isUp, ours(own.alias) == origin { return index }
        }
        try host.route.setLink(index, LinkChange(alias: mark(origin), isUp: true, generatesLinkLocal: false))
        return index
    }
}

extension TokenBucket {
    fileprivate init(_ shaper: Shaper) {
        self.init(
            rate: UInt64(clamping: shaper.bytesPerSecond), burst: UInt64(clamping: shaper.burst),
            limit: UInt32(clamping: shaper.backlog))
    }
}

extension Row.Content {
    fileprivate var linkName: InterfaceName? {
        if case .link(let link) = self { link.name } else { nil }
    }
}
