import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let vlanDedications: [Command] = [
        .change(
            "dedicateGuestVlanRange", "Keeps VLANs, or VNIs, of a physical network for an account or a domain",
            isAsync: false,
            [
                Parameter(
                    "physicalnetworkid", .uuid, required: true, related: "listPhysicalNetworks", "the physical network"),
                Parameter("vlanrange", required: true, "the first and the last one: 120-129"),
            ] + .owner, isAdminOnly: true
        ) { call throws(RequestError) in
            guard let dedication = try call.dedication() else { throw .missing("domainid", call.command) }
            return .networking(
                .dedicateVLANs(
                    .init(
                        physicalNetwork: try call.arguments.requiredID("physicalnetworkid"),
                        segments: try call.arguments.required("vlanrange"), dedication: dedication)))
        } reply: { _, outcome in
            outcome.answer("dedicatedguestvlanrange", \.vlanDedications) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listDedicatedGuestVlanRanges", "Lists VLANs, or VNIs, that are kept for accounts or domains",
            [
                Parameter("id", .uuid, related: "listDedicatedGuestVlanRanges", "only this range"),
                Parameter("physicalnetworkid", .uuid, related: "listPhysicalNetworks", "only on this physical network"),
                Parameter("guestvlanrange", "only this range"), .zone,
            ] + .owner, isAdminOnly: true
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let wire = try call.object("physicalnetworkid", in: cloud.physicalNetworks)?.id
            let zone = try call.listedZone()
            let dedication = try call.dedication()
            let text = call.arguments.string("guestvlanrange")
            let found = try call.shared(cloud.vlanDedications).filter { range in
                (wire == nil || range.physicalNetwork == wire)
                    && (zone == nil || cloud.physicalNetworks[range.physicalNetwork]?.zone == zone)
                    && (dedication == nil || range.dedication == dedication)
                    && (text == nil || range.segments.description == text || range.wideText == text)
                    && call.matches(range.segments.description)
            }
            return try call.page("dedicatedguestvlanrange", found) { $0.rendered(in: cloud) }
        },
        .change(
            "releaseDedicatedGuestVlanRange", "Lets everybody's networks have the VLANs of a range again",
            isAsync: true, [.id("listDedicatedGuestVlanRanges", "the range")], isAdminOnly: true
        ) { call throws(RequestError) in
            .networking(.releaseVLANs(try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        },
    ]
}

extension VLANDedication {
    /// Both ends, even if they are one.
    fileprivate var wideText: String { "\(segments.first)-\(segments.last)" }

    fileprivate func rendered(in cloud: Cloud) -> APIObject {
        let object: APIObject = [
            "id": .text(id), "guestvlanrange": .string(wideText), "physicalnetworkid": .text(physicalNetwork),
            "zoneid": .text(cloud.physicalNetworks[physicalNetwork]?.zone),
        ]
        return object.dedicated(dedication, in: cloud)
    }
}
