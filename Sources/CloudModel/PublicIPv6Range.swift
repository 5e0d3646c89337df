public import NetworkVocabulary

/// Public IPv6 addresses without IPv4 ones beside them. They are kept, and nothing uses them yet.
public struct PublicIPv6Range: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let zone: ObjectID
    public let physicalNetwork: ObjectID
    public let segment: Segment
    public let part: IPv6Part
    public let isForSystem: Bool

    public init(
        id: ObjectID, zone: ObjectID, physicalNetwork: ObjectID, segment: Segment, part: IPv6Part,
        isForSystem: Bool = false
    ) {
        self.id = id
        self.zone = zone
        self.physicalNetwork = physicalNetwork
        self.segment = segment
        self.part = part
        self.isForSystem = isForSystem
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, zone, physicalNetwork, segment, part, isForSystem
    }

    public var addresses: IPv6Range { part.range }
}

extension PublicIPv6Range: CloudObject {
    static var kind: RecordKind { .publicIPv6Range }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, PublicIPv6Range>> { \.publicIPv6Ranges }
    var record: Record { .publicIPv6Range(self) }

    var references: [Reference] { [Reference(.zone, zone), Reference(.physicalNetwork, physicalNetwork)] }

    /// Its segment is taken, as that of any public range.
    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        cloud.publicRangesByBridge.edit(
            edit, id, of: .publicSegment(physicalNetwork: physicalNetwork, segment))
    }

    func contradiction(in cloud: Cloud, replacing old: PublicIPv6Range?) -> String? {
        if cloud.physicalNetworks[physicalNetwork]?.zone != zone { return "its physical network is in another zone" }
        if let why = part.contradiction { return why }
        if cloud.claims[.segment(physicalNetwork: physicalNetwork, segment)] != nil {
            return "its segment is a guest network's"
        }
        let others = cloud.publicIPv6Ranges.values.filter { $0.id != id && $0.zone == zone }
        return others.contains { $0.addresses.overlaps(addresses) } ? "its addresses overlap another range's" : nil
    }
}
