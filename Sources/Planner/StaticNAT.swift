import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// A public address that is a guest's: what is sent to it goes to the guest, what the guest opens leaves with it, by its
// leg.

extension Planner {
    func staticNATSets(_ origin: Origin) -> [SetDeclaration] {
        [
            SetDeclaration(Pipeline.staticNATIn, key: [.ipv4], yield: .values([.ipv4]), origin: origin),
            SetDeclaration(Pipeline.staticNATOut, key: [.ipv4], yield: .values([.ipv4]), origin: origin),
            SetDeclaration(Pipeline.staticNATLegs, key: [.ipv4], yield: .values([.mark]), origin: origin),
        ]
    }

    func staticNATRules(_ origin: Origin) -> [Rule] {
        [
            Rule(
                origin,
                [
                    FamilyWords.ipv4.isFamily,
                    .destinationNAT(.ipv4, .map(Pipeline.staticNATIn, key: [.ipv4Destination]), withPort: false),
                ])
        ]
    }

    /// A public address's share: the address on its leg, and what it is for.
    func addPublicAddress(
        _ address: PublicAddress, _ router: VirtualRouter, _ cloud: Cloud, to share: inout Contribution
    ) {
        guard let range = cloud.publicRanges[address.range],
            let leg = cloud.publicLeg(of: router, for: address.range)
        else { return }
        let origin = address.origin
        let device = DeviceNames.inside(leg.index)
        share.add(.address(Address(InterfaceAddress(address.address, in: range.subnet), on: device)), origin)
        addAddressTraffic(.v4(address.address), origin, to: &share)
        if address.isSourceNAT { addSourceNAT(address, leg, range, to: &share) }
        if let guest = address.staticNAT?.guestAddress {
            let (outside, inside) = (Value.ipv4(address.address), Value.ipv4(guest))
            share.add([outside], .values([inside]), to: Pipeline.staticNATIn, origin)
            share.add([inside], .values([outside]), to: Pipeline.staticNATOut, origin)
            share.add(
                [inside], .values([.mark(LegMark.mark(ofLeg: leg.index))]), to: Pipeline.staticNATLegs, origin)
        }
    }
}
