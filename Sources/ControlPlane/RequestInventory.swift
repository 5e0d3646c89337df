public import CloudModel
public import NetworkVocabulary

/// What is asked of the parts of a cloud that operators run: pods, offerings and the rest of the inventory. Fields that
/// are absent are those that have a default, or stay as they are.
public enum InfrastructureRequest: Hashable, Sendable {
    case createPod(zone: ObjectID, PodFields)
    case updatePod(ObjectID, PodFields)
    /// `peers`: addresses of hosts; nil leaves them as they are.
    case addTrafficType(
        physicalNetwork: ObjectID, kind: String, labels: [TrafficType.Label: String], peers: [String]? = nil)
    case updateTrafficType(ObjectID, labels: [TrafficType.Label: String], peers: [String]? = nil)
    case deleteTrafficType(ObjectID)
    case addProvider(physicalNetwork: ObjectID, name: String)
    case setProvider(ObjectID, isEnabled: Bool)
    case deleteProvider(ObjectID)
    case createElement(provider: ObjectID)
    case configureElement(ObjectID, isEnabled: Bool)
    case createStorageRange(pod: ObjectID, StorageRangeFields)
    case updateStorageRange(ObjectID, StorageRangeFields)
    case createServiceOffering(MachineOfferingFields)
    case updateServiceOffering(ObjectID, MachineOfferingFields)
    case createDiskOffering(DiskOfferingFields)
    case updateDiskOffering(ObjectID, DiskOfferingFields)
    case createVPCOffering(VPCOfferingFields)
    case updateVPCOffering(ObjectID, VPCOfferingFields)
    case updateTemplate(ObjectID, TemplateFields)
    /// Public IPv6 addresses alone.
    case createPublicIPv6Range(
        physicalNetwork: ObjectID, Request.CreatePublicRange.IPv6Text, vlan: String?, isForSystem: Bool = false)
    /// One of the kinds that hold nothing of others.
    case delete(RecordKind, ObjectID)
    /// Nil: as if nobody had ever given it a value.
    case configure(name: String, scope: Reference?, value: String?)
    case createTags([Reference], [String: String], customer: String?)
    /// By key, and by value too where one is given.
    case deleteTags([Reference], [String: String?])
    case markEvents(EventMark.Verb, EventSelection)
    /// The cloud that clients' test suites expect.
    case buildSimulator

    var command: String {
        switch self {
        case .createPod: "createPod"
        case .updatePod: "updatePod"
        case .addTrafficType: "addTrafficType"
        case .updateTrafficType: "updateTrafficType"
        case .deleteTrafficType: "deleteTrafficType"
        case .addProvider: "addNetworkServiceProvider"
        case .setProvider: "updateNetworkServiceProvider"
        case .deleteProvider: "deleteNetworkServiceProvider"
        case .createElement: "createVirtualRouterElement"
        case .configureElement: "configureVirtualRouterElement"
        case .createPublicIPv6Range: "createVlanIpRange"
        case .createStorageRange: "createStorageNetworkIpRange"
        case .updateStorageRange: "updateStorageNetworkIpRange"
        case .createServiceOffering: "createServiceOffering"
        case .updateServiceOffering: "updateServiceOffering"
        case .createDiskOffering: "createDiskOffering"
        case .updateDiskOffering: "updateDiskOffering"
        case .createVPCOffering: "createVPCOffering"
        case .updateVPCOffering: "updateVPCOffering"
        case .updateTemplate: "updateTemplate"
        case .delete(let kind, _): Self.deletions[kind]?.command ?? "delete"
        case .configure(_, _, let value): value == nil ? "resetConfiguration" : "updateConfiguration"
        case .createTags: "createTags"
        case .deleteTags: "deleteTags"
        case .markEvents(.archived, _): "archiveEvents"
        case .markEvents(.deleted, _): "deleteEvents"
        case .buildSimulator: "buildSimulator"
        }
    }
}

extension InfrastructureRequest {
    /// In CloudStack's spelling. Tidying up events makes none.
    var eventType: String? {
        switch self {
        case .createPod: "POD.CREATE"
        case .updatePod: "POD.EDIT"
        case .addTrafficType: "TRAFFIC.TYPE.CREATE"
        case .updateTrafficType: "TRAFFIC.TYPE.UPDATE"
        case .deleteTrafficType: "TRAFFIC.TYPE.DELETE"
        case .addProvider: "SERVICE.PROVIDER.CREATE"
        case .setProvider: "SERVICE.PROVIDER.UPDATE"
        case .deleteProvider: "SERVICE.PROVIDER.DELETE"
        case .createElement: "NETWORK.ELEMENT.CONFIGURE"
        case .configureElement: "NETWORK.ELEMENT.CONFIGURE"
        case .createPublicIPv6Range: "VLAN.IP.RANGE.CREATE"
        case .createStorageRange: "STORAGE.IP.RANGE.CREATE"
        case .updateStorageRange: "STORAGE.IP.RANGE.UPDATE"
        case .createServiceOffering: "SERVICE.OFFERING.CREATE"
        case .updateServiceOffering: "SERVICE.OFFERING.EDIT"
        case .createDiskOffering: "DISK.OFFERING.CREATE"
        case .updateDiskOffering: "DISK.OFFERING.EDIT"
        case .createVPCOffering: "VPC.OFFERING.CREATE"
        case .updateVPCOffering: "VPC.OFFERING.UPDATE"
        case .updateTemplate: "TEMPLATE.UPDATE"
        case .delete(let kind, _): Self.deletions[kind]?.event ?? "OBJECT.DELETE"
        case .configure: "CONFIGURATION.VALUE.EDIT"
        case .createTags: "CREATE_TAGS"
        case .deleteTags: "DELETE_TAGS"
        case .markEvents: nil
        case .buildSimulator: "CLOUD.APPLY"
        }
    }

    /// What can be deleted by its id alone, if nothing refers to it.
    static let deletions: [RecordKind: (command: String, event: String)] = [
        .pod: ("deletePod", "POD.DELETE"),
        .publicIPv6Range: ("deleteVlanIpRange", "VLAN.IP.RANGE.DELETE"),
        .storageNetworkRange: ("deleteStorageNetworkIpRange", "STORAGE.IP.RANGE.DELETE"),
        .serviceOffering: ("deleteServiceOffering", "SERVICE.OFFERING.DELETE"),
        .diskOffering: ("deleteDiskOffering", "DISK.OFFERING.DELETE"),
        .vpcOffering: ("deleteVPCOffering", "VPC.OFFERING.DELETE"),
    ]
}

/// Of a pod.
public struct PodFields: Hashable, Sendable {
    public var name: String?
    public var gateway: String?
    public var netmask: String?
    public var first: String?
    /// The last address of the subnet when absent.
    public var last: String?
    public var isEnabled: Bool?

    public init() {}
}

/// Of a range of the storage network.
public struct StorageRangeFields: Hashable, Sendable {
    public var gateway: String?
    public var netmask: String?
    public var first: String?
    /// The first when absent.
    public var last: String?
    public var vlan: Int?

    public init() {}
}

/// Where an offering can be used, and by whom.
public struct OfferingScope: Hashable, Sendable {
    public var zones: [ObjectID]?
    public var domains: [ObjectID]?

    public init(zones: [ObjectID]? = nil, domains: [ObjectID]? = nil) {
        self.zones = zones
        self.domains = domains
    }
}

/// Of a service offering.
public struct MachineOfferingFields: Hashable, Sendable {
    public var name: String?
    public var displayText: String?
    public var cpuNumber: Int?
    public var cpuSpeed: Int?
    public var memory: Int?
    public var networkRate: Int?
    public var isSystem: Bool?
    public var systemVMType: String?
    public var storageType: String?
    public var provisioningType: String?
    public var hostTags: String?
    public var storageTags: String?
    public var deploymentPlanner: String?
    public var offersHA: Bool?
    public var limitsCPU: Bool?
    public var isVolatile: Bool?
    public var isCustomized: Bool?
    public var rootDiskSize: Int?
    public var throughput = DiskThroughput()
    public var details: [String: String] = [:]
    public var scope = OfferingScope()
    public var isActive: Bool?
    public var sortKey: Int?

    public init() {}
}

/// Of a disk offering.
public struct DiskOfferingFields: Hashable, Sendable {
    public var name: String?
    public var displayText: String?
    public var size: Int?
    public var isCustomized: Bool?
    public var storageType: String?
    public var provisioningType: String?
    public var tags: String?
    public var throughput = DiskThroughput()
    public var isDisplayed: Bool?
    public var scope = OfferingScope()
    public var isActive: Bool?
    public var sortKey: Int?

    public init() {}
}

/// Of a VPC offering.
public struct VPCOfferingFields: Hashable, Sendable {
    public var name: String?
    public var displayText: String?
    public var services: [String] = []
    public var providers: [ServiceRow] = []
    public var capabilities: [CapabilityRow] = []
    public var serviceOffering: ObjectID?
    public var scope = OfferingScope()
    public var isEnabled: Bool?
    public var sortKey: Int?

    public init() {}
}

/// A service and one who provides it.
public struct ServiceRow: Hashable, Sendable {
    public var service: String
    public var provider: String

    public init(service: String, provider: String) {
        self.service = service
        self.provider = provider
    }
}

/// A service and what is asked of it beyond its name.
public struct CapabilityRow: Hashable, Sendable {
    public var service: String
    public var capability: String
    public var value: String

    public init(service: String, capability: String, value: String) {
        self.service = service
        self.capability = capability
        self.value = value
    }
}

/// Of a template.
public struct TemplateFields: Hashable, Sendable {
    public var name: String?
    public var displayText: String?
    public var osType: ObjectID?
    public var format: String?
    public var isPasswordEnabled: Bool?
    public var isSSHKeyEnabled: Bool?
    public var isDynamicallyScalable: Bool?
    public var isRouting: Bool?
    public var isBootable: Bool?
    public var requiresHVM: Bool?
    public var tag: String?
    public var details: [String: String]?
    public var sortKey: Int?

    public init() {}
}
