import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let physicalNetworks: [Command] = [
        .change(
            "createPhysicalNetwork", "Creates a physical network, which is disabled and carries nothing yet",
            isAsync: true, isCreation: true,
            [
                Parameter("name", required: true, "the physical network's name"),
                Parameter("zoneid", .uuid, required: true, related: "listZones", "its zone"),
                Parameter("isolationmethods", .list, "VLAN or VXLAN; L3 in Basic zones"),
                Parameter("broadcastdomainrange", "ZONE or POD"),
            ] + physicalNetworkParameters, isAdminOnly: true, unsupported: ["domainid"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let methods = arguments.list("isolationmethods")
            guard methods.count <= 1 else {
                throw .unsupported("isolationmethods", "A physical network has one isolation method")
            }
            let zone = try arguments.requiredID("zoneid")
            let usual = call.cloud.zones[zone]?.networkType == .basic ? "L3" : "VLAN"
            var request = Request.CreatePhysicalNetwork(
                zone: zone, name: try arguments.required("name"), isolation: methods.first ?? usual,
                segments: arguments.string("vlan"))
            request.isReady = false
            request.tags = call.sentList("tags")
            request.speed = arguments.string("networkspeed")
            request.broadcastDomainRange = arguments.string("broadcastdomainrange")
            return .createPhysicalNetwork(request)
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
            "updatePhysicalNetwork", "Changes a physical network", isAsync: true,
            [.id("listPhysicalNetworks", "the physical network"), Parameter("state", "Enabled or Disabled")]
                + physicalNetworkParameters, isAdminOnly: true
        ) { call throws(RequestError) in
            var request = Request.UpdatePhysicalNetwork(
                id: try call.arguments.requiredID("id"), segments: call.arguments.text("vlan"))
            request.isEnabled = try call.state("state", "Enabled", "Disabled")
            request.tags = call.sentList("tags")
            request.speed = call.arguments.text("networkspeed")
            return .updatePhysicalNetwork(request)
        } reply: { _, outcome in
            outcome.answer("physicalnetwork", \.physicalNetworks) { $0.rendered(in: outcome.cloud) }
        },
        .change(
            "deletePhysicalNetwork", "Deletes a physical network that holds no networks", isAsync: true,
            [.id("listPhysicalNetworks", "the physical network")], isAdminOnly: true
        ) { call throws(RequestError) in
            .deletePhysicalNetwork(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
    ]

    private static let physicalNetworkParameters = [
        Parameter("vlan", maxLength: 4_096, "VLAN ids or VNIs for guest networks: 100-199,300; empty: none"),
        Parameter("tags", .string, "offerings with these tags put their networks here; empty for none"),
        Parameter("networkspeed", "how fast it is said to be: 1G"),
    ]
}

extension Call {
    /// The words of a parameter; an empty text is a list of none.
    func sentList(_ name: String) -> [String]? { arguments.text(name).map { _ in arguments.list(name) } }
}

extension PhysicalNetwork {
    func rendered(in cloud: Cloud) -> APIObject {
        [
            "id": .text(id), "name": .string(name), "zoneid": .text(zone), "zonename": .text(cloud.zones[zone]?.name),
            "isolationmethods": .string(isolation.rawValue), "broadcastdomainrange": .string(broadcastDomainRange),
            "state": .string(allocationState(isEnabled)), "vlan": .joined(segmentRanges.map(\.description)),
            "tags": .joined(tags), "networkspeed": .text(speed),
        ]
    }
}
