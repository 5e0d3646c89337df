import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let roles: [Command] = [
        .change(
            "createRole", "Creates a role, of a type or like another role", isAsync: false,
            [
                Parameter("name", required: true, "the role's name"), Parameter("description", "what it is for"),
                Parameter("type", "Admin, ResourceAdmin, DomainAdmin or User: what it can allow at most"),
                Parameter(
                    "roleid", .string, related: "listRoles", "instead of a type: the role whose rules it begins with"),
                Parameter("ispublic", .boolean, "false: only root administrators see it"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let model = try call.role()
            let type = try call.roleType()
            guard (model == nil) != (type == nil) else {
                throw .refused("type", "Either type or roleid has to be given, and not both")
            }
            return .identity(
                .createRole(
                    IdentityRequest.CreateRole(
                        name: try call.arguments.required("name"), type: type ?? model?.type ?? .user,
                        description: call.arguments.string("description"),
                        isPublic: call.arguments.boolean("ispublic") ?? true,
                        rules: model?.rules.map {
                            .init(rule: $0.rule, isAllowed: $0.isAllowed, description: $0.description)
                        }
                            ?? [])))
        } reply: {
            renderedRole($0, $1)
        },
        .list(
            "listRoles", "Lists roles",
            [
                Parameter("id", .uuid, related: "listRoles", "only this role"),
                Parameter("name", "only the role of this name"), Parameter("type", "only roles of this type"),
                Parameter("state", "only enabled; roles are nothing else here"),
            ], audience: .domainAdmins
        ) { call throws(RequestError) in
            let type = try call.roleType()
            let state = call.arguments.string("state")?.lowercased() ?? "enabled"
            let roles = try call.shared(call.cloud.roles).filter {
                call.matches($0.name) && (type == nil || $0.type == type) && state == "enabled"
                    && (call.caller.isRootAdmin || $0.isPublic)
            }
            // Built-in roles first: clients that look for a role's number find them where CloudStack has them.
            return try call.page("role", roles.filter(\.isBuiltIn) + roles.filter { !$0.isBuiltIn }) { $0.rendered }
        },
        .change(
            "updateRole", "Changes a role's names and type", isAsync: false,
            [
                .id("listRoles", "the role"), Parameter("name", "its new name"),
                Parameter("description", "what it is for"),
                Parameter("type", "Admin, ResourceAdmin, DomainAdmin or User, while no account has it"),
                Parameter("ispublic", .boolean, "false: only root administrators see it"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            .identity(
                .updateRole(
                    IdentityRequest.UpdateRole(
                        id: try call.arguments.requiredID("id"), name: call.arguments.string("name"),
                        type: try call.roleType(), description: call.arguments.text("description"),
                        isPublic: call.arguments.boolean("ispublic"))))
        } reply: {
            renderedRole($0, $1)
        },
        .change(
            "deleteRole", "Deletes a role that no account has", isAsync: false, [.id("listRoles", "the role")],
            isAdminOnly: true
        ) { call throws(RequestError) in
            .identity(.deleteRole(try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        },
        .change(
            "createRolePermission", "Adds a rule at the end of a role's", isAsync: false,
            [
                .ofRole, Parameter("rule", required: true, "a command's name, in which * stands for anything"),
                Parameter("permission", required: true, "allow or deny"), Parameter("description", "what it is for"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            guard let isAllowed = try call.permission() else { throw .missing("permission", call.command) }
            return .identity(
                .createRolePermission(
                    role: try call.arguments.requiredID("roleid"),
                    IdentityRequest.RoleRule(
                        rule: try call.arguments.required("rule"), isAllowed: isAllowed,
                        description: call.arguments.string("description"))))
        } reply: { _, outcome in
            guard let role = outcome.reply.object.flatMap({ outcome.cloud.roles[$0.id] }),
                let rule = role.permissions.last
            else { return .success }
            return ["rolepermission": .object(rule.rendered(of: role))]
        },
        .list(
            "listRolePermissions", "Lists the rules of roles, in the order in which they are asked",
            [Parameter("roleid", .uuid, related: "listRoles", "only of this role")], isAdminOnly: true
        ) { call throws(RequestError) in
            let roles = try call.object("roleid", in: call.cloud.roles).map { [$0] } ?? Array(call.cloud.roles.values)
            let rules = roles.flatMap { role in role.rules.map { (role, $0) } }.filter { call.matches($0.1.rule) }
            return try call.page("rolepermission", rules) { role, rule in rule.rendered(of: role) }
        },
        .change(
            "updateRolePermission", "Changes what a rule says, or the order of a role's rules", isAsync: false,
            [
                .ofRole, Parameter("ruleid", .uuid, related: "listRolePermissions", "the rule"),
                Parameter("permission", "with ruleid: allow or deny"),
                Parameter(
                    "ruleorder", .list, maxLength: 65_536, related: "listRolePermissions",
                    "instead of a rule: the ids of all rules of the role, in their new order"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let role = try call.arguments.requiredID("roleid")
            if call.arguments.text("ruleorder") != nil {
                guard call.arguments.id("ruleid") == nil else {
                    throw .refused("ruleorder", "Either ruleorder or ruleid has to be given, and not both")
                }
                return .identity(.orderRolePermissions(role: role, try call.arguments.ids("ruleorder")))
            }
            guard let isAllowed = try call.permission() else { throw .missing("permission", call.command) }
            return .identity(
                .updateRolePermission(role: role, rule: try call.arguments.requiredID("ruleid"), isAllowed: isAllowed))
        } reply: { _, _ in
            .success
        },
        .change(
            "deleteRolePermission", "Deletes a rule", isAsync: false,
            [.id("listRolePermissions", "the rule")], isAdminOnly: true
        ) { call throws(RequestError) in
            .identity(.deleteRolePermission(try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        },
    ]

    private static func renderedRole(_ call: Call, _ outcome: Outcome) -> APIObject {
        outcome.answer("role", \.roles) { $0.rendered }
    }
}

extension Parameter {
    fileprivate static let ofRole = Parameter("roleid", .uuid, required: true, related: "listRoles", "the role")
}

extension Call {
    fileprivate func roleType() throws(RequestError) -> Role.Kind? {
        guard let text = arguments.string("type") else { return nil }
        guard let type = Role.Kind.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
            throw .invalid("type", text, command, because: "it is Admin, ResourceAdmin, DomainAdmin or User")
        }
        return type
    }

    fileprivate func permission() throws(RequestError) -> Bool? {
        guard let text = arguments.string("permission") else { return nil }
        switch text.lowercased() {
        case "allow": return true
        case "deny": return false
        default: throw .invalid("permission", text, command, because: "it is allow or deny")
        }
    }
}

extension Role {
    /// A built-in role has no rules of its own; these say what the commands say.
    fileprivate var rules: [Permission] {
        guard isBuiltIn else { return permissions }
        guard type != .rootAdmin else { return [Permission(id: id, rule: "*", isAllowed: true)] }
        return Command.all.filter { $0.isAllowed(by: self) }.enumerated().map { index, command in
            Permission(id: ObjectID(random: id.high, id.low &+ UInt64(index) &+ 1), rule: command.name, isAllowed: true)
        }
    }

    var rendered: APIObject {
        [
            "id": .text(id), "name": .string(name), "type": .string(type.rawValue), "description": .text(description),
            "ispublic": .boolean(isPublic), "isdefault": .boolean(isBuiltIn), "state": "enabled",
        ]
    }
}

extension Role.Permission {
    func rendered(of role: Role) -> APIObject {
        [
            "id": .text(id), "roleid": .text(role.id), "rolename": .string(role.name), "rule": .string(rule),
            "permission": .string(isAllowed ? "allow" : "deny"), "description": .text(description),
        ]
    }
}
