public import NetworkVocabulary

/// A tenant's network. Its segment, router and source NAT address exist from its implementation on, each where its
/// offering has a use for it.
public struct Network: Hashable, Codable, Sendable {
    public enum State: String, Hashable, Codable, Sendable { case allocated = "Allocated", implemented = "Implemented" }

    /// Who may have ports on it.
    public enum Audience: Hashable, Sendable {
        /// The account that it belongs to.
        case owner
        /// Every account of the domain, and of the domains below if it says so.
        case domain(ObjectID, withSubdomains: Bool)
    }

    public let id: ObjectID
    /// Device names on the host derive from it.
    public let number: UInt64
    public var name: String
    public var displayText: String
    public let account: ObjectID
    public let zone: ObjectID
    public let physicalNetwork: ObjectID
    public var offering: ObjectID
    /// The kind of network that its offerings make, now and later.
    public let guestType: NetworkOffering.GuestType
    /// None on a network whose offering has no say in addresses (layer 2): guests bring their own.
    public var cidr: IPv4Prefix?
    /// There exactly when `cidr` is: the router's own on an isolated network, somebody else's on a shared one.
    public var gateway: IPv4Address?
    /// The part of the network that guests get addresses from when it is smaller than the whole (`guestvmcidr`).
    public var guestCIDR: IPv4Prefix?
    public var state: State
    /// Held exactly while the network is implemented.
    public var segment: Segment?
    /// The segment that the network was made for: it is its own, implemented or not. Without one it gets one from the
    /// pool.
    public let ownSegment: Segment?
    public let audience: Audience
    /// Whether ports of the network reach its router and gateway only, and not each other.
    public var isolatesPorts: Bool
    public var networkDomain: String?
    /// Resolvers for its guests; the zone's when absent.
    public var dns1: IPv4Address?
    public var dns2: IPv4Address?
    /// Of its guests, its segment and its router's leg there.
    public var mtu: Int
    /// Of its router's public legs, where that is less than their segments carry.
    public var publicMTU: Int?
    /// How often it was restarted.
    public var restarts: UInt64

    public init(
        id: ObjectID, number: UInt64, name: String, displayText: String, account: ObjectID, zone: ObjectID,
        physicalNetwork: ObjectID, offering: ObjectID, guestType: NetworkOffering.GuestType = .isolated,
        cidr: IPv4Prefix?, gateway: IPv4Address?,
        guestCIDR: IPv4Prefix? = nil, state: State, segment: Segment? = nil, ownSegment: Segment? = nil,
        audience: Audience = .owner, isolatesPorts: Bool = false, networkDomain: String? = nil,
        dns1: IPv4Address? = nil,
        dns2: IPv4Address? = nil, mtu: Int, publicMTU: Int? = nil,
        restarts: UInt64 = 0
    ) {
        self.id = id
        self.number = number
        self.name = name
        self.displayText = displayText
        self.account = account
        self.zone = zone
        self.physicalNetwork = physicalNetwork
        self.offering = offering
        self.guestType = guestType
        self.cidr = cidr
        self.gateway = gateway
        self.guestCIDR = guestCIDR
        self.state = state
        self.segment = segment
        self.ownSegment = ownSegment
        self.audience = audience
        self.isolatesPorts = isolatesPorts
        self.networkDomain = networkDomain
        self.dns1 = dns1
        self.dns2 = dns2
        self.mtu = mtu
        self.publicMTU = publicMTU
        self.restarts = restarts
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name, displayText, account, zone, physicalNetwork, offering, guestType, cidr, gateway
        case guestCIDR, state, segment, ownSegment, audience, isolatesPorts, networkDomain, dns1, dns2, mtu, publicMTU
        case restarts
    }
}

extension Network.Audience: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case domain, withSubdomains }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        guard let domain = try container.decodeIfPresent(ObjectID.self, forKey: .domain) else {
            self = .owner
            return
        }
        self = .domain(domain, withSubdomains: try container.decode(Bool.self, forKey: .withSubdomains))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        guard case .domain(let domain, let withSubdomains) = self else { return }
        try container.encode(domain, forKey: .domain)
        try container.encode(withSubdomains, forKey: .withSubdomains)
    }
}

extension Network {
    /// Whether the account's guests may have ports on it.
    public func isOpen(to account: ObjectID, in cloud: Cloud) -> Bool {
        guard case .domain(let domain, let withSubdomains) = audience, let home = cloud.accounts[account]?.domain
        else { return account == self.account }
        return home == domain || withSubdomains && cloud.isDomain(home, within: domain)
    }
}

extension Network {
    /// What guests may have, the gateway apart; nil where there are no addresses. On a shared network it is what its ranges
    /// say.
    public var guestAddresses: IPv4Range? {
        guard let cidr else { return nil }
        guard let guestCIDR,
            let hosts = IPv4Range(
                max(guestCIDR.first, cidr.hosts.first), min(guestCIDR.last, cidr.hosts.last))
        else { return cidr.hosts }
        return hosts
    }
}

extension Network: CloudObject {
    static var kind: RecordKind { .network }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Network>> { \.networks }
    var record: Record { .network(self) }

    var references: [Reference] {
        [
            Reference(.account, account), Reference(.zone, zone), Reference(.physicalNetwork, physicalNetwork),
            Reference(.networkOffering, offering),
        ] + audienceReferences
    }

    private var audienceReferences: [Reference] {
        if case .domain(let domain, _) = audience { [Reference(.domain, domain)] } else { [] }
    }

    func claims(in cloud: Cloud) -> [Claim] {
        [.networkNumber(number)]
            + ((ownSegment ?? segment).map { [.segment(physicalNetwork: physicalNetwork, $0)] } ?? [])
    }

    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        if let number = (ownSegment ?? segment)?.number { cloud.segmentsInUse.edit(edit, number, in: physicalNetwork) }
    }

    func contradiction(in cloud: Cloud, replacing old: Network?) -> String? {
        if cloud.physicalNetworks[physicalNetwork]?.zone != zone { return "its physical network is in another zone" }
        if let why = contradictionOfAddresses { return why }
        if let old, cloud.isReferenced(reference),
            old.zone != zone || old.physicalNetwork != physicalNetwork || old.account != account
                || old.guestType != guestType || old.ownSegment != ownSegment
                || old.cidr != cidr || old.gateway != gateway
        {
            return "its place and addresses cannot change while it is used"
        }
        return contradictionOfSegment(in: cloud) ?? contradictionOfState(in: cloud)
    }

    private var contradictionOfAddresses: String? {
        guard let cidr, let gateway else {
            if cidr != nil || gateway != nil || guestCIDR != nil { return "it has addresses in part" }
            return guestType == .l2 ? nil : "it has no addresses"
        }
        if guestType == .l2 { return "a layer 2 network has no addresses" }
        if !cidr.hosts.contains(gateway) { return "its gateway is not a host of it" }
        if let part = guestCIDR, !cidr.contains(part) || part.length > 30 {
            return "its guest range is outside it or has no room"
        }
        return nil
    }

    private func contradictionOfSegment(in cloud: Cloud) -> String? {
        if (segment != nil) != (state == .implemented) { return "a segment is held exactly while implemented" }
        if let ownSegment, let segment, segment != ownSegment { return "it has a segment that is not its own" }
        guard let segment = ownSegment ?? segment else { return nil }
        if let wire = cloud.physicalNetworks[physicalNetwork] {
            if let why = contradiction(of: segment, on: wire, in: cloud) { return why }
        }
        if !cloud.publicRangesByBridge[.publicSegment(physicalNetwork: physicalNetwork, segment)].isEmpty {
            return "its segment is a public range's"
        }
        return nil
    }

    private func contradiction(of segment: Segment, on wire: PhysicalNetwork, in cloud: Cloud) -> String? {
        if segment == .untagged { return ownSegment == nil ? "it has no segment of its own" : nil }
        if segment.number.flatMap({ Segment(wire.isolation, number: $0) }) != segment {
            return "its segment is of another isolation than its physical network"
        }
        if cloud.isOnAnotherTrunk(segment, besides: wire) { return "its segment is on another trunk" }
        if wire.hasInPool(segment) == (ownSegment != nil) {
            return "its segment is \(ownSegment == nil ? "outside" : "in") its physical network's ranges"
        }
        return nil
    }

    private func contradictionOfState(in cloud: Cloud) -> String? {
        guard state == .allocated else { return nil }
        if cloud.router(ofNetwork: id) != nil { return "its router is still there" }
        let isUsed = cloud.nics(ofNetwork: id).contains { cloud.guests[$0.guest]?.isRunning == true }
        return isUsed ? "a running guest is on it" : nil
    }
}
