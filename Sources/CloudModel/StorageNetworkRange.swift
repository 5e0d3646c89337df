public import NetworkVocabulary

/// Addresses of a pod on the storage network: inventory, because Sluice runs no storage machines.
public struct StorageNetworkRange: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let pod: ObjectID
    public var gateway: IPv4Address
    public var subnet: IPv4Prefix
    public var addresses: IPv4Range
    public var vlan: VLANID?

    public init(
        id: ObjectID, pod: ObjectID, gateway: IPv4Address, subnet: IPv4Prefix, addresses: IPv4Range, vlan: VLANID?
    ) {
        self.id = id
        self.pod = pod
        self.gateway = gateway
        self.subnet = subnet
        self.addresses = addresses
        self.vlan = vlan
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, pod, gateway, subnet, addresses, vlan
    }
}

extension StorageNetworkRange: CloudObject {
    static var kind: RecordKind { .storageNetworkRange }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, StorageNetworkRange>> { \.storageNetworkRanges }
    var record: Record { .storageNetworkRange(self) }

    var references: [Reference] { [Reference(.pod, pod)] }

    func contradiction(in cloud: Cloud, replacing old: StorageNetworkRange?) -> String? {
        if !subnet.contains(gateway) { return "its gateway is outside \(subnet)" }
        if !subnet.contains(addresses.first) || !subnet.contains(addresses.last) {
            return "its addresses are outside \(subnet)"
        }
        return nil
    }
}
