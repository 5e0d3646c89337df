import LinuxKernel
import NetworkVocabulary
import Reconciler
import RouterPlan

extension LinuxDataplane {
    func add(_ row: Row, _ node: LinuxNode) throws {
        switch row.content {
        case .link(let link): try add(link, row.origin, node)
        case .shaper(let shaper): try put(shaper, row.origin, node)
        case .address(let address):
            try node.route.addAddress(
                KernelAddress(
                    linkIndex: try node.index(of: address.link), address: address.address, hasNoPrefixRoute: true))
            announce(address, node)
        case .neighbour(let neighbour): try put(neighbour, node)
        case .route(let route): try node.route.addRoute(try kernelRoute(route, node), replacing: true)
        case .policyRule(let rule): try node.route.addPolicyRule(kernelRule(rule))
        case .sysctl(let sysctl): try put(sysctl, node)
        }
    }

    func change(_ row: Row, _ node: LinuxNode) throws {
        switch row.content {
        case .link(let link): try change(link, row.origin, node)
        case .shaper(let shaper): try put(shaper, row.origin, node)
        case .neighbour(let neighbour): try put(neighbour, node)
        case .route(let route):
            // Replacing would leave a route of another type in place beside the new one.
            try removeRoutes(route, node)
            try node.route.addRoute(try kernelRoute(route, node), replacing: true)
        case .policyRule(let rule):
            try removeRules(rule, node)
            try node.route.addPolicyRule(kernelRule(rule))
        case .sysctl(let sysctl): try put(sysctl, node)
        case .address: try add(row, node)
        }
    }

    func remove(_ content: Row.Content, _ node: LinuxNode) throws {
        switch content {
        case .link(let link):
            let index = try node.route.link(named: link.name.rawValue).index
            node.indexes[link.name] = nil
            try node.route.deleteLink(index)
        case .shaper(let shaper): try remove(shaper)
        case .address(let address):
            try ignoringAbsence {
                try node.route.deleteAddress(
                    KernelAddress(linkIndex: try node.index(of: address.link), address: address.address))
            }
        case .neighbour(let neighbour):
            try ignoringAbsence {
                try node.route.deleteNeighbour(
                    KernelNeighbour(
                        linkIndex: try node.index(of: neighbour.link), address: neighbour.address, mac: neighbour.mac))
            }
        case .route(let route): try removeRoutes(route, node)
        case .policyRule(let rule): try removeRules(rule, node)
        case .sysctl: break
        }
    }

    // MARK: Links

    private func add(_ link: Link, _ origin: Origin, _ node: LinuxNode) throws {
        let group = node.name.isHost ? birthmark : nil
        let specification = LinkSpecification(link.name, mac: link.mac, mtu: link.mtu, group: group)
        switch link.kind {
        case .loopback: return
        case .bridge:
            // A bridge takes the MTU of its smallest port until somebody has changed it; what it is born with is no change.
            var narrow = specification
            narrow.mtu = link.mtu - 1
            let index = try node.route.addBridge(narrow)
            try adopt(index, link, origin, node, mtu: link.mtu)
            try closeToHost(link.name, node)
        case .leg(let hostEnd, let bridge):
            try addLeg(specification, hostEnd, bridge, origin, node)
            let settings = kernelSettings(link)
            if !settings.isEmpty {
                try node.route.setLink(try node.index(of: link.name), LinkChange(ipv4Settings: settings))
            }
        case .bridgeLink(let peer, let peerBridge):
            let far = try farBridge(peerBridge, carrying: link)
            let index = try node.route.addVeth(
                specification, peer: LinkSpecification(peer, mac: far.portMAC, mtu: far.mtu))
            try adopt(index, link, origin, node)
            try node.route.setLink(
                try node.index(of: peer),
                LinkChange(alias: mark(origin), master: .index(far.index), isUp: true, generatesLinkLocal: false))
        case .vlan(let parent, let vlan):
            let index = try node.route.addVLAN(specification, vlan, on: try trunk(parent, carrying: link, node))
            try adopt(index, link, origin, node)
        case .vxlan(let vni, let underlay, let flood):
            let group = flood == .group ? IPAddress.v4(Self.group(of: vni)) : nil
            let index = try node.route.addVXLAN(
                specification, vni, over: try trunk(underlay, carrying: link, node), remote: group)
            try adopt(index, link, origin, node)
            try put(flood, on: index)
        case .tap: try addTap(link, origin, node)
        case .plug(let name, let device, let mac):
            try addPlug(specification, link, origin, node, into: name, device: device, mac: mac)
        case .foreign: break
        }
    }

    /// What everybody on a segment has to hear goes to this multicast group, the one that CloudStack's hosts use for it.
    /// Without a group nothing would leave the device.
    private static func group(of vni: VNI) -> IPv4Address { IPv4Address(bits: 239 << 24 | vni.rawValue) }

    /// The list is one for all hosts: this one's own address in it is left out.
    private func put(_ flood: Link.Flood, on index: Int32) throws {
        guard case .peers(let peers) = flood else { return }
        let wanted = Set(peers).subtracting(try ownAddresses(among: peers))
        let there = Set(try host.route.floodPeers(of: index))
        for peer in wanted.subtracting(there).sorted() { try host.route.addFloodPeer(peer, to: index) }
        for peer in there.subtracting(wanted).sorted() { try host.route.removeFloodPeer(peer, from: index) }
    }

    func ownAddresses(among peers: [IPv4Address]) throws(KernelError) -> Set<IPv4Address> {
        Set(
            try host.route.addresses().compactMap { own in
                if case .v4(let address) = own.address.address, peers.contains(address) { address } else { nil }
            })
    }

    /// The trunk is the operator's: it may come and go, and is looked up anew each time. Over one that carries less than
    /// the segment is to, the kernel would make a VXLAN device that carries less, and say nothing.
    @discardableResult
    private func trunk(_ name: InterfaceName, carrying link: Link, _ node: LinuxNode) throws -> Int32 {
        let trunk = try node.route.link(named: name.rawValue)
        let encapsulation = link.isOverUnderlay ? VNI.encapsulation : 0
        guard trunk.mtu >= link.mtu + encapsulation else {
            throw KernelError(
                operation: "carry packets of \(link.mtu + encapsulation) bytes over", object: name.rawValue,
                errno: EMSGSIZE, explanation: "its MTU is \(trunk.mtu)")
        }
        return trunk.index
    }

    /// The bridge at the far end of a link between two, and what our port there is like. A bridge of the host's own may come
    /// and go. It is as narrow as its narrowest port, and has the lowest of their hardware addresses for its own.
    private func farBridge(
        _ name: InterfaceName, carrying link: Link
    ) throws -> (index: Int32, mtu: Int, portMAC: MACAddress?) {
        let bridge = try host.route.link(named: name.rawValue)
        host.indexes[name] = bridge.index
        if isOurs(bridge) { return (bridge.index, link.mtu, nil) }
        guard bridge.kind == "bridge" else {
            throw KernelError(
                operation: "carry untagged packets by", object: name.rawValue, errno: EOPNOTSUPP,
                explanation: "it is not a bridge")
        }
        let highest = MACAddress(bits: 0xfe << 40 | .random(in: 0..<1 << 40))
        return (try trunk(name, carrying: link, host), bridge.mtu, highest)
    }

    /// What IPv4's settings in the plan are for one family, this is for the other: a bridge is also a port of the host,
    /// whose stack would take in what guests send to the bridge itself.
    private func closeToHost(_ bridge: InterfaceName, _ node: LinuxNode) throws {
        try put(RouterPlan.Sysctl("net/ipv6/conf/\(bridge)/disable_ipv6", "1"), node)
    }

    /// A new device of the host is marked and joined to its bridge while it is down. It never gets an IPv6 link-local
    /// address: guests would reach the host by it.
    func adopt(_ index: Int32, _ link: Link, _ origin: Origin, _ node: LinuxNode, mtu: Int? = nil) throws {
        node.indexes[link.name] = index
        var change = LinkChange(
            alias: mark(origin), mtu: mtu, generatesLinkLocal: false, ipv4Settings: kernelSettings(link))
        if let bridge = link.bridge { change.master = .index(try node.index(of: bridge)) }
        try node.route.setLink(index, change)
    }

    /// The inner end is born in the node under its final name and stays down until the reconciler raises it; until then
    /// the outer end has no carrier, so raising it at once opens nothing.
    private func addLeg(
        _ inner: LinkSpecification, _ hostEnd: InterfaceName, _ bridge: InterfaceName, _ origin: Origin,
        _ node: LinuxNode
    ) throws {
        let master = try host.index(of: bridge)
        let outer = LinkSpecification(hostEnd, mtu: inner.mtu, group: birthmark)
        let index: Int32
        do throws(KernelError) {
            index = try host.route.addVeth(outer, peer: inner, in: node.namespace)
        } catch {
            // A process that stayed in a namespace whose name is gone keeps its links alive; the name is ours to use.
            guard error.isAlreadyExists, let stray = try? host.route.link(named: hostEnd.rawValue), isOurs(stray),
                (try? node.route.link(named: inner.name.rawValue)) == nil
            else { throw error }
            try host.route.deleteLink(stray.index)
            index = try host.route.addVeth(outer, peer: inner, in: node.namespace)
        }
        host.indexes[hostEnd] = index
        legOwners[hostEnd] = node.name
        try host.route.setLink(
            index,
            LinkChange(alias: mark(origin), master: .index(master), isUp: true, generatesLinkLocal: false))
        // To be looked up: the kernel takes a wish for the inner end's index only together with one for the outer end's.
        node.indexes[inner.name] = nil
    }

    private func change(_ link: Link, _ origin: Origin, _ node: LinuxNode) throws {
        if case .loopback = link.kind { return }
        switch link.kind {
        case .vlan(let trunk, _), .vxlan(_, let trunk, _): try self.trunk(trunk, carrying: link, node)
        default: break
        }
        let there = try node.route.link(named: link.name.rawValue)
        node.indexes[link.name] = there.index
        // Even the same hardware address, set again, makes the kernel forget every neighbour on the link.
        var change = LinkChange(
            mac: link.mac == there.mac ? nil : link.mac, mtu: link.mtu, ipv4Settings: kernelSettings(link))
        if node.name.isHost {
            change.alias = mark(origin)
            change.generatesLinkLocal = false
            change.master = try link.bridge.map { .index(try node.index(of: $0)) } ?? .detached
        }
        try node.route.setLink(there.index, change)
        if node.name.isHost { try removeLinkLocal(of: there) }
        switch link.kind {
        case .leg(let hostEnd, let bridge):
            try joinHostEnd(hostEnd, bridge, mtu: link.mtu, origin)
        case .bridgeLink(let peer, let peerBridge):
            try joinHostEnd(peer, peerBridge, mtu: try farBridge(peerBridge, carrying: link).mtu, origin)
        case .vxlan(_, _, let flood): try put(flood, on: there.index)
        case .plug(let name, _, _): try changePlug(there, link, into: name)
        case .loopback, .bridge, .vlan, .tap, .foreign: break
        }
    }

    private func kernelSettings(_ link: Link) -> [IPv4LinkSetting: UInt32] {
        var settings: [IPv4LinkSetting: UInt32] = [:]
        for (name, value) in link.settings {
            if let setting = IPv4LinkSetting(rawValue: name) { settings[setting] = value }
        }
        return settings
    }

    private func joinHostEnd(_ link: InterfaceName, _ bridge: InterfaceName, mtu: Int, _ origin: Origin) throws {
        // Looked up anew: the reason for a repair may be that our memory of indexes is wrong.
        let there = try host.route.link(named: link.rawValue)
        let index = there.index
        let master = try host.route.link(named: bridge.rawValue).index
        host.indexes[link] = index
        host.indexes[bridge] = master
        try host.route.setLink(
            index,
            LinkChange(alias: mark(origin), mtu: mtu, master: .index(master), isUp: true, generatesLinkLocal: false))
        try removeLinkLocal(of: there)
    }

    /// What a device of the host has given itself while somebody let it.
    private func removeLinkLocal(of link: KernelLink) throws {
        guard link.generatesLinkLocal == true else { return }
        for address in try host.route.addresses(ofLink: link.index) where address.scope == .link {
            guard case .v6 = address.address.address else { continue }
            try ignoringAbsence { try host.route.deleteAddress(address) }
        }
    }

    // MARK: The rest

    /// Who knew the address at another MAC, as the gateway of a public range does, would go on sending there until it
    /// forgets. Nobody answers an announcement, so what became of it is not known and no failure of the change.
    private func announce(_ address: Address, _ node: LinuxNode) {
        guard let herald, !node.name.isHost, case .v4(let ip) = address.address.address,
            let inner = try? node.route.link(node.index(of: address.link)), let mac = inner.mac,
            let outer = inner.peerIndex.flatMap({ try? host.route.link($0) }), isOurs(outer),
            let bridge = outer.masterIndex
        else { return }
        try? herald.announce(ip, at: mac, by: bridge)
    }

    private func put(_ neighbour: Neighbour, _ node: LinuxNode) throws {
        try node.route.addNeighbour(
            KernelNeighbour(
                linkIndex: try node.index(of: neighbour.link), address: neighbour.address, mac: neighbour.mac),
            replacing: true)
    }

    private func put(_ setting: RouterPlan.Sysctl, _ node: LinuxNode) throws {
        if node.isNewborn, newbornValue(setting.path, node) == setting.value {
            node.justWritten[setting.path] = setting.value
            return
        }
        do throws(KernelError) {
            settingWrites += 1
            try LinuxKernel.Sysctl.write(setting.path, setting.value, in: node.namespace)
            node.justWritten[setting.path] = setting.value
        } catch {
            // A kernel without IPv6 has none to switch off.
            guard error.isNotFound, setting.isOfIPv6 else { throw error }
        }
    }

    /// What a new namespace has as this setting. The kernel copies it from the first namespace, so it is the same for all
    /// that are made at about the same time; it is read once a second, since opening these files is a good part of what
    /// a router costs.
    private func newbornValue(_ path: String, _ node: LinuxNode) -> String? {
        let now = ContinuousClock.now
        if let known = newbornSettings[path], now - known.read < .seconds(1) { return known.value }
        let value = try? LinuxKernel.Sysctl.read(path, in: node.namespace)
        newbornSettings[path] = (value, now)
        return value
    }

    /// The value of a setting; that of a family which the kernel does not have is as wanted.
    func readSetting(_ wanted: RouterPlan.Sysctl, _ node: LinuxNode) throws -> String? {
        if let value = node.justWritten.removeValue(forKey: wanted.path) { return value }
        do throws(KernelError) {
            return try LinuxKernel.Sysctl.read(wanted.path, in: node.namespace)
        } catch {
            guard error.isNotFound else { throw error }
            return wanted.isOfIPv6 ? wanted.value : nil
        }
    }

    private func kernelRoute(_ route: Route, _ node: LinuxNode) throws -> KernelRoute {
        KernelRoute(
            route.destination, table: route.table, via: route.gateway, linkIndex: try node.index(of: route.link),
            preferredSource: route.source)
    }

    private func kernelRule(_ rule: PolicyRule) -> KernelPolicyRule {
        let action: KernelPolicyRule.Action =
            switch rule.action {
            case .lookup(let table): .lookUp(table: table)
            case .blackhole: .blackhole
            }
        return KernelPolicyRule(
            rule.family, priority: rule.priority, action, mark: rule.mark.map { .init($0, mask: rule.mask) },
            incomingInterface: rule.isForLocalOutput ? "lo" : nil)
    }

    /// Every route with this table and destination, whoever made it and whatever its metric.
    private func removeRoutes(_ route: Route, _ node: LinuxNode) throws {
        for there in try node.route.routes(route.destination.family, table: route.table)
        where there.destination == route.destination {
            try ignoringAbsence { try node.route.deleteRoute(there) }
        }
    }

    private func removeRules(_ rule: PolicyRule, _ node: LinuxNode) throws {
        for there in try node.route.policyRules(rule.family)
        where there.priority == rule.priority && !Self.isLocalLookup(there) {
            try ignoringAbsence { try node.route.deletePolicyRule(there) }
        }
    }

    /// What is gone already needs no removing.
    private func ignoringAbsence(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as KernelError where error.isNotFound {
            return
        }
    }
}

extension RouterPlan.Sysctl {
    fileprivate var isOfIPv6: Bool { path.hasPrefix("net/ipv6/") }
}

private let EMSGSIZE: Int32 = 90
private let EOPNOTSUPP: Int32 = 95
