import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let zones: [Command] = [
        .change(
            "createZone", "Creates a zone", isAsync: false,
            [
                Parameter("name", required: true, "the zone's name"),
                Parameter("networktype", required: true, "Advanced; Basic zones are inventory"),
                Parameter("dns1", required: true, "the resolver that guests use"),
                Parameter("internaldns1", required: true, "the resolver that the system uses"),
                Parameter("securitygroupenabled", .boolean, "true only for Basic zones, which always have them"),
            ] + zoneParameters, isAdminOnly: true, unsupported: ["domainid", "isedge", "storageaccessgroups"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            var request = Request.CreateZone(
                name: try arguments.required("name"), dns1: try arguments.required("dns1"),
                dns2: arguments.string("dns2"), internalDNS1: try arguments.required("internaldns1"),
                guestCIDR: arguments.string("guestcidraddress"), networkDomain: arguments.string("domain"),
                isEnabled: try call.state("allocationstate", "Enabled", "Disabled") ?? false)
            request.networkType = try arguments.required("networktype")
            request.more = call.zoneFields()
            if request.networkType.lowercased() == "basic" { request.more.hasSecurityGroups = nil }
            return .createZone(request)
        } reply: { _, outcome in
            outcome.answer("zone", \.zones) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listZones", "Lists zones",
            [
                Parameter("id", .uuid, related: "listZones", "only this zone"),
                Parameter("ids", .list, maxLength: 65_536, related: "listZones", "only these zones"),
                Parameter("name", "only the zone of this name"),
                Parameter("networktype", "only zones of this type"),
                Parameter("available", .boolean, "only zones that are enabled"),
            ]
        ) { call throws(RequestError) in
            let ids = Set(try call.arguments.ids("ids"))
            let zones = try call.shared(call.cloud.zones).filter {
                call.matches($0.name) && call.agrees("networktype", $0.networkType.rawValue)
                    && (ids.isEmpty || ids.contains($0.id))
                    && ($0.isEnabled || call.caller.isRootAdmin && call.arguments.boolean("available") != true)
            }
            return try call.page("zone", zones.sorted { ($0.sortKey, $0.id) < ($1.sortKey, $1.id) }) {
                $0.rendered(in: call.cloud)
            }
        },
        .change(
            "updateZone", "Changes a zone", isAsync: false,
            [
                .id("listZones", "the zone"), Parameter("name", "its new name"),
                Parameter("dns1", "the resolver that guests use"),
                Parameter("internaldns1", "the resolver that the system uses"),
                Parameter("dhcpprovider", "who gives guests their addresses: VirtualRouter"),
                Parameter("details", .map, "words about it: [i].key and [i].value"),
                Parameter("sortkey", .integer, "its place in lists"),
            ] + zoneParameters, isAdminOnly: true, unsupported: ["dnssearchorder", "ispublic"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            var request = Request.UpdateZone(
                id: try arguments.requiredID("id"), name: arguments.string("name"), dns1: arguments.string("dns1"),
                dns2: arguments.text("dns2"), internalDNS1: arguments.string("internaldns1"),
                guestCIDR: arguments.string("guestcidraddress"), networkDomain: arguments.text("domain"),
                isEnabled: try call.state("allocationstate", "Enabled", "Disabled"))
            request.more = call.zoneFields()
            return .updateZone(request)
        } reply: { _, outcome in
            outcome.answer("zone", \.zones) { $0.rendered(in: outcome.cloud) }
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

    private static let zoneParameters = [
        Parameter("dns2", "the second resolver"), Parameter("ip6dns1", "the resolver by IPv6"),
        Parameter("ip6dns2", "the second by IPv6"), Parameter("internaldns2", "the system's second resolver"),
        Parameter("guestcidraddress", "the guest network of isolated networks that name none"),
        Parameter("domain", "the domain of networks that name none"),
        Parameter("localstorageenabled", .boolean, "whether disks may be on the hosts themselves"),
        Parameter("allocationstate", "Enabled or Disabled"),
    ]
}

extension Call {
    fileprivate func zoneFields() -> Request.ZoneFields {
        var fields = Request.ZoneFields()
        fields.internalDNS2 = arguments.text("internaldns2")
        fields.ipv6DNS1 = arguments.text("ip6dns1")
        fields.ipv6DNS2 = arguments.text("ip6dns2")
        fields.hasSecurityGroups = arguments.boolean("securitygroupenabled")
        fields.hasLocalStorage = arguments.boolean("localstorageenabled")
        fields.dhcpProvider = arguments.string("dhcpprovider")
        fields.details = details("details")
        fields.sortKey = arguments.integer("sortkey")
        return fields
    }
}

extension Zone {
    func rendered(in cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "networktype": .string(networkType.rawValue), "dns1": .text(dns1),
            "dns2": .text(dns2), "ip6dns1": .text(ipv6DNS1), "ip6dns2": .text(ipv6DNS2),
            "internaldns1": .text(internalDNS1), "internaldns2": .text(internalDNS2), "domain": .text(networkDomain),
            "allowuserspecifyvrmtu": .boolean(
                cloud.value(of: .usersChooseMTU, for: reference).lowercased() == "true"),
            "routerprivateinterfacemaxmtu": .number(cloud.largestPrivateMTU(in: id)),
            "routerpublicinterfacemaxmtu": .number(cloud.largestPublicMTU(in: id)),
            "allocationstate": .string(allocationState(isEnabled)), "dhcpprovider": .string(dhcpProvider),
            "securitygroupsenabled": .boolean(hasSecurityGroups), "localstorageenabled": .boolean(hasLocalStorage),
            // Clients only look whether there is one. Nothing is proved by it here.
            "zonetoken": .text(ObjectID(wellKnown: "token of zone \(id)")), "tags": cloud.renderedTags(of: reference),
        ]
        if networkType == .advanced { object["guestcidraddress"] = .text(guestCIDR) }
        if !details.isEmpty { object["resourcedetails"] = .details(details) }
        return object
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
