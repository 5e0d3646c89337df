import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let physicalNetworks: [Command] = [
        .change(
            "createPhysicalNetwork", "Creates a physical network", isAsync: true, isCreation: true,
            [
                Parameter("name", required: true, "the physical network's name"),
                Parameter("zoneid", .uuid, required: true, related: "listZones", "its zone"),
                Parameter("isolationmethods", .list, "VLAN or VXLAN"),
                Parameter("vlan", maxLength: 4_096, "VLAN ids or VNIs for guest networks: 100-199,300"),
                Parameter("trunk", "the host interface that carries the segments; none keeps them local to the host"),
            ], isAdminOnly: true, unsupported: ["domainid"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let methods = arguments.list("isolationmethods")
            guard methods.count <= 1 else {
                throw .unsupported("isolationmethods", "A physical network has one isolation method")
            }
            return .createPhysicalNetwork(
                Request.CreatePhysicalNetwork(
                    zone: try arguments.requiredID("zoneid"), name: try arguments.required("name"),
                    isolation: methods.first ?? "VLAN", segments: arguments.string("vlan"),
                    trunk: arguments.string("trunk")))
        } reply: { _, outcome in
            outcome.answer("physicalnetwork", \.physicalNetworks) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listPhysicalNetworks", "Lists physical networks",
            [
                Parameter("id", .uuid, related: "listPhysicalNetworks", "only this one"), .zone,
                Parameter("name", "only the one of this name"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let zone = try call.listedZone()
            var found: [PhysicalNetwork] = []
            for network in try call.shared(call.cloud.physicalNetworks) where call.matches(network.name) {
                if zone == nil || network.zone == zone { found.append(network) }
            }
            return try call.page("physicalnetwork", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "deletePhysicalNetwork", "Deletes a physical network that holds nothing", isAsync: true,
            [.id("listPhysicalNetworks", "the physical network")], isAdminOnly: true
        ) { call throws(RequestError) in
            .deletePhysicalNetwork(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
    ]
}

extension PhysicalNetwork {
    func rendered(in cloud: Cloud) -> APIObject {
        var ranges: [String] = []
        for range in segmentRanges {
            ranges.append(range.first == range.last ? String(range.first) : "\(range.first)-\(range.last)")
        }
        return [
            "id": .text(id), "name": .string(name), "zoneid": .text(zone), "zonename": .text(cloud.zones[zone]?.name),
            "isolationmethods": .string(isolation.rawValue), "broadcastdomainrange": "ZONE", "state": "Enabled",
            "vlan": ranges.isEmpty ? nil : .string(ranges.joined(separator: ",")), "trunk": .text(trunk),
        ]
    }
}
