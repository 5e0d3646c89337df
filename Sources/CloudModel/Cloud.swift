public import NetworkVocabulary

/// The whole cloud as one value: a table per kind of object, and what follows from the tables. It changes by `apply`
/// only. A copy is free and stays as it is, whatever becomes of the original.
public struct Cloud: Equatable, Sendable {
    /// The ledger entry that the model is up to. `apply` leaves it alone: an entry may hold many changes.
    public var revision = Revision.zero

    // Tables, in id order.
    public internal(set) var domains = SortedMap<ObjectID, Domain>()
    public internal(set) var roles = SortedMap<ObjectID, Role>()
    public internal(set) var accounts = SortedMap<ObjectID, Account>()
    public internal(set) var users = SortedMap<ObjectID, User>()
    public internal(set) var projects = SortedMap<ObjectID, Project>()
    public internal(set) var zones = SortedMap<ObjectID, Zone>()
    public internal(set) var physicalNetworks = SortedMap<ObjectID, PhysicalNetwork>()
    public internal(set) var publicRanges = SortedMap<ObjectID, PublicRange>()
    public internal(set) var vlanDedications = SortedMap<ObjectID, VLANDedication>()
    public internal(set) var networkOfferings = SortedMap<ObjectID, NetworkOffering>()
    public internal(set) var networks = SortedMap<ObjectID, Network>()
    public internal(set) var publicAddresses = SortedMap<ObjectID, PublicAddress>()
    public internal(set) var routers = SortedMap<ObjectID, VirtualRouter>()
    public internal(set) var sshKeyPairs = SortedMap<ObjectID, SSHKeyPair>()
    public internal(set) var userDataDocuments = SortedMap<ObjectID, UserDataDocument>()
    public internal(set) var sslCertificates = SortedMap<ObjectID, SSLCertificate>()
    public internal(set) var guests = SortedMap<ObjectID, Guest>()
    public internal(set) var nics = SortedMap<ObjectID, NIC>()
    public internal(set) var guestRanges = SortedMap<ObjectID, GuestRange>()
    public internal(set) var firewallRules = SortedMap<ObjectID, FirewallRule>()
    public internal(set) var egressRules = SortedMap<ObjectID, EgressRule>()
    public internal(set) var portForwardings = SortedMap<ObjectID, PortForwarding>()
    public internal(set) var osTypes = SortedMap<ObjectID, OSType>()
    public internal(set) var serviceOfferings = SortedMap<ObjectID, ServiceOffering>()
    public internal(set) var templates = SortedMap<ObjectID, Template>()
    public internal(set) var internalAddresses = SortedMap<ObjectID, InternalAddress>()
    public internal(set) var loadBalancerRules = SortedMap<ObjectID, LoadBalancerRule>()
    public internal(set) var loadBalancerMembers = SortedMap<ObjectID, LoadBalancerMember>()
    public internal(set) var pods = SortedMap<ObjectID, Pod>()
    public internal(set) var publicIPv6Ranges = SortedMap<ObjectID, PublicIPv6Range>()
    public internal(set) var storageNetworkRanges = SortedMap<ObjectID, StorageNetworkRange>()
    public internal(set) var diskOfferings = SortedMap<ObjectID, DiskOffering>()
    public internal(set) var vpcOfferings = SortedMap<ObjectID, VPCOffering>()
    public internal(set) var clusters = SortedMap<ObjectID, Cluster>()
    public internal(set) var hosts = SortedMap<ObjectID, Host>()
    public internal(set) var storagePools = SortedMap<ObjectID, StoragePool>()
    public internal(set) var settings = SortedMap<ObjectID, Setting>()
    public internal(set) var tags = SortedMap<ObjectID, Tag>()
    public internal(set) var eventMarks = SortedMap<ObjectID, EventMark>()
    /// Series that have moved on from 1.
    var series = SortedMap<Series.Name, UInt64>()

    // What follows from the tables; never stored.

    /// Who holds what only one may hold. Lookup by name is lookup of the claim to it.
    public internal(set) var claims = SortedMap<Claim, Reference>()
    /// How often each object is referred to.
    var referenceCounts = SortedMap<Reference, Int>()
    /// And by which.
    var relations = SortedMap<Kinship, Referrers>()
    /// Tags and settings, by what they are about.
    var annotations = Relation<Reference, Reference>()
    /// Ranges on the public segments of physical networks.
    public internal(set) var publicRangesByBridge = Relation<Bridge, ObjectID>()
    /// Those of them that may speak of the same packets as others: all but those that open one port to everybody.
    public internal(set) var broadFirewallRulesByAddress = Relation<ObjectID, ObjectID>()
    /// What rules speak of, to find those that speak of the same.
    var ruleSpots = SortedMap<RuleSpot, RuleSpan>()
    /// Where the ranges of a zone begin, to find neighbours that might overlap.
    var publicRangeStarts = SortedMap<ZoneAddress, ObjectID>()

    // What pools have given out.
    var segmentsInUse = SortedMap<ObjectID, NumberSet>()
    var addressesInUseByRange = SortedMap<ObjectID, NumberSet>()
    var addressesInUseByNetwork = SortedMap<ObjectID, NumberSet>()
    var portsInUse = SortedMap<Bridge, ShardCounts>()

    /// What every cloud has from the beginning: a domain, and roles.
    public init() {
        add(Domain.root)
        for role in Role.builtIn { add(role) }
    }
}

/// An address within a zone, which is the scope of public addresses.
struct ZoneAddress: Hashable, Comparable, Sendable {
    let zone: ObjectID
    let address: IPv4Address

    static func < (a: Self, b: Self) -> Bool { (a.zone, a.address) < (b.zone, b.address) }
}

// MARK: Reading

extension Cloud {
    /// The object, of whatever kind; nil for series, which have no id.
    public subscript(_ reference: Reference) -> Record? {
        reference.kind.type?.record(reference.id, in: self)
    }

    /// The next number that the series will give.
    public func next(_ name: Series.Name) -> UInt64 { series[name] ?? 1 }

    /// Whether anything refers to the object.
    public func isReferenced(_ object: Reference) -> Bool { referenceCounts[object] != nil }

    public func router(ofNetwork network: ObjectID) -> VirtualRouter? {
        claims[.router(network: network)].flatMap { routers[$0.id] }
    }

    /// Where guests find the router and its services: the gateway, unless that is somebody else's.
    public func serverAddress(ofNetwork network: ObjectID) -> IPv4Address? {
        guard let router = router(ofNetwork: network) else { return nil }
        return router.guestAddress ?? networks[network]?.gateway
    }

    /// The network's source NAT address, once it has one.
    public func sourceNATAddress(ofNetwork network: ObjectID) -> PublicAddress? {
        claims[.sourceNAT(network: network)].flatMap { publicAddresses[$0.id] }
    }

    public func publicAddresses(ofNetwork network: ObjectID) -> [PublicAddress] {
        publicAddressesByNetwork[network].compactMap { publicAddresses[$0] }
    }

    public func nics(ofNetwork network: ObjectID) -> [NIC] { nicsByNetwork[network].compactMap { nics[$0] } }

    /// A guest's NICs, `eth0` first.
    public func nics(ofGuest guest: ObjectID) -> [NIC] {
        nicsByGuest[guest].compactMap { nics[$0] }.sorted { $0.index < $1.index }
    }

    /// The leg by which packets of the range's addresses come and go. Ranges of one subnet share a leg.
    public func publicLeg(of router: VirtualRouter, for range: ObjectID) -> VirtualRouter.PublicLeg? {
        guard let wanted = publicRanges[range] else { return nil }
        return router.publicLegs.first { leg in
            leg.range == range || publicRanges[leg.range].map { $0.sharesSubnet(with: wanted) } ?? false
        }
    }

    /// The number of ports on each shard of the bridge; the bridge exists while there are any.
    public func ports(of bridge: Bridge) -> [Int] { portsInUse[bridge]?.ports ?? [] }

    /// Every bridge that has ports.
    public var bridges: [Bridge] { Array(portsInUse.keys) }
}
