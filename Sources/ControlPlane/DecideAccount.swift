import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createAccount(_ request: Request.CreateAccount) throws(RequestError) -> [Reference] {
        let domain = request.domain ?? caller.domain
        guard cloud.domains[domain] != nil else { throw unknown("domainid", domain) }
        try requireGovernance(ofDomain: domain)
        let role = try role(request.role, for: request.type, "roleid")
        let name = try name(request.name, "account")
        guard cloud.account(named: name, inDomain: domain) == nil else {
            throw .refused("account", "The specified account: \(RequestError.excerpt(name)) already exists")
        }
        let account = Account(
            id: newID(), number: try number(.account), name: name, domain: domain, type: role.type.accountType,
            role: role.id,
            networkDomain: try request.networkDomain.flatMap { text throws(RequestError) in
                try self.domain(text, "networkdomain")
            }, created: time)
        guard account.type != .rootAdmin || domain == Domain.root.id else {
            throw .refused("domainid", "Root administrators belong to the domain ROOT")
        }
        try put(.account(account))
        let users = try request.user.map { user throws(RequestError) in try createUser(account.id, user) } ?? []
        return [Reference(.account, account.id)] + users
    }

    /// The role that is named, or that the type has, if the caller may give it.
    private func role(
        _ id: ObjectID?, for type: Account.Kind, _ parameter: String
    ) throws(RequestError) -> Role {
        guard let role = cloud.roles[id ?? Role.builtIn(for: type).id] else {
            throw unknown(parameter, id ?? caller.role)
        }
        switch role.type {
        case .rootAdmin, .resourceAdmin: try requireRootAdmin()
        case .domainAdmin, .user: break
        }
        return role
    }

    mutating func updateAccount(_ request: IdentityRequest.UpdateAccount) throws(RequestError) -> [Reference] {
        guard var account = cloud.accounts[request.id], account.type != .project else {
            throw unknown("id", request.id)
        }
        try requireGovernance(of: account)
        if let text = request.name {
            account.name = try name(text, "newname")
            guard cloud.account(named: account.name, inDomain: account.domain).map({ $0.id == account.id }) ?? true
            else {
                throw .refused("newname", "The specified account: \(RequestError.excerpt(text)) already exists")
            }
            guard account.number != Bootstrap.adminNumber || account.name == Bootstrap.admin else {
                throw .refused("newname", "The account \(Bootstrap.admin) keeps its name")
            }
        }
        if let text = request.networkDomain { account.networkDomain = try domain(text, "networkdomain") }
        if let id = request.role {
            guard account.id != caller.account else { throw .denied("Nobody changes their own role") }
            let role = try role(id, for: account.type, "roleid")
            guard role.type.accountType != .rootAdmin || account.domain == Domain.root.id else {
                throw .refused("roleid", "Root administrators belong to the domain ROOT")
            }
            guard account.number != Bootstrap.adminNumber else {
                throw .refused("roleid", "The account \(account.name) keeps its role")
            }
            (account.role, account.type) = (role.id, role.type.accountType)
        }
        try put(.account(account))
        return [Reference(.account, account.id)]
    }

    mutating func setAccountState(_ id: ObjectID, _ state: Account.State) throws(RequestError) -> [Reference] {
        guard var account = cloud.accounts[id], account.type != .project else { throw unknown("id", id) }
        try requireGovernance(of: account)
        guard state == .enabled || account.number != Bootstrap.adminNumber && account.id != caller.account else {
            throw .denied("The account \(account.name) can't be disabled or locked by this caller")
        }
        account.state = state
        try put(.account(account))
        // What is disabled stands still; what is locked goes on.
        if state == .disabled {
            for guest in cloud.guestsByAccount[id] where cloud.guests[guest]?.isRunning == true {
                _ = try stopGuest(guest)
            }
        }
        return [Reference(.account, id)]
    }

    mutating func deleteAccount(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard let account = cloud.accounts[id], account.type != .project else { throw unknown("id", id) }
        try requireGovernance(of: account)
        guard account.number != Bootstrap.adminNumber else {
            throw .refused("id", "The account \(account.name) is the system's own and can't be deleted")
        }
        guard id != caller.account else { throw .denied("Nobody deletes their own account") }
        for project in cloud.projects(withMember: id) {
            guard project.members.contains(where: { $0.isAdmin && $0.account != id }) else {
                throw .refused(
                    "id", "Can't delete account \(account.name) as it's an owner of the project \(project.name)")
            }
            _ = try removeMembers(of: project) { $0.account == id }
        }
        try releasePools(of: Reference(.account, id))
        try removeBelongings(of: id)
        for user in cloud.users(ofAccount: id) { try remove(.user, user.id) }
        guard !cloud.isReferenced(Reference(.account, id)) else {
            throw .inUse("id", "The account \(account.name) still owns something that can't be deleted with it")
        }
        try remove(.account, id)
        return []
    }

    /// What an account owns goes with it: guests before networks, networks before what was theirs.
    mutating func removeBelongings(of account: ObjectID) throws(RequestError) {
        for id in cloud.guestsByAccount[account] { try expunge(id) }
        for id in cloud.networksByAccount[account] { _ = try deleteNetwork(id) }
        for id in cloud.referrers(.publicAddress, of: .account)[account] {
            let isReserved = cloud.publicAddresses[id]?.isReserved ?? false
            _ = try isReserved ? releaseReservedAddress(id) : releasePublicAddress(id)
        }
        for id in cloud.referrers(.publicRange, of: .account)[account] {
            guard var range = cloud.publicRanges[id] else { continue }
            range.dedication = nil
            try put(.publicRange(range))
        }
        for kind in [RecordKind.sshKeyPair, .userData, .sslCertificate, .vlanDedication] {
            for id in cloud.referrers(kind, of: .account)[account] { try remove(kind, id) }
        }
    }

    /// The administrator's user, with these keys where it has none.
    mutating func adoptAdministrator(_ key: String, _ secret: Secret) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let account = cloud.account(named: Bootstrap.admin) else { throw .missing("account", command) }
        var user =
            cloud.user(named: Bootstrap.admin, inDomain: account.domain)
            ?? User(
                id: newID(), account: account.id, name: Bootstrap.admin, firstName: "admin", lastName: "cloud",
                created: time)
        // Keys that were registered since are the ones that count.
        if user.apiKey == nil {
            guard cloud.user(apiKey: key) == nil else {
                throw .refused("apikey", "The administrator's API key is another user's")
            }
            (user.apiKey, user.secretKey) = (key, secret)
        }
        try put(.user(user))
        return [Reference(.user, user.id)]
    }
}

extension Role.Kind {
    var accountType: Account.Kind {
        switch self {
        case .rootAdmin: .rootAdmin
        case .resourceAdmin: .resourceAdmin
        case .domainAdmin: .domainAdmin
        case .user: .user
        }
    }
}
