public import NetworkVocabulary

/// An operating system by the name that clients know it by.
public struct OSType: Hashable, Codable, Sendable {
    public let id: ObjectID
    public var name: String
    /// `CentOS`, `Debian`, …
    public var category: String

    public init(id: ObjectID, name: String, category: String) {
        self.id = id
        self.name = name
        self.category = category
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, category
    }
}

extension OSType: CloudObject {
    static var kind: RecordKind { .osType }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, OSType>> { \.osTypes }
    var record: Record { .osType(self) }

    func claims(in cloud: Cloud) -> [Claim] { [.osTypeName(name.lowercased())] }
}
