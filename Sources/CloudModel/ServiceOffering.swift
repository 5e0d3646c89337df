public import NetworkVocabulary

/// What a machine is made of: the size that guests, routers and load balancers are said to have. Guests bring their own
/// processors and memory, so that of all this only the network rate is anything that Sluice itself gives.
public struct ServiceOffering: Hashable, Codable, Sendable {
    public let id: ObjectID
    public var name: String
    public var displayText: String
    /// Nil: whoever deploys says how much.
    public var cpuNumber: Int?
    /// Megahertz.
    public var cpuSpeed: Int?
    /// Megabytes.
    public var memory: Int?
    /// Megabits a second for each NIC, each way.
    public var networkRate: Int?
    /// For machines of the system: `domainrouter`, `internalloadbalancervm`, …
    public var systemVMType: String?
    /// `local` or `shared`.
    public var storageType = "shared"
    /// `thin`, `sparse` or `fat`.
    public var provisioningType = "thin"
    public var hostTags: String?
    public var storageTags: String?
    public var deploymentPlanner: String?
    public var offersHA = false
    public var limitsCPU = false
    public var isVolatile = false
    public var isCustomized = false
    /// Gigabytes.
    public var rootDiskSize: Int?
    public var throughput = DiskThroughput()
    public var details: [String: String] = [:]
    /// Where, and by whom, it can be used; everywhere and by everybody when empty.
    public var zones: [ObjectID] = []
    public var domains: [ObjectID] = []
    /// `Active`, and not `Inactive`: new machines can be made of it.
    public var isActive = true
    /// Every installation has it.
    public var isDefault = false
    public var sortKey = 0

    public init(id: ObjectID, name: String, displayText: String) {
        self.id = id
        self.name = name
        self.displayText = displayText
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, displayText, cpuNumber, cpuSpeed, memory, networkRate, systemVMType, storageType
        case provisioningType, hostTags, storageTags, deploymentPlanner, offersHA, limitsCPU, isVolatile, isCustomized
        case rootDiskSize, throughput, details, zones, domains, isActive, isDefault, sortKey
    }
}

/// What disks may read and write. Guests' monitors honour it, not Sluice.
public struct DiskThroughput: Hashable, Codable, Sendable {
    public var bytesRead: Int?
    public var bytesWrite: Int?
    public var iopsRead: Int?
    public var iopsWrite: Int?
    public var minIOPS: Int?
    public var maxIOPS: Int?
    public var isCustomized = false
    public var snapshotReserve: Int?

    public init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case bytesRead, bytesWrite, iopsRead, iopsWrite, minIOPS, maxIOPS, isCustomized, snapshotReserve
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        bytesRead = try container.decodeIfPresent(Int.self, forKey: .bytesRead)
        bytesWrite = try container.decodeIfPresent(Int.self, forKey: .bytesWrite)
        iopsRead = try container.decodeIfPresent(Int.self, forKey: .iopsRead)
        iopsWrite = try container.decodeIfPresent(Int.self, forKey: .iopsWrite)
        minIOPS = try container.decodeIfPresent(Int.self, forKey: .minIOPS)
        maxIOPS = try container.decodeIfPresent(Int.self, forKey: .maxIOPS)
        isCustomized = try container.decode(Bool.self, forKey: .isCustomized)
        snapshotReserve = try container.decodeIfPresent(Int.self, forKey: .snapshotReserve)
    }
}

extension ServiceOffering: CloudObject {
    static var kind: RecordKind { .serviceOffering }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, ServiceOffering>> { \.serviceOfferings }
    var record: Record { .serviceOffering(self) }

    public var isSystem: Bool { systemVMType != nil }

    var references: [Reference] { zones.map { Reference(.zone, $0) } + domains.map { Reference(.domain, $0) } }
}
