public import NetworkVocabulary

/// A kind of traffic that a physical network carries, and the names that hypervisors have for the interface it goes by.
public struct TrafficType: Hashable, Codable, Sendable {
    public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
        case guest = "Guest", `public` = "Public", management = "Management", storage = "Storage"
    }

    /// Whose word for an interface it is.
    public enum Label: String, Hashable, Codable, Sendable, CaseIterable {
        case kvm, xen, vmware, hyperv, ovm3
    }

    public let id: ObjectID
    public let kind: Kind
    /// As they were given. KVM's are the host's interfaces: what it means for guest and public traffic is the physical
    /// network's trunk.
    public var labels: [String: String] = [:]

    /// The other hosts that its segments' frames are sent to and taken from, where those go inside of packets; none: a
    /// multicast group for each segment, and whoever is in it. Ascending.
    public var peers: [IPv4Address] = []

    /// A physical network carries each kind once, so that its id and the kind make the traffic type's.
    public init(_ kind: Kind, on physicalNetwork: ObjectID) {
        id = ObjectID(wellKnown: "\(kind.rawValue) traffic of \(physicalNetwork)")
        self.kind = kind
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case id, kind, labels, peers }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        id = try container.decode(ObjectID.self, forKey: .id)
        kind = try container.decode(Kind.self, forKey: .kind)
        labels = try container.decode([String: String].self, forKey: .labels)
        peers = try container.decodeIfPresent([IPv4Address].self, forKey: .peers) ?? []
    }

    /// The host's interface that the traffic goes by; none keeps it local to the host.
    public var interface: InterfaceName? { labels[Label.kvm.rawValue].flatMap { InterfaceName($0) } }
}
