import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// With which address what a guest opens leaves: its own public one where it has static NAT, else the network's; to the
// outside and, since it is an outsider there, to a public address of its own network.

extension Planner {
    func sourceNATSets(_ origin: Origin) -> [SetDeclaration] {
        [
            SetDeclaration(Pipeline.sourceNAT, key: [.interfaceName], yield: .values([.ipv4]), origin: origin),
            SetDeclaration(Pipeline.indirectGuests, key: [.ipv4], origin: origin),
        ]
    }

    func sourceNATRules(_ network: Network, _ origin: Origin) -> [Rule] {
        let isIPv4 = FamilyWords.ipv4.isFamily
        // A guest that routes elsewhere would answer elsewhere, were it not asked by a neighbour.
        let asNeighbour = network.gateway.map { gateway in
            Rule(
                network.origin,
                [
                    Self.toGuests, .connectionStatus(.destinationNAT), isIPv4,
                    .lookup([.ipv4Destination], in: Pipeline.indirectGuests, .equal),
                    .sourceNAT(.ipv4, .value(.ipv4(gateway))),
                ])
        }
        return (asNeighbour.map { [$0] } ?? []) + [
            Rule(
                origin,
                [Self.fromGuests, isIPv4, .sourceNAT(.ipv4, .map(Pipeline.staticNATOut, key: [.ipv4Source]))]),
            Rule(
                origin,
                [Self.fromGuests, isIPv4, .sourceNAT(.ipv4, .map(Pipeline.sourceNAT, key: [.outputInterface]))]),
            // No private address leaves, not even from under a packet that was on its way while the address changed.
            Rule(origin, [Self.fromGuests, Self.toOutside, isIPv4, .counter, .verdict(.drop)]),
        ]
    }

    /// The router's own default route, and the guests' leg, are those of the source NAT address: it can be another one
    /// tomorrow, on another leg.
    func addSourceNAT(
        _ address: PublicAddress, _ leg: VirtualRouter.PublicLeg, _ range: PublicRange, to share: inout Contribution
    ) {
        let origin = address.origin
        let device = DeviceNames.inside(leg.index)
        for output in [device, DeviceNames.inside(0)] {
            share.add([.interface(output)], .values([.ipv4(address.address)]), to: Pipeline.sourceNAT, origin)
        }
        share.add(
            [.interface(DeviceNames.inside(0))], .values([.mark(LegMark.mark(ofLeg: leg.index))]),
            to: Pipeline.legMarks, origin)
        share.add(.route(Route(.defaultIPv4, via: .v4(range.gateway), on: device, table: Route.mainTable)), origin)
    }

    func addIndirectGuest(_ nic: NIC, to share: inout Contribution) {
        if nic.isDefault { return }
        for address in nic.addresses { share.add([.ipv4(address)], to: Pipeline.indirectGuests, nic.origin) }
    }
}
