import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// Frames of other hosts come to this one inside of packets. The kernel opens such a packet whoever brings it, by whatever
// link; so the host's rules ask where it comes from. What others have on the same port is theirs: only our own segments'
// numbers are spoken of.

/// Where and by what names.
enum UnderlayPipeline {
    static let input: ChainName = "underlay-input"
    static let arrivals: ChainName = "underlay-arrivals"
    /// The numbers of our segments.
    static let segments: SetName = "underlay-segments"
    /// By which link what of a segment comes from a group of hosts.
    static let doors: SetName = "underlay-doors"
    /// The same with the only hosts that it comes from.
    static let peers: SetName = "underlay-peers"
    /// What was not opened, for each segment.
    static let strays: SetName = "underlay-strays"
    /// Before what others have there. Nothing else is refused.
    static let hook = Hook(.filter, .input, priority: -300, policy: .accept)
}

extension Planner {
    /// Whether any wire's segments go over a link of the host inside of packets.
    func carriesOverUnderlay(_ cloud: Cloud) -> Bool {
        cloud.physicalNetworks.values.contains {
            $0.isolation == .vxlan && ($0.trunk != nil || $0.publicTrunk != nil)
        }
    }

    func underlayGuard() -> Table {
        var table = Table(
            NodePlan.underlayGuard.family, NodePlan.underlayGuard.name,
            comment: OwnershipMark(installation.id, installation).text)
        let declarations = [
            SetDeclaration(UnderlayPipeline.segments, key: [.rawVNI], origin: installation),
            SetDeclaration(UnderlayPipeline.doors, key: [.interfaceName, .rawVNI], origin: installation),
            SetDeclaration(UnderlayPipeline.peers, key: [.interfaceName, .ipv4, .rawVNI], origin: installation),
            SetDeclaration(UnderlayPipeline.strays, key: [.rawVNI], countsElements: true, origin: installation),
        ]
        for set in declarations { table.sets[set.name] = set }
        // The number is behind the ports and a word of flags (RFC 7348, 5).
        let number = Field.bytes(.transport, offset: 12, count: 3)
        table.chains = [
            Chain(
                UnderlayPipeline.input, hook: UnderlayPipeline.hook,
                rules: [
                    guardRule([
                        Self.isUDP, .match(.destinationPort, .equal, .port(4789)),
                        .lookup([number], in: UnderlayPipeline.segments, .equal),
                        .verdict(.goto(UnderlayPipeline.arrivals)),
                    ])
                ]),
            Chain(
                UnderlayPipeline.arrivals,
                rules: [
                    guardRule([
                        Self.isUDP, .lookup([.inputInterface, number], in: UnderlayPipeline.doors, .equal),
                        .verdict(.accept),
                    ]),
                    guardRule([
                        .match(.networkProtocol, .equal, .family(.ipv4)), Self.isUDP,
                        .lookup([.inputInterface, .ipv4Source, number], in: UnderlayPipeline.peers, .equal),
                        .verdict(.accept),
                    ]),
                    guardRule([Self.isUDP, .lookup([number], in: UnderlayPipeline.strays, .equal), .verdict(.drop)]),
                    guardRule([.counter, .verdict(.drop)]),
                ]),
        ]
        return table
    }

    func addDoor(of network: Network, _ cloud: Cloud, to share: inout Contribution) {
        guard network.state == .implemented, let wire = cloud.physicalNetworks[network.physicalNetwork] else { return }
        addDoor(of: network.segment, by: wire.trunk, wire.traffic(.guest), network.origin, to: &share)
    }

    func addDoor(of range: PublicRange, _ cloud: Cloud, to share: inout Contribution) {
        guard range.id == cloud.firstRange(onSegmentOf: range)?.id,
            let wire = cloud.physicalNetworks[range.physicalNetwork]
        else { return }
        addDoor(of: range.segment, by: wire.publicTrunk, wire.traffic(.public), range.origin, to: &share)
    }

    private func addDoor(
        of segment: Segment?, by link: InterfaceName?, _ type: TrafficType?, _ origin: Origin,
        to share: inout Contribution
    ) {
        guard case .vxlan(let vni)? = segment, let link else { return }
        let number = Value.rawVNI(vni)
        share.add([number], to: UnderlayPipeline.segments, origin)
        share.add([number], to: UnderlayPipeline.strays, origin)
        let peers = type?.peers ?? []
        if peers.isEmpty { share.add([.interface(link), number], to: UnderlayPipeline.doors, origin) }
        for peer in peers { share.add([.interface(link), .ipv4(peer), number], to: UnderlayPipeline.peers, origin) }
    }
}
