import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let templates: [Command] = [
        .list(
            "listTemplates", "Lists what machines can start from",
            [
                Parameter(
                    "templatefilter", required: true,
                    "featured, self, selfexecutable, sharedexecutable, executable, community or all"),
                Parameter("id", .uuid, related: "listTemplates", "only this template"),
                Parameter("ids", .list, maxLength: 65_536, related: "listTemplates", "only these templates"),
                Parameter("name", "only the template of this name"), .zone,
                Parameter("hypervisor", "only for this hypervisor"),
                Parameter("templatetype", "only USER, SYSTEM, BUILTIN or ROUTING"),
                Parameter("isready", .boolean, "only those that can, or cannot, be used"),
                Parameter("showunique", .boolean, "true: each once, and not once for each zone"),
            ] + .scope
        ) { call throws(RequestError) in
            let copies = try call.templates()
            return try call.page("template", copies) { $0.template.rendered(in: $0.zone, call.cloud) }
        },
        .change(
            "updateTemplate", "Changes what is known of a template", isAsync: false,
            [
                .id("listTemplates", "the template"), Parameter("name", "its new name"),
                Parameter("displaytext", "what it is"),
                Parameter("ostypeid", .uuid, related: "listOsTypes", "the operating system that it holds"),
                Parameter("format", "RAW, QCOW2, VHD, VMDK or OVA"),
                Parameter("passwordenabled", .boolean, "whether its machines take a password from the router"),
                Parameter("sshkeyenabled", .boolean, "whether its machines take a key from the router"),
                Parameter("isdynamicallyscalable", .boolean, "whether its machines may grow while they run"),
                Parameter("isrouting", .boolean, "whether routers start from it"),
                Parameter("bootable", .boolean, "whether a machine can start from it"),
                Parameter("requireshvm", .boolean, "whether it needs a whole machine"),
                Parameter("templatetag", "hosts with this tag run its machines"),
                Parameter("details", .map, "words about it"), Parameter("sortkey", .integer, "its place in lists"),
            ], isAdminOnly: true, unsupported: ["arch", "cleanupdetails", "forcks", "templatetype"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            var fields = TemplateFields()
            fields.name = arguments.string("name")
            fields.displayText = arguments.string("displaytext")
            fields.osType = arguments.id("ostypeid")
            fields.format = arguments.string("format")
            fields.isPasswordEnabled = arguments.boolean("passwordenabled")
            fields.isSSHKeyEnabled = arguments.boolean("sshkeyenabled")
            fields.isDynamicallyScalable = arguments.boolean("isdynamicallyscalable")
            fields.isRouting = arguments.boolean("isrouting")
            fields.isBootable = arguments.boolean("bootable")
            fields.requiresHVM = arguments.boolean("requireshvm")
            fields.tag = arguments.text("templatetag")
            fields.details = call.details("details")
            fields.sortKey = arguments.integer("sortkey")
            return .infrastructure(.updateTemplate(try arguments.requiredID("id"), fields))
        } reply: { _, outcome in
            outcome.answer("template", \.templates) { $0.rendered(in: nil, outcome.cloud) }
        },
    ]
}

/// A template as one zone has it.
struct ZoneTemplate: Taggable {
    let template: Template
    let zone: ObjectID?

    var reference: Reference { template.reference }
}

extension Call {
    /// Once for each zone that has it, unless each is asked for only once.
    fileprivate func templates() throws(RequestError) -> [ZoneTemplate] {
        let filters = ["featured", "self", "selfexecutable", "sharedexecutable", "executable", "community", "all"]
        let filter = try arguments.required("templatefilter").lowercased()
        guard filters.contains(filter) else {
            throw .invalid(
                "templatefilter", filter, command, because: "it is one of \(filters.joined(separator: ", "))")
        }
        guard filter != "all" || caller.isRootAdmin else {
            throw .denied("Filter all can be specified by root admin only")
        }
        let zone = try listedZone()
        let ids = Set(try arguments.ids("ids"))
        let isUnique = arguments.boolean("showunique") ?? false
        var found: [ZoneTemplate] = []
        for template in try shared(cloud.templates) {
            let isOwn = template.account == caller.account
            let passes =
                switch filter {
                case "featured": template.isFeatured && template.isPublic
                case "self", "selfexecutable": isOwn
                case "sharedexecutable": false
                case "community": template.isPublic && !template.isFeatured
                case "executable": template.isPublic || isOwn
                default: true
                }
            guard passes, matches(template.name), ids.isEmpty || ids.contains(template.id),
                agrees("hypervisor", template.hypervisor), agrees("templatetype", template.type),
                agrees("isready", true)
            else { continue }
            let zones = cloud.zones.map(\.key).filter { template.isUsable(in: $0) && (zone ?? $0) == $0 }
            if isUnique || zones.isEmpty && zone == nil {
                if zone == nil || !zones.isEmpty { found.append(ZoneTemplate(template: template, zone: zone)) }
            } else {
                found += zones.map { ZoneTemplate(template: template, zone: $0) }
            }
        }
        return found.sorted { ($0.template.sortKey, $0.template.id) < ($1.template.sortKey, $1.template.id) }
    }
}

extension Template {
    func rendered(in zone: ObjectID?, _ cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "displaytext": .string(displayText), "zoneid": .text(zone),
            "zonename": .text(zone.flatMap { cloud.zones[$0]?.name }), "accountid": .text(account),
            "hypervisor": .string(hypervisor),
            "format": .string(format), "templatetype": .string(type), "size": .number(size ?? 0),
            "bits": .number(bits), "ostypeid": .text(osType), "ostypename": .text(cloud.osTypes[osType]?.name),
            "isready": true, "status": "Download Complete", "ispublic": .boolean(isPublic),
            "isfeatured": .boolean(isFeatured), "isextractable": .boolean(isExtractable),
            "crossZones": .boolean(zones.isEmpty), "bootable": .boolean(isBootable),
            "passwordenabled": .boolean(isPasswordEnabled), "sshkeyenabled": .boolean(isSSHKeyEnabled),
            "isdynamicallyscalable": .boolean(isDynamicallyScalable), "requireshvm": .boolean(requiresHVM),
            "templatetag": .text(tag), "tags": cloud.renderedTags(of: reference),
        ]
        if !details.isEmpty { object["details"] = .details(details) }
        return object.owned(by: account, in: cloud)
    }
}
