public import NetworkVocabulary

// Ways to find objects other than by id.
extension Cloud {
    /// By the name that namespaces carry: `r-4-VM`.
    public func router(named name: String) -> VirtualRouter? {
        claims[.machineName(name)].flatMap { $0.kind == .router ? routers[$0.id] : nil }
    }

    /// By the name that namespaces carry: `i-2-5-VM`.
    public func guest(instanceNamed name: String) -> Guest? {
        claims[.machineName(name)].flatMap { $0.kind == .guest ? guests[$0.id] : nil }
    }

    public func zone(named name: String) -> Zone? { claims[.zoneName(name.lowercased())].flatMap { zones[$0.id] } }

    public func physicalNetwork(named name: String, inZone zone: ObjectID) -> PhysicalNetwork? {
        claims[.physicalNetworkName(zone: zone, name.lowercased())].flatMap { physicalNetworks[$0.id] }
    }

    /// By the id of one of its traffic types, providers or providers' elements.
    public func physicalNetwork(withPart id: ObjectID) -> PhysicalNetwork? {
        claims[.partOfPhysicalNetwork(id)].flatMap { physicalNetworks[$0.id] }
    }

    /// The zone's physical networks that are enabled and carry the traffic.
    public func physicalNetworks(ofZone zone: ObjectID, carrying kind: TrafficType.Kind) -> [PhysicalNetwork] {
        physicalNetworksByZone[zone].compactMap { physicalNetworks[$0] }.filter { $0.isEnabled && $0.carries(kind) }
    }

    public func pod(named name: String, inZone zone: ObjectID) -> Pod? {
        claims[.podName(zone: zone, name.lowercased())].flatMap { pods[$0.id] }
    }

    public func networkOffering(named name: String) -> NetworkOffering? {
        claims[.networkOfferingName(name.lowercased())].flatMap { networkOfferings[$0.id] }
    }

    public func vpcOffering(named name: String) -> VPCOffering? {
        claims[.vpcOfferingName(name.lowercased())].flatMap { vpcOfferings[$0.id] }
    }

    public func osType(named name: String) -> OSType? {
        claims[.osTypeName(name.lowercased())].flatMap { osTypes[$0.id] }
    }

    public func guest(named name: String, onNetwork network: ObjectID) -> Guest? {
        claims[.guestName(network: network, name.lowercased())].flatMap { guests[$0.id] }
    }

    public func sshKeyPair(named name: String, ofAccount account: ObjectID) -> SSHKeyPair? {
        claims[.sshKeyPairName(account: account, name.lowercased())].flatMap { sshKeyPairs[$0.id] }
    }

    public func userDataDocument(named name: String, ofAccount account: ObjectID) -> UserDataDocument? {
        claims[.userDataName(account: account, name.lowercased())].flatMap { userDataDocuments[$0.id] }
    }

    /// By the id of one of its secondary addresses.
    public func nic(withSecondaryAddress id: ObjectID) -> NIC? {
        claims[.secondaryAddress(id)].flatMap { nics[$0.id] }
    }

    /// The network whose segment it is.
    public func network(onSegment segment: Segment, of physicalNetwork: ObjectID) -> Network? {
        claims[.segment(physicalNetwork: physicalNetwork, segment)].flatMap { networks[$0.id] }
    }

    /// How many bridges the network's segment is: one, and more when it has more ports than one takes.
    public func shardCount(ofNetwork network: ObjectID) -> Int { max(1, ports(of: .network(network)).count) }

    /// How many bridges the segment of the public range is.
    public func shardCount(ofPublicRange range: ObjectID) -> Int {
        publicRanges[range].map { max(1, ports(of: $0.bridge).count) } ?? 1
    }

    /// Of the ranges on the same segment the one with the lowest number: it speaks for the segment.
    public func firstRange(onSegmentOf range: PublicRange) -> PublicRange? {
        publicRangesByBridge[range.bridge].compactMap { publicRanges[$0] }.min { $0.number < $1.number }
    }

    /// Of the ranges in the same subnet the one with the lowest number: it speaks for the subnet's gateway.
    public func firstRange(inSubnetOf range: PublicRange) -> PublicRange? {
        publicRangesByBridge[range.bridge].compactMap { publicRanges[$0] }
            .filter { $0.sharesSubnet(with: range) }.min { $0.number < $1.number }
    }
}
