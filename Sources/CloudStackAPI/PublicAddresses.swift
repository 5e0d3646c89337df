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
            ] + .owner, unsupported: ["vpcid", "isportable", "regionid"]
        ) { call throws(RequestError) in
            .acquirePublicAddress(
                Request.AcquirePublicAddress(
                    network: call.arguments.id("networkid"), zone: call.arguments.id("zoneid"),
                    account: try call.account(), address: call.arguments.string("ipaddress")))
        } reply: { _, outcome in
            outcome.answer("ipaddress", \.publicAddresses) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listPublicIpAddresses", "Lists public addresses that somebody holds",
            [
                Parameter("id", .uuid, related: "listPublicIpAddresses", "only this one"),
                Parameter("ipaddress", "only this address"), .zone,
                Parameter("associatednetworkid", .uuid, related: "listNetworks", "only of this network"),
                Parameter("issourcenat", .boolean, "only those that are, or are not, a network's source NAT address"),
                Parameter("isstaticnat", .boolean, "only those that are, or are not, a machine's own"),
                Parameter("vlanid", .uuid, related: "listVlanIpRanges", "only of this range"),
                Parameter("allocatedonly", .boolean, "true: free addresses are not listed"),
                Parameter("state", "only Allocated"),
            ] + .scope
        ) { call throws(RequestError) in
            let arguments = call.arguments
            if arguments.boolean("allocatedonly") == false {
                throw .unsupported("allocatedonly", "Free addresses are not listed here")
            }
            if let state = arguments.string("state"), state.lowercased() != "allocated" {
                throw .unsupported("state", "Only allocated addresses are listed here")
            }
            let network = try call.object("associatednetworkid", in: call.cloud.networks)?.id
            let range = try call.object("vlanid", in: call.cloud.publicRanges)?.id
            let zone = try call.listedZone()
            var found: [PublicAddress] = []
            for address in try call.owned(call.cloud.publicAddresses, by: \.account) {
                let text = address.address.description
                guard network == nil || address.network == network, range == nil || address.range == range,
                    arguments.string("ipaddress").map({ $0 == text }) ?? true, call.matches(text),
                    arguments.boolean("issourcenat").map({ $0 == address.isSourceNAT }) ?? true,
                    arguments.boolean("isstaticnat").map({ $0 == (address.staticNAT != nil) }) ?? true,
                    zone == nil || call.cloud.publicRanges[address.range]?.zone == zone
                else { continue }
                found.append(address)
            }
            return try call.page("publicipaddress", found) {
                $0.rendered(in: call.cloud).carrying(call.view.traffic[$0.id], .passage)
            }
        },
        .change(
            "disassociateIpAddress", "Releases a public address", isAsync: true,
            [.id("listPublicIpAddresses", "the address")]
        ) { call throws(RequestError) in
            .releasePublicAddress(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
    ]
}

extension PublicAddress {
    func rendered(in cloud: Cloud) -> APIObject {
        let range = cloud.publicRanges[range]
        let guest = staticNAT.flatMap { cloud.nics[$0.nic] }.flatMap { cloud.guests[$0.guest] }
        let hasRules = !cloud.firewallRulesByAddress[id].isEmpty || !cloud.portForwardingsByAddress[id].isEmpty
        let object: APIObject = [
            "id": .text(id), "ipaddress": .text(address), "zoneid": .text(range?.zone),
            "zonename": .text(range.flatMap { cloud.zones[$0.zone]?.name }), "issourcenat": .boolean(isSourceNAT),
            "isstaticnat": .boolean(staticNAT != nil), "virtualmachineid": .text(guest?.id),
            "virtualmachinename": .text(guest?.name), "virtualmachinedisplayname": .text(guest?.name),
            "vmipaddress": .text(staticNAT?.guestAddress), "hasrules": .boolean(hasRules), "isportable": false,
            "issystem": false, "forvirtualnetwork": true, "state": "Allocated", "associatednetworkid": .text(network),
            "associatednetworkname": .text(network.flatMap { cloud.networks[$0]?.name }),
            "physicalnetworkid": .text(range?.physicalNetwork), "vlanid": .text(self.range),
            "vlanname": .text(range?.segment), "tags": .array([]),
        ]
        return object.owned(by: account, in: cloud)
    }
}
