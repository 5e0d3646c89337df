import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// Who may send what to the router. A frame from the guest side counts only when its source MAC and source address
// belong together to one NIC of the network; the router itself knows each guest's MAC by plan and asks nobody.

extension Planner {
    func identityRules(_ services: GuestServices?, _ origin: Origin) -> [Rule] {
        [
            Rule(
                origin,
                [
                    Self.fromGuests, .match(.networkProtocol, .equal, .family(.ipv4)),
                    .lookup([.inputInterface, .etherSource, .ipv4Source], in: Pipeline.guestIdentities, .equal),
                    .verdict(.accept),
                ])
        ] + dhcpIdentityRules(services, origin) + [
            // What no NIC may send, IPv6 included until a network has IPv6 addresses to be bound to.
            Rule(origin, [Self.fromGuests, .counter, .verdict(.drop)])
        ]
    }

    /// Nobody outside may speak as a guest (RFC 2827): a guest takes an address of its own network for a neighbour's, and
    /// the router's connections know guests by theirs. Asked of every packet from outside, so what is quick to ask comes first.
    func outsideSourceRules(_ network: Network, _ origin: Origin) -> [Rule] {
        guard let cidr = network.cidr else { return [] }
        return [
            Rule(
                origin,
                [
                    FamilyWords.ipv4.isFamily, .match(.ipv4Source, .equal, .ipv4Prefix(cidr)), Self.fromOutside,
                    .counter,
                    .verdict(.drop),
                ])
        ]
    }

    func addGuestIdentity(_ nic: NIC, to share: inout Contribution) {
        let leg = DeviceNames.inside(0)
        for address in nic.addresses {
            share.add(.neighbour(Neighbour(.v4(address), at: nic.attachment.mac, on: leg)), nic.origin)
            share.add(
                [.interface(leg), .mac(nic.attachment.mac), .ipv4(address)], to: Pipeline.guestIdentities, nic.origin)
        }
    }
}
