public import NetworkVocabulary

/// Who owns networks and guests. Domains, users and roles join in the management API; the number is the one that
/// instance names carry (`i-2-5-VM`).
public struct Account: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let number: UInt64
    public var name: String
}

/// A data centre: the scope of public ranges, guest defaults and resolvers.
public struct Zone: Hashable, Codable, Sendable {
    public let id: ObjectID
    public var name: String
    public var dns1: IPv4Address
    public var dns2: IPv4Address?
    public var internalDNS1: IPv4Address
    /// The guest network of isolated networks that do not name their own.
    public var guestCIDR: IPv4Prefix
    public var networkDomain: String?
    public var isEnabled: Bool
}

/// How guest networks of a physical network are kept apart on the wire.
public enum IsolationMethod: String, Hashable, Codable, Sendable {
    case vlan = "VLAN"
    case vxlan = "VXLAN"
}

/// A wire with a pool of segment numbers.
public struct PhysicalNetwork: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let zone: ObjectID
    public var name: String
    public var isolation: IsolationMethod
    /// VLAN ids or VNIs that guest networks may take, ascending and disjoint.
    public var segmentRanges: [SegmentRange]
    /// The host interface that carries the segments; none keeps every segment local to the host.
    public var trunk: InterfaceName?
}

/// A closed range of VLAN ids or VNIs.
public struct SegmentRange: Hashable, Codable, Sendable {
    public let first: UInt32
    public let last: UInt32
}

/// Public addresses of a zone that lie in one subnet on one segment.
public struct PublicRange: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let zone: ObjectID
    public let physicalNetwork: ObjectID
    public let number: UInt64
    public var segment: Segment
    public var subnet: IPv4Prefix
    public var gateway: IPv4Address
    public var addresses: IPv4Range
}

/// What a network of an offering is given, and by whom.
public struct NetworkOffering: Hashable, Codable, Sendable {
    public enum GuestType: String, Hashable, Codable, Sendable { case isolated = "Isolated", shared = "Shared", l2 = "L2" }

    public let id: ObjectID
    public var name: String
    public var displayText: String
    public var guestType: GuestType
    /// Service to provider, both in CloudStack's spelling (`SourceNat` → `VirtualRouter`).
    public var services: [String: String]
    /// Whether guests may open connections to the outside when no egress rule says otherwise.
    public var egressDefaultAllow: Bool
    /// The network is implemented when created and stays so without guests.
    public var isPersistent: Bool
    public var specifiesVLAN: Bool
    public var isEnabled: Bool
    public var isDefault: Bool
}
