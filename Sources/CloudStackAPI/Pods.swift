import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let pods: [Command] = [
        .change(
            "createPod", "Creates a pod", isAsync: false,
            [
                Parameter("name", required: true, "the pod's name"),
                Parameter("zoneid", .uuid, required: true, related: "listZones", "its zone"),
            ] + podParameters, isAdminOnly: true, unsupported: ["storageaccessgroups"]
        ) { call throws(RequestError) in
            .infrastructure(
                .createPod(zone: try call.arguments.requiredID("zoneid"), try call.podFields()))
        } reply: { _, outcome in
            outcome.answer("pod", \.pods) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listPods", "Lists pods",
            [
                Parameter("id", .uuid, related: "listPods", "only this pod"),
                Parameter("name", "only the pod of this name"), .zone,
                Parameter("allocationstate", "only Enabled or Disabled"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let zone = try call.listedZone()
            let found = try call.shared(call.cloud.pods).filter {
                call.matches($0.name) && (zone == nil || $0.zone == zone)
                    && call.agrees("allocationstate", allocationState($0.isEnabled))
            }
            return try call.page("pod", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "updatePod", "Changes a pod", isAsync: false,
            [.id("listPods", "the pod"), Parameter("name", "its new name")] + podParameters, isAdminOnly: true
        ) { call throws(RequestError) in
            .infrastructure(.updatePod(try call.arguments.requiredID("id"), try call.podFields()))
        } reply: { call, outcome in
            outcome.answer("pod", \.pods) { $0.rendered(in: outcome.cloud) }
        },
        .deletion("deletePod", "Deletes a pod that holds nothing", of: .pod, listedBy: "listPods"),
    ]

    private static let podParameters = [
        Parameter("gateway", "the gateway of the pod's addresses"),
        Parameter("netmask", "the netmask of its addresses"),
        Parameter("startip", "the first of its addresses"),
        Parameter("endip", "the last; the last of the subnet when absent"),
        Parameter("allocationstate", "Enabled or Disabled"),
    ]
}

extension Call {
    fileprivate func podFields() throws(RequestError) -> PodFields {
        var fields = PodFields()
        fields.name = arguments.string("name")
        fields.gateway = arguments.string("gateway")
        fields.netmask = arguments.string("netmask")
        fields.first = arguments.string("startip")
        fields.last = arguments.string("endip")
        fields.isEnabled = try state("allocationstate", "Enabled", "Disabled")
        return fields
    }
}

extension Pod {
    func rendered(in cloud: Cloud) -> APIObject {
        let (first, last) = (addresses.first, addresses.last)
        return [
            "id": .text(id), "name": .string(name), "zoneid": .text(zone), "zonename": .text(cloud.zones[zone]?.name),
            "gateway": .text(gateway), "netmask": .text(subnet.netmask), "startip": .array([.text(first)]),
            "endip": .array([.text(last)]), "forsystemvms": .array(["0"]), "vlanid": .array(["untagged"]),
            "ipranges": .array([
                .object([
                    "cidr": .text(subnet), "gateway": .text(gateway), "startip": .text(first), "endip": .text(last),
                    "forsystemvms": "0", "vlanid": "untagged",
                ])
            ]),
            "allocationstate": .string(allocationState(isEnabled)),
        ]
    }
}

func allocationState(_ isEnabled: Bool) -> String { isEnabled ? "Enabled" : "Disabled" }
