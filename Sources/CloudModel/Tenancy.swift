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

    public init(
        id: ObjectID, number: UInt64, name: String, displayText: String, account: ObjectID, zone: ObjectID,
        physicalNetwork: ObjectID, offering: ObjectID, cidr: IPv4Prefix, gateway: IPv4Address,
        guestCIDR: IPv4Prefix? = nil, state: State, segment: Segment? = nil, networkDomain: String? = nil, mtu: Int
    ) {
        self.id = id
        self.number = number
        self.name = name
        self.displayText = displayText
        self.account = account
        self.zone = zone
        self.physicalNetwork = physicalNetwork
        self.offering = offering
        self.cidr = cidr
        self.gateway = gateway
        self.guestCIDR = guestCIDR
        self.state = state
        self.segment = segment
        self.networkDomain = networkDomain
        self.mtu = mtu
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name, displayText, account, zone, physicalNetwork, offering, cidr, gateway, guestCIDR
        case state, segment, networkDomain, mtu
    }
}

/// An address of a public range in somebody's hands. Free addresses have no record.
public struct PublicAddress: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let range: ObjectID
    public let address: IPv4Address
    public let account: ObjectID
    public var network: ObjectID?
    public var isSourceNAT: Bool
    /// The guest that the address stands for; then no other rule leads anywhere from it.
    public var staticNAT: StaticNAT?

    public init(
        id: ObjectID, range: ObjectID, address: IPv4Address, account: ObjectID, network: ObjectID? = nil,
        isSourceNAT: Bool, staticNAT: StaticNAT? = nil
    ) {
        self.id = id
        self.range = range
        self.address = address
        self.account = account
        self.network = network
        self.isSourceNAT = isSourceNAT
        self.staticNAT = staticNAT
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, range, address, account, network, isSourceNAT, staticNAT
    }
}

/// A port of a router or guest on a segment's bridge. A bridge takes at most 1,023 ports, so a segment is a root
/// bridge (shard 0) with further bridges hung on it; the shard is allocated with the port.
public struct Attachment: Hashable, Codable, Sendable {
    public let mac: MACAddress
    public var shard: Int

    public init(mac: MACAddress, shard: Int) {
        self.mac = mac
        self.shard = shard
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case mac, shard
    }
}

/// The virtual router of one network.
public struct VirtualRouter: Hashable, Codable, Sendable {
    /// A leg on the segment of a public range; leg n is interface `eth<n>` and routing table 0x64 + n.
    public struct PublicLeg: Hashable, Codable, Sendable {
        public let index: Int
        public let range: ObjectID
        public var attachment: Attachment

        public init(index: Int, range: ObjectID, attachment: Attachment) {
            self.index = index
            self.range = range
            self.attachment = attachment
        }

        enum CodingKeys: String, CodingKey, CaseIterable {
            case index, range, attachment
        }
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

    public init(
        id: ObjectID, number: UInt64, name: String, zone: ObjectID, account: ObjectID, network: ObjectID,
        isRunning: Bool, guestLeg: Attachment, publicLegs: [PublicLeg]
    ) {
        self.id = id
        self.number = number
        self.name = name
        self.zone = zone
        self.account = account
        self.network = network
        self.isRunning = isRunning
        self.guestLeg = guestLeg
        self.publicLegs = publicLegs
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name, zone, account, network, isRunning, guestLeg, publicLegs
    }
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

    public init(
        id: ObjectID, number: UInt64, name: String, instanceName: String, account: ObjectID, zone: ObjectID,
        port: Port, isRunning: Bool
    ) {
        self.id = id
        self.number = number
        self.name = name
        self.instanceName = instanceName
        self.account = account
        self.zone = zone
        self.port = port
        self.isRunning = isRunning
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name, instanceName, account, zone, port, isRunning
    }
}

/// A guest's interface on a network.
public struct NIC: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let guest: ObjectID
    public let network: ObjectID
    /// `eth<index>` inside the guest.
    public let index: Int
    public var address: IPv4Address
    public var secondaryAddresses: [SecondaryAddress]
    public var attachment: Attachment
    public var isDefault: Bool

    public init(
        id: ObjectID, guest: ObjectID, network: ObjectID, index: Int, address: IPv4Address,
        secondaryAddresses: [SecondaryAddress] = [], attachment: Attachment, isDefault: Bool
    ) {
        self.id = id
        self.guest = guest
        self.network = network
        self.index = index
        self.address = address
        self.secondaryAddresses = secondaryAddresses
        self.attachment = attachment
        self.isDefault = isDefault
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, guest, network, index, address, secondaryAddresses, attachment, isDefault
    }

    /// All its addresses, the primary one first.
    public var addresses: [IPv4Address] { [address] + secondaryAddresses.map(\.address) }
}
