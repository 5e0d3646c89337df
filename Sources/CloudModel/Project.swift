public import NetworkVocabulary

/// Networks and guests that several accounts have in common. They belong to an account of the project's own, which
/// members act for.
public struct Project: Hashable, Codable, Sendable {
    public enum State: String, Hashable, Codable, Sendable, CaseIterable {
        case active = "Active"
        case suspended = "Suspended"
    }

    /// An account, or one user of it, with a say in the project.
    public struct Member: Hashable, Codable, Sendable {
        public let account: ObjectID
        /// Nil for every user of the account.
        public let user: ObjectID?
        /// May change the project and its members.
        public var isAdmin: Bool

        public init(account: ObjectID, user: ObjectID? = nil, isAdmin: Bool) {
            self.account = account
            self.user = user
            self.isAdmin = isAdmin
        }

        enum CodingKeys: String, CodingKey, CaseIterable {
            case account, user, isAdmin
        }
    }

    public let id: ObjectID
    public var name: String
    public var displayText: String
    public let domain: ObjectID
    /// Who owns what is in the project.
    public let account: ObjectID
    public var state: State
    public var members: [Member]
    /// Milliseconds since 1970; 0 where nobody knows.
    public let created: Int64

    public init(
        id: ObjectID, name: String, displayText: String, domain: ObjectID, account: ObjectID, state: State = .active,
        members: [Member], created: Int64 = 0
    ) {
        self.id = id
        self.name = name
        self.displayText = displayText
        self.domain = domain
        self.account = account
        self.state = state
        self.members = members
        self.created = created
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, displayText, domain, account, state, members, created
    }
}

extension Project {
    /// The membership by which somebody acts: the user's own before the account's.
    public func membership(account: ObjectID, user: ObjectID?) -> Member? {
        let mine = members.filter { $0.account == account }
        return mine.first { $0.user != nil && $0.user == user } ?? mine.first { $0.user == nil }
    }
}

extension Project: CloudObject {
    static var kind: RecordKind { .project }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Project>> { \.projects }
    var record: Record { .project(self) }

    var references: [Reference] {
        let named = [Reference(.domain, domain), Reference(.account, account)]
        let accounts = Set(members.map(\.account)).sorted().map { Reference(.account, $0) }
        let users = Set(members.compactMap(\.user)).sorted().map { Reference(.user, $0) }
        return named + accounts + users
    }

    func claims(in cloud: Cloud) -> [Claim] {
        [.projectName(domain: domain, name.lowercased()), .projectAccount(account)]
    }

    func contradiction(in cloud: Cloud, replacing old: Project?) -> String? {
        if let old, old.domain != domain || old.account != account { return "its domain and account cannot change" }
        guard let owner = cloud.accounts[account], owner.type == .project, owner.domain == domain else {
            return "its account is not one for a project of its domain"
        }
        for member in members {
            if cloud.accounts[member.account]?.type == .project { return "a project is no member" }
            if let user = member.user, cloud.users[user]?.account != member.account {
                return "a member's user is another account's"
            }
        }
        if Set(members.map { [$0.account, $0.user] }).count != members.count { return "a member is named twice" }
        return nil
    }
}

extension Cloud {
    public func project(named name: String, inDomain domain: ObjectID) -> Project? {
        claims[.projectName(domain: domain, name.lowercased())].flatMap { projects[$0.id] }
    }

    /// The project whose own account it is.
    public func project(ofAccount account: ObjectID) -> Project? {
        claims[.projectAccount(account)].flatMap { projects[$0.id] }
    }

    /// The projects that the account, or one of its users, is a member of.
    public func projects(withMember account: ObjectID) -> [Project] {
        referrers(.project, of: .account)[account].compactMap { projects[$0] }.filter { $0.account != account }
    }
}
