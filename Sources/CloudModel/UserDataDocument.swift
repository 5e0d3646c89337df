public import NetworkVocabulary

/// User data that an account keeps under a name, for any number of guests.
public struct UserDataDocument: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let account: ObjectID
    public let name: String
    /// Base64, as the client sent it.
    public let content: Secret
    /// Names of the variables that a guest's user data details may fill in.
    public let parameters: [String]
    /// Milliseconds since 1970.
    public let created: Int64

    public init(
        id: ObjectID, account: ObjectID, name: String, content: Secret, parameters: [String], created: Int64
    ) {
        self.id = id
        self.account = account
        self.name = name
        self.content = content
        self.parameters = parameters
        self.created = created
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, account, name, content, parameters, created
    }
}

extension UserDataDocument: CloudObject {
    static var kind: RecordKind { .userData }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, UserDataDocument>> { \.userDataDocuments }
    var record: Record { .userData(self) }

    var references: [Reference] { [Reference(.account, account)] }
    func claims(in cloud: Cloud) -> [Claim] { [.userDataName(account: account, name.lowercased())] }

    func contradiction(in cloud: Cloud, replacing old: UserDataDocument?) -> String? {
        if let old, old != self { return "a document cannot change" }
        return Base64.decode(content.revealed) == nil ? "its content is not base64" : nil
    }
}
