import LinuxKernel
import NetworkVocabulary
public import Reconciler
public import RouterPlan
import Ruleset

extension LinuxDataplane {
    public func observe(_ plan: NodePlan) throws(DataplaneError) -> Observation {
        do {
            guard let node = try node(plan.name) else { return .absent }
            if plan.name.isUnderlay { return try observeUnderlay() }
            node.lastLook = .now
            // What was remembered may be what went wrong.
            node.indexes = [:]
            node.generation = nil
            node.isNewborn = false
            return plan.name.isHost ? try observeHost(plan) : try observe(node, plan)
        } catch {
            throw DataplaneError(operation: "observe \(plan.name)", reason: "\(error)")
        }
    }

    public func holds(_ delta: PlanDelta, of plan: NodePlan) throws(DataplaneError) -> Bool {
        do {
            // Rows were acknowledged one by one by the kernel, which applies before it answers. Of the ruleset, what was
            // changed is read back element by element.
            guard let node = try node(delta.node), let table = plan.table else { return true }
            let sets = Set(delta.removedElements.keys).union(delta.addedElements.keys)
            for set in sets {
                guard let declaration = table.sets[set] else { return false }
                let added = delta.addedElements[set] ?? [:]
                for key in Set(added.keys).union((delta.removedElements[set] ?? [:]).keys) {
                    let there = try node.netfilter.readElement(key, of: declaration, in: table.family, table.name)
                    guard there?.content == added[key]?.content,
                        there?.comment == added[key]?.origin.description
                    else { return false }
                }
            }
            for name in Set(delta.removedBranches.keys).union(delta.addedBranches.keys) {
                let rules = try node.netfilter.readRules(of: name, in: table.family, table.name)
                guard rules == delta.addedBranches[name]?.inKernel(table.family) else { return false }
            }
            return true
        } catch {
            throw DataplaneError(operation: "read back \(delta.node)", reason: "\(error)")
        }
    }

    /// Whether something heard at that moment may be unknown to the last look at the node.
    func isNews(_ heard: ContinuousClock.Instant, of name: NodeName) -> Bool {
        if name.isUnderlay { return lastUnderlayLook.map { heard >= $0 } ?? true }
        guard let look = (name.isHost ? host : nodes[name])?.lastLook else { return true }
        return heard >= look
    }

    /// Whether a link that made itself heard is as its node's plan has it. `place` is where it was heard: the outer end
    /// of a leg is heard in the host's namespace.
    func isInOrder(_ link: InterfaceName, seenIn place: NodeName, _ plan: NodePlan) -> Bool {
        guard let node = try? node(plan.name) else { return false }
        let row =
            plan.rows[.link(link)]
            ?? plan.rows.values.first { row in
                if case .link(let planned) = row.content { planned.hostEnds.contains(link) } else { false }
            }
        guard case .link(let planned)? = row?.content else {
            // Not planned: on the host it is a node's queue or somebody else's, in a node it should not be.
            if place.isHost {
                return plan.name.isHost && legOwners[link] == nil || isShapedAsPlanned(link, plan)
            }
            guard let there = try? node.route.link(named: link.rawValue) else { return true }
            return !Self.removable.contains(there.kind)
        }
        guard let there = try? node.route.link(named: planned.name.rawValue), there.isUp else { return false }
        if planned.kind == .loopback { return true }
        guard let content = plan.name.isHost ? hostContent(there, plan) : try? nodeContent(there) else { return false }
        return Row.Content.link(planned).isSatisfied(by: content)
    }

    private func hostContent(_ link: KernelLink, _ plan: NodePlan) -> Row.Content? {
        hostContent(link, plan) { [host] in try? host.route.link($0) }
    }

    /// A device of a node in the plan's words. Nil for fallback tunnel devices, which appear in every namespace by
    /// themselves and cannot be removed.
    private func nodeContent(_ link: KernelLink) throws -> Row.Content? {
        guard let name = InterfaceName(link.name) else { return nil }
        if link.index == 1 {
            return .link(Link(name, .loopback, mtu: 65536, settings: settings(link)))
        }
        let kind: Link.Kind
        if link.kind == "veth" {
            kind = try legKind(link)
        } else if Self.removable.contains(link.kind) {
            kind = .foreign(link.kind)
        } else {
            return nil
        }
        return .link(Link(name, kind, mac: link.mac, mtu: link.mtu, settings: settings(link)))
    }

    // MARK: The host

    /// Of the host's namespace we see what carries our mark. The outer ends of legs belong to the nodes' rows.
    private func observeHost(_ plan: NodePlan) throws -> Observation {
        var observation = Observation(exists: true)
        observation.table = try ownTable(NodePlan.portGuard, of: .host)
        let links = try host.route.links()
        let byIndex = Dictionary(links.map { ($0.index, $0) }) { first, _ in first }
        for link in links where isOurs(link) {
            guard let name = InterfaceName(link.name) else { continue }
            host.indexes[name] = link.index
            guard let content = hostContent(link, plan, { byIndex[$0] }) ?? strayQueue(link, links) else { continue }
            observation.contents[content.key] = content
            if !link.isUp { observation.linksDown.insert(name) }
            if case .link(let seen) = content, seen.isGuestPort { try seeShaper(of: name, plan, &observation) }
        }
        return observation
    }

    /// The host's own address is among the wanted peers and not among the kernel's.
    private func flood(of link: KernelLink, _ plan: NodePlan) -> Link.Flood {
        if link.hasRemote { return .group }
        var peers = (try? host.route.floodPeers(of: link.index)) ?? []
        if let name = InterfaceName(link.name), case .link(let planned)? = plan.rows[.link(name)]?.content,
            case .vxlan(_, _, .peers(let wanted)) = planned.kind, wanted != peers
        {
            peers += ((try? ownAddresses(among: wanted)) ?? []).filter { !peers.contains($0) }
        }
        return .peers(peers.sorted())
    }

    private func observeUnderlay() throws -> Observation {
        lastUnderlayLook = .now
        return Observation(exists: true, table: try ownTable(NodePlan.underlayGuard, of: .underlay))
    }

    /// A table of the host's namespace, if it is ours.
    private func ownTable(
        _ table: (family: TableFamily, name: String), of name: NodeName
    ) throws -> KernelTable? {
        let there: KernelTable?
        (there, host.generation) = try host.netfilter.readTable(table.family, table.name)
        let isForeign = there.map { ours($0.comment) == nil } ?? false
        if isForeign { foreignTables.insert(name) } else { foreignTables.remove(name) }
        return isForeign ? nil : there
    }

    private func seeShaper(
        of port: InterfaceName, _ plan: NodePlan, _ observation: inout Observation
    ) throws {
        legOwners[port] = .host
        let isLimited = plan.rows[.shaper(port)] != nil
        guard let shaper = try shaper(of: port, port: port, isPlanned: isLimited) else { return }
        legOwners[shaper.queue] = .host
        observation.contents[.shaper(port)] = .shaper(shaper)
    }

    /// A device of the host in the plan's words; nil for what no plan of the host speaks of, as the outer ends of legs.
    private func hostContent(
        _ link: KernelLink, _ plan: NodePlan, _ find: (Int32) -> KernelLink?
    ) -> Row.Content? {
        func name(_ index: Int32?) -> InterfaceName? { index.flatMap(find).flatMap { InterfaceName($0.name) } }
        guard let own = InterfaceName(link.name) else { return nil }
        let kind: Link.Kind
        switch link.kind {
        case "bridge": kind = .bridge
        // One of another kind, or that goes with its opener, is shown as something that no plan asks for.
        case "tun": kind = link.isLastingTap ? .tap : .foreign(link.kind)
        case "veth" where link.name.hasPrefix(Link.plugPrefix): kind = plugKind(link, plan)
        case "veth":
            // Of a pair inside the host one end stands for both: the one on the root bridge, by its name.
            guard link.peerNamespaceID == nil, link.name.hasPrefix("slu"), let peer = link.peerIndex.flatMap(find),
                let peerName = InterfaceName(peer.name)
            else { return nil }
            // One that hangs nowhere, or is down, is to be set right.
            let bridge = peer.isUp && peer.generatesLinkLocal != true ? name(peer.masterIndex) : nil
            kind = .bridgeLink(peer: peerName, peerBridge: bridge ?? Self.loopback)
        case "vlan":
            // One that we cannot say more of is shown as something that no plan asks for, so that it goes.
            guard let vlan = link.vlan, let parent = name(link.peerIndex) else {
                return .link(Link(own, .foreign(link.kind), mtu: link.mtu))
            }
            kind = .vlan(parent: parent, vlan)
        case "vxlan":
            guard let vni = link.vni, let underlay = name(link.peerIndex) else {
                return .link(Link(own, .foreign(link.kind), mtu: link.mtu))
            }
            kind = .vxlan(vni, underlay: underlay, flood: flood(of: link, plan))
        default: return nil
        }
        // One without its mark is shown in a form that no plan asks for: to be set right, which marks it, or removed. So is
        // one that gives itself an address.
        let mtu = isHalfMade(link) || link.generatesLinkLocal == true ? 0 : link.mtu
        return .link(
            Link(
                own, kind, mac: kind.isGuestPort ? nil : link.mac, mtu: mtu,
                bridge: kind == .bridge ? nil : name(link.masterIndex),
                settings: settings(link)))
    }

    /// A queue whose port is gone, shown as something that no plan asks for. The two carry the mark of one object.
    private func strayQueue(_ link: KernelLink, _ links: [KernelLink]) -> Row.Content? {
        guard link.kind == "ifb", let name = InterfaceName(link.name),
            !links.contains(where: { ["veth", "tun"].contains($0.kind) && $0.alias == link.alias && link.alias != nil })
        else { return nil }
        return .link(Link(name, .foreign(link.kind), mtu: link.mtu))
    }

    private func names(of links: [KernelLink]) -> [Int32: InterfaceName] {
        Dictionary(links.compactMap { link in InterfaceName(link.name).map { (link.index, $0) } }) { first, _ in first }
    }

    // MARK: A namespace of ours

    private func observe(_ node: LinuxNode, _ plan: NodePlan) throws -> Observation {
        var observation = Observation(exists: true)
        observation.lostItsName = try !directory.isMounted(node.namespace, as: node.name.text)
        let links = try node.route.links()
        observation.owner = ours(links.first { $0.index == 1 }?.alias)
        let names = names(of: links)
        for link in links { try see(link, node, plan, &observation) }
        for address in try node.route.addresses() { see(address, names, &observation) }
        for neighbour in try node.route.neighbours() { see(neighbour, names, &observation) }
        for route in try node.route.routes(.ipv4) { see(route, names, &observation) }
        for rule in try node.route.policyRules(.ipv4) { see(rule, &observation) }
        for case .sysctl(let wanted) in plan.rows.values.map(\.content) {
            if let value = try readSetting(wanted, node) {
                observation.contents[.sysctl(wanted.path)] = .sysctl(Sysctl(wanted.path, value))
            }
        }
        if let table = plan.table {
            let (there, generation) = try node.netfilter.readTable(table.family, table.name)
            observation.table = there
            node.generation = generation
        }
        return observation
    }

    private func see(
        _ link: KernelLink, _ node: LinuxNode, _ plan: NodePlan, _ observation: inout Observation
    ) throws {
        guard let content = try nodeContent(link), case .link(let seen) = content else { return }
        if !link.isUp { observation.linksDown.insert(seen.name) }
        if case .leg(let hostEnd, _) = seen.kind {
            legOwners[hostEnd] = node.name
            let isLimited = plan.rows[.shaper(seen.name)] != nil
            if let shaper = try shaper(of: seen.name, port: hostEnd, isPlanned: isLimited) {
                legOwners[shaper.queue] = node.name
                observation.contents[.shaper(seen.name)] = .shaper(shaper)
            }
        }
        node.indexes[seen.name] = link.index
        observation.contents[content.key] = content
    }

    private func settings(_ link: KernelLink) -> [String: UInt32] {
        Dictionary(uniqueKeysWithValues: link.ipv4Settings.map { ($0.rawValue, $1) })
    }

    static let removable: Set<String> = [
        "veth", "dummy", "bridge", "vlan", "vxlan", "macvlan", "ipvlan", "bond", "ifb",
    ]

    /// Where the other end of a leg hangs; a pair without an end on one of the host's bridges is no leg of ours.
    func legKind(_ link: KernelLink) throws -> Link.Kind {
        guard link.peerNamespaceID != nil, let peerIndex = link.peerIndex, let outer = try? host.route.link(peerIndex),
            outer.kind == "veth", let outerName = InterfaceName(outer.name)
        else { return .foreign(link.kind) }
        // A leg that hangs nowhere, is down or gives itself an address is ours and to be set right.
        guard outer.isUp, outer.generatesLinkLocal != true, let master = outer.masterIndex,
            let bridge = InterfaceName(try host.route.link(master).name)
        else { return .leg(hostEnd: outerName, bridge: Self.loopback) }
        return .leg(hostEnd: outerName, bridge: bridge)
    }

    private func see(_ address: KernelAddress, _ names: [Int32: InterfaceName], _ observation: inout Observation) {
        // The loopback's own, and what IPv6 gives itself on a link, are the kernel's.
        guard let link = names[address.linkIndex], address.scope == .universe else { return }
        let content = Row.Content.address(Address(address.address, on: link))
        observation.contents[content.key] = content
    }

    private func see(_ neighbour: KernelNeighbour, _ names: [Int32: InterfaceName], _ observation: inout Observation) {
        guard let link = names[neighbour.linkIndex], let mac = neighbour.mac, link != Self.loopback else { return }
        let content = Row.Content.neighbour(Neighbour(neighbour.address, at: mac, on: link))
        observation.contents[content.key] = content
    }

    private func see(_ route: KernelRoute, _ names: [Int32: InterfaceName], _ observation: inout Observation) {
        guard route.table != KernelRoute.localTable else { return }
        // A route that leads nowhere is shown as one out of the loopback, which no plan asks for.
        let link = route.kind == .unicast ? route.linkIndex.flatMap { names[$0] } ?? Self.loopback : Self.loopback
        let content = Row.Content.route(
            Route(route.destination, via: route.gateway, on: link, table: route.table, source: route.preferredSource))
        // Of several routes to one destination the one with the best metric counts.
        if route.metric == 0 || observation.contents[content.key] == nil {
            observation.contents[content.key] = content
        }
    }

    /// The kernel's own first rule, without which nothing works.
    static func isLocalLookup(_ rule: KernelPolicyRule) -> Bool {
        var plain = KernelPolicyRule(rule.family, priority: 0, .lookUp(table: KernelRoute.localTable))
        plain.maker = rule.maker
        return rule == plain
    }

    private func see(_ rule: KernelPolicyRule, _ observation: inout Observation) {
        guard !Self.isLocalLookup(rule) else { return }
        let action: PolicyRule.Action
        var isExpressible =
            !rule.hasForeignConditions && rule.source == nil && rule.destination == nil
            && rule.outgoingInterface == nil && (rule.incomingInterface == nil || rule.incomingInterface == "lo")
        switch rule.action {
        case .lookUp(let table): action = .lookup(table: table)
        case .blackhole: action = .blackhole
        default:
            action = .blackhole
            isExpressible = false
        }
        let key = RowKey.policyRule(rule.family, priority: rule.priority)
        if observation.contents[key] != nil { isExpressible = false }
        // A rule that we would never write, or two of one priority, is shown as one that no plan asks for.
        observation.contents[key] = .policyRule(
            isExpressible
                ? PolicyRule(
                    priority: rule.priority, family: rule.family, isForLocalOutput: rule.incomingInterface == "lo",
                    mark: rule.mark?.value, mask: rule.mark?.mask ?? ~0, action)
                : PolicyRule(priority: rule.priority, family: rule.family, mark: 0, mask: 0, .blackhole))
    }
}
