public import NetworkVocabulary

/// How large a disk is and what it may do: inventory, because guests bring their own disks.
public struct DiskOffering: Hashable, Codable, Sendable {
    public let id: ObjectID
    public var name: String
    public var displayText: String
    /// Gigabytes; nil where whoever uses it says how many.
    public var size: Int?
    public var storageType = "shared"
    public var provisioningType = "thin"
    public var tags: String?
    public var throughput = DiskThroughput()
    public var isDisplayed = true
    public var zones: [ObjectID] = []
    public var domains: [ObjectID] = []
    public var isActive = true
    public var isDefault = false
    public var sortKey = 0

    public init(id: ObjectID, name: String, displayText: String, size: Int?) {
        self.id = id
        self.name = name
        self.displayText = displayText
        self.size = size
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, displayText, size, storageType, provisioningType, tags, throughput, isDisplayed, zones, domains
        case isActive, isDefault, sortKey
    }

    public var isCustomized: Bool { size == nil }
}

extension DiskOffering: CloudObject {
    static var kind: RecordKind { .diskOffering }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, DiskOffering>> { \.diskOfferings }
    var record: Record { .diskOffering(self) }

    var references: [Reference] { zones.map { Reference(.zone, $0) } + domains.map { Reference(.domain, $0) } }
}
