public import NetworkVocabulary

/// Somebody who signs in, or signs requests, for an account.
public struct User: Hashable, Codable, Sendable {
    public typealias State = Account.State

    public let id: ObjectID
    public let account: ObjectID
    public var name: String
    public var firstName: String
    public var lastName: String
    public var email: String
    public var timeZone: String?
    public var state: State
    /// Names the user in signed requests; no secret by itself.
    public var apiKey: String?
    public var secretKey: Secret?
    /// As `crypt` makes it; without one nobody signs in by password.
    public var passwordHash: Secret?
    /// Milliseconds since 1970; 0 where nobody knows.
    public let created: Int64

    public init(
        id: ObjectID, account: ObjectID, name: String, firstName: String = "", lastName: String = "",
        email: String = "", timeZone: String? = nil, state: State = .enabled, apiKey: String? = nil,
        secretKey: Secret? = nil, passwordHash: Secret? = nil, created: Int64 = 0
    ) {
        self.id = id
        self.account = account
        self.name = name
        self.firstName = firstName
        self.lastName = lastName
        self.email = email
        self.timeZone = timeZone
        self.state = state
        self.apiKey = apiKey
        self.secretKey = secretKey
        self.passwordHash = passwordHash
        self.created = created
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, account, name, firstName, lastName, email, timeZone, state, apiKey, secretKey, passwordHash, created
    }
}

extension User: CloudObject {
    static var kind: RecordKind { .user }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, User>> { \.users }
    var record: Record { .user(self) }

    var references: [Reference] { [Reference(.account, account)] }

    func claims(in cloud: Cloud) -> [Claim] {
        let domain = cloud.accounts[account]?.domain
        return (domain.map { [.userName(domain: $0, name.lowercased())] } ?? [])
            + (apiKey.map { [.apiKey($0)] } ?? [])
    }

    func contradiction(in cloud: Cloud, replacing old: User?) -> String? {
        if let old, old.account != account { return "its account cannot change" }
        if cloud.accounts[account]?.type == .project { return "a project has members, not users" }
        if (apiKey == nil) != (secretKey == nil) { return "an API key and a secret key go together" }
        return nil
    }
}

extension Cloud {
    public func user(named name: String, inDomain domain: ObjectID) -> User? {
        claims[.userName(domain: domain, name.lowercased())].flatMap { users[$0.id] }
    }

    public func user(apiKey: String) -> User? { claims[.apiKey(apiKey)].flatMap { users[$0.id] } }
}
