public import CloudModel
public import NetworkVocabulary
import RouterPlan
import Ruleset

// The host's share: a bridge for each implemented guest network and for each public segment, the trunk's device on
// it, and the further bridges of a segment that has more ports than one bridge takes.

extension Planner {
    /// The bridge that a network's segment is known by: the root of its shards.
    public static func segment(of network: Network) -> InterfaceName { DeviceNames.guestBridge(network, shard: 0) }

    /// The same for a public range; ranges on one segment share it.
    public static func segment(of range: PublicRange) -> InterfaceName {
        DeviceNames.publicBridge(range.physicalNetwork, range.segment, shard: 0)
    }

    /// The device in the host's namespace that a guest's port is; nil while there is none.
    public static func device(of nic: NIC, in cloud: Cloud) -> InterfaceName? {
        guard let guest = cloud.guests[nic.guest], guest.hasPort(nic) else { return nil }
        return DeviceNames.guestPort(nic, of: guest)
    }

    /// Whether a device of the host is called as ours are, or will be.
    public static func isOwnDevice(_ name: InterfaceName) -> Bool { DeviceNames.isOurs(name) }

    /// The same for a bridge that may be a shard.
    public static func segment(ofBridge bridge: InterfaceName) -> InterfaceName { DeviceNames.root(ofShard: bridge) }

    func addGuestSegment(_ network: Network, _ cloud: Cloud, to share: inout Contribution) {
        guard network.state == .implemented else { return }
        let bridge = DeviceNames.guestBridge(network, shard: 0)
        let wire = cloud.physicalNetworks[network.physicalNetwork]
        let trunk = wire?.trunk
        addBridges(
            shards: cloud.shardCount(ofNetwork: network.id), mtu: network.mtu, origin: network.origin, to: &share
        ) { DeviceNames.guestBridge(network, shard: $0) }
        addTrunk(
            trunk, network.segment, wire?.traffic(.guest), bridge: bridge, mtu: network.mtu, origin: network.origin,
            to: &share)
        if let port = trunkPort(trunk, network.segment) {
            share.add([.interface(port)], to: PortPipeline.trunkPorts, network.origin)
        }
        if let router = cloud.router(ofNetwork: network.id) {
            share.add([.mac(router.guestLeg.mac)], to: PortPipeline.reservedMACs, network.origin)
        }
    }

    /// Ranges on one segment share its bridge; the range with the lowest number asks for it.
    func addPublicSegment(_ range: PublicRange, _ cloud: Cloud, to share: inout Contribution) {
        guard range.id == cloud.firstRange(onSegmentOf: range)?.id else { return }
        let mtu = cloud.mtu(of: range)
        let bridge = { DeviceNames.publicBridge(range.physicalNetwork, range.segment, shard: $0) }
        addBridges(
            shards: cloud.shardCount(ofPublicRange: range.id), mtu: mtu, origin: range.origin, to: &share, name: bridge
        )
        let wire = cloud.physicalNetworks[range.physicalNetwork]
        addTrunk(
            wire?.publicTrunk, range.segment, wire?.traffic(.public), bridge: bridge(0), mtu: mtu,
            origin: range.origin, to: &share)
    }

    private func addBridges(
        shards: Int, mtu: Int, origin: Origin, to share: inout Contribution, name: (Int) -> InterfaceName
    ) {
        let root = name(0)
        share.add(.link(Link(root, .bridge, mtu: mtu, settings: Self.bridgeSettings)), origin)
        for shard in stride(from: 1, to: shards, by: 1) {
            let bridge = name(shard)
            let (rootEnd, shardEnd) = DeviceNames.shardLink(root, shard)
            share.add(.link(Link(bridge, .bridge, mtu: mtu, settings: Self.bridgeSettings)), origin)
            share.add(
                .link(Link(rootEnd, .bridgeLink(peer: shardEnd, peerBridge: bridge), mtu: mtu, bridge: root)), origin)
        }
    }

    /// A bridge is also a port of the host, whose stack takes packets for any of the host's addresses from any link, and
    /// routes others on: what a guest sends to the bridge's own MAC would get there. So the bridge answers no address
    /// resolution, and believes only sources that the host would reach by this very bridge, which has no route.
    ///
    /// A looser `rp_filter` of the machine's (`conf/all` 2) makes no difference: on a link without addresses the kernel
    /// looks no further.
    static let bridgeSettings: [String: UInt32] = ["arp_ignore": 8, "rp_filter": 1]

    /// The device by which a segment's frames leave the host and come in.
    private func trunkPort(_ trunk: InterfaceName?, _ segment: Segment?) -> InterfaceName? {
        guard let trunk else { return nil }
        return switch segment {
        case .vlan(let vlan): DeviceNames.vlan(trunk, vlan)
        case .vxlan(let vni): DeviceNames.vxlan(vni)
        case .untagged, nil: nil
        }
    }

    /// Without a trunk the segment is local to the host and its number only a reservation.
    private func addTrunk(
        _ trunk: InterfaceName?, _ segment: Segment?, _ type: TrafficType?, bridge: InterfaceName, mtu: Int,
        origin: Origin, to share: inout Contribution
    ) {
        guard let trunk else { return }
        switch segment {
        case .vlan(let vlan):
            let device = DeviceNames.vlan(trunk, vlan)
            share.add(.link(Link(device, .vlan(parent: trunk, vlan), mtu: mtu, bridge: bridge)), origin)
        case .vxlan(let vni):
            let device = DeviceNames.vxlan(vni)
            let peers = type?.peers ?? []
            let kind = Link.Kind.vxlan(vni, underlay: trunk, flood: peers.isEmpty ? .group : .peers(peers))
            share.add(.link(Link(device, kind, mtu: mtu, bridge: bridge)), origin)
        case .untagged, nil: break
        }
    }
}
