public import NetworkVocabulary

/// Who owns networks and guests. Domains, users and roles join in the management API; the number is the one that
/// instance names carry (`i-2-5-VM`).
public struct Account: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let number: UInt64
    public var name: String

    public init(id: ObjectID, number: UInt64, name: String) {
        self.id = id
        self.number = number
        self.name = name
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name
    }
}

extension Account: CloudObject {
    static var kind: RecordKind { .account }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Account>> { \.accounts }
    var record: Record { .account(self) }

    func claims(in cloud: Cloud) -> [Claim] { [.accountName(name.lowercased()), .accountNumber(number)] }
}
