public import NetworkVocabulary

/// What a machine starts from, as the inventory knows it: Sluice keeps no images. Whether guests take a password from the
/// router, and which operating system they are said to run, is decided by it.
public struct Template: Hashable, Codable, Sendable {
    public let id: ObjectID
    public var name: String
    public var displayText: String
    public var account: ObjectID
    public var osType: ObjectID
    /// The word of `listHypervisors`.
    public var hypervisor: String
    public var format: String
    /// `USER`, `SYSTEM`, `BUILTIN`, `ROUTING`.
    public var type = "USER"
    /// Bytes.
    public var size: Int?
    public var bits = 64
    public var isPasswordEnabled = false
    public var isSSHKeyEnabled = false
    public var isDynamicallyScalable = false
    public var isPublic = true
    public var isFeatured = false
    public var isExtractable = false
    public var isBootable = true
    public var requiresHVM = true
    public var tag: String?
    public var sortKey = 0
    public var details: [String: String] = [:]
    /// Where it can be used; in every zone when empty.
    public var zones: [ObjectID] = []

    public init(
        id: ObjectID, name: String, displayText: String, account: ObjectID, osType: ObjectID, hypervisor: String,
        format: String
    ) {
        self.id = id
        self.name = name
        self.displayText = displayText
        self.account = account
        self.osType = osType
        self.hypervisor = hypervisor
        self.format = format
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, displayText, account, osType, hypervisor, format, type, size, bits, isPasswordEnabled
        case isSSHKeyEnabled, isDynamicallyScalable, isPublic, isFeatured, isExtractable, isBootable, requiresHVM, tag
        case sortKey, details, zones
    }

    /// Whether machines of the zone can start from it.
    public func isUsable(in zone: ObjectID) -> Bool { zones.isEmpty || zones.contains(zone) }
}

extension Template: CloudObject {
    static var kind: RecordKind { .template }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Template>> { \.templates }
    var record: Record { .template(self) }

    var references: [Reference] {
        [Reference(.account, account), Reference(.osType, osType)] + zones.map { Reference(.zone, $0) }
    }
}
