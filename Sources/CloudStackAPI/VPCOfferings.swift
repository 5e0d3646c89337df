import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let vpcOfferings: [Command] = [
        .change(
            "createVPCOffering", "Creates something that VPCs will be made from; there are no VPCs yet", isAsync: true,
            isCreation: true,
            [
                Parameter("name", required: true, "the offering's name"),
                Parameter("displaytext", required: true, "what it is for"),
                Parameter("supportedservices", .list, maxLength: 4_096, "what the router does: SourceNat,NetworkACL,…"),
                Parameter("serviceproviderlist", .map, "[i].service and [i].provider"),
                Parameter(
                    "servicecapabilitylist", .map, "[i].service, [i].capabilitytype and [i].capabilityvalue"),
                Parameter("serviceofferingid", .uuid, related: "listServiceOfferings", "what its routers are made of"),
                Parameter("enable", .boolean, "true: it can be used at once"),
            ] + scopeParameters, isAdminOnly: true,
            unsupported: [
                "fornsx", "internetprotocol", "networkmode", "nsxsupportlb", "provider", "routingmode",
                "specifyasnumber",
            ]
        ) { call throws(RequestError) in
            .infrastructure(.createVPCOffering(try call.vpcOfferingFields()))
        } reply: { _, outcome in
            outcome.answer("vpcoffering", \.vpcOfferings) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listVPCOfferings", "Lists what VPCs will be made from",
            [
                Parameter("id", .uuid, related: "listVPCOfferings", "only this offering"),
                Parameter("name", "only the offering of this name"),
                Parameter("displaytext", "only with this display text"),
                Parameter("isdefault", .boolean, "only those that are, or are not, the installation's own"),
                Parameter("state", "only Enabled or Disabled"),
                Parameter("supportedservices", .list, "only those with all of these services"), .zone,
            ]
        ) { call throws(RequestError) in
            let services = call.arguments.list("supportedservices").map { $0.lowercased() }
            var found: [VPCOffering] = []
            for offering in try call.shared(call.cloud.vpcOfferings) {
                let own = Set(offering.services.keys.map { $0.lowercased() })
                guard call.matches(offering.name), call.agrees("displaytext", offering.displayText),
                    call.agrees("isdefault", offering.isDefault),
                    call.agrees("state", allocationState(offering.isEnabled)), own.isSuperset(of: services),
                    try call.isOffered(in: offering.zones, to: offering.domains)
                else { continue }
                found.append(offering)
            }
            found.sort { ($0.sortKey, $0.name) < ($1.sortKey, $1.name) }
            return try call.page("vpcoffering", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "updateVPCOffering", "Changes what an offering for VPCs is called, and whether it can be used",
            isAsync: true,
            [
                .id("listVPCOfferings", "the offering"), Parameter("name", "its new name"),
                Parameter("displaytext", "what it is for"), Parameter("state", "Enabled or Disabled"),
                Parameter("sortkey", .integer, "its place in lists"),
            ] + scopeParameters, isAdminOnly: true
        ) { call throws(RequestError) in
            var fields = try call.vpcOfferingFields()
            fields.isEnabled = try call.state("state", "Enabled", "Disabled")
            return .infrastructure(.updateVPCOffering(try call.arguments.requiredID("id"), fields))
        } reply: { _, outcome in
            outcome.answer("vpcoffering", \.vpcOfferings) { $0.rendered(in: outcome.cloud) }
        },
        .deletion(
            "deleteVPCOffering", "Deletes an offering for VPCs", isAsync: true, of: .vpcOffering,
            listedBy: "listVPCOfferings"),
    ]
}

extension Call {
    fileprivate func vpcOfferingFields() throws(RequestError) -> VPCOfferingFields {
        var fields = VPCOfferingFields()
        fields.name = arguments.string("name")
        fields.displayText = arguments.string("displaytext")
        fields.services = arguments.list("supportedservices")
        fields.providers = try serviceRows()
        fields.capabilities = try capabilityRows()
        fields.serviceOffering = arguments.id("serviceofferingid")
        fields.scope = try offeringScope()
        fields.isEnabled = arguments.boolean("enable")
        fields.sortKey = arguments.integer("sortkey")
        return fields
    }
}

extension VPCOffering {
    func rendered(in cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "displaytext": .string(displayText),
            "isdefault": .boolean(isDefault), "state": .string(allocationState(isEnabled)),
            "distributedvpcrouter": .boolean(isDistributed), "supportsregionLevelvpc": .boolean(isRegionLevel),
            "fornsx": false, "specifyasnumber": false, "service": APIObject.services(services, capabilities),
        ]
        object.scope(zones: zones, domains: domains, in: cloud)
        return object
    }
}
