import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let storageNetworkRanges: [Command] = [
        .change(
            "createStorageNetworkIpRange", "Adds addresses on the storage network of a pod", isAsync: true,
            [
                Parameter("podid", .uuid, required: true, related: "listPods", "the pod"),
                Parameter("gateway", required: true, "their gateway"),
                Parameter("netmask", required: true, "their netmask"),
                Parameter("startip", required: true, "the first"),
                Parameter("endip", "the last; the first when absent"),
                Parameter("vlan", .integer, "the VLAN that they are on"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            var fields = call.storageFields()
            fields.gateway = call.arguments.string("gateway")
            return .infrastructure(.createStorageRange(pod: try call.arguments.requiredID("podid"), fields))
        } reply: { _, outcome in
            outcome.answer("storagenetworkiprange", \.storageNetworkRanges) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listStorageNetworkIpRange", "Lists addresses on storage networks",
            [
                Parameter("id", .uuid, related: "listStorageNetworkIpRange", "only this range"),
                Parameter("podid", .uuid, related: "listPods", "only of this pod"), .zone,
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let zone = try call.listedZone()
            let pod = try call.object("podid", in: call.cloud.pods)?.id
            let found = try call.shared(call.cloud.storageNetworkRanges).filter {
                (pod == nil || $0.pod == pod) && (zone == nil || call.cloud.pods[$0.pod]?.zone == zone)
                    && call.matches($0.addresses.description)
            }
            return try call.page("storagenetworkiprange", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "updateStorageNetworkIpRange", "Changes addresses on a storage network", isAsync: true,
            [
                .id("listStorageNetworkIpRange", "the range"), Parameter("netmask", "their netmask"),
                Parameter("startip", "the first"), Parameter("endip", "the last"),
                Parameter("vlan", .integer, "the VLAN that they are on"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            .infrastructure(.updateStorageRange(try call.arguments.requiredID("id"), call.storageFields()))
        } reply: { _, outcome in
            outcome.answer("storagenetworkiprange", \.storageNetworkRanges) { $0.rendered(in: outcome.cloud) }
        },
        .deletion(
            "deleteStorageNetworkIpRange", "Takes addresses from a storage network", isAsync: true,
            of: .storageNetworkRange, listedBy: "listStorageNetworkIpRange"),
    ]
}

extension Call {
    fileprivate func storageFields() -> StorageRangeFields {
        var fields = StorageRangeFields()
        fields.netmask = arguments.string("netmask")
        fields.first = arguments.string("startip")
        fields.last = arguments.string("endip")
        fields.vlan = arguments.integer("vlan")
        return fields
    }
}

extension StorageNetworkRange {
    fileprivate func rendered(in cloud: Cloud) -> APIObject {
        [
            "id": .text(id), "podid": .text(pod), "zoneid": .text(cloud.pods[pod]?.zone), "gateway": .text(gateway),
            "netmask": .text(subnet.netmask), "startip": .text(addresses.first), "endip": .text(addresses.last),
            "vlan": vlan.map { .number($0.rawValue) },
        ]
    }
}
