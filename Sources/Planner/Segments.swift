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
        addBridges(
            shards: cloud.shardCount(ofNetwork: network.id), mtu: network.mtu, origin: network.origin, to: &share
        ) { DeviceNames.guestBridge(network, shard: $0) }
        let wire = cloud.physicalNetworks[network.physicalNetwork]
        if let uplink = uplink(of: network.segment, .guest, wire, bridge, mtu: network.mtu) {
            share.add(.link(uplink), network.origin)
            share.add([.interface(uplink.name)], to: PortPipeline.trunkPorts, network.origin)
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
        if let uplink = uplink(of: range.segment, .public, wire, bridge(0), mtu: mtu) {
            share.add(.link(uplink), range.origin)
        }
    }

    private func addBridges(
        shards: Int, mtu: Int, origin: Origin, to share: inout Contribution, name: (Int) -> InterfaceName
    ) {
        let root = name(0)
        share.add(.link(Link(root, .bridge, mtu: mtu, settings: Self.bridgeSettings)), origin)
        for shard in stride(from: 1, to: shards, by: 1) {
            let bridge = name(shard)
            let (rootEnd, shardEnd) = DeviceNames.bridgePair(root, shard)
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

    /// The device by which a segment's frames leave the host and come in. Without one the segment is local to the host and
    /// its number only a reservation.
    private func uplink(
        of segment: Segment?, _ kind: TrafficType.Kind, _ wire: PhysicalNetwork?, _ bridge: InterfaceName, mtu: Int
    ) -> Link? {
        guard let wire, let type = wire.traffic(kind), let trunk = type.interface else { return nil }
        switch segment {
        case .vlan(let vlan):
            return Link(DeviceNames.vlan(trunk, vlan), .vlan(parent: trunk, vlan), mtu: mtu, bridge: bridge)
        case .vxlan(let vni):
            let flood = type.peers.isEmpty ? Link.Flood.group : .peers(type.peers)
            return Link(DeviceNames.vxlan(vni), .vxlan(vni, underlay: trunk, flood: flood), mtu: mtu, bridge: bridge)
        case .untagged:
            // A simulated internet is not let out to a real one, and clients' labels name bridges of no host.
            guard !simulatesInternet, let other = wire.uplinkBridge(kind) else { return nil }
            let (rootEnd, otherEnd) = DeviceNames.bridgePair(bridge, 0)
            return Link(rootEnd, .bridgeLink(peer: otherEnd, peerBridge: other), mtu: mtu, bridge: bridge)
        case nil: return nil
        }
    }
}
