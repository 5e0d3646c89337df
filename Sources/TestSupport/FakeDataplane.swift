public import NetworkVocabulary
public import Reconciler
public import RouterPlan
public import Ruleset

/// The dataplane on a fake kernel: what one process of the daemon sees and does. A killed one keeps nothing; the kernel
/// keeps what it had, and the next process is another `FakeDataplane` on it.
public final class FakeDataplane: Dataplane {
    /// Something that goes wrong once. Steps and observations are counted from the dataplane's birth.
    public enum Fault: Hashable, Sendable {
        /// The kernel refuses the step.
        case refuse(step: Int, errno: Int32)
        /// The process dies before it takes the step.
        case kill(beforeStep: Int)
        /// The process dies when the step is half done, where a step is more than one request.
        case killInside(step: Int)
        /// Somebody commits to the namespace's nftables just before our own commit.
        case overtake(step: Int)
        /// An observation does not come to its end.
        case interrupt(observation: Int)
        /// The list of namespaces cannot be read.
        case interruptInventory
    }

    public let kernel: FakeKernel
    public var faults: Set<Fault>
    /// Called when a step has been taken, for what must hold at every moment.
    public var afterStep: (FakeKernel, NodeName, Step) -> Void = { _, _, _ in }
    public private(set) var writes = 0
    public private(set) var steps: [Step] = []
    public private(set) var observations = 0
    public private(set) var isKilled = false
    /// How often connections were listed.
    public internal(set) var flowLists = 0
    /// Called before connections are listed.
    public var beforeFlows: (FakeDataplane) -> Void = { _ in }

    /// Open namespaces, which live on when their names go.
    private var handles: [NodeName: FakeKernel.Place] = [:]
    private var generations: [NodeName: UInt32] = [:]

    public init(_ kernel: FakeKernel, faults: Set<Fault> = []) {
        self.kernel = kernel
        self.faults = faults
    }

    deinit { closeAll() }

    /// Ends the process.
    public func kill() {
        isKilled = true
        closeAll()
    }

    private func closeAll() {
        for place in handles.values { kernel.release(place) }
        handles = [:]
    }

    private static let killed = DataplaneError(operation: "go on", reason: "the process was killed")

    func live() throws(DataplaneError) {
        if isKilled { throw Self.killed }
    }

    // MARK: Dataplane

    public func inventory() throws(DataplaneError) -> [NodeName: Origin] {
        try live()
        if faults.remove(.interruptInventory) != nil {
            throw DataplaneError(operation: "list namespaces", reason: "interrupted", errno: 4)
        }
        var found = kernel.names.compactMapValues { kernel.spaces[$0]?.owner }
        let (family, name) = NodePlan.underlayGuard
        if let comment = kernel.spaces[.host]?.ruleset.table(family, name)?.comment {
            found[.underlay] = OwnershipMark(comment)?.origin
        }
        return found
    }

    public func observe(_ plan: NodePlan) throws(DataplaneError) -> Observation {
        try live()
        defer { observations += 1 }
        if faults.remove(.interrupt(observation: observations)) != nil {
            throw DataplaneError(operation: "observe \(plan.name)", reason: "interrupted", errno: 4)
        }
        generations[plan.name] = nil
        guard let place = open(plan.name), let space = kernel.spaces[place] else { return .absent }
        if plan.name.isUnderlay {
            let (family, name) = NodePlan.underlayGuard
            generations[plan.name] = space.ruleset.generation
            return Observation(exists: true, table: space.ruleset.table(family, name)?.inKernel)
        }
        if plan.name.isHost {
            var observation = space.observedAsHost(plan, kernel.names)
            let (family, name) = NodePlan.portGuard
            observation.table = space.ruleset.table(family, name)?.inKernel
            generations[plan.name] = space.ruleset.generation
            return observation
        }
        var observation = space.observed(as: place, plan, host: kernel.spaces[.host])
        observation.lostItsName = kernel.names[plan.name] != place
        if let table = plan.table {
            observation.table = space.ruleset.table(table.family, table.name)?.inKernel
            generations[plan.name] = space.ruleset.generation
        }
        return observation
    }

    public func perform(_ steps: [Step], on node: NodeName) throws(DataplaneError) {
        for step in steps {
            try live()
            let number = self.steps.count
            if faults.remove(.kill(beforeStep: number)) != nil {
                kill()
                throw Self.killed
            }
            self.steps.append(step)
            writes += 1
            do throws(FakeKernel.Refusal) {
                if case .refuse(_, let errno)? = faults.first(where: {
                    if case .refuse(number, _) = $0 { true } else { false }
                }) {
                    faults.remove(.refuse(step: number, errno: errno))
                    throw FakeKernel.Refusal(errno: errno, text: "injected")
                }
                if faults.remove(.overtake(step: number)) != nil, let place = open(node) {
                    try kernel.inside(place) { (space) throws(FakeKernel.Refusal) in
                        try space.commit(Transaction(.inet, "foreign", [.addTable(comment: nil)]), expected: nil)
                    }
                }
                try take(step, node, isHalf: faults.remove(.killInside(step: number)) != nil)
            } catch {
                if isKilled { throw Self.killed }
                throw DataplaneError(
                    operation: "\(step)", origin: step.origin, reason: error.text, errno: error.errno)
            }
            afterStep(kernel, node, step)
        }
    }

    /// Removals are complete at once here.
    public func finishRemovals() throws(DataplaneError) {}

    public func holds(_ delta: PlanDelta, of plan: NodePlan) throws(DataplaneError) -> Bool {
        try live()
        guard let place = open(delta.node), let table = plan.table else { return true }
        let there = kernel.spaces[place]?.ruleset.table(table.family, table.name)
        let isRight = Set(delta.removedBranches.keys).union(delta.addedBranches.keys).allSatisfy { name in
            there?.allChains.first { $0.name == name } == delta.addedBranches[name]
        }
        return isRight
            && Set(delta.removedElements.keys).union(delta.addedElements.keys).allSatisfy { set in
                let added = delta.addedElements[set] ?? [:]
                return Set(added.keys).union((delta.removedElements[set] ?? [:]).keys).allSatisfy {
                    there?.elements[set]?[$0.normal] == added[$0]
                }
            }
    }

    // MARK: Steps

    func open(_ node: NodeName) -> FakeKernel.Place? {
        if node.isInHostNamespace { return .host }
        if let place = handles[node] { return place }
        guard let place = kernel.names[node] else { return nil }
        return adopt(place, node)
    }

    private func adopt(_ place: FakeKernel.Place, _ node: NodeName) -> FakeKernel.Place {
        kernel.hold(place)
        handles[node] = place
        return place
    }

    private func close(_ node: NodeName) {
        generations[node] = nil
        if let place = handles.removeValue(forKey: node) { kernel.release(place) }
    }

    private func take(_ step: Step, _ node: NodeName, isHalf: Bool) throws(FakeKernel.Refusal) {
        switch step {
        case .createNamespace(let owner):
            close(node)
            if let there = kernel.place(node) {
                guard kernel.spaces[there]?.owner != nil else {
                    throw FakeKernel.Refusal(errno: 17, text: "a namespace of that name exists and is not ours")
                }
                kernel.removeName(node)
            }
            if isHalf { try die() }
            try kernel.createNamespace(node, owner: owner)
            _ = open(node)
            return
        case .removeNamespace:
            try removeNamespace(node, isHalf: isHalf)
            return
        default: break
        }
        guard let place = open(node) else { throw FakeKernel.Refusal(errno: 2, text: "no namespace \(node)") }
        switch step {
        case .restoreName: try kernel.restoreName(node, place)
        case .ruleset(let transaction):
            let known = generations.removeValue(forKey: node)
            generations[node] = try kernel.inside(place) { (space) throws(FakeKernel.Refusal) in
                try space.commit(transaction, expected: known)
                return space.ruleset.generation
            }
        case .add(let row): try add(row, place, isHalf: isHalf)
        case .change(let row): try change(row, place)
        case .remove(let content): try remove(content, place)
        case .raise(let link, _): try kernel.setDevice(link, in: place) { $0.isUp = true }
        case .createNamespace, .removeNamespace: break
        }
        if isHalf { try die() }
    }

    private func die() throws(FakeKernel.Refusal) {
        kill()
        throw FakeKernel.Refusal(errno: 0, text: "killed")
    }

    private func removeNamespace(_ node: NodeName, isHalf: Bool) throws(FakeKernel.Refusal) {
        if node.isUnderlay {
            let (family, name) = NodePlan.underlayGuard
            return try kernel.inside(.host) { (space) throws(FakeKernel.Refusal) in
                guard space.ruleset.table(family, name) != nil else { return }
                try space.commit(.removingTable(family, name), expected: nil)
            }
        }
        guard let place = open(node), let space = kernel.spaces[place] else { return }
        guard space.owner != nil else {
            close(node)
            return
        }
        for (name, device) in space.devices {
            if case .veth = device.kind { try kernel.removeDevice(name, in: place) }
        }
        if isHalf { try die() }
        if kernel.names[node] == place { kernel.removeName(node) }
        close(node)
    }

    private func add(_ row: Row, _ place: FakeKernel.Place, isHalf: Bool) throws(FakeKernel.Refusal) {
        switch row.content {
        case .link(let link): try add(link, row.origin, place, isHalf: isHalf)
        case .address(let address):
            try kernel.inside(place) { (space) throws(FakeKernel.Refusal) in try space.add(address) }
        case .policyRule(let rule):
            try kernel.inside(place) { (space) throws(FakeKernel.Refusal) in try space.add(rule) }
        case .shaper, .neighbour, .route, .sysctl: try change(row, place, isChange: false)
        }
    }

    private func add(
        _ link: Link, _ origin: Origin, _ place: FakeKernel.Place, isHalf: Bool
    ) throws(FakeKernel.Refusal) {
        let kind: FakeKernel.Device.Kind
        switch link.kind {
        case .loopback, .foreign: return
        case .leg(let hostEnd, let bridge):
            _ = try kernel.device(bridge)
            try kernel.addPair(
                hostEnd, mac: nil, mtu: link.mtu, in: .host, peer: link.name, in: place)
            try kernel.setDevice(link.name, in: place) {
                if let mac = link.mac { $0.mac = mac }
            }
            if isHalf { try die() }
            try join(hostEnd, bridge, link.mtu, origin)
            try kernel.setDevice(link.name, in: place) { $0.settings = link.settings }
            return
        case .bridgeLink(let peer, let peerBridge):
            guard try kernel.device(peerBridge).kind == .bridge else {
                throw FakeKernel.Refusal(errno: 95, text: "\(peerBridge) is not a bridge")
            }
            try kernel.addPair(link.name, mac: link.mac, mtu: link.mtu, in: place, peer: peer, in: place)
            try kernel.setDevice(link.name, in: place) { $0.isBornOurs = true }
            if isHalf { try die() }
            try kernel.setDevice(link.name, in: place) {
                $0.mark = origin
                $0.master = link.bridge
            }
            try join(peer, peerBridge, link.mtu, origin)
            return
        case .bridge: kind = .bridge
        case .vlan(let parent, let vlan):
            _ = try kernel.device(parent)
            kind = .vlan(vlan, parent: parent)
        case .vxlan(let vni, let underlay, let flood):
            _ = try kernel.device(underlay)
            kind = .vxlan(vni, underlay: underlay, flood: flood)
        case .tap:
            // What is killed before it is kept is gone.
            if isHalf { try die() }
            kind = .tap
        case .plug(let name, let device, let mac):
            guard let other = kernel.names[NodeName(name.rawValue)] else {
                throw FakeKernel.Refusal(errno: 2, text: "no namespace \(name)")
            }
            guard kernel.spaces[other]?.owner == nil else {
                throw FakeKernel.Refusal(errno: 1, text: "namespace \(name) is ours")
            }
            try kernel.addPair(link.name, mac: nil, mtu: link.mtu, in: place, peer: device, in: other)
            try kernel.setDevice(link.name, in: place) { $0.isBornOurs = true }
            if isHalf { try die() }
            try kernel.setDevice(device, in: other) {
                $0.mac = mac
                $0.mtu = link.mtu
                $0.isUp = true
            }
            try kernel.setDevice(link.name, in: place) {
                $0.mark = origin
                $0.master = link.bridge
            }
            return
        }
        var device = kernel.newDevice(kind, mac: link.mac, mtu: link.mtu)
        device.isBornOurs = true
        try kernel.addDevice(link.name, device, in: place)
        if isHalf { try die() }
        try kernel.setDevice(link.name, in: place) {
            $0.mark = origin
            $0.master = link.bridge
            $0.settings = link.settings
        }
    }

    private func change(_ row: Row, _ place: FakeKernel.Place, isChange: Bool = true) throws(FakeKernel.Refusal) {
        if case .link(let link) = row.content { return try change(link, row.origin, place) }
        if case .address = row.content { return try add(row, place, isHalf: false) }
        if case .route(let route) = row.content, isChange {
            // Replacing would leave one of another type in place; what fails after this leaves none.
            try kernel.inside(place) { (space) throws(FakeKernel.Refusal) in space.remove(route) }
        }
        try kernel.inside(place) { (space) throws(FakeKernel.Refusal) in
            switch row.content {
            case .shaper(let shaper): try space.put(shaper)
            case .neighbour(let neighbour): try space.put(neighbour)
            case .route(let route): try space.put(route)
            case .policyRule(let rule):
                space.removeRules(priority: rule.priority)
                try space.add(rule)
            case .sysctl(let sysctl): try space.set(sysctl.path, sysctl.value)
            case .link, .address: break
            }
        }
    }

    private func remove(_ content: Row.Content, _ place: FakeKernel.Place) throws(FakeKernel.Refusal) {
        if case .link(let link) = content { return try kernel.removeDevice(link.name, in: place) }
        try kernel.inside(place) { (space) throws(FakeKernel.Refusal) in
            switch content {
            case .address(let address):
                // What is gone already needs no removing.
                if space.addresses.contains(address) { try space.remove(address) }
            case .shaper(let shaper): space.shapers[shaper.link] = nil
            case .neighbour(let neighbour):
                space.neighbours = space.neighbours.filter {
                    $0.link != neighbour.link || $0.address != neighbour.address
                }
            case .route(let route): space.remove(route)
            case .policyRule(let rule): space.removeRules(priority: rule.priority)
            case .sysctl, .link: break
            }
        }
    }
}

extension FakeKernel.Namespace {
    /// A commit by whoever; a stale one is refused as the kernel does, with "try again".
    public mutating func commit(_ transaction: Transaction, expected: UInt32?) throws(FakeKernel.Refusal) {
        do throws(FakeRuleset.Refusal) {
            try ruleset.commit(transaction, expectedGeneration: expected)
        } catch {
            let errno: Int32 =
                switch error.reason {
                case .notFound: 2
                case .alreadyExists: 17
                case .busy: 16
                case .invalid: 22
                case .stale: 85
                }
            throw FakeKernel.Refusal(errno: errno, text: "\(error)")
        }
    }
}
