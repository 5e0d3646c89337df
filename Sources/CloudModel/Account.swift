public import NetworkVocabulary

/// Who owns networks, guests and public addresses. The number is the one that instance names carry (`i-2-5-VM`).
public struct Account: Hashable, Codable, Sendable {
    /// CloudStack's `accounttype`.
    public enum Kind: Int, Hashable, Codable, Sendable, CaseIterable {
        case user = 0
        case rootAdmin = 1
        case domainAdmin = 2
        case resourceAdmin = 3
        /// Nobody's own: a project's.
        case project = 5
    }

    public enum State: String, Hashable, Codable, Sendable, CaseIterable {
        case enabled
        /// Nobody may sign in.
        case disabled
        /// The same; the account's guests go on.
        case locked
    }

    public let id: ObjectID
    public let number: UInt64
    public var name: String
    public let domain: ObjectID
    public var type: Kind
    public var role: ObjectID
    public var state: State
    public var networkDomain: String?
    /// Milliseconds since 1970; 0 where nobody knows.
    public let created: Int64
    /// What is absent is not limited.
    public var limits: [ResourceType: Int]

    public init(
        id: ObjectID, number: UInt64, name: String, domain: ObjectID = Domain.root.id, type: Kind = .user,
        role: ObjectID? = nil, state: State = .enabled, networkDomain: String? = nil, created: Int64 = 0,
        limits: [ResourceType: Int] = [:]
    ) {
        self.id = id
        self.number = number
        self.name = name
        self.domain = domain
        self.type = type
        self.role = role ?? Role.builtIn(for: type).id
        self.state = state
        self.networkDomain = networkDomain
        self.created = created
        self.limits = limits
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name, domain, type, role, state, networkDomain, created, limits
    }
}

extension Account: CloudObject {
    static var kind: RecordKind { .account }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Account>> { \.accounts }
    var record: Record { .account(self) }

    var references: [Reference] { [Reference(.domain, domain), Reference(.role, role)] }

    func claims(in cloud: Cloud) -> [Claim] {
        [.accountName(domain: domain, name.lowercased()), .accountNumber(number)]
    }

    func contradiction(in cloud: Cloud, replacing old: Account?) -> String? {
        if let old, old.domain != domain { return "its domain cannot change" }
        if let old, (old.type == .project) != (type == .project) { return "a project's account stays one" }
        if type != .project, let role = cloud.roles[role], role.type != Role.builtIn(for: type).type {
            return "its role is of another type"
        }
        return nil
    }
}

extension Cloud {
    public func account(named name: String, inDomain domain: ObjectID = Domain.root.id) -> Account? {
        claims[.accountName(domain: domain, name.lowercased())].flatMap { accounts[$0.id] }
    }

    public func users(ofAccount id: ObjectID) -> [User] {
        referrers(.user, of: .account)[id].compactMap { users[$0] }
    }
}
