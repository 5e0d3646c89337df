public import NetworkVocabulary

/// What a network of an offering is given, and by whom.
public struct NetworkOffering: Hashable, Codable, Sendable {
    public enum GuestType: String, Hashable, Codable, Sendable, CaseIterable {
        case isolated = "Isolated", shared = "Shared", l2 = "L2"
    }

    /// Of several offerings that would do, a network that names none gets the one that is required.
    public enum Availability: String, Hashable, Codable, Sendable, CaseIterable {
        case optional = "Optional", required = "Required", unavailable = "Unavailable"
    }

    public let id: ObjectID
    public var name: String
    public var displayText: String
    public var guestType: GuestType
    /// Service to provider, both in CloudStack's spelling (`SourceNat` → `VirtualRouter`).
    public var services: [String: String]
    /// By service, what was asked of it beyond its name: `Lb` → `SupportedLbAlgorithms` → `roundrobin`.
    public var capabilities: [String: [String: String]] = [:]
    /// Whether guests may open connections to the outside when no egress rule says otherwise.
    public var egressDefaultAllow: Bool
    /// Conserve mode: one public address may serve several kinds of rules.
    public var conservesAddresses: Bool
    /// The network is implemented when created and stays so without guests.
    public var isPersistent: Bool
    /// Who creates the network says which VLAN it has.
    public var specifiesVLAN: Bool
    /// Who creates the network says which addresses its guests get.
    public var specifiesIPRanges = false
    public var isForVPC = false
    public var isEnabled: Bool
    public var isDefault: Bool
    /// For the system's own networks; tenants cannot use it.
    public var isSystemOnly = false
    /// `Guest`, or for the system's own `Public`, `Management`, `Control` and `Storage`.
    public var trafficType = "Guest"
    public var availability = Availability.optional
    /// What each NIC may send and, apart from that, receive: megabits a second. Nil is unlimited; a record from before
    /// there were rates has none.
    public var rate: Int?
    /// A network goes on a physical network that has all of these tags.
    public var tags: [String] = []
    /// What a load balancer of the network takes at a time.
    public var maxConnections: Int?
    public var keepsAlive = false
    /// What its routers are said to be made of.
    public var serviceOffering: ObjectID?
    /// Where, and by whom, it can be used; everywhere and by everybody when empty.
    public var zones: [ObjectID] = []
    public var domains: [ObjectID] = []
    public var details: [String: String] = [:]
    public var sortKey = 0

    /// For every guest of its networks: those details that are called `dhcp:` and a number.
    public var dhcpOptions: [ExtraDHCPOption] { [ExtraDHCPOption](details: details) }

    /// Whether guests of its networks may send under other names than their own: a detail that CloudStack has too.
    public var allowsSpoofing: Bool { details["ForgedTransmits"]?.lowercased() == "true" }

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
        case id, name, displayText, guestType, services, capabilities, egressDefaultAllow, conservesAddresses
        case isPersistent, specifiesVLAN, specifiesIPRanges, isForVPC, isEnabled, isDefault, isSystemOnly, trafficType
        case availability, rate, tags, maxConnections, keepsAlive, serviceOffering, zones, domains, details, sortKey
    }

    // Records from before have what everybody had then.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func later<Value: Decodable>(_ key: CodingKeys, _ value: Value) throws -> Value {
            try container.decodeIfPresent(Value.self, forKey: key) ?? value
        }
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            name: try container.decode(String.self, forKey: .name),
            displayText: try container.decode(String.self, forKey: .displayText),
            guestType: try container.decode(GuestType.self, forKey: .guestType),
            services: try container.decode([String: String].self, forKey: .services),
            egressDefaultAllow: try container.decode(Bool.self, forKey: .egressDefaultAllow),
            conservesAddresses: try later(.conservesAddresses, true),
            isPersistent: try container.decode(Bool.self, forKey: .isPersistent),
            specifiesVLAN: try container.decode(Bool.self, forKey: .specifiesVLAN),
            isEnabled: try container.decode(Bool.self, forKey: .isEnabled),
            isDefault: try container.decode(Bool.self, forKey: .isDefault),
            rate: try container.decodeIfPresent(Int.self, forKey: .rate))
        capabilities = try later(.capabilities, [:])
        specifiesIPRanges = try later(.specifiesIPRanges, false)
        isForVPC = try later(.isForVPC, false)
        isSystemOnly = try later(.isSystemOnly, false)
        trafficType = try later(.trafficType, trafficType)
        availability = try later(.availability, availability)
        tags = try later(.tags, [])
        maxConnections = try container.decodeIfPresent(Int.self, forKey: .maxConnections)
        keepsAlive = try later(.keepsAlive, false)
        serviceOffering = try container.decodeIfPresent(ObjectID.self, forKey: .serviceOffering)
        zones = try later(.zones, [])
        domains = try later(.domains, [])
        details = try later(.details, [:])
        sortKey = try later(.sortKey, 0)
    }
}

extension NetworkOffering {
    public static let virtualRouter = "VirtualRouter"

    /// Whether a network of it has a router: there is something that one does for it.
    public var needsRouter: Bool { services.values.contains(Self.virtualRouter) }

    public func offers(_ service: String) -> Bool { services[service] != nil }
}

extension NetworkOffering: CloudObject {
    static var kind: RecordKind { .networkOffering }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, NetworkOffering>> { \.networkOfferings }
    var record: Record { .networkOffering(self) }

    var references: [Reference] {
        zones.map { Reference(.zone, $0) } + domains.map { Reference(.domain, $0) }
            + [serviceOffering].compactMap(\.self).map { Reference(.serviceOffering, $0) }
    }

    func claims(in cloud: Cloud) -> [Claim] { [.networkOfferingName(name.lowercased())] }

    func contradiction(in cloud: Cloud, replacing old: NetworkOffering?) -> String? {
        if let rate, !NetworkOffering.rates.contains(rate) { return "there is no such rate" }
        for service in capabilities.keys where services[service] == nil {
            return "it has capabilities of \(service), which is not its service"
        }
        return nil
    }
}
