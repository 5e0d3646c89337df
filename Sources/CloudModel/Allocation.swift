public import NetworkVocabulary

/// Pools: the lowest free member of each, or nil when there is none. Asking does not take; the change that uses the
/// answer does. None of these gets slower with what is taken.
extension Cloud {
    /// A segment for a guest network of the account, of those dedicated to it first; those of public ranges are never
    /// given.
    public func freeSegment(on physicalNetwork: ObjectID, for account: ObjectID) -> Segment? {
        guard let wire = physicalNetworks[physicalNetwork] else { return nil }
        let taken = segmentsInUse[physicalNetwork] ?? NumberSet()
        for range in segmentPools(on: wire, for: account) {
            var low = range.first
            while low <= range.last, let number = taken.lowestMissing(in: low...range.last) {
                guard let segment = Segment(wire.isolation, number: number) else { break }
                if publicRangesByBridge[.publicSegment(physicalNetwork: physicalNetwork, segment)].isEmpty,
                    !isCarried(segment, elsewhereThan: wire, where: .guest)
                {
                    return segment
                }
                low = number + 1
            }
        }
        return nil
    }

    public func freePublicAddress(in range: ObjectID) -> IPv4Address? {
        guard let addresses = publicRanges[range]?.addresses else { return nil }
        let taken = addressesInUseByRange[range] ?? NumberSet()
        return taken.lowestMissing(in: addresses.first.bits...addresses.last.bits).map(IPv4Address.init(bits:))
    }

    /// Never the network, broadcast or gateway address; inside the guest range when the network has one.
    public func freeGuestAddress(in network: ObjectID) -> IPv4Address? {
        guard let network = networks[network] else { return nil }
        return guestPools(ofNetwork: network).lazy.compactMap { free($0, network) }.first
    }

    private func free(_ pool: IPv4Range, _ network: Network) -> IPv4Address? {
        let taken = addressesInUseByNetwork[network.id] ?? NumberSet()
        guard let first = taken.lowestMissing(in: pool.first.bits...pool.last.bits) else { return nil }
        guard first == network.gateway?.bits else { return IPv4Address(bits: first) }
        guard first < pool.last.bits else { return nil }
        return taken.lowestMissing(in: (first + 1)...pool.last.bits).map(IPv4Address.init(bits:))
    }

    /// The shard for one more port.
    public func freeShard(on bridge: Bridge) -> Int? {
        let ports = ports(of: bridge)
        return (0..<Bridge.shards).first { shard in
            shard >= ports.count || ports[shard] < Bridge.capacity(ofShard: shard)
        }
    }

    /// How many segments guest networks hold in the range.
    public func segmentsInUse(on physicalNetwork: ObjectID, in range: SegmentRange) -> Int {
        segmentsInUse[physicalNetwork]?.count(in: range.numbers) ?? 0
    }

    public func segmentsInUse(on physicalNetwork: ObjectID) -> Int { segmentsInUse[physicalNetwork]?.count ?? 0 }
    public func addressesInUse(inRange range: ObjectID) -> Int { addressesInUseByRange[range]?.count ?? 0 }
    public func addressesInUse(inNetwork network: ObjectID) -> Int { addressesInUseByNetwork[network]?.count ?? 0 }
    public func addressesInUse(inNetwork network: ObjectID, within range: IPv4Range) -> Int {
        addressesInUseByNetwork[network]?.count(in: range.first.bits...range.last.bits) ?? 0
    }
}
