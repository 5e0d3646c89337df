import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createRole(_ request: IdentityRequest.CreateRole) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        var role = Role(
            id: newID(), name: try roleName(request.name, for: nil), type: request.type,
            description: try description(request.description), isPublic: request.isPublic)
        guard request.rules.count <= Self.roleRuleLimit else { throw Self.tooManyRules }
        for rule in request.rules { role.permissions.append(try permission(rule)) }
        try put(.role(role))
        return [Reference(.role, role.id)]
    }

    mutating func updateRole(_ request: IdentityRequest.UpdateRole) throws(RequestError) -> [Reference] {
        var role = try changeableRole(request.id, "id")
        if let text = request.name { role.name = try roleName(text, for: role.id) }
        if let text = request.description { role.description = try description(text) }
        if let isPublic = request.isPublic { role.isPublic = isPublic }
        if let type = request.type, type != role.type {
            guard !cloud.isReferenced(Reference(.role, role.id)) else {
                throw .inUse("type", "The role \(role.name) is some account's and keeps its type")
            }
            role.type = type
        }
        try put(.role(role))
        return [Reference(.role, role.id)]
    }

    mutating func deleteRole(_ id: ObjectID) throws(RequestError) -> [Reference] {
        let role = try changeableRole(id, "id")
        guard !cloud.isReferenced(Reference(.role, id)) else {
            throw .inUse("id", "The role \(role.name) is still some account's")
        }
        try remove(.role, id)
        return []
    }

    mutating func createRolePermission(
        _ id: ObjectID, _ rule: IdentityRequest.RoleRule
    ) throws(RequestError) -> [Reference] {
        var role = try changeableRole(id, "roleid")
        guard role.permissions.count < Self.roleRuleLimit else { throw Self.tooManyRules }
        guard !role.permissions.contains(where: { $0.rule == rule.rule }) else {
            throw .refused("rule", "The role \(role.name) has the rule \(RequestError.excerpt(rule.rule)) already")
        }
        role.permissions.append(try permission(rule))
        try put(.role(role))
        return [Reference(.role, id)]
    }

    mutating func updateRolePermission(
        _ id: ObjectID, _ rule: ObjectID, isAllowed: Bool
    ) throws(RequestError) -> [Reference] {
        var role = try changeableRole(id, "roleid")
        guard let index = role.permissions.firstIndex(where: { $0.id == rule }) else { throw unknown("ruleid", rule) }
        role.permissions[index].isAllowed = isAllowed
        try put(.role(role))
        return [Reference(.role, id)]
    }

    mutating func orderRolePermissions(_ id: ObjectID, _ order: [ObjectID]) throws(RequestError) -> [Reference] {
        var role = try changeableRole(id, "roleid")
        let byID = Dictionary(role.permissions.map { ($0.id, $0) }) { first, _ in first }
        guard order.count == byID.count, Set(order) == Set(byID.keys) else {
            throw .refused("ruleorder", "The order has to name each of the role's rules once")
        }
        role.permissions = order.compactMap { byID[$0] }
        try put(.role(role))
        return [Reference(.role, id)]
    }

    mutating func deleteRolePermission(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var role = cloud.role(withPermission: id) else { throw unknown("id", id) }
        role.permissions.removeAll { $0.id == id }
        try put(.role(role))
        return []
    }

    // MARK: - Parameters

    private static var roleRuleLimit: Int { 2_000 }

    private static var tooManyRules: RequestError {
        .limit("rule", "A role has at most \(roleRuleLimit) rules")
    }

    private func changeableRole(_ id: ObjectID, _ parameter: String) throws(RequestError) -> Role {
        try requireRootAdmin()
        guard let role = cloud.roles[id] else { throw unknown(parameter, id) }
        guard !role.isBuiltIn else { throw .denied("The role \(role.name) is built in and can't be changed") }
        return role
    }

    private func roleName(_ text: String, for role: ObjectID?) throws(RequestError) -> String {
        let name = try name(text, "name")
        guard cloud.role(named: name).map({ $0.id == role }) ?? true else {
            throw .refused("name", "Role named \(RequestError.excerpt(name)) already exists")
        }
        return name
    }

    private func description(_ text: String?) throws(RequestError) -> String? {
        guard let text, !text.isEmpty else { return nil }
        return try self.text(text, "description")
    }

    private mutating func permission(_ rule: IdentityRequest.RoleRule) throws(RequestError) -> Role.Permission {
        Role.Permission(
            id: newID(), rule: try name(rule.rule, "rule"), isAllowed: rule.isAllowed,
            description: try description(rule.description))
    }
}
