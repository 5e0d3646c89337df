public import NetworkVocabulary

/// What a router serves its guests, as far as it is the same for all of them.
public struct GuestServices: Hashable, Sendable {
    public struct Kinds: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let dhcp = Self(rawValue: 1)
        public static let dns = Self(rawValue: 2)
        /// Metadata, user data and passwords.
        public static let metadata = Self(rawValue: 4)
    }

    public let kinds: Kinds
    /// Where guests find all of it: the router's address on the network.
    public let server: IPv4Address
    public let subnet: IPv4Prefix
    /// Where guests send what is not on the network; nil where it is nobody's business here.
    public let gateway: IPv4Address?
    public let mtu: Int
    public let domain: String
    /// What guests are told to ask (option 6).
    public let nameServers: [IPv4Address]
    /// Who is asked for names that are not the network's own.
    public let resolvers: [IPv4Address]
    /// In seconds; all ones is for ever.
    public let leaseTime: UInt32
    public let routerName: String
    /// Options for every guest, by the offering.
    public let options: [DHCPExtra]

    public init(
        kinds: Kinds, server: IPv4Address, subnet: IPv4Prefix, gateway: IPv4Address?, mtu: Int, domain: String,
        nameServers: [IPv4Address], resolvers: [IPv4Address], leaseTime: UInt32 = .max, routerName: String,
        options: [DHCPExtra] = []
    ) {
        self.kinds = kinds
        self.server = server
        self.subnet = subnet
        self.gateway = gateway
        self.mtu = mtu
        self.domain = domain
        self.nameServers = nameServers
        self.resolvers = resolvers
        self.leaseTime = leaseTime
        self.routerName = routerName
        self.options = options
    }

    /// Where guests of every cloud look for their metadata.
    public static let linkLocalServer = IPv4Address(169, 254, 169, 254)
}

/// A DHCP option by its number, for what the planner has no word of its own for.
public struct DHCPExtra: Hashable, Sendable {
    public let code: UInt8
    public let bytes: [UInt8]

    public init(_ code: UInt8, _ bytes: [UInt8]) {
        self.code = code
        self.bytes = bytes
    }
}

/// One NIC as the services of its network know it. Who asks is told by the port, which is its MAC and its addresses.
public struct ServedNIC: Hashable, Sendable {
    /// The NIC.
    public let origin: Origin
    public let guest: ObjectID
    public let mac: MACAddress
    public let address: IPv4Address
    public let secondaryAddresses: [IPv4Address]
    /// One label.
    public let hostName: String
    /// The guest's way to the rest of the world leads over this NIC.
    public let isDefault: Bool
    public let options: [DHCPExtra]
    public let metadata: ServedMetadata?

    public init(
        origin: Origin, guest: ObjectID, mac: MACAddress, address: IPv4Address,
        secondaryAddresses: [IPv4Address] = [], hostName: String, isDefault: Bool, options: [DHCPExtra] = [],
        metadata: ServedMetadata? = nil
    ) {
        self.origin = origin
        self.guest = guest
        self.mac = mac
        self.address = address
        self.secondaryAddresses = secondaryAddresses
        self.hostName = hostName
        self.isDefault = isDefault
        self.options = options
        self.metadata = metadata
    }

    public var id: ObjectID { origin.id }
    public var addresses: [IPv4Address] { [address] + secondaryAddresses }
}

/// What a guest is told about itself.
public struct ServedMetadata: Hashable, Sendable {
    public struct Leaf: Hashable, Sendable {
        public let name: String
        public let value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// In the order in which they are listed.
    public let leaves: [Leaf]
    /// Leaves that may hold what nobody else may read.
    public let variables: [String: Secret]
    /// In base64.
    public let userData: Secret?
    /// For templates whose guests ask for one.
    public let password: Password?

    public enum Password: Hashable, Sendable {
        case waiting(Secret)
        /// The guest has it and said so.
        case saved
    }

    public init(
        leaves: [Leaf], variables: [String: Secret] = [:], userData: Secret? = nil, password: Password? = nil
    ) {
        self.leaves = leaves
        self.variables = variables
        self.userData = userData
        self.password = password
    }
}
