import CloudModel

// Ports that guests share, in a cloud file: of a public address, or of a network's own.
extension CloudFile {
    public struct Balancer: Hashable, Sendable {
        public var name: String
        /// Of a network's own: where it is, or the lowest free one when absent. What is at a public address has none.
        public var address: String?
        /// `tcp/80`, `udp/53`; `tcp-proxy/80` tells the guests who the client is by the PROXY protocol.
        public var from: String
        /// Guests on the address's network. A guest that stays keeps its connections.
        public var to: [Member]
        /// The guests' port; the same when absent.
        public var port: Int?
        public var algorithm = "roundrobin"
        /// Who may use it; empty: everybody.
        public var sources: [String] = []
        /// Whether a firewall rule for the port comes along.
        public var opensFirewall = false

        public init(name: String, from: String, to: [Member]) {
            self.name = name
            self.from = from
            self.to = to
        }
    }

    /// A guest's name, or an object that also says which of its addresses is meant.
    public struct Member: Hashable, Sendable {
        public var guest: String
        public var address: String?

        public init(guest: String, address: String? = nil) {
            self.guest = guest
            self.address = address
        }
    }
}

extension CloudFile.Balancer: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, address, from, to, port, algorithm, sources, opensFirewall = "openFirewall"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            from: try container.decode(String.self, forKey: .from),
            to: try container.decode([CloudFile.Member].self, forKey: .to))
        address = try container.decodeIfPresent(String.self, forKey: .address)
        port = try container.decodeIfPresent(Int.self, forKey: .port)
        algorithm = try container.decodeIfPresent(String.self, forKey: .algorithm) ?? algorithm
        sources = try container.decodeIfPresent([String].self, forKey: .sources) ?? sources
        opensFirewall = try container.decodeIfPresent(Bool.self, forKey: .opensFirewall) ?? opensFirewall
    }
}

extension CloudFile.Member: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case guest, address }

    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            self.init(guest: name)
            return
        }
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        self.init(
            guest: try container.decode(String.self, forKey: .guest),
            address: try container.decodeIfPresent(String.self, forKey: .address))
    }

    public func encode(to encoder: any Encoder) throws {
        guard let address else {
            var container = encoder.singleValueContainer()
            try container.encode(guest)
            return
        }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(guest, forKey: .guest)
        try container.encode(address, forKey: .address)
    }
}
