public import NetworkVocabulary

/// Who owns networks and guests. Domains, users and roles join in the management API; the number is the one that
/// instance names carry (`i-2-5-VM`).
public struct Account: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let number: UInt64
    public var name: String

    public init(id: ObjectID, number: UInt64, name: String) {
        self.id = id
        self.number = number
        self.name = name
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name
    }
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

    public init(
        id: ObjectID, name: String, dns1: IPv4Address, dns2: IPv4Address? = nil, internalDNS1: IPv4Address,
        guestCIDR: IPv4Prefix, networkDomain: String? = nil, isEnabled: Bool
    ) {
        self.id = id
        self.name = name
        self.dns1 = dns1
        self.dns2 = dns2
        self.internalDNS1 = internalDNS1
        self.guestCIDR = guestCIDR
        self.networkDomain = networkDomain
        self.isEnabled = isEnabled
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, dns1, dns2, internalDNS1, guestCIDR, networkDomain, isEnabled
    }
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

    public init(
        id: ObjectID, zone: ObjectID, name: String, isolation: IsolationMethod, segmentRanges: [SegmentRange],
        trunk: InterfaceName? = nil
    ) {
        self.id = id
        self.zone = zone
        self.name = name
        self.isolation = isolation
        self.segmentRanges = segmentRanges
        self.trunk = trunk
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, zone, name, isolation, segmentRanges, trunk
    }
}

/// A closed range of VLAN ids or VNIs.
public struct SegmentRange: Hashable, Comparable, Sendable {
    public let first: UInt32
    public let last: UInt32

    /// Nil when reversed.
    public init?(_ first: UInt32, _ last: UInt32) {
        guard first <= last else { return nil }
        self.first = first
        self.last = last
    }

    public var numbers: ClosedRange<UInt32> { first...last }
    public func contains(_ number: UInt32) -> Bool { numbers.contains(number) }
    public static func < (a: Self, b: Self) -> Bool { (a.first, a.last) < (b.first, b.last) }
}

extension SegmentRange: LosslessStringConvertible, TextCoded {
    /// `100-199`, or `100` for a single number; digits only.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part -> UInt32? in
            let digits = part.utf8
            guard (1...8).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
                digits.count == 1 || digits.first != 48
            else { return nil }
            return UInt32(part)
        }
        guard (1...2).contains(parts.count), numbers.count == parts.count else { return nil }
        self.init(numbers[0], numbers[numbers.count - 1])
    }

    public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
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

    public init(
        id: ObjectID, zone: ObjectID, physicalNetwork: ObjectID, number: UInt64, segment: Segment, subnet: IPv4Prefix,
        gateway: IPv4Address, addresses: IPv4Range
    ) {
        self.id = id
        self.zone = zone
        self.physicalNetwork = physicalNetwork
        self.number = number
        self.segment = segment
        self.subnet = subnet
        self.gateway = gateway
        self.addresses = addresses
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, zone, physicalNetwork, number, segment, subnet, gateway, addresses
    }
}

/// What a network of an offering is given, and by whom.
public struct NetworkOffering: Hashable, Codable, Sendable {
    public enum GuestType: String, Hashable, Codable, Sendable {
        case isolated = "Isolated", shared = "Shared", l2 = "L2"
    }

    public let id: ObjectID
    public var name: String
    public var displayText: String
    public var guestType: GuestType
    /// Service to provider, both in CloudStack's spelling (`SourceNat` → `VirtualRouter`).
    public var services: [String: String]
    /// Whether guests may open connections to the outside when no egress rule says otherwise.
    public var egressDefaultAllow: Bool
    /// Conserve mode: one public address may serve several kinds of rules.
    public var conservesAddresses: Bool
    /// The network is implemented when created and stays so without guests.
    public var isPersistent: Bool
    public var specifiesVLAN: Bool
    public var isEnabled: Bool
    public var isDefault: Bool
    /// What each NIC may send and, apart from that, receive: megabits a second. Nil is unlimited; a record from before
    /// there were rates has none.
    public var rate: Int?

    /// The rates that there are.
    public static let rates = 1...100_000

    public init(
        id: ObjectID, name: String, displayText: String, guestType: GuestType, services: [String: String],
        egressDefaultAllow: Bool, conservesAddresses: Bool = true, isPersistent: Bool, specifiesVLAN: Bool,
        isEnabled: Bool, isDefault: Bool, rate: Int? = nil
    ) {
        self.id = id
        self.name = name
        self.displayText = displayText
        self.guestType = guestType
        self.services = services
        self.egressDefaultAllow = egressDefaultAllow
        self.conservesAddresses = conservesAddresses
        self.isPersistent = isPersistent
        self.specifiesVLAN = specifiesVLAN
        self.isEnabled = isEnabled
        self.isDefault = isDefault
        self.rate = rate
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, displayText, guestType, services, egressDefaultAllow, conservesAddresses, isPersistent
        case specifiesVLAN, isEnabled, isDefault, rate
    }
}
