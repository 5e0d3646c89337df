public import NetworkVocabulary

/// A public key that an account's guests may be given by its name. The private half is its owner's and never here.
public struct SSHKeyPair: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let account: ObjectID
    public let name: String
    public let key: SSHPublicKey
    /// Milliseconds since 1970.
    public let created: Int64

    public init(id: ObjectID, account: ObjectID, name: String, key: SSHPublicKey, created: Int64) {
        self.id = id
        self.account = account
        self.name = name
        self.key = key
        self.created = created
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, account, name, key, created
    }
}

extension SSHKeyPair: CloudObject {
    static var kind: RecordKind { .sshKeyPair }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, SSHKeyPair>> { \.sshKeyPairs }
    var record: Record { .sshKeyPair(self) }

    var references: [Reference] { [Reference(.account, account)] }
    func claims(in cloud: Cloud) -> [Claim] {
        [.sshKeyPairName(account: account, name.lowercased()), .sshKey(account: account, key.description)]
    }

    func contradiction(in cloud: Cloud, replacing old: SSHKeyPair?) -> String? {
        old.map { $0 != self } ?? false ? "a key pair cannot change" : nil
    }
}
