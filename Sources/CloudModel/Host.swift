public import NetworkVocabulary

/// A machine that guests are said to run on: inventory.
public struct Host: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let cluster: ObjectID
    public var name: String
    public var address: IPv4Address

    public init(id: ObjectID, cluster: ObjectID, name: String, address: IPv4Address) {
        self.id = id
        self.cluster = cluster
        self.name = name
        self.address = address
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, cluster, name, address
    }
}

extension Host: CloudObject {
    static var kind: RecordKind { .host }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Host>> { \.hosts }
    var record: Record { .host(self) }

    var references: [Reference] { [Reference(.cluster, cluster)] }
}
