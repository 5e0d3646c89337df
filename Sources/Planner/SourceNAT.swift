import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// Source NAT: what a guest sends out leaves with the network's public address of the leg that it leaves by.

extension Planner {
    func sourceNATRules(_ origin: Origin) -> [Rule] {
        [
            // Only forwarded packets carry a leg's mark; what the router says itself has its own address already.
            Rule(
                origin,
                [
                    .match(.networkProtocol, .equal, .family(.ipv4)),
                    .maskedMark(.packetMark, mask: LegMark.mask, .notEqual, 0),
                    .sourceNAT(.ipv4, .map(Pipeline.sourceNAT, key: [.outputInterface])),
                ])
        ]
    }

    func addPublicAddress(
        _ address: PublicAddress, _ router: VirtualRouter, _ cloud: Cloud, to share: inout Contribution
    ) {
        guard let range = cloud.publicRanges[address.range],
            let leg = cloud.publicLeg(of: router, for: address.range)
        else { return }
        let device = DeviceNames.inside(leg.index)
        let origin = address.origin
        share.add(.address(Address(InterfaceAddress(address.address, in: range.subnet), on: device)), origin)
        if address.isSourceNAT {
            share.add([.interface(device)], .values([.ipv4(address.address)]), to: Pipeline.sourceNAT, origin)
        }
    }
}
