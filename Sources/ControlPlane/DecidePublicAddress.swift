import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func acquirePublicAddress(_ request: Request.AcquirePublicAddress) throws(RequestError) -> [Reference] {
        let network = try request.network.map { id throws(RequestError) in try accessibleNetwork(id) }
        guard let zone = network?.zone ?? request.zone else { throw .missing("zoneid", command) }
        guard cloud.zones[zone] != nil else { throw unknown("zoneid", zone) }
        if let asked = request.zone, asked != zone { throw .refused("zoneid", "The network is in another zone") }
        let account = try owner(request.account ?? network?.account)
        if let network, network.account != account {
            throw .refused("account", "The network \(network.name) is another account's")
        }
        let router = network.flatMap { cloud.router(ofNetwork: $0.id) }
        let range: ObjectID
        let address: IPv4Address
        if let text = request.address {
            (range, address) = try publicAddress(text, zone)
        } else {
            (range, address) = try freePublicAddress(zone, router, network == nil ? "zoneid" : "networkid")
        }
        // A network's first address is the one it is going to be seen by.
        let isSourceNAT = network.map {
            cloud.networkOfferings[$0.offering]?.services["SourceNat"] != nil
                && cloud.sourceNATAddress(ofNetwork: $0.id) == nil
        }
        let taken = PublicAddress(
            id: newID(), range: range, address: address, account: account, network: network?.id,
            isSourceNAT: isSourceNAT ?? false)
        try put(.publicAddress(taken))
        if var router {
            try addLeg(range, to: &router, "networkid")
            try put(.router(router))
        }
        return [Reference(.publicAddress, taken.id)]
    }

    mutating func releasePublicAddress(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard let address = cloud.publicAddresses[id] else { throw unknown("id", id) }
        try requireAccess(to: address.account)
        if address.isSourceNAT {
            throw .refused(
                "id",
                "The address \(address.address) is the source NAT address of its network and goes with the network")
        }
        try remove(.publicAddress, id)
        if let network = address.network, let router = cloud.router(ofNetwork: network) {
            try removeIdleLegs(of: router)
        }
        return []
    }

    /// A public leg goes with the last address it serves.
    private mutating func removeIdleLegs(of router: VirtualRouter) throws(RequestError) {
        let inUse = Set(
            cloud.publicAddresses(ofNetwork: router.network).compactMap {
                cloud.publicLeg(of: router, for: $0.range)?.index
            })
        var kept = router
        kept.publicLegs.removeAll { !inUse.contains($0.index) }
        try put(.router(kept))
    }

    private func accessibleNetwork(_ id: ObjectID) throws(RequestError) -> Network {
        guard let network = cloud.networks[id] else { throw unknown("networkid", id) }
        try requireAccess(to: network.account)
        return network
    }

    private func publicAddress(_ text: String, _ zone: ObjectID) throws(RequestError) -> (ObjectID, IPv4Address) {
        let address = try address(text, "ipaddress")
        let range = cloud.publicRangesByZone[zone].first {
            cloud.publicRanges[$0]?.addresses.contains(address) ?? false
        }
        guard let range else { throw invalid("ipaddress", text, "no public range of the zone has it") }
        guard cloud.claims[.publicAddress(range: range, address)] == nil else {
            throw .refused("ipaddress", "The address \(address) is in use")
        }
        return (range, address)
    }
}
