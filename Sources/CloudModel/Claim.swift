public import NetworkVocabulary

/// An object of the model, by kind and id.
public struct Reference: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let kind: RecordKind
    public let id: ObjectID

    public init(_ kind: RecordKind, _ id: ObjectID) {
        self.kind = kind
        self.id = id
    }

    public static func < (a: Self, b: Self) -> Bool { (a.kind, a.id) < (b.kind, b.id) }
    public var description: String { "\(kind.rawValue) \(id)" }
}

/// Something that at most one object may have at a time. Names are compared in lower case, as CloudStack's database
/// does.
public enum Claim: Hashable, Comparable, Sendable {
    /// ROOT stands below itself.
    case domainName(parent: ObjectID, String)
    case roleName(String)
    /// Lines of roles have ids of their own, by which they are changed.
    case rolePermission(ObjectID)
    case accountName(domain: ObjectID, String)
    case accountNumber(UInt64)
    case userName(domain: ObjectID, String)
    case apiKey(String)
    case projectName(domain: ObjectID, String)
    case projectAccount(ObjectID)
    case zoneName(String)
    case physicalNetworkName(zone: ObjectID, String)
    /// One wire, one pool of segment numbers.
    case trunk(InterfaceName)
    /// Traffic types, providers and their elements have ids of their own, by which they are found.
    case partOfPhysicalNetwork(ObjectID)
    case podName(zone: ObjectID, String)
    case publicRangeNumber(UInt64)
    case networkOfferingName(String)
    case osTypeName(String)
    case vpcOfferingName(String)
    case networkNumber(UInt64)
    /// A guest network's segment on its physical network.
    case segment(physicalNetwork: ObjectID, Segment)
    case publicAddress(range: ObjectID, IPv4Address)
    case sourceNAT(network: ObjectID)
    case router(network: ObjectID)
    case sshKeyPairName(account: ObjectID, String)
    /// An account has a key once.
    case sshKey(account: ObjectID, String)
    case userDataName(account: ObjectID, String)
    case machineNumber(UInt64)
    /// `r-4-VM`, `i-2-5-VM`: namespaces carry these names.
    case machineName(String)
    /// Guests of a network find each other by name.
    case guestName(network: ObjectID, String)
    case nic(guest: ObjectID, network: ObjectID)
    case nicIndex(guest: ObjectID, Int)
    case guestAddress(network: ObjectID, IPv4Address)
    /// `eth<index>` in a namespace of the host that is somebody else's.
    case namespaceDevice(NamespaceName, Int)
    case mac(MACAddress)
    /// A guest's address leaves as one public address.
    case staticNAT(network: ObjectID, IPv4Address)
    case ruleNumber(UInt64)
    /// Secondary addresses have ids of their own, by which they are removed.
    case secondaryAddress(ObjectID)
    case balancerSlot(network: ObjectID, Int)
    /// Policies of load balancer rules have ids of their own, by which they are removed.
    case balancerPolicy(ObjectID)
    case balancedAddress(rule: ObjectID, IPv4Address)
}
