import CloudModel
import ControlPlane
import NetworkVocabulary

// Whose objects are: what parameters say of it, whom lists show, and how replies name the owner. Every command of objects
// that have owners goes by this.

extension Parameter {
    static let account = Parameter("account", "an account's name; the caller's own when absent")
    static let domain = Parameter(
        "domainid", .uuid, related: "listDomains", "the account's domain; the caller's own when absent")
    static let project = Parameter(
        "projectid", .uuid, related: "listProjects", "instead of an account: the project that it belongs to")
    static let listAll = Parameter("listall", .boolean, "also what belongs to others, where the caller may see it")
    static let isRecursive = Parameter("isrecursive", .boolean, "also what is in domains below")
    static let listedDomain = Parameter(
        "domainid", .uuid, related: "listDomains", "only what belongs to accounts of this domain")
    static let listedProject = Parameter(
        "projectid", .string, related: "listProjects", "only what belongs to this project; -1: to any project")
}

extension [Parameter] {
    /// Of commands that make something: whose it will be.
    static let owner: [Parameter] = [.account, .domain, .project]
    /// Of lists: whose objects are shown.
    static let scope: [Parameter] = [.account, .listedDomain, .listedProject, .listAll, .isRecursive]
}

/// Whose objects a list shows.
struct Scope: Sendable {
    private enum Extent {
        /// What is in projects is shown to those who ask for projects.
        case everybody
        case everyProject
        case accounts(Set<ObjectID>)
        /// Accounts of these domains, projects apart.
        case domains(Set<ObjectID>)
    }

    private let extent: Extent
    private let cloud: Cloud

    fileprivate static func everybody(_ cloud: Cloud) -> Scope { Scope(extent: .everybody, cloud: cloud) }
    fileprivate static func everyProject(_ cloud: Cloud) -> Scope { Scope(extent: .everyProject, cloud: cloud) }
    fileprivate static func accounts(_ ids: [ObjectID], _ cloud: Cloud) -> Scope {
        Scope(extent: .accounts(Set(ids)), cloud: cloud)
    }
    fileprivate static func domains(_ domains: [ObjectID], _ cloud: Cloud) -> Scope {
        Scope(extent: .domains(Set(domains)), cloud: cloud)
    }

    /// Everything there is but what is in projects: what belongs to nobody is shown too.
    var isEverybody: Bool { if case .everybody = extent { true } else { false } }

    func contains(_ id: ObjectID?) -> Bool {
        guard let id else { return isEverybody }
        switch extent {
        case .everybody: return cloud.accounts[id]?.type != .project
        case .everyProject: return cloud.accounts[id]?.type == .project
        case .accounts(let ids): return ids.contains(id)
        case .domains(let ids):
            return cloud.accounts[id].map { $0.type != .project && ids.contains($0.domain) } ?? false
        }
    }
}

extension Call {
    /// The account that `account` with `domainid`, or `projectid`, name; nil when none of them was sent. One that the
    /// caller may not act for is as unknown as one that is not there.
    func account() throws(RequestError) -> ObjectID? {
        if let project = try project() {
            guard arguments.string("account") == nil else {
                throw .refused("projectid", "Account and projectId can't be specified together")
            }
            return project.account
        }
        guard let name = arguments.string("account") else {
            guard arguments.id("domainid") == nil else { throw .missing("account", command) }
            return nil
        }
        let domain = try domain() ?? caller.domain
        guard let account = cloud.account(named: name, inDomain: domain),
            account.type != .project, caller.mayAccess(account: account.id, in: cloud)
        else {
            throw .refused(
                "account",
                "Unable to find account \(APIError.excerpt(name)) in domain \(cloud.path(ofDomain: domain))")
        }
        return account.id
    }

    /// The domain that a parameter names, if it was sent and the caller may look into it.
    func domain(_ parameter: String = "domainid") throws(RequestError) -> ObjectID? {
        guard let domain = try object(parameter, in: cloud.domains) else { return nil }
        guard caller.mayAccess(domain: domain.id, in: cloud) else {
            throw .unknown(parameter, id: domain.id.description, command)
        }
        return domain.id
    }

    /// The project that `projectid` names, if it was sent and the caller may act for it.
    func project() throws(RequestError) -> Project? {
        guard let project = try object("projectid", in: cloud.projects) else { return nil }
        guard caller.mayAccess(account: project.account, in: cloud) else {
            throw .unknown("projectid", id: project.id.description, command)
        }
        return project
    }

    // MARK: - Lists

    /// Whose objects the list shows: the caller's own, unless parameters say otherwise.
    func scope() throws(RequestError) -> Scope {
        if arguments.string("projectid") == "-1" { return projectScope() }
        if let text = arguments.string("projectid"), ObjectID(text) == nil {
            throw .unknown("projectid", id: text, command)
        }
        if arguments.string("account") != nil || arguments.string("projectid") != nil {
            return .accounts(try account().map { [$0] } ?? [], cloud)
        }
        let isAdmin = caller.isRootAdmin || caller.type == .domainAdmin
        let listsAll = arguments.boolean("listall") ?? false
        if let domain = try domain() {
            guard isAdmin else { return .accounts([caller.account], cloud) }
            let isRecursive = arguments.boolean("isrecursive") ?? listsAll
            return .domains(isRecursive ? cloud.domains(within: domain).map(\.id) : [domain], cloud)
        }
        guard isAdmin, listsAll else { return .accounts([caller.account], cloud) }
        return caller.isRootAdmin ? .everybody(cloud) : .domains(cloud.domains(within: caller.domain).map(\.id), cloud)
    }

    private func projectScope() -> Scope {
        let listsAll = arguments.boolean("listall") ?? false
        if caller.isRootAdmin, listsAll { return .everyProject(cloud) }
        let visible = cloud.projects.values.filter {
            caller.isMember(of: $0) || listsAll && caller.mayAccess(account: $0.account, in: cloud)
        }
        return .accounts(visible.map(\.account), cloud)
    }

    /// The objects of the owners that the caller asked for; those that were asked for by id are shown to whoever may see
    /// them.
    func owned<Value>(
        _ table: SortedMap<ObjectID, Value>, by owner: (Value) -> ObjectID?
    ) throws(RequestError) -> [Value] {
        let scope = try scope()
        if let value = try visible("id", in: table, by: owner) { return [value] }
        return table.values.filter { scope.contains(owner($0)) }
    }

    /// The objects that belong to nobody.
    func shared<Value>(_ table: SortedMap<ObjectID, Value>) throws(RequestError) -> [Value] {
        if let value = try object("id", in: table) { return [value] }
        return Array(table.values)
    }

    /// The object that a parameter names, if it was sent. One that the caller may not see is as unknown as one that is
    /// not there.
    func visible<Value>(
        _ name: String, in table: SortedMap<ObjectID, Value>, by owner: (Value) -> ObjectID?
    ) throws(RequestError) -> Value? {
        guard let value = try object(name, in: table) else { return nil }
        let isVisible = owner(value).map { caller.mayAccess(account: $0, in: cloud) } ?? caller.isRootAdmin
        guard isVisible else { throw .unknown(name, id: arguments.string(name) ?? "", command) }
        return value
    }

    /// The network that a parameter names: one that the caller, or the account that it asks for, may see or have machines
    /// on.
    func usableNetwork(_ name: String) throws(RequestError) -> Network? {
        guard let network = try object(name, in: cloud.networks) else { return nil }
        let user = try account() ?? caller.account
        guard caller.mayAccess(account: network.account, in: cloud) || network.isOpen(to: user, in: cloud) else {
            throw .unknown(name, id: arguments.string(name) ?? "", command)
        }
        return network
    }
}

extension APIObject {
    /// With the owner's fields: `account`, or the project's, and the domain's.
    func owned(by id: ObjectID?, in cloud: Cloud) -> APIObject {
        guard let account = id.flatMap({ cloud.accounts[$0] }) else { return self }
        var object = self
        if let project = cloud.project(ofAccount: account.id) {
            object["project"] = .string(project.name)
            object["projectid"] = .text(project.id)
        } else {
            object["account"] = .string(account.name)
        }
        return object.inDomain(account.domain, cloud)
    }

    func inDomain(_ id: ObjectID, _ cloud: Cloud) -> APIObject {
        var object = self
        object["domain"] = .text(cloud.domains[id]?.name)
        object["domainid"] = .text(id)
        object["domainpath"] = .string(cloud.path(ofDomain: id))
        return object
    }
}
