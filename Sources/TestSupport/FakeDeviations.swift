import NetworkVocabulary
public import Reconciler
public import RouterPlan
import Ruleset

// Whether a fake kernel holds plans, found out without the reconciler's comparison.

extension FakeKernel {
    /// One line for everything that is not as planned; none when every node is, and nothing else of ours is there.
    public func deviations(from plans: some Collection<NodePlan>) -> [String] {
        var lines: [String] = []
        for (name, place) in names where spaces[place]?.owner != nil && !plans.contains(where: { $0.name == name }) {
            lines.append("\(name) should not be")
        }
        for (name, device) in spaces[.host]?.devices ?? [:] where device.mark != nil && !Self.expects(name, plans) {
            lines.append("\(name) should not be on the host")
        }
        for plan in plans {
            guard let space = self[plan.name] else {
                lines.append("\(plan.name) is missing")
                continue
            }
            lines += deviations(of: space, from: plan).map { "\(plan.name): \($0)" }
        }
        return lines.sorted()
    }

    private static func expects(_ device: InterfaceName, _ plans: some Collection<NodePlan>) -> Bool {
        plans.contains { plan in
            plan.rows.values.contains { row in
                guard case .link(let link) = row.content else { return false }
                return plan.name.isHost && link.name == device || link.hostEnds.contains(device)
            }
        }
    }

    private func deviations(of space: Namespace, from plan: NodePlan) -> [String] {
        var lines: [String] = []
        func expect(_ isTrue: Bool, _ line: @autoclosure () -> String) { if !isTrue { lines.append(line()) } }
        var (links, addresses, neighbours, routes) = (Set<InterfaceName>(), Set<Address>(), Set<Neighbour>(), 0)
        var rules: Set<PolicyRule> = []
        var shapers = 0
        for row in plan.rows.values {
            switch row.content {
            case .link(let link):
                links.insert(link.name)
                expect(holds(link, in: plan.name.isHost ? .host : names[plan.name] ?? .host), "\(link)")
            case .shaper(let shaper):
                shapers += 1
                expect(space.shapers[shaper.link] == shaper, "\(shaper)")
            case .address(let address): addresses.insert(address)
            case .neighbour(let neighbour): neighbours.insert(neighbour)
            case .route(let route):
                routes += 1
                expect(space.routes[row.key] == route, "\(route)")
            case .policyRule(let rule): rules.insert(rule)
            case .sysctl(let sysctl): expect(space.settings[sysctl.path] == sysctl.value, "\(sysctl)")
            }
        }
        if let table = plan.table {
            expect(space.ruleset.table(table.family, table.name)?.comparable == table.comparable, "the table differs")
        }
        guard !plan.name.isInHostNamespace else { return lines }
        expect(space.owner == plan.owner, "it belongs to \(space.owner.map(\.description) ?? "nobody")")
        expect(Set(space.devices.keys) == links, "links \(space.devices.keys.sorted())")
        expect(Set(space.addresses) == addresses && space.addresses.count == addresses.count, "\(space.addresses)")
        expect(space.neighbours == neighbours, "neighbours \(space.neighbours)")
        expect(space.shapers.count == shapers, "shapers \(space.shapers)")
        expect(space.routes.count == routes, "there are \(space.routes.count) routes")
        expect(space.rules == (rules.isEmpty ? Self.defaultRules : rules), "rules \(space.rules)")
        return lines
    }

    private func holds(_ link: Link, in place: Place) -> Bool {
        guard let device = spaces[place]?.devices[link.name], device.isUp,
            device.mtu == link.mtu || link.kind == .loopback,
            link.mac == nil || device.mac == link.mac,
            link.settings.allSatisfy({ device.settings[$0] == $1 })
        else { return false }
        func joins(_ end: InterfaceName, _ bridge: InterfaceName, _ kind: Device.Kind) -> Bool {
            guard let outer = spaces[.host]?.devices[end] else { return false }
            return outer.kind == kind && outer.master == bridge && outer.isUp && outer.mark != nil
        }
        switch (link.kind, device.kind) {
        case (.loopback, .loopback): return true
        case (.bridge, .bridge): return device.mark != nil
        case (.leg(let hostEnd, let bridge), let kind):
            return kind == .veth(peer: hostEnd, .host) && joins(hostEnd, bridge, .veth(peer: link.name, place))
        case (.bridgeLink(let peer, let peerBridge), let kind):
            return kind == .veth(peer: peer, .host) && device.master == link.bridge
                && joins(peer, peerBridge, .veth(peer: link.name, .host))
        case (.vlan(let parent, let vlan), let kind):
            return kind == .vlan(vlan, parent: parent) && device.master == link.bridge
        case (.vxlan(let vni, let underlay, let flood), let kind):
            return kind == .vxlan(vni, underlay: underlay, flood: flood) && device.master == link.bridge
        case (.tap, .tap): return device.master == link.bridge && device.mark != nil
        case (.plug(let name, _, _), .veth(_, let other)):
            return names[NodeName(name.rawValue)] == other && device.master == link.bridge && device.mark != nil
        default: return false
        }
    }

    /// Why a packet could be forwarded without our rules having allowed it; nil when none could.
    public var breach: String? {
        for (name, place) in names {
            guard let space = spaces[place], space.owner != nil, space.settings["net/ipv4/ip_forward"] == "1" else {
                continue
            }
            guard space.devices.contains(where: { $0.key != Self.loopback && $0.value.isUp }) else { continue }
            if space.ruleset.table(.inet, "sluice") == nil { return "\(name) forwards without a table" }
            if !space.rules.contains(where: { $0.action == .blackhole && $0.mark == nil && !$0.isForLocalOutput }) {
                return "\(name) forwards without a last rule"
            }
            if space.rules.contains(where: { $0.action != .blackhole && $0.mark == nil && !$0.isForLocalOutput }) {
                return "\(name) forwards what has no mark"
            }
        }
        return nil
    }

    /// Why a guest's port was opened too early by this step; nil when it was not.
    public func haste(after step: Step, on node: NodeName) -> String? {
        guard case .raise(let link, _) = step, let port = guestPort(behind: link, in: node) else { return nil }
        let (family, name) = NodePlan.portGuard
        guard let table = spaces[.host]?.ruleset.table(family, name) else { return "\(port) is open without a guard" }
        let isGuarded = table.elements["guest-ports"]?[ElementKey([.interface(port)])] != nil
        return isGuarded ? nil : "\(port) is open before it has its rules"
    }

    private func guestPort(behind link: InterfaceName, in node: NodeName) -> InterfaceName? {
        if node.isHost { return link.rawValue.hasPrefix("slg") ? link : nil }
        guard let place = names[node], case .veth(let port, .host)? = spaces[place]?.devices[link]?.kind,
            port.rawValue.hasPrefix("slg")
        else { return nil }
        return port
    }
}
