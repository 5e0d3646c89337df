public import NetworkVocabulary

/// Hosts of a pod that are alike: inventory.
public struct Cluster: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let pod: ObjectID
    public var name: String
    public var hypervisor: String
    public var isEnabled = true

    public init(id: ObjectID, pod: ObjectID, name: String, hypervisor: String) {
        self.id = id
        self.pod = pod
        self.name = name
        self.hypervisor = hypervisor
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, pod, name, hypervisor, isEnabled
    }
}

extension Cluster: CloudObject {
    static var kind: RecordKind { .cluster }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Cluster>> { \.clusters }
    var record: Record { .cluster(self) }

    var references: [Reference] { [Reference(.pod, pod)] }
}
