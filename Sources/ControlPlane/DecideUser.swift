import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createUser(
        _ account: ObjectID, _ request: IdentityRequest.NewUser
    ) throws(RequestError) -> [Reference] {
        guard let owner = cloud.accounts[account], owner.type != .project else { throw unknown("account", account) }
        try requireGovernance(of: owner)
        let name = try userName(request.name, for: nil, in: owner.domain)
        let user = User(
            id: newID(), account: account, name: name, firstName: try text(request.firstName, "firstname"),
            lastName: try text(request.lastName, "lastname"), email: try text(request.email, "email"),
            timeZone: try request.timeZone.map { text throws(RequestError) in try self.text(text, "timezone") },
            passwordHash: request.passwordHash, created: time)
        try put(.user(user))
        return [Reference(.user, user.id)]
    }

    mutating func updateUser(_ request: IdentityRequest.UpdateUser) throws(RequestError) -> [Reference] {
        var (user, account) = try user(request.id)
        // People keep their own names, passwords and keys; names to sign in by are given by administrators.
        if user.id != caller.user { try requireGovernance(of: account) }
        if let text = request.name {
            try requireGovernance(of: account)
            user.name = try userName(text, for: user.id, in: account.domain)
        }
        if let text = request.firstName { user.firstName = try self.text(text, "firstname") }
        if let text = request.lastName { user.lastName = try self.text(text, "lastname") }
        if let text = request.email { user.email = try self.text(text, "email") }
        if let text = request.timeZone { user.timeZone = try self.text(text, "timezone") }
        if let hash = request.passwordHash { user.passwordHash = hash }
        if let keys = request.keys {
            let key = try name(keys.apiKey, "userapikey")
            guard !keys.secretKey.revealed.isEmpty else { throw .missing("usersecretkey", command) }
            guard cloud.user(apiKey: key).map({ $0.id == user.id }) ?? true else {
                throw .refused("userapikey", "The API key is another user's")
            }
            (user.apiKey, user.secretKey) = (key, keys.secretKey)
        }
        try put(.user(user))
        return [Reference(.user, user.id)]
    }

    mutating func setUserState(_ id: ObjectID, _ state: User.State) throws(RequestError) -> [Reference] {
        var (user, account) = try user(id)
        try requireGovernance(of: account)
        guard state == .enabled || user.id != caller.user && !isSystems(user, account) else {
            throw .denied("The user \(user.name) can't be disabled or locked by this caller")
        }
        user.state = state
        try put(.user(user))
        return [Reference(.user, id)]
    }

    mutating func deleteUser(_ id: ObjectID) throws(RequestError) -> [Reference] {
        let (user, account) = try user(id)
        try requireGovernance(of: account)
        guard user.id != caller.user, !isSystems(user, account) else {
            throw .denied("The user \(user.name) can't be deleted by this caller")
        }
        for project in cloud.referrers(.project, of: .user)[id].compactMap({ cloud.projects[$0] }) {
            guard project.members.contains(where: { $0.isAdmin && $0.user != id }) else {
                throw .refused("id", "Can't delete user \(user.name) as it's an owner of the project \(project.name)")
            }
            _ = try removeMembers(of: project) { $0.user == id }
        }
        try remove(.user, id)
        return []
    }

    /// The user by which the installation is administered.
    private func isSystems(_ user: User, _ account: Account) -> Bool {
        account.number == Bootstrap.adminNumber && user.name == Bootstrap.admin
    }

    private func user(_ id: ObjectID) throws(RequestError) -> (User, Account) {
        guard let user = cloud.users[id], let account = cloud.accounts[user.account] else { throw unknown("id", id) }
        return (user, account)
    }

    private func userName(
        _ text: String, for user: ObjectID?, in domain: ObjectID
    ) throws(RequestError) -> String {
        let name = try name(text, "username")
        guard cloud.user(named: name, inDomain: domain).map({ $0.id == user }) ?? true else {
            throw .refused("username", "The user \(RequestError.excerpt(name)) already exists in the domain")
        }
        return name
    }
}
