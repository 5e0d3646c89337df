public import CloudModel
public import NetworkVocabulary

/// Who asks, and as what.
public struct Caller: Hashable, Sendable {
    /// Nil for the system itself.
    public let user: ObjectID?
    public let account: ObjectID
    public let domain: ObjectID
    public let type: Account.Kind
    public let role: ObjectID

    /// A root administrator may do everything.
    public var isRootAdmin: Bool { type == .rootAdmin }
    /// Of everything, or of a domain.
    public var isAdministrator: Bool { isRootAdmin || type == .domainAdmin }

    public init(
        user: ObjectID? = nil, account: ObjectID, domain: ObjectID = Domain.root.id, type: Account.Kind,
        role: ObjectID? = nil
    ) {
        self.user = user
        self.account = account
        self.domain = domain
        self.type = type
        self.role = role ?? Role.builtIn(for: type).id
    }

    /// Somebody of the ROOT domain, with a built-in role.
    public init(account: ObjectID, isRootAdmin: Bool) {
        self.init(account: account, type: isRootAdmin ? .rootAdmin : .user)
    }

    /// The user as the cloud knows it. Whether it may come in at all is not asked here.
    public init(_ user: User, in cloud: Cloud) {
        let account = cloud.accounts[user.account]
        self.init(
            user: user.id, account: user.account, domain: account?.domain ?? Domain.root.id,
            type: account?.type ?? .user, role: account?.role)
    }
}

// What a caller may see and act for. Decisions and lists ask the same questions.
extension Caller {
    /// Root administrators everybody, domain administrators their domain and all below it, others themselves and the
    /// projects that they are members of.
    public func mayAccess(account id: ObjectID, in cloud: Cloud) -> Bool {
        if isRootAdmin || id == account { return true }
        guard let owner = cloud.accounts[id] else { return false }
        if type == .domainAdmin, cloud.isDomain(owner.domain, within: domain) { return true }
        return cloud.project(ofAccount: id).map(isMember) ?? false
    }

    /// Domains that the caller may look into. One's own is open to everybody, for its name alone.
    public func mayAccess(domain id: ObjectID, in cloud: Cloud) -> Bool {
        if isRootAdmin || id == domain { return true }
        return type == .domainAdmin && cloud.isDomain(id, within: domain)
    }

    /// Administrators of what is below them.
    public func mayGovern(domain id: ObjectID, in cloud: Cloud) -> Bool {
        isRootAdmin || type == .domainAdmin && cloud.isDomain(id, within: domain)
    }

    public func isMember(of project: Project) -> Bool { project.membership(account: account, user: user) != nil }

    public func mayGovern(_ project: Project, in cloud: Cloud) -> Bool {
        mayGovern(domain: project.domain, in: cloud)
            || project.membership(account: account, user: user)?.isAdmin ?? false
    }
}

extension Draft {
    func requireRootAdmin() throws(RequestError) {
        guard caller.isRootAdmin else { throw .denied("Only a root administrator may execute \(command.lowercased())") }
    }

    /// Whose the new object is: the account asked for, or the caller's. It must have room for one more.
    func owner(_ account: ObjectID?, of type: ResourceType? = nil) throws(RequestError) -> ObjectID {
        let id = account ?? caller.account
        guard let owner = cloud.accounts[id] else { throw unknown("account", id) }
        try requireAccess(to: id)
        if owner.type == .project, cloud.project(ofAccount: id)?.state != .active {
            throw .denied("The project of account \(owner.name) is not active")
        }
        if let type { try requireRoom(for: type, account: id) }
        return id
    }

    func requireAccess(to account: ObjectID) throws(RequestError) {
        guard caller.mayAccess(account: account, in: cloud) else {
            throw .denied("Caller does not have permission to operate with the resource of account \(account)")
        }
    }
}
