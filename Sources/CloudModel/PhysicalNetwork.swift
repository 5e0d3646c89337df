public import NetworkVocabulary

/// How guest networks of a physical network are kept apart on the wire.
public enum IsolationMethod: String, Hashable, Codable, Sendable {
    case vlan = "VLAN"
    case vxlan = "VXLAN"
}

/// A wire with a pool of segment numbers.
public struct PhysicalNetwork: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let zone: ObjectID
    public var name: String
    public var isolation: IsolationMethod
    /// VLAN ids or VNIs that guest networks may take, ascending and disjoint.
    public var segmentRanges: [SegmentRange]
    /// The host interface that carries the segments; none keeps every segment local to the host.
    public var trunk: InterfaceName?

    public init(
        id: ObjectID, zone: ObjectID, name: String, isolation: IsolationMethod, segmentRanges: [SegmentRange],
        trunk: InterfaceName? = nil
    ) {
        self.id = id
        self.zone = zone
        self.name = name
        self.isolation = isolation
        self.segmentRanges = segmentRanges
        self.trunk = trunk
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, zone, name, isolation, segmentRanges, trunk
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
}

extension PhysicalNetwork: CloudObject {
    static var kind: RecordKind { .physicalNetwork }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, PhysicalNetwork>> { \.physicalNetworks }
    var record: Record { .physicalNetwork(self) }

    var references: [Reference] { [Reference(.zone, zone)] }

    func claims(in cloud: Cloud) -> [Claim] {
        [.physicalNetworkName(zone: zone, name.lowercased())] + (trunk.map { [.trunk($0)] } ?? [])
    }

    func contradiction(in cloud: Cloud, replacing old: PhysicalNetwork?) -> String? {
        if let old, cloud.isReferenced(reference), old.isolation != isolation || old.zone != zone {
            return "its isolation and zone cannot change while it is used"
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
