import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let diskOfferings: [Command] = [
        .change(
            "createDiskOffering", "Creates a size that disks can have", isAsync: false,
            [
                Parameter("name", required: true, "the offering's name"),
                Parameter("displaytext", "what it is for; the name when absent"),
                Parameter("disksize", .integer, "gigabytes"),
                Parameter("customized", .boolean, "true: whoever uses it says how many"),
            ] + changeable + diskParameters + scopeParameters, isAdminOnly: true,
            unsupported: ["encrypt", "storagepolicy", "details"]
        ) { call throws(RequestError) in
            .infrastructure(.createDiskOffering(try call.diskOfferingFields()))
        } reply: { _, outcome in
            outcome.answer("diskoffering", \.diskOfferings) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listDiskOfferings", "Lists the sizes that disks can have",
            [
                Parameter("id", .uuid, related: "listDiskOfferings", "only this offering"),
                Parameter("name", "only the offering of this name"), .zone,
                Parameter("state", "Active, Inactive or all; Active when absent"), .listAll,
            ]
        ) { call throws(RequestError) in
            var found: [DiskOffering] = []
            for offering in try call.shared(call.cloud.diskOfferings)
            where call.matches(offering.name) && call.isListed(active: offering.isActive)
                && (offering.isDisplayed || call.caller.isRootAdmin)
            {
                if try call.isOffered(in: offering.zones, to: offering.domains) { found.append(offering) }
            }
            found.sort { ($0.sortKey, $0.name, $0.id) < ($1.sortKey, $1.name, $1.id) }
            return try call.page("diskoffering", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "updateDiskOffering", "Changes what a size of disks is called and where it can be used", isAsync: false,
            [
                .id("listDiskOfferings", "the offering"), Parameter("name", "its new name"),
                Parameter("displaytext", "what it is for"), Parameter("state", "Active or Inactive"),
                Parameter("sortkey", .integer, "its place in lists"),
            ] + changeable + scopeParameters, isAdminOnly: true
        ) { call throws(RequestError) in
            .infrastructure(
                .updateDiskOffering(try call.arguments.requiredID("id"), try call.diskOfferingFields()))
        } reply: { _, outcome in
            outcome.answer("diskoffering", \.diskOfferings) { $0.rendered(in: outcome.cloud) }
        },
        .deletion("deleteDiskOffering", "Deletes a size of disks", of: .diskOffering, listedBy: "listDiskOfferings"),
    ]

    private static let changeable = [
        Parameter("displayoffering", .boolean, "whether users see it"), Parameter("tags", "the storage's tags"),
    ]
}

extension Call {
    fileprivate func diskOfferingFields() throws(RequestError) -> DiskOfferingFields {
        var fields = DiskOfferingFields()
        fields.name = arguments.string("name")
        fields.displayText = arguments.string("displaytext")
        fields.size = arguments.integer("disksize")
        fields.isCustomized = arguments.boolean("customized")
        fields.storageType = arguments.string("storagetype")
        fields.provisioningType = arguments.string("provisioningtype")
        fields.tags = arguments.text("tags")
        fields.throughput = throughput()
        fields.isDisplayed = arguments.boolean("displayoffering")
        fields.scope = try offeringScope()
        fields.isActive = try state("state", "Active", "Inactive")
        fields.sortKey = arguments.integer("sortkey")
        return fields
    }
}

extension DiskOffering {
    func rendered(in cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "displaytext": .string(displayText), "disksize": .number(size ?? 0),
            "iscustomized": .boolean(isCustomized), "storagetype": .string(storageType),
            "provisioningtype": .string(provisioningType), "tags": .text(tags),
            "displayoffering": .boolean(isDisplayed), "state": isActive ? "Active" : "Inactive",
        ]
        throughput.render(into: &object)
        object.scope(zones: zones, domains: domains, in: cloud)
        return object
    }
}
