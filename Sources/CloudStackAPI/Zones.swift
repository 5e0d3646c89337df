import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let zones: [Command] = [
        .change(
            "createZone", "Creates a zone", isAsync: false,
            [
                Parameter("name", required: true, "the zone's name"),
                Parameter("networktype", required: true, "Advanced"),
                Parameter("dns1", required: true, "the resolver that guests use"),
                Parameter("dns2", "the second resolver"),
                Parameter("internaldns1", required: true, "the resolver that the system uses"),
                Parameter("guestcidraddress", "the guest network of isolated networks that name none"),
                Parameter("domain", "the domain of networks that name none"),
                Parameter("allocationstate", "Enabled or Disabled"),
            ], isAdminOnly: true, unsupported: ["ip6dns1", "ip6dns2", "domainid", "internaldns2"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let type = try arguments.required("networktype")
            guard type.lowercased() == "advanced" else {
                throw .unsupported(
                    "networktype", "Zones of network type \(APIError.excerpt(type)) are not supported here")
            }
            return .createZone(
                Request.CreateZone(
                    name: try arguments.required("name"), dns1: try arguments.required("dns1"),
                    dns2: arguments.string("dns2"), internalDNS1: try arguments.required("internaldns1"),
                    guestCIDR: arguments.string("guestcidraddress"), networkDomain: arguments.string("domain"),
                    isEnabled: arguments.string("allocationstate")?.lowercased() == "enabled"))
        } reply: { _, outcome in
            outcome.answer("zone", \.zones) { $0.rendered }
        },
        .list(
            "listZones", "Lists zones",
            [
                Parameter("id", .uuid, related: "listZones", "only this zone"),
                Parameter("name", "only the zone of this name"),
                Parameter("networktype", "only zones of this type"),
                Parameter("available", .boolean, "only zones that are enabled"),
            ]
        ) { call throws(RequestError) in
            let type = call.arguments.string("networktype")?.lowercased() ?? "advanced"
            let zones = try call.shared(call.cloud.zones).filter {
                call.matches($0.name) && type == "advanced"
                    && (call.arguments.boolean("available") != true || $0.isEnabled)
            }
            return try call.page("zone", zones) { $0.rendered }
        },
        .change(
            "deleteZone", "Deletes a zone that holds nothing", isAsync: false, [.id("listZones", "the zone")],
            isAdminOnly: true
        ) { call throws(RequestError) in
            .deleteZone(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
    ]
}

extension Zone {
    var rendered: APIObject {
        [
            "id": .text(id), "name": .string(name), "networktype": "Advanced", "dns1": .text(dns1), "dns2": .text(dns2),
            "internaldns1": .text(internalDNS1), "guestcidraddress": .text(guestCIDR), "domain": .text(networkDomain),
            "allocationstate": isEnabled ? "Enabled" : "Disabled", "dhcpprovider": "VirtualRouter",
            "securitygroupsenabled": false, "localstorageenabled": false, "tags": .array([]),
        ]
    }
}

extension Outcome {
    /// The object that the request was about, as it is now.
    func object<Value>(in table: SortedMap<ObjectID, Value>) -> Value? { reply.object.flatMap { table[$0.id] } }

    /// The answer that shows it, under the key that clients look for.
    func answer<Value>(
        _ key: String, _ table: KeyPath<Cloud, SortedMap<ObjectID, Value>>, _ render: (Value) -> APIObject?
    ) -> APIObject {
        object(in: cloud[keyPath: table]).flatMap(render).map { [key: .object($0)] } ?? [:]
    }
}
