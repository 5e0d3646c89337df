import CloudModel

// Public addresses and rules in a cloud file. A list that stands there is complete; one that does not is not about what
// is there.
extension CloudFile {
    public struct PublicAddress: Hashable, Sendable {
        /// Dotted decimal, or `source-nat`: the one that the network's guests are seen by.
        public var address: String
        /// A network of the account.
        public var network: String
        public var account = "admin"
        public var staticNAT: StaticNAT?
        public var forward: [Forwarding]?
        public var balance: [Balancer]?
        public var firewall: [FirewallRule]?

        public static let sourceNAT = "source-nat"

        public init(address: String, network: String) {
            self.address = address
            self.network = network
        }
    }

    public struct StaticNAT: Hashable, Sendable {
        /// A guest on the address's network.
        public var guest: String
        /// One of the guest's addresses there; its primary one when absent.
        public var address: String?

        public init(guest: String, address: String? = nil) {
            self.guest = guest
            self.address = address
        }
    }

    public struct Forwarding: Hashable, Sendable {
        /// `tcp/8080`, `udp/5000-5009`.
        public var from: String
        /// A guest on the address's network.
        public var to: String
        /// One of the guest's addresses there; its primary one when absent.
        public var address: String?
        /// The guest's ports; the same when absent.
        public var ports: String?
        /// Who may use it; empty: everybody.
        public var sources: [String] = []
        /// Whether a firewall rule for the ports comes along.
        public var opensFirewall = false

        public init(from: String, to: String) {
            self.from = from
            self.to = to
        }
    }

    public struct FirewallRule: Hashable, Sendable {
        /// `all`, `tcp`, `tcp/80`, `udp/8000-8010`, `icmp`, `icmp/8`, `icmp/8/0`, `47`.
        public var traffic: String
        /// Empty: from everywhere.
        public var sources: [String] = []

        public init(traffic: String) { self.traffic = traffic }
    }

    public struct EgressRule: Hashable, Sendable {
        /// As that of firewall rules.
        public var traffic: String
        /// Empty: the whole network.
        public var sources: [String] = []
        /// Empty: to everywhere.
        public var destinations: [String] = []

        public init(traffic: String) { self.traffic = traffic }
    }
}

// MARK: Coding

extension CloudFile.PublicAddress: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case address, network, account, staticNAT, forward, balance, firewall
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            address: try container.decode(String.self, forKey: .address),
            network: try container.decode(String.self, forKey: .network))
        account = try container.decodeIfPresent(String.self, forKey: .account) ?? account
        staticNAT = try container.decodeIfPresent(CloudFile.StaticNAT.self, forKey: .staticNAT)
        forward = try container.decodeIfPresent([CloudFile.Forwarding].self, forKey: .forward)
        balance = try container.decodeIfPresent([CloudFile.Balancer].self, forKey: .balance)
        firewall = try container.decodeIfPresent([CloudFile.FirewallRule].self, forKey: .firewall)
    }
}

extension CloudFile.StaticNAT: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case guest, address
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            guest: try container.decode(String.self, forKey: .guest),
            address: try container.decodeIfPresent(String.self, forKey: .address))
    }
}

extension CloudFile.Forwarding: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case from, to, address, ports, sources, opensFirewall = "openFirewall"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            from: try container.decode(String.self, forKey: .from),
            to: try container.decode(String.self, forKey: .to))
        address = try container.decodeIfPresent(String.self, forKey: .address)
        ports = try container.decodeIfPresent(String.self, forKey: .ports)
        sources = try container.decodeIfPresent([String].self, forKey: .sources) ?? sources
        opensFirewall = try container.decodeIfPresent(Bool.self, forKey: .opensFirewall) ?? opensFirewall
    }
}

extension CloudFile.FirewallRule: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case traffic, sources
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(traffic: try container.decode(String.self, forKey: .traffic))
        sources = try container.decodeIfPresent([String].self, forKey: .sources) ?? sources
    }
}

extension CloudFile.EgressRule: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case traffic, sources, destinations
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(traffic: try container.decode(String.self, forKey: .traffic))
        sources = try container.decodeIfPresent([String].self, forKey: .sources) ?? sources
        destinations = try container.decodeIfPresent([String].self, forKey: .destinations) ?? destinations
    }
}
