import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func take(_ request: IdentityRequest) throws(RequestError) -> [Reference] {
        switch request {
        case .createDomain(let name, let parent, let networkDomain):
            return try createDomain(name, parent, networkDomain)
        case .updateDomain(let request): return try updateDomain(request)
        case .deleteDomain(let id, let cleanup): return try deleteDomain(id, cleanup: cleanup)
        case .updateAccount(let request): return try updateAccount(request)
        case .setAccountState(let id, let state): return try setAccountState(id, state)
        case .createUser(let account, let request): return try createUser(account, request)
        case .updateUser(let request): return try updateUser(request)
        case .setUserState(let id, let state): return try setUserState(id, state)
        case .deleteUser(let id): return try deleteUser(id)
        case .registerUserKeys(let id, let key, let secret):
            return try updateUser(.init(id: id, keys: .init(apiKey: key, secretKey: secret)))
        case .createRole(let request): return try createRole(request)
        case .updateRole(let request): return try updateRole(request)
        case .deleteRole(let id): return try deleteRole(id)
        case .createRolePermission(let role, let rule): return try createRolePermission(role, rule)
        case .updateRolePermission(let role, let rule, let allowed):
            return try updateRolePermission(role, rule, isAllowed: allowed)
        case .orderRolePermissions(let role, let order): return try orderRolePermissions(role, order)
        case .deleteRolePermission(let id): return try deleteRolePermission(id)
        case .createProject(let request): return try createProject(request)
        case .updateProject(let request): return try updateProject(request)
        case .setProjectState(let id, let state): return try setProjectState(id, state)
        case .deleteProject(let id, let cleanup): return try deleteProject(id, cleanup: cleanup)
        case .addProjectMember(let project, let member): return try addProjectMember(project, member)
        case .removeProjectMember(let project, let account): return try removeProjectMember(project, account)
        case .updateLimit(let request): return try updateLimit(request)
        case .adoptAdministrator(let key, let secret): return try adoptAdministrator(key, secret)
        }
    }

    private mutating func createDomain(
        _ text: String, _ parent: ObjectID, _ networkDomain: String?
    ) throws(RequestError) -> [Reference] {
        guard let above = cloud.domains[parent] else { throw unknown("parentdomainid", parent) }
        try requireGovernance(ofDomain: parent)
        let name = try domainName(text, "name")
        guard cloud.domain(named: name, below: parent) == nil else {
            throw .refused(
                "name", "Domain with name \(RequestError.excerpt(name)) already exists for the parent \(above.name)")
        }
        // Paths are worked out again and again: a tree is as deep as people organise themselves, not deeper.
        guard cloud.lineage(ofDomain: parent).count < 64 else {
            throw .refused("parentdomainid", "Domains are at most 64 deep")
        }
        let domain = Domain(
            id: newID(), parent: parent, name: name,
            networkDomain: try networkDomain.flatMap { text throws(RequestError) in
                try self.domain(text, "networkdomain")
            }, created: time)
        try put(.domain(domain))
        return [Reference(.domain, domain.id)]
    }

    /// A part of paths: nothing in it ends it.
    private func domainName(_ text: String, _ parameter: String) throws(RequestError) -> String {
        let name = try name(text, parameter)
        guard !name.contains("/") else { throw invalid(parameter, name, "a domain's name has no slash") }
        return name
    }

    private mutating func updateDomain(_ request: IdentityRequest.UpdateDomain) throws(RequestError) -> [Reference] {
        guard var domain = cloud.domains[request.id] else { throw unknown("id", request.id) }
        try requireGovernance(ofDomain: domain.parent ?? domain.id)
        if let text = request.name {
            guard let parent = domain.parent else { throw .refused("name", "ROOT keeps its name") }
            let name = try domainName(text, "name")
            guard cloud.domain(named: name, below: parent).map({ $0.id == domain.id }) ?? true else {
                throw .refused("name", "Domain with name \(RequestError.excerpt(name)) already exists")
            }
            domain.name = name
        }
        if let text = request.networkDomain { domain.networkDomain = try self.domain(text, "networkdomain") }
        try put(.domain(domain))
        return [Reference(.domain, domain.id)]
    }

    private mutating func deleteDomain(_ id: ObjectID, cleanup: Bool) throws(RequestError) -> [Reference] {
        guard let domain = cloud.domains[id] else { throw unknown("id", id) }
        guard let parent = domain.parent else { throw .refused("id", "The domain ROOT can't be deleted") }
        try requireGovernance(ofDomain: parent)
        guard cleanup || !cloud.isReferenced(Reference(.domain, id)) else {
            throw .refused(
                "id",
                "Can't delete the domain yet because it has accounts, projects, domains below it, or something that is "
                    + "kept for it; see cleanup")
        }
        guard !cloud.isDomain(caller.domain, within: id) else { throw .denied("Nobody deletes the domain they are in") }
        for domain in cloud.domains(within: id).reversed() {
            for project in cloud.referrers(.project, of: .domain)[domain.id] {
                _ = try deleteProject(project, cleanup: true)
            }
            for account in cloud.accounts(inDomain: domain.id) { _ = try deleteAccount(account.id) }
            try releasePools(of: Reference(.domain, domain.id))
            let shared = cloud.referrers(.network, of: .domain)[domain.id].compactMap { cloud.networks[$0] }
            if let network = shared.first {
                throw .inUse("id", "Can't delete the domain \(domain.name): network \(network.name) is shared with it")
            }
            guard !cloud.isReferenced(Reference(.domain, domain.id)) else {
                throw .inUse("id", "The domain \(domain.name) is still used")
            }
            try remove(.domain, domain.id)
        }
        return []
    }

    func requireGovernance(ofDomain id: ObjectID) throws(RequestError) {
        guard caller.mayGovern(domain: id, in: cloud) else {
            throw .denied("Caller does not have permission to operate with the domain \(id)")
        }
    }

    /// Of accounts and users: administrators of the domain, and of root administrators only their like.
    func requireGovernance(of account: Account) throws(RequestError) {
        try requireGovernance(ofDomain: account.domain)
        guard account.type != .rootAdmin || caller.isRootAdmin else {
            throw .denied("Caller does not have permission to operate with the account \(account.name)")
        }
    }
}
