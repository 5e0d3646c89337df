import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let tags: [Command] = [
        .change(
            "createTags", "Attaches words to objects", isAsync: true,
            [
                Parameter("resourceids", .list, required: true, maxLength: 65_536, "the objects"),
                Parameter("resourcetype", required: true, "their kind: Network, UserVm, PublicIpAddress, …"),
                Parameter("tags", .map, required: true, "[i].key and [i].value"),
                Parameter("customer", "for whom they are"),
            ]
        ) { call throws(RequestError) in
            var tags: [String: String] = [:]
            for row in call.arguments.map("tags") {
                guard let key = row["key"], let value = row["value"] else {
                    throw .refused("tags", "Each entry of tags has a key and a value")
                }
                tags[key] = value
            }
            return .infrastructure(
                .createTags(try call.taggedObjects(), tags, customer: call.arguments.string("customer")))
        } reply: { _, _ in
            .success
        },
        .change(
            "deleteTags", "Takes words from objects", isAsync: true,
            [
                Parameter("resourceids", .list, required: true, maxLength: 65_536, "the objects"),
                Parameter("resourcetype", required: true, "their kind: Network, UserVm, PublicIpAddress, …"),
                Parameter("tags", .map, "[i].key, and [i].value to take only those with it; all when absent"),
            ]
        ) { call throws(RequestError) in
            var patterns: [String: String?] = [:]
            for row in call.arguments.map("tags") {
                guard let key = row["key"] else { throw .refused("tags", "Each entry of tags has a key") }
                patterns.updateValue(row["value"], forKey: key)
            }
            return .infrastructure(.deleteTags(try call.taggedObjects(), patterns))
        } reply: { _, _ in
            .success
        },
        .list(
            "listTags", "Lists the words that are attached to objects",
            [
                Parameter("resourcetype", "only of this kind of object"),
                Parameter("resourceid", .uuid, "only of this object"), Parameter("key", "only with this key"),
                Parameter("value", "only with this value"), Parameter("customer", "only for this customer"),
            ] + .scope
        ) { call throws(RequestError) in
            let kind = try call.arguments.string("resourcetype").map { text throws(RequestError) in
                try call.taggableKind(text, "resourcetype")
            }
            let scope = try call.scope()
            let object = call.arguments.id("resourceid")
            let tags = object.flatMap { id in kind.map { call.cloud.tags(of: Reference($0, id)) } }
            let found = (tags ?? Array(call.cloud.tags.values)).filter { tag in
                let owner = call.cloud.owner(of: tag.object.reference)
                let isVisible =
                    owner.map { call.caller.mayAccess(account: $0, in: call.cloud) } ?? call.caller.isRootAdmin
                return isVisible && (object != nil || scope.contains(owner))
                    && (kind ?? tag.object.kind) == tag.object.kind && (object ?? tag.object.id) == tag.object.id
                    && call.agrees("key", tag.key) && call.agrees("value", tag.value)
                    && call.agrees("customer", tag.customer) && call.matches(tag.key)
            }
            return try call.page("tag", found) { $0.rendered(in: call.cloud) }
        },
    ]
}

extension Parameter {
    static let tags = Parameter("tags", .map, "only those with all of these tags: [i].key and [i].value")
}

extension Call {
    /// By CloudStack's words for kinds, whatever their case.
    fileprivate func taggableKind(_ text: String, _ parameter: String) throws(RequestError) -> RecordKind {
        guard let kind = RecordKind.taggable[text.lowercased()] else {
            throw .refused(
                parameter, "Unable to find resource type \(APIError.excerpt(text)), or it takes no tags here")
        }
        return kind
    }

    fileprivate func taggedObjects() throws(RequestError) -> [Reference] {
        let kind = try taggableKind(try arguments.required("resourcetype"), "resourcetype")
        var objects: [Reference] = []
        for id in try arguments.ids("resourceids") {
            // Firewall rules of either direction are one kind to clients.
            let kinds = kind == .firewallRule ? [kind, .egressRule] : [kind]
            guard let object = kinds.map({ Reference($0, id) }).first(where: { cloud[$0] != nil }) else {
                throw .unknown("resourceids", id: id.description, command)
            }
            objects.append(object)
        }
        return objects
    }

    /// Whether an object has the tags that a list is confined to.
    func hasWantedTags(_ value: Any) -> Bool {
        let wanted = arguments.map("tags")
        guard !wanted.isEmpty, let object = (value as? any Taggable)?.reference else { return wanted.isEmpty }
        return wanted.allSatisfy { row in
            row["key"].flatMap { cloud.tag($0, of: object) }.map { row["value"].map($0.value.elementsEqual) ?? true }
                ?? false
        }
    }
}

extension RecordKind {
    fileprivate static let taggable: [String: RecordKind] = [
        "network": .network, "uservm": .guest, "publicipaddress": .publicAddress, "firewallrule": .firewallRule,
        "portforwardingrule": .portForwarding, "loadbalancer": .loadBalancerRule, "template": .template, "nic": .nic,
        "zone": .zone, "project": .project,
    ]

    /// As CloudStack writes it.
    fileprivate var resourceType: String {
        switch self {
        case .network: "Network"
        case .guest: "UserVm"
        case .publicAddress: "PublicIpAddress"
        case .firewallRule, .egressRule: "FirewallRule"
        case .portForwarding: "PortForwardingRule"
        case .loadBalancerRule: "LoadBalancer"
        case .template: "Template"
        case .nic: "Nic"
        case .zone: "Zone"
        case .project: "Project"
        default: rawValue
        }
    }
}

extension Tag {
    fileprivate func rendered(in cloud: Cloud) -> APIObject {
        let rendered: APIObject = [
            "key": .string(key), "value": .string(value), "resourcetype": .string(object.kind.resourceType),
            "resourceid": .text(object.id), "customer": .text(customer),
        ]
        return rendered.owned(by: cloud.owner(of: object.reference), in: cloud)
    }
}

extension Cloud {
    /// Present even where there are none: clients manage tags only where there is a list of them.
    func renderedTags(of object: Reference) -> APIValue {
        .array(tags(of: object).map { .object($0.rendered(in: self)) })
    }
}
