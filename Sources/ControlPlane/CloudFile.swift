import CloudModel

/// A declarative cloud, as `docs/cloud-file.md` describes it. Objects refer to each other by name; what is wrong with
/// a value is decided where the same value would be refused from the API, and reported with its path in the file.
public struct CloudFile: Hashable, Sendable {
    public var zones: [Zone] = []
    public var networkOfferings: [NetworkOffering] = []
    public var accounts: [Account] = []
    public var networks: [Network] = []
    public var guests: [Guest] = []
    public var publicAddresses: [PublicAddress] = []

    public init() {}

    public struct Zone: Hashable, Sendable {
        public var name: String
        public var dns1: String
        public var dns2: String?
        public var internalDNS1: String?
        public var guestCIDR: String?
        public var domain: String?
        public var isEnabled = true
        public var physicalNetworks: [PhysicalNetwork] = []
        public var publicRanges: [PublicRange] = []

        public init(name: String, dns1: String) {
            self.name = name
            self.dns1 = dns1
        }
    }

    public struct PhysicalNetwork: Hashable, Sendable {
        public var name: String
        /// `VLAN` or `VXLAN`.
        public var isolation = "VLAN"
        /// `100-199`, `300`.
        public var segments: [String] = []
        public var trunk: String?
        /// The hosts that VXLAN segments go to; none: multicast groups.
        public var peers: [String]?

        public init(name: String) { self.name = name }
    }

    public struct PublicRange: Hashable, Sendable {
        /// May be absent where the zone has one.
        public var physicalNetwork: String?
        public var segment = "untagged"
        public var subnet: String
        public var gateway: String
        /// `first-last`.
        public var addresses: String

        public init(subnet: String, gateway: String, addresses: String) {
            self.subnet = subnet
            self.gateway = gateway
            self.addresses = addresses
        }
    }

    public struct NetworkOffering: Hashable, Sendable {
        public var name: String
        public var displayText: String?
        /// Service to provider.
        public var services: [String: String]
        public var egressDefault = EgressDefault.deny
        /// Whether one public address may serve several kinds of rules.
        public var conserveMode = true
        public var isPersistent = false
        public var isEnabled = true
        /// Megabits a second for each NIC, each way.
        public var rate: Int?
        /// `Isolated`, `Shared` or `L2`.
        public var guestType = "Isolated"
        /// Whether networks of it name their segment.
        public var specifiesSegment = false

        public enum EgressDefault: String, Hashable, Codable, Sendable { case allow, deny }

        public init(name: String, services: [String: String]) {
            self.name = name
            self.services = services
        }
    }

    public struct Account: Hashable, Sendable {
        public var name: String

        public init(name: String) { self.name = name }
    }

    public struct Network: Hashable, Sendable {
        public var name: String
        public var displayText: String?
        public var account = "admin"
        public var zone: String
        public var offering = "DefaultIsolatedNetworkOfferingWithSourceNatService"
        public var physicalNetwork: String?
        public var cidr: String?
        public var gateway: String?
        public var guestCIDR: String?
        public var domain: String?
        /// Resolvers for its guests.
        public var dns1: String?
        public var dns2: String?
        /// The segment that it is made for, if its offering leaves that to the file.
        public var segment: String?
        /// Shared networks: what guests get addresses from, `first-last`.
        public var ranges: [String]?
        /// Shared networks: the path of the domain whose accounts may use it, or `account` for the owner alone.
        public var access: String?
        /// Shared networks: whether ports reach the router and the gateway only.
        public var isolatesPorts = false
        /// All of the network's egress rules, if it is there.
        public var egress: [EgressRule]?
        /// All of the load balancers on addresses of its own, if it is there.
        public var balance: [Balancer]?

        public init(name: String, zone: String) {
            self.name = name
            self.zone = zone
        }
    }

    public struct Guest: Hashable, Sendable {
        public var name: String
        public var account = "admin"
        /// `emulated`, `tap`, `namespace` or `none`.
        public var port = "emulated"
        /// With the port `namespace`: the one that its ports go into.
        public var namespace: String?
        public var isRunning = true
        public var nics: [NIC]

        public init(name: String, nics: [NIC]) {
            self.name = name
            self.nics = nics
        }
    }

    public struct NIC: Hashable, Sendable {
        /// A network of the guest's account.
        public var network: String
        public var address: String?
        /// All of its further addresses, if it is there.
        public var secondaryAddresses: [String]?
        public var isDefault = false
        /// `tap` or `namespace`, where it is not as the guest's.
        public var port: String?
        public var namespace: String?

        public init(network: String, address: String? = nil) {
            self.network = network
            self.address = address
        }
    }
}

// MARK: Coding

// Fields with a default may be absent; a field that is not known is refused, because a misspelt one would silently ask
// for something else.

extension CloudFile: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case zones, networkOfferings, accounts, networks, guests, publicAddresses
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init()
        zones = try container.decodeIfPresent([CloudFile.Zone].self, forKey: .zones) ?? []
        networkOfferings =
            try container.decodeIfPresent([CloudFile.NetworkOffering].self, forKey: .networkOfferings) ?? []
        accounts = try container.decodeIfPresent([CloudFile.Account].self, forKey: .accounts) ?? []
        networks = try container.decodeIfPresent([CloudFile.Network].self, forKey: .networks) ?? []
        guests = try container.decodeIfPresent([CloudFile.Guest].self, forKey: .guests) ?? []
        publicAddresses =
            try container.decodeIfPresent([CloudFile.PublicAddress].self, forKey: .publicAddresses) ?? []
    }
}

extension CloudFile.Zone: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, dns1, dns2, internalDNS1, guestCIDR, domain, isEnabled = "enabled", physicalNetworks, publicRanges
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            dns1: try container.decode(String.self, forKey: .dns1))
        dns2 = try container.decodeIfPresent(String.self, forKey: .dns2)
        internalDNS1 = try container.decodeIfPresent(String.self, forKey: .internalDNS1)
        guestCIDR = try container.decodeIfPresent(String.self, forKey: .guestCIDR)
        domain = try container.decodeIfPresent(String.self, forKey: .domain)
        isEnabled = try container.decodeIfPresent(Bool.self, forKey: .isEnabled) ?? isEnabled
        physicalNetworks =
            try container.decodeIfPresent([CloudFile.PhysicalNetwork].self, forKey: .physicalNetworks)
            ?? physicalNetworks
        publicRanges =
            try container.decodeIfPresent([CloudFile.PublicRange].self, forKey: .publicRanges) ?? publicRanges
    }
}

extension CloudFile.PhysicalNetwork: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, isolation, segments, trunk, peers
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name))
        isolation = try container.decodeIfPresent(String.self, forKey: .isolation) ?? isolation
        segments = try container.decodeIfPresent([String].self, forKey: .segments) ?? segments
        trunk = try container.decodeIfPresent(String.self, forKey: .trunk)
        peers = try container.decodeIfPresent([String].self, forKey: .peers)
    }
}

extension CloudFile.PublicRange: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case physicalNetwork, segment, subnet, gateway, addresses
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            subnet: try container.decode(String.self, forKey: .subnet),
            gateway: try container.decode(String.self, forKey: .gateway),
            addresses: try container.decode(String.self, forKey: .addresses))
        physicalNetwork = try container.decodeIfPresent(String.self, forKey: .physicalNetwork)
        segment = try container.decodeIfPresent(String.self, forKey: .segment) ?? segment
    }
}

extension CloudFile.NetworkOffering: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, displayText, services, egressDefault, conserveMode, isPersistent = "persistent"
        case isEnabled = "enabled"
        case rate, guestType, specifiesSegment
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            services: try container.decode([String: String].self, forKey: .services))
        displayText = try container.decodeIfPresent(String.self, forKey: .displayText)
        egressDefault = try container.decodeIfPresent(EgressDefault.self, forKey: .egressDefault) ?? egressDefault
        conserveMode = try container.decodeIfPresent(Bool.self, forKey: .conserveMode) ?? conserveMode
        isPersistent = try container.decodeIfPresent(Bool.self, forKey: .isPersistent) ?? isPersistent
        isEnabled = try container.decodeIfPresent(Bool.self, forKey: .isEnabled) ?? isEnabled
        rate = try container.decodeIfPresent(Int.self, forKey: .rate)
        guestType = try container.decodeIfPresent(String.self, forKey: .guestType) ?? guestType
        specifiesSegment = try container.decodeIfPresent(Bool.self, forKey: .specifiesSegment) ?? specifiesSegment
    }
}

extension CloudFile.Account: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name))
    }
}

extension CloudFile.Network: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, displayText, account, zone, offering, physicalNetwork, cidr, gateway, guestCIDR, domain, egress
        case dns1, dns2, segment, ranges, access, isolatesPorts, balance
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            zone: try container.decode(String.self, forKey: .zone))
        displayText = try container.decodeIfPresent(String.self, forKey: .displayText)
        account = try container.decodeIfPresent(String.self, forKey: .account) ?? account
        offering = try container.decodeIfPresent(String.self, forKey: .offering) ?? offering
        physicalNetwork = try container.decodeIfPresent(String.self, forKey: .physicalNetwork)
        cidr = try container.decodeIfPresent(String.self, forKey: .cidr)
        gateway = try container.decodeIfPresent(String.self, forKey: .gateway)
        guestCIDR = try container.decodeIfPresent(String.self, forKey: .guestCIDR)
        domain = try container.decodeIfPresent(String.self, forKey: .domain)
        dns1 = try container.decodeIfPresent(String.self, forKey: .dns1)
        dns2 = try container.decodeIfPresent(String.self, forKey: .dns2)
        segment = try container.decodeIfPresent(String.self, forKey: .segment)
        ranges = try container.decodeIfPresent([String].self, forKey: .ranges)
        access = try container.decodeIfPresent(String.self, forKey: .access)
        isolatesPorts = try container.decodeIfPresent(Bool.self, forKey: .isolatesPorts) ?? isolatesPorts
        egress = try container.decodeIfPresent([CloudFile.EgressRule].self, forKey: .egress)
        balance = try container.decodeIfPresent([CloudFile.Balancer].self, forKey: .balance)
    }
}

extension CloudFile.Guest: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, account, port, namespace, isRunning = "running", nics
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            nics: try container.decode([CloudFile.NIC].self, forKey: .nics))
        account = try container.decodeIfPresent(String.self, forKey: .account) ?? account
        port = try container.decodeIfPresent(String.self, forKey: .port) ?? port
        namespace = try container.decodeIfPresent(String.self, forKey: .namespace)
        isRunning = try container.decodeIfPresent(Bool.self, forKey: .isRunning) ?? isRunning
    }
}

extension CloudFile.NIC: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case network, address, secondaryAddresses, isDefault = "default", port, namespace
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            network: try container.decode(String.self, forKey: .network))
        address = try container.decodeIfPresent(String.self, forKey: .address)
        secondaryAddresses = try container.decodeIfPresent([String].self, forKey: .secondaryAddresses)
        isDefault = try container.decodeIfPresent(Bool.self, forKey: .isDefault) ?? isDefault
        port = try container.decodeIfPresent(String.self, forKey: .port)
        namespace = try container.decodeIfPresent(String.self, forKey: .namespace)
    }
}
