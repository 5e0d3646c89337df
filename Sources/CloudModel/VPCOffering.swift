public import NetworkVocabulary

/// What a VPC of an offering is given. There are no VPCs yet: clients list and refer to it.
public struct VPCOffering: Hashable, Codable, Sendable {
    public let id: ObjectID
    public var name: String
    public var displayText: String
    /// Service to providers, in CloudStack's spelling.
    public var services: [String: [String]]
    public var capabilities: [String: [String: String]] = [:]
    public var serviceOffering: ObjectID?
    public var zones: [ObjectID] = []
    public var domains: [ObjectID] = []
    public var isEnabled = false
    public var isDefault = false
    public var sortKey = 0

    public init(id: ObjectID, name: String, displayText: String, services: [String: [String]]) {
        self.id = id
        self.name = name
        self.displayText = displayText
        self.services = services
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, displayText, services, capabilities, serviceOffering, zones, domains, isEnabled, isDefault,
            sortKey
    }

    public var isDistributed: Bool { capabilities["Connectivity"]?["DistributedRouter"] == "true" }
    public var isRegionLevel: Bool { capabilities["Connectivity"]?["RegionLevelVPC"] == "true" }
    public var isRedundant: Bool { capabilities["SourceNat"]?["RedundantRouter"] == "true" }
}

extension VPCOffering: CloudObject {
    static var kind: RecordKind { .vpcOffering }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, VPCOffering>> { \.vpcOfferings }
    var record: Record { .vpcOffering(self) }

    var references: [Reference] {
        zones.map { Reference(.zone, $0) } + domains.map { Reference(.domain, $0) }
            + [serviceOffering].compactMap(\.self).map { Reference(.serviceOffering, $0) }
    }

    func claims(in cloud: Cloud) -> [Claim] { [.vpcOfferingName(name.lowercased())] }
}
