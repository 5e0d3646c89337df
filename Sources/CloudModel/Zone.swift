public import NetworkVocabulary

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

extension Zone: CloudObject {
    static var kind: RecordKind { .zone }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Zone>> { \.zones }
    var record: Record { .zone(self) }

    func claims(in cloud: Cloud) -> [Claim] { [.zoneName(name.lowercased())] }
}
