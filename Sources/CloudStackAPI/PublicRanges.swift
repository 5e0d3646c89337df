import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let publicRanges: [Command] = [
        .change(
            "createVlanIpRange", "Creates a range of public addresses", isAsync: false,
            [
                Parameter(
                    "physicalnetworkid", .uuid, related: "listPhysicalNetworks", "the wire that carries the range"),
                Parameter(
                    "zoneid", .uuid, related: "listZones", "instead of physicalnetworkid where the zone has only one"),
                Parameter("gateway", required: true, "the router to the outside"),
                Parameter("netmask", required: true, "the subnet's mask"),
                Parameter("startip", required: true, "the first address"),
                Parameter("endip", "the last address; the first when absent"),
                Parameter("vlan", "the VLAN id, vlan://ID, vxlan://VNI or untagged, which it is when absent"),
                Parameter("forvirtualnetwork", .boolean, "true: public addresses"),
            ], isAdminOnly: true,
            unsupported: [
                "networkid", "podid", "startipv6", "endipv6", "ip6cidr", "ip6gateway", "account", "projectid",
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            guard arguments.boolean("forvirtualnetwork") ?? true else {
                throw .unsupported("forvirtualnetwork", "Only ranges of public addresses are supported here")
            }
            var physicalNetwork = arguments.id("physicalnetworkid")
            if physicalNetwork == nil, let zone = try call.object("zoneid", in: call.cloud.zones) {
                let choices = Array(call.cloud.physicalNetworksByZone[zone.id])
                if choices.count == 1 { physicalNetwork = choices.first }
            }
            guard let physicalNetwork else { throw .missing("physicalnetworkid", call.command) }
            return .createPublicRange(
                Request.CreatePublicRange(
                    physicalNetwork: physicalNetwork, gateway: try arguments.required("gateway"),
                    netmask: try arguments.required("netmask"), first: try arguments.required("startip"),
                    last: arguments.string("endip"), vlan: arguments.string("vlan")))
        } reply: { _, outcome in
            outcome.answer("vlan", \.publicRanges) { $0.rendered }
        },
        .list(
            "listVlanIpRanges", "Lists ranges of public addresses",
            [
                Parameter("id", .uuid, related: "listVlanIpRanges", "only this range"), .zone,
                Parameter("physicalnetworkid", .uuid, related: "listPhysicalNetworks", "only on this physical network"),
                Parameter("vlan", "only on this segment"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let wire = try call.object("physicalnetworkid", in: call.cloud.physicalNetworks)?.id
            let vlan = call.arguments.string("vlan").map { $0.contains("://") ? $0 : "vlan://" + $0 }
            let zone = try call.listedZone()
            var found: [PublicRange] = []
            for range in try call.shared(call.cloud.publicRanges) {
                guard wire == nil || range.physicalNetwork == wire, vlan == nil || range.segment.description == vlan,
                    call.matches(range.subnet.description), zone == nil || range.zone == zone
                else { continue }
                found.append(range)
            }
            return try call.page("vlaniprange", found) { $0.rendered }
        },
        .change(
            "deleteVlanIpRange", "Deletes a range whose addresses are all free", isAsync: false,
            [.id("listVlanIpRanges", "the range")], isAdminOnly: true
        ) { call throws(RequestError) in
            .deletePublicRange(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
    ]
}

extension PublicRange {
    var rendered: APIObject {
        [
            "id": .text(id), "zoneid": .text(zone), "physicalnetworkid": .text(physicalNetwork), "vlan": .text(segment),
            "gateway": .text(gateway), "netmask": .text(subnet.netmask), "cidr": .text(subnet),
            "startip": .text(addresses.first), "endip": .text(addresses.last), "forvirtualnetwork": true,
            "forsystemvms": false,
        ]
    }
}
