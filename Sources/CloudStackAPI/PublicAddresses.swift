import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let publicAddresses: [Command] = [
        .change(
            "associateIpAddress", "Acquires a public address", isAsync: true, isCreation: true,
            [
                Parameter("networkid", .uuid, related: "listNetworks", "the network that it is for"),
                Parameter("zoneid", .uuid, related: "listZones", "needed without a network"),
                Parameter("ipaddress", "this address and no other"),
                Parameter("fordisplay", .boolean, "whether lists show it without being asked; true when absent"),
            ] + .owner, unsupported: ["vpcid", "isportable", "regionid"]
        ) { call throws(RequestError) in
            .acquirePublicAddress(
                Request.AcquirePublicAddress(
                    network: call.arguments.id("networkid"), zone: call.arguments.id("zoneid"),
                    account: try call.account(), address: call.arguments.string("ipaddress"),
                    isDisplayed: call.arguments.boolean("fordisplay")))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .list(
            "listPublicIpAddresses", "Lists public addresses: those that somebody holds, and free ones on request",
            [
                Parameter("id", .uuid, related: "listPublicIpAddresses", "only this one"),
                Parameter("ipaddress", "only this address"), .zone,
                Parameter("associatednetworkid", .uuid, related: "listNetworks", "only of this network"),
                Parameter("networkid", .uuid, related: "listNetworks", "only of this network"),
                Parameter(
                    "physicalnetworkid", .uuid, related: "listPhysicalNetworks", "only on this physical network"),
                Parameter("issourcenat", .boolean, "only those that are, or are not, a network's source NAT address"),
                Parameter("isstaticnat", .boolean, "only those that are, or are not, a machine's own"),
                Parameter("forloadbalancing", .boolean, "only those that have, or have not, ports that guests share"),
                Parameter("forvirtualnetwork", .boolean, "false: there are none but those of virtual networks"),
                Parameter("forsystemvms", .boolean, "true: only those that are kept for the system"),
                Parameter("fordisplay", .boolean, "false: only those that lists do not show without being asked"),
                Parameter("vlanid", .uuid, related: "listVlanIpRanges", "only of this range"),
                Parameter("allocatedonly", .boolean, "false: free addresses are listed too; true when absent"),
                Parameter("state", "only Free, Allocated or Reserved"),
            ] + .scope, unsupported: ["vpcid", "forprovider"]
        ) { call throws(RequestError) in
            let query = try AddressQuery(call)
            let held = try call.heldAddresses().filter { query.admits($0, call) }
            return try call.page("publicipaddress", AddressListing(held: held, free: query.free(call))) { entry in
                switch entry {
                case .held(let address):
                    address.rendered(in: call.cloud).carrying(call.view.traffic[address.id], .passage)
                case .free(let address): address.rendered(in: call.cloud)
                }
            }
        },
        .change(
            "disassociateIpAddress", "Releases a public address", isAsync: true,
            [.id("listPublicIpAddresses", "the address")], unsupported: ["ipaddress"]
        ) { call throws(RequestError) in
            .releasePublicAddress(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
        .change(
            "updateIpAddress", "Changes whether lists show a public address", isAsync: true,
            [
                .id("listPublicIpAddresses", "the address"),
                Parameter("fordisplay", .boolean, "whether lists show it without being asked"),
            ], unsupported: ["customid"]
        ) { call throws(RequestError) in
            .networking(
                .updateAddress(
                    .init(
                        id: try call.arguments.requiredID("id"), isDisplayed: call.arguments.boolean("fordisplay"))))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .change(
            "reserveIpAddress", "Keeps a free public address for an account", isAsync: false,
            [
                .id("listPublicIpAddresses", "the address, as the list of free ones shows it"),
                Parameter("fordisplay", .boolean, "whether lists show it without being asked; true when absent"),
            ] + .owner
        ) { call throws(RequestError) in
            .networking(
                .reserveAddress(
                    .init(
                        id: try call.arguments.requiredID("id"), account: try call.account(),
                        isDisplayed: call.arguments.boolean("fordisplay"))))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .change(
            "releaseIpAddress", "Frees a public address that was reserved", isAsync: false,
            [.id("listPublicIpAddresses", "the address")]
        ) { call throws(RequestError) in
            .networking(.releaseReservedAddress(try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        },
    ]

    private static func rendered(_ outcome: Outcome) -> APIObject {
        outcome.answer("ipaddress", \.publicAddresses) { $0.rendered(in: outcome.cloud) }
    }
}

extension PublicAddress {
    func rendered(in cloud: Cloud) -> APIObject {
        let range = cloud.publicRanges[range]
        let guest = staticNAT.flatMap { cloud.nics[$0.nic] }.flatMap { cloud.guests[$0.guest] }
        let hasRules =
            !cloud.firewallRulesByAddress[id].isEmpty || !cloud.portForwardingsByAddress[id].isEmpty
            || !cloud.loadBalancerRulesByAddress[id].isEmpty
        let object: APIObject = [
            "id": .text(id), "ipaddress": .text(address), "zoneid": .text(range?.zone),
            "zonename": .text(range.flatMap { cloud.zones[$0.zone]?.name }), "issourcenat": .boolean(isSourceNAT),
            "isstaticnat": .boolean(staticNAT != nil), "virtualmachineid": .text(guest?.id),
            "virtualmachinename": .text(guest?.name), "virtualmachinedisplayname": .text(guest?.name),
            "vmipaddress": .text(staticNAT?.guestAddress), "hasrules": .boolean(hasRules), "isportable": false,
            "issystem": false, "forvirtualnetwork": true, "forsystemvms": false, "fordisplay": .boolean(isDisplayed),
            "state": isReserved ? "Reserved" : "Allocated", "associatednetworkid": .text(network),
            "networkid": .text(range?.physicalNetwork),
            "associatednetworkname": .text(network.flatMap { cloud.networks[$0]?.name }),
            "physicalnetworkid": .text(range?.physicalNetwork), "vlanid": .text(self.range),
            "vlanname": .text(range?.segment), "tags": cloud.renderedTags(of: reference),
        ]
        return object.owned(by: account, in: cloud)
    }
}
