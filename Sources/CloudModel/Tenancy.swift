public import NetworkVocabulary

/// A tenant's network. Its segment, router and source NAT address exist from its implementation on.
public struct Network: Hashable, Codable, Sendable {
    public enum State: String, Hashable, Codable, Sendable { case allocated = "Allocated", implemented = "Implemented" }

    public let id: ObjectID
    /// Device names on the host derive from it.
    public let number: UInt64
    public var name: String
    public var displayText: String
    public let account: ObjectID
    public let zone: ObjectID
    public let physicalNetwork: ObjectID
    public var offering: ObjectID
    public var cidr: IPv4Prefix
    public var gateway: IPv4Address
    /// The part of the network that guests get addresses from when it is smaller than the whole (`guestvmcidr`).
    public var guestCIDR: IPv4Prefix?
    public var state: State
    /// Held exactly while the network is implemented.
    public var segment: Segment?
    public var networkDomain: String?
    public var mtu: Int
}

/// An address of a public range in somebody's hands. Free addresses have no record.
public struct PublicAddress: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let range: ObjectID
    public let address: IPv4Address
    public let account: ObjectID
    public var network: ObjectID?
    public var isSourceNAT: Bool
}

/// A port of a router or guest on a segment's bridge. A bridge takes at most 1,023 ports, so a segment is a root
/// bridge (shard 0) with further bridges hung on it; the shard is allocated with the port.
public struct Attachment: Hashable, Codable, Sendable {
    public let mac: MACAddress
    public var shard: Int
}

/// The virtual router of one network.
public struct VirtualRouter: Hashable, Codable, Sendable {
    /// A leg on the segment of a public range; leg n is interface `eth<n>` and routing table 0x64 + n.
    public struct PublicLeg: Hashable, Codable, Sendable {
        public let index: Int
        public let range: ObjectID
        public var attachment: Attachment
    }

    public let id: ObjectID
    public let number: UInt64
    public let name: String
    public let zone: ObjectID
    public let account: ObjectID
    public let network: ObjectID
    public var isRunning: Bool
    /// `eth0`, with the network's gateway address.
    public var guestLeg: Attachment
    /// `eth1` and on.
    public var publicLegs: [PublicLeg]
}

/// A machine of a tenant, known by its ports.
public struct Guest: Hashable, Codable, Sendable {
    /// What stands behind the ports of a guest.
    public enum Port: String, Hashable, Codable, Sendable {
        /// A namespace that behaves like a machine: addresses configured, default route set.
        case emulated
        /// Nothing on this host: the NIC holds its addresses and its place in the router only.
        case none
    }

    public let id: ObjectID
    public let number: UInt64
    public var name: String
    public let instanceName: String
    public let account: ObjectID
    public let zone: ObjectID
    public var port: Port
    public var isRunning: Bool
}

/// A guest's interface on a network.
public struct NIC: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let guest: ObjectID
    public let network: ObjectID
    /// `eth<index>` inside the guest.
    public let index: Int
    public var address: IPv4Address
    public var attachment: Attachment
    public var isDefault: Bool
}
