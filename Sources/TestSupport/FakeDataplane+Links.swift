import NetworkVocabulary
import RouterPlan

// Links that are there, brought to another form.

extension FakeDataplane {
    func join(
        _ end: InterfaceName, _ bridge: InterfaceName, _ mtu: Int, _ origin: Origin
    ) throws(FakeKernel.Refusal) {
        try kernel.setDevice(end) {
            $0.mark = origin
            $0.master = bridge
            $0.mtu = mtu
            $0.isUp = true
        }
    }

    func change(_ link: Link, _ origin: Origin, _ place: FakeKernel.Place) throws(FakeKernel.Refusal) {
        if case .loopback = link.kind { return }
        if let bridge = link.bridge { _ = try kernel.device(bridge) }
        try kernel.setDevice(link.name, in: place) {
            if let mac = link.mac { $0.mac = mac }
            $0.mtu = link.mtu
            $0.settings.merge(link.settings) { $1 }
            guard place == .host else { return }
            $0.mark = origin
            $0.master = link.bridge
        }
        switch link.kind {
        case .leg(let hostEnd, let bridge): try join(hostEnd, bridge, link.mtu, origin)
        case .bridgeLink(let peer, let peerBridge): try join(peer, peerBridge, link.mtu, origin)
        case .plug(let name, _, _):
            guard let other = kernel.names[NodeName(name.rawValue)],
                case .veth(let inner, other)? = kernel.spaces[place]?.devices[link.name]?.kind
            else { throw FakeKernel.Refusal(errno: 19, text: "no other end of \(link.name)") }
            try kernel.setDevice(inner, in: other) {
                $0.mtu = link.mtu
                $0.isUp = true
            }
        case .vxlan(let vni, let underlay, let flood):
            try kernel.setDevice(link.name, in: place) { $0.kind = .vxlan(vni, underlay: underlay, flood: flood) }
        case .loopback, .bridge, .vlan, .tap, .foreign: break
        }
    }
}
