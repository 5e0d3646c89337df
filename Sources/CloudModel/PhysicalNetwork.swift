public import NetworkVocabulary

/// How guest networks of a physical network are kept apart on the wire.
public enum IsolationMethod: String, Hashable, Codable, Sendable {
    case vlan = "VLAN"
    case vxlan = "VXLAN"
    /// Not by the wire: by security groups.
    case l3 = "L3"
}

/// A wire with a pool of segment numbers, what goes over it, and who serves it.
public struct PhysicalNetwork: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let zone: ObjectID
    public var name: String
    public var isolation: IsolationMethod
    /// VLAN ids or VNIs that guest networks may take, ascending and disjoint.
    public var segmentRanges: [SegmentRange]
    public var isEnabled = true
    /// Offerings with tags put their networks on a physical network that has all of them.
    public var tags: [String] = []
    /// As it was given: `1G`.
    public var speed: String?
    /// `ZONE` or `POD`.
    public var broadcastDomainRange = "ZONE"
    /// What it carries, by kind.
    public private(set) var traffic: [TrafficType] = []
    public private(set) var providers: [ServiceProvider] = []

    /// One that is ready for networks: it carries guest and public traffic, by the trunk, and every provider is enabled.
    public init(
        id: ObjectID, zone: ObjectID, name: String, isolation: IsolationMethod, segmentRanges: [SegmentRange],
        trunk: InterfaceName? = nil
    ) {
        self.init(unconfigured: id, zone: zone, name: name, isolation: isolation, segmentRanges: segmentRanges)
        isEnabled = true
        setTrunk(trunk)
        providers = ServiceProvider.Name.allCases.map { ServiceProvider($0, on: id, isEnabled: true) }
    }

    /// One that is disabled, carries nothing, and whose providers are disabled.
    public init(
        unconfigured id: ObjectID, zone: ObjectID, name: String, isolation: IsolationMethod,
        segmentRanges: [SegmentRange]
    ) {
        self.id = id
        self.zone = zone
        self.name = name
        self.isolation = isolation
        self.segmentRanges = segmentRanges
        isEnabled = false
        providers = ServiceProvider.Name.allCases.map { ServiceProvider($0, on: id, isEnabled: false) }
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, zone, name, isolation, segmentRanges, isEnabled, tags, speed, broadcastDomainRange, traffic, providers
        /// Before there were traffic types: the interface of all traffic.
        case trunk
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            zone: try container.decode(ObjectID.self, forKey: .zone),
            name: try container.decode(String.self, forKey: .name),
            isolation: try container.decode(IsolationMethod.self, forKey: .isolation),
            segmentRanges: try container.decode([SegmentRange].self, forKey: .segmentRanges),
            trunk: try container.decodeIfPresent(InterfaceName.self, forKey: .trunk))
        isEnabled = try container.decodeIfPresent(Bool.self, forKey: .isEnabled) ?? true
        tags = try container.decodeIfPresent([String].self, forKey: .tags) ?? []
        speed = try container.decodeIfPresent(String.self, forKey: .speed)
        broadcastDomainRange =
            try container.decodeIfPresent(String.self, forKey: .broadcastDomainRange) ?? broadcastDomainRange
        traffic = try container.decodeIfPresent([TrafficType].self, forKey: .traffic) ?? traffic
        providers = try container.decodeIfPresent([ServiceProvider].self, forKey: .providers) ?? providers
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(zone, forKey: .zone)
        try container.encode(name, forKey: .name)
        try container.encode(isolation, forKey: .isolation)
        try container.encode(segmentRanges, forKey: .segmentRanges)
        try container.encode(isEnabled, forKey: .isEnabled)
        try container.encode(tags, forKey: .tags)
        try container.encodeIfPresent(speed, forKey: .speed)
        try container.encode(broadcastDomainRange, forKey: .broadcastDomainRange)
        try container.encode(traffic, forKey: .traffic)
        try container.encode(providers, forKey: .providers)
    }
}

extension PhysicalNetwork {
    public func traffic(_ kind: TrafficType.Kind) -> TrafficType? { traffic.first { $0.kind == kind } }
    public func provider(_ name: ServiceProvider.Name) -> ServiceProvider? { providers.first { $0.name == name } }
    public func carries(_ kind: TrafficType.Kind) -> Bool { traffic(kind) != nil }

    /// The host interface that carries guest networks' segments; none keeps them local to the host.
    public var trunk: InterfaceName? { traffic(.guest)?.interface }
    /// The host interface that carries public segments.
    public var publicTrunk: InterfaceName? { traffic(.public)?.interface }

    /// The bridge of the host's that untagged traffic of this kind leaves by; none keeps it local to the host. What carries
    /// guests' VXLAN packets has untagged frames of its own, which are nobody's network.
    public func uplinkBridge(_ kind: TrafficType.Kind) -> InterfaceName? {
        let interface = traffic(kind)?.interface
        return isolation == .vxlan && interface == trunk ? nil : interface
    }

    public mutating func put(_ new: TrafficType) {
        traffic.removeAll { $0.kind == new.kind }
        traffic.append(new)
        traffic.sort { $0.kind.rawValue < $1.kind.rawValue }
    }

    public mutating func remove(_ kind: TrafficType.Kind) { traffic.removeAll { $0.kind == kind } }

    public mutating func put(_ new: ServiceProvider) {
        if let index = providers.firstIndex(where: { $0.name == new.name }) {
            providers[index] = new
        } else {
            providers.append(new)
        }
    }

    public mutating func remove(_ name: ServiceProvider.Name) { providers.removeAll { $0.name == name } }

    /// Guest and public traffic to these hosts, or to whoever is in a group.
    public mutating func setPeers(_ peers: [IPv4Address]) {
        for kind in [TrafficType.Kind.guest, .public] {
            guard var type = traffic(kind) else { continue }
            type.peers = peers
            put(type)
        }
    }

    /// Guest and public traffic by one interface, or by none.
    public mutating func setTrunk(_ trunk: InterfaceName?) {
        for kind in [TrafficType.Kind.guest, .public] {
            var type = traffic(kind) ?? TrafficType(kind, on: id)
            type.labels[TrafficType.Label.kvm.rawValue] = trunk?.rawValue
            put(type)
        }
    }
}

extension PhysicalNetwork {
    /// Whether guest networks are given the segment.
    public func hasInPool(_ segment: Segment) -> Bool {
        guard let number = segment.number, segment == Segment(isolation, number: number) else { return false }
        return segmentRanges.contains { $0.contains(number) }
    }
}

extension Cloud {
    /// Whether a VNI is on another trunk of the host already. The kernel has one device of a VNI for all its links, so that
    /// two trunks with one would be one network.
    public func isOnAnotherTrunk(_ segment: Segment, besides wire: PhysicalNetwork) -> Bool {
        guard case .vxlan = segment, wire.trunk != nil else { return false }
        return physicalNetworks.values.contains { other in
            other.id != wire.id && other.trunk != nil && other.isolation == .vxlan
                && (claims[.segment(physicalNetwork: other.id, segment)] != nil
                    || !publicRangesByBridge[.publicSegment(physicalNetwork: other.id, segment)].isEmpty)
        }
    }

    /// The same, guest and public traffic apart, which may go by different interfaces. The model itself does not insist on
    /// it: ledgers tell of clouds that had both for as long as the kernel took to refuse it.
    public func isCarried(
        _ segment: Segment, elsewhereThan wire: PhysicalNetwork, where kind: TrafficType.Kind
    ) -> Bool {
        if isOnAnotherTrunk(segment, besides: wire) { return true }
        guard case .vxlan = segment, wire.traffic(kind)?.interface != nil else { return false }
        return physicalNetworks.values.contains { other in
            guard other.id != wire.id, other.isolation == .vxlan else { return false }
            return other.trunk != nil && claims[.segment(physicalNetwork: other.id, segment)] != nil
                || other.publicTrunk != nil
                    && !publicRangesByBridge[.publicSegment(physicalNetwork: other.id, segment)].isEmpty
        }
    }
}

extension PhysicalNetwork: CloudObject {
    static var kind: RecordKind { .physicalNetwork }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, PhysicalNetwork>> { \.physicalNetworks }
    var record: Record { .physicalNetwork(self) }

    var references: [Reference] { [Reference(.zone, zone)] }

    func claims(in cloud: Cloud) -> [Claim] {
        [.physicalNetworkName(zone: zone, name.lowercased())]
            + Set([trunk, publicTrunk].compactMap(\.self)).map { .trunk($0) }
            + traffic.map { .partOfPhysicalNetwork($0.id) } + providers.map { .partOfPhysicalNetwork($0.id) }
            + providers.compactMap(\.element).map { .partOfPhysicalNetwork($0.id) }
    }

    func contradiction(in cloud: Cloud, replacing old: PhysicalNetwork?) -> String? {
        if let old, cloud.isReferenced(reference), old.isolation != isolation || old.zone != zone {
            return "its isolation and zone cannot change while it is used"
        }
        if isolation != .vxlan, traffic.contains(where: { !$0.peers.isEmpty }) {
            return "it has peers, and segments that do not go inside of packets"
        }
        for (earlier, later) in zip(segmentRanges, segmentRanges.dropFirst()) where earlier.last >= later.first {
            return "segment ranges are not ascending and disjoint"
        }
        for range in segmentRanges
        where Segment(isolation, number: range.first) == nil || Segment(isolation, number: range.last) == nil {
            return "segment range \(range) is outside what \(isolation.rawValue) has"
        }
        if let old, old.segmentRanges != segmentRanges {
            for dedication in cloud.vlanDedications(on: id)
            where !segmentRanges.contains(where: { $0.contains(dedication.segments) }) {
                return "\(dedication.segments), which are dedicated, would be outside its ranges"
            }
            for id in cloud.networksByPhysicalNetwork[id] {
                guard let network = cloud.networks[id], let segment = network.ownSegment ?? network.segment,
                    hasInPool(segment) == (network.ownSegment != nil)
                else { continue }
                return "\(segment), which a network has, would be on the wrong side of its ranges"
            }
        }
        return nil
    }
}
