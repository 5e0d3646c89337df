import NetworkVocabulary
import Reconciler
import RouterPlan

// What is there in the plan's words, as `Dataplane.observe` promises it.

extension FakeKernel.Namespace {
    /// Only what is ours, shown without an MTU where the mark is missing, and not the outer ends of legs, which belong to the nodes' rows.
    func observedAsHost(_ plan: NodePlan, _ names: [NodeName: FakeKernel.Place]) -> Observation {
        var observation = Observation(exists: true)
        for (name, device) in devices where device.mark != nil || device.isBornOurs {
            let kind: Link.Kind
            switch device.kind {
            case .bridge: kind = .bridge
            case .veth(let peer, .host):
                guard name.rawValue.hasPrefix("slu"), let other = devices[peer] else { continue }
                kind = .bridgeLink(peer: peer, peerBridge: other.isUp ? other.master ?? nowhere : nowhere)
            case .vlan(let vlan, let parent): kind = .vlan(parent: parent, vlan)
            case .vxlan(let vni, let underlay, let flood): kind = .vxlan(vni, underlay: underlay, flood: flood)
            case .tap: kind = .tap
            case .veth(_, let place) where name.rawValue.hasPrefix(Link.plugPrefix):
                guard case .link(let planned)? = plan.rows[.link(name)]?.content,
                    case .plug(let namespace, _, _) = planned.kind, names[NodeName(namespace.rawValue)] == place
                else {
                    kind = .foreign("veth")
                    break
                }
                kind = planned.kind
            case .loopback, .veth, .other: continue
            }
            if let shaper = shapers[name] { observation.contents[.shaper(name)] = .shaper(shaper) }
            let link = Link(
                name, kind, mac: kind.isGuestPort ? nil : device.mac, mtu: device.mark == nil ? 0 : device.mtu,
                bridge: kind == .bridge ? nil : device.master, settings: device.settings)
            observation.contents[.link(name)] = .link(link)
            if !device.isUp { observation.linksDown.insert(name) }
        }
        return observation
    }

    /// A leg whose outer end is down hangs nowhere.
    private var nowhere: InterfaceName { FakeKernel.loopback }

    func observed(as place: FakeKernel.Place, _ plan: NodePlan, host: FakeKernel.Namespace?) -> Observation {
        var observation = Observation(exists: true, owner: owner)
        var contents: [Row.Content] = []
        for (name, device) in devices {
            if !device.isUp { observation.linksDown.insert(name) }
            let isLoopback = device.kind == .loopback
            contents.append(
                .link(
                    Link(
                        name, linkKind(device, host), mac: isLoopback ? nil : device.mac,
                        mtu: isLoopback ? 65536 : device.mtu, settings: device.settings)))
        }
        contents += shapers.values.map { .shaper($0) }
        contents +=
            addresses.map { .address($0) } + neighbours.map { .neighbour($0) } + routes.values.map { .route($0) }
        for rule in rules {
            // Two of one priority are shown as one that no plan asks for.
            let isAlone = !rules.contains { $0 != rule && $0.priority == rule.priority }
            contents.append(
                .policyRule(isAlone ? rule : PolicyRule(priority: rule.priority, mark: 0, mask: 0, .blackhole)))
        }
        for case .sysctl(let wanted) in plan.rows.values.map(\.content) {
            if let value = settings[wanted.path] { contents.append(.sysctl(Sysctl(wanted.path, value))) }
        }
        for content in contents { observation.contents[content.key] = content }
        return observation
    }

    private func linkKind(_ device: FakeKernel.Device, _ host: FakeKernel.Namespace?) -> Link.Kind {
        switch device.kind {
        case .loopback: return .loopback
        case .veth(let outerName, .host):
            guard let outer = host?.devices[outerName] else { return .foreign("veth") }
            return .leg(hostEnd: outerName, bridge: outer.isUp ? outer.master ?? nowhere : nowhere)
        case .veth: return .foreign("veth")
        case .bridge: return .foreign("bridge")
        case .vlan: return .foreign("vlan")
        case .vxlan: return .foreign("vxlan")
        case .tap: return .foreign("tun")
        case .other(let kind): return .foreign(kind)
        }
    }
}
