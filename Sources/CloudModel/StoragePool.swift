public import NetworkVocabulary

/// Where disks are kept: the primary storage of a cluster, or the secondary of a zone. Inventory; Sluice keeps no disks.
public struct StoragePool: Hashable, Codable, Sendable {
    public enum Role: String, Hashable, Codable, Sendable { case primary, secondary }

    public let id: ObjectID
    public let zone: ObjectID
    /// Primary storage only.
    public let cluster: ObjectID?
    public let role: Role
    public var name: String
    public var url: String

    public init(id: ObjectID, zone: ObjectID, cluster: ObjectID?, role: Role, name: String, url: String) {
        self.id = id
        self.zone = zone
        self.cluster = cluster
        self.role = role
        self.name = name
        self.url = url
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, zone, cluster, role, name, url
    }
}

extension StoragePool: CloudObject {
    static var kind: RecordKind { .storagePool }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, StoragePool>> { \.storagePools }
    var record: Record { .storagePool(self) }

    var references: [Reference] {
        [Reference(.zone, zone)] + [cluster].compactMap(\.self).map { Reference(.cluster, $0) }
    }
}
