public import NetworkVocabulary

/// Segments of a physical network's pool that only networks of one account, or of one domain, get.
public struct VLANDedication: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let physicalNetwork: ObjectID
    public let segments: SegmentRange
    public let dedication: Dedication

    public init(id: ObjectID, physicalNetwork: ObjectID, segments: SegmentRange, dedication: Dedication) {
        self.id = id
        self.physicalNetwork = physicalNetwork
        self.segments = segments
        self.dedication = dedication
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, physicalNetwork, segments, dedication
    }
}

extension VLANDedication: CloudObject {
    static var kind: RecordKind { .vlanDedication }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, VLANDedication>> { \.vlanDedications }
    var record: Record { .vlanDedication(self) }

    var references: [Reference] { [Reference(.physicalNetwork, physicalNetwork), dedication.reference] }

    func contradiction(in cloud: Cloud, replacing old: VLANDedication?) -> String? {
        guard let wire = cloud.physicalNetworks[physicalNetwork] else { return nil }
        if !wire.segmentRanges.contains(where: { $0.contains(segments) }) {
            return "its segments are outside its physical network's ranges"
        }
        for other in cloud.vlanDedications(on: physicalNetwork) where other.id != id {
            if other.segments.numbers.overlaps(segments.numbers) { return "its segments are dedicated already" }
        }
        for network in cloud.networks(on: physicalNetwork, within: segments)
        where !dedication.admits(network.account, in: cloud) {
            return "network \(network.id) of another account has one of its segments"
        }
        return nil
    }
}

extension Cloud {
    /// Ascending.
    public func vlanDedications(on physicalNetwork: ObjectID) -> [VLANDedication] {
        referrers(.vlanDedication, of: .physicalNetwork)[physicalNetwork].compactMap { vlanDedications[$0] }
            .sorted { $0.segments < $1.segments }
    }

    /// Networks that have one of these segments. Grows with what is taken of them.
    public func networks(on physicalNetwork: ObjectID, within segments: SegmentRange) -> [Network] {
        guard let wire = physicalNetworks[physicalNetwork], let taken = segmentsInUse[physicalNetwork] else {
            return []
        }
        return taken.members(in: segments.numbers).compactMap { number in
            Segment(wire.isolation, number: number).flatMap { network(onSegment: $0, of: physicalNetwork) }
        }
    }

    /// The ranges that networks of the account get segments from, its own first.
    func segmentPools(on wire: PhysicalNetwork, for account: ObjectID) -> [SegmentRange] {
        let dedications = vlanDedications(on: wire.id)
        let own = dedications.filter { $0.dedication.admits(account, in: self) }.map(\.segments)
        let free = dedications.reduce(wire.segmentRanges) { ranges, dedication in
            ranges.flatMap { $0.subtracting(dedication.segments) }
        }
        return own + free
    }
}

extension SegmentRange {
    func contains(_ other: SegmentRange) -> Bool { first <= other.first && other.last <= last }

    /// What is in this range and not in the other.
    func subtracting(_ other: SegmentRange) -> [SegmentRange] {
        guard numbers.overlaps(other.numbers) else { return [self] }
        let below = first < other.first ? SegmentRange(first, other.first - 1) : nil
        let above = last > other.last ? SegmentRange(other.last + 1, last) : nil
        return [below, above].compactMap(\.self)
    }
}
