public import NetworkVocabulary

/// A rack of a zone, with the addresses that the system's own machines take there. Sluice makes no such machines, so
/// that a pod is what clients list and refer to.
public struct Pod: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let zone: ObjectID
    public var name: String
    public var subnet: IPv4Prefix
    public var gateway: IPv4Address
    public var addresses: IPv4Range
    public var isEnabled = true

    public init(
        id: ObjectID, zone: ObjectID, name: String, subnet: IPv4Prefix, gateway: IPv4Address, addresses: IPv4Range
    ) {
        self.id = id
        self.zone = zone
        self.name = name
        self.subnet = subnet
        self.gateway = gateway
        self.addresses = addresses
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, zone, name, subnet, gateway, addresses, isEnabled
    }
}

extension Pod: CloudObject {
    static var kind: RecordKind { .pod }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Pod>> { \.pods }
    var record: Record { .pod(self) }

    var references: [Reference] { [Reference(.zone, zone)] }

    func claims(in cloud: Cloud) -> [Claim] { [.podName(zone: zone, name.lowercased())] }

    func contradiction(in cloud: Cloud, replacing old: Pod?) -> String? {
        if !subnet.contains(gateway) { return "its gateway is outside \(subnet)" }
        if !subnet.contains(addresses.first) || !subnet.contains(addresses.last) {
            return "its addresses are outside \(subnet)"
        }
        return addresses.contains(gateway) ? "its gateway is among its addresses" : nil
    }
}
