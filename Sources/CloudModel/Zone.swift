public import NetworkVocabulary

/// A data centre: the scope of public ranges, guest defaults and resolvers.
public struct Zone: Hashable, Codable, Sendable {
    public enum NetworkType: String, Hashable, Codable, Sendable {
        /// Tenants have networks of their own.
        case advanced = "Advanced"
        /// All guests share one network, apart by security groups. Such zones are inventory: nothing is deployed there.
        case basic = "Basic"
    }

    public let id: ObjectID
    public var name: String
    public var networkType = NetworkType.advanced
    public var dns1: IPv4Address
    public var dns2: IPv4Address?
    public var ipv6DNS1: IPv6Address?
    public var ipv6DNS2: IPv6Address?
    public var internalDNS1: IPv4Address
    public var internalDNS2: IPv4Address?
    /// The guest network of isolated networks that do not name their own.
    public var guestCIDR: IPv4Prefix
    public var networkDomain: String?
    public var isEnabled: Bool
    public var hasSecurityGroups = false
    public var hasLocalStorage = false
    /// Who gives guests their addresses: the virtual router.
    public var dhcpProvider = "VirtualRouter"
    public var details: [String: String] = [:]
    public var sortKey = 0

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
        case id, name, networkType, dns1, dns2, ipv6DNS1, ipv6DNS2, internalDNS1, internalDNS2, guestCIDR, networkDomain
        case isEnabled, hasSecurityGroups, hasLocalStorage, dhcpProvider, details, sortKey
    }

    // A record from before there were other zones is of an advanced one.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            name: try container.decode(String.self, forKey: .name),
            dns1: try container.decode(IPv4Address.self, forKey: .dns1),
            dns2: try container.decodeIfPresent(IPv4Address.self, forKey: .dns2),
            internalDNS1: try container.decode(IPv4Address.self, forKey: .internalDNS1),
            guestCIDR: try container.decode(IPv4Prefix.self, forKey: .guestCIDR),
            networkDomain: try container.decodeIfPresent(String.self, forKey: .networkDomain),
            isEnabled: try container.decode(Bool.self, forKey: .isEnabled))
        networkType = try container.decodeIfPresent(NetworkType.self, forKey: .networkType) ?? networkType
        ipv6DNS1 = try container.decodeIfPresent(IPv6Address.self, forKey: .ipv6DNS1)
        ipv6DNS2 = try container.decodeIfPresent(IPv6Address.self, forKey: .ipv6DNS2)
        internalDNS2 = try container.decodeIfPresent(IPv4Address.self, forKey: .internalDNS2)
        hasSecurityGroups = try container.decodeIfPresent(Bool.self, forKey: .hasSecurityGroups) ?? false
        hasLocalStorage = try container.decodeIfPresent(Bool.self, forKey: .hasLocalStorage) ?? false
        dhcpProvider = try container.decodeIfPresent(String.self, forKey: .dhcpProvider) ?? dhcpProvider
        details = try container.decodeIfPresent([String: String].self, forKey: .details) ?? [:]
        sortKey = try container.decodeIfPresent(Int.self, forKey: .sortKey) ?? 0
    }
}

extension Zone: CloudObject {
    static var kind: RecordKind { .zone }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Zone>> { \.zones }
    var record: Record { .zone(self) }

    func claims(in cloud: Cloud) -> [Claim] { [.zoneName(name.lowercased())] }

    func contradiction(in cloud: Cloud, replacing old: Zone?) -> String? {
        if let old, old.networkType != networkType, cloud.isReferenced(reference) {
            return "its network type cannot change while it is used"
        }
        return nil
    }
}
