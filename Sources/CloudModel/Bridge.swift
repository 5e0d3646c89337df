public import NetworkVocabulary

/// What ports are hung on: the segment of a guest network, or the segment of a physical network that carries public
/// ranges. A kernel bridge takes at most 1,023 ports, so each of these is a row of shards: shard 0 is the root and
/// carries the trunk and one link to every further shard.
public enum Bridge: Hashable, Comparable, Sendable {
    case network(ObjectID)
    case publicSegment(physicalNetwork: ObjectID, Segment)

    /// How many ports of routers and guests a shard takes. The root's remainder is for the links to the others.
    public static func capacity(ofShard shard: Int) -> Int { shard == 0 ? 900 : 1_000 }
    /// Shard 0 and as many as the root has room for.
    public static let shards = 1 + 120
}

/// Ports on a bridge, by shard.
struct ShardCounts: Equatable, Sendable {
    /// Without trailing zeros, so that equal counts are equal values.
    private(set) var ports: [Int] = []

    mutating func add(_ shard: Int) {
        while ports.count <= shard { ports.append(0) }
        ports[shard] += 1
    }

    mutating func remove(_ shard: Int) {
        guard ports.indices.contains(shard) else { return }
        ports[shard] -= 1
        while ports.last == 0 { ports.removeLast() }
    }

    var isEmpty: Bool { ports.isEmpty }
}

/// A port of a router or guest on a segment's bridge. A bridge takes at most 1,023 ports, so a segment is a root
/// bridge (shard 0) with further bridges hung on it; the shard is allocated with the port.
public struct Attachment: Hashable, Codable, Sendable {
    public let mac: MACAddress
    public var shard: Int

    public init(mac: MACAddress, shard: Int) {
        self.mac = mac
        self.shard = shard
    }

    /// Whether there can be such a shard.
    var isValid: Bool { (0..<Bridge.shards).contains(shard) }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case mac, shard
    }
}
