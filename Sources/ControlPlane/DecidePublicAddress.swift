import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func acquirePublicAddress(_ request: Request.AcquirePublicAddress) throws(RequestError) -> [Reference] {
        let network = try request.network.map { id throws(RequestError) in try accessibleNetwork(id) }
        guard let zone = network?.zone ?? request.zone else { throw .missing("zoneid", command) }
        _ = try self.zone(zone)
        if let asked = request.zone, asked != zone { throw .refused("zoneid", "The network is in another zone") }
        let account = try owner(request.account ?? network?.account)
        let reserved = request.address.flatMap { reservation($0, zone, account) }
        // It was counted when it was reserved.
        if reserved == nil { try requireRoom(for: .publicAddress, account: account) }
        if let network, network.account != account {
            throw .refused("account", "The network \(network.name) is another account's")
        }
        let router = network.flatMap { cloud.router(ofNetwork: $0.id) }
        var taken: PublicAddress
        if var held = reserved {
            held.isReserved = false
            try put(.publicAddress(held))
            taken = held
        } else if let text = request.address {
            taken = try publicAddress(text, zone, account)
        } else {
            let (range, address) = try freePublicAddress(
                zone, router, for: account, network == nil ? "zoneid" : "networkid")
            taken = PublicAddress(id: newID(), range: range, address: address, account: account, isSourceNAT: false)
        }
        if let isDisplayed = request.isDisplayed { taken.isDisplayed = isDisplayed }
        if let network {
            taken = try associate(taken, with: network, isFirst: true, "networkid")
        } else {
            try put(.publicAddress(taken))
        }
        return [Reference(.publicAddress, taken.id)]
    }

    /// The address as the network's, with the leg of the router that it needs. With `isFirst` it becomes the one that a
    /// network without source NAT is going to be seen by.
    mutating func associate(
        _ address: PublicAddress, with network: Network, isFirst: Bool, _ parameter: String
    ) throws(RequestError) -> PublicAddress {
        guard address.network != network.id else { return address }
        guard !address.isReserved else {
            throw .refused(parameter, "The IP address \(address.address) is reserved: it has to be acquired first")
        }
        guard network.account == address.account else {
            throw .refused(parameter, "The network \(network.name) is another account's")
        }
        guard network.guestType == .isolated else {
            throw .refused(parameter, "Ip address can be associated to the network of type Isolated only")
        }
        guard cloud.publicRanges[address.range]?.zone == network.zone else {
            throw .refused(parameter, "The network \(network.name) is in another zone")
        }
        var address = address
        address.network = network.id
        address.isSourceNAT =
            isFirst && cloud.networkOfferings[network.offering]?.services["SourceNat"] != nil
            && cloud.sourceNATAddress(ofNetwork: network.id) == nil
        try put(.publicAddress(address))
        if var router = cloud.router(ofNetwork: network.id) {
            try addLeg(address.range, to: &router, parameter)
            try put(.router(router))
        }
        return address
    }

    /// What the network's guests are seen by from now on: one of its addresses, one of its account's that is for no
    /// network yet, or a free one. The address before stays the network's.
    mutating func setSourceNAT(_ text: String, _ network: Network) throws(RequestError) {
        let parameter = "sourcenatipaddress"
        try require("SourceNat", of: network, parameter)
        let wanted = try address(text, parameter)
        guard let range = range(of: wanted, network.zone) else {
            throw invalid(parameter, text, "no public range of the zone has it")
        }
        var address: PublicAddress
        if let held = cloud.claims[.publicAddress(range: range, wanted)].flatMap({ cloud.publicAddresses[$0.id] }) {
            guard held.account == network.account, !held.isReserved, held.network == nil || held.network == network.id
            else {
                throw .refused(parameter, "The address \(wanted) is in use")
            }
            address = held
        } else {
            guard cloud.publicRanges[range]?.isOpen(to: network.account, in: cloud) == true else {
                throw dedicated(wanted, parameter)
            }
            try requireRoom(for: .publicAddress, account: network.account)
            address = PublicAddress(
                id: newID(), range: range, address: wanted, account: network.account, isSourceNAT: false)
        }
        guard !address.isSourceNAT else { return }
        guard address.staticNAT == nil else {
            throw .refused(parameter, "The address \(wanted) has static nat enabled")
        }
        let conserves = cloud.networkOfferings[network.offering]?.conservesAddresses ?? true
        guard conserves || cloud.loadBalancerRulesByAddress[address.id].isEmpty else {
            throw .refused(
                parameter, "The address \(wanted) has load balancer rules, and the network's offering conserve mode off"
            )
        }
        guard conserves || cloud.portForwardingsByAddress[address.id].isEmpty else {
            throw .refused(
                parameter,
                "The address \(wanted) has port forwarding rules, and the network's offering conserve mode off")
        }
        if var old = cloud.sourceNATAddress(ofNetwork: network.id) {
            old.isSourceNAT = false
            try put(.publicAddress(old))
        }
        address = try associate(address, with: network, isFirst: true, parameter)
        address.isSourceNAT = true
        try put(.publicAddress(address))
    }

    mutating func releasePublicAddress(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard let address = cloud.publicAddresses[id] else { throw unknown("id", id) }
        try requireAccess(to: address.account)
        guard !address.isReserved else {
            throw .refused("id", "The IP address \(address.address) is reserved, and not allocated")
        }
        if address.isSourceNAT {
            throw .refused(
                "id",
                "The address \(address.address) is the source NAT address of its network and goes with the network")
        }
        try removeWithRules(id)
        if let network = address.network, let router = cloud.router(ofNetwork: network) {
            try removeIdleLegs(of: router)
        }
        return []
    }

    /// The address goes back to its pool, and whatever led anywhere from it goes first.
    mutating func removeWithRules(_ id: ObjectID) throws(RequestError) {
        for rule in cloud.portForwardingsByAddress[id] { try removeForwarding(rule) }
        for rule in cloud.loadBalancerRulesByAddress[id] { try removeBalancer(rule) }
        for rule in cloud.firewallRulesByAddress[id] { try remove(.firewallRule, rule) }
        try remove(.publicAddress, id)
    }

    /// A public leg goes with the last address it serves.
    mutating func removeIdleLegs(of router: VirtualRouter) throws(RequestError) {
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

    private func reservation(_ text: String, _ zone: ObjectID, _ account: ObjectID) -> PublicAddress? {
        guard let address = IPv4Address(text), let range = range(of: address, zone),
            let holder = cloud.claims[.publicAddress(range: range, address)],
            let held = cloud.publicAddresses[holder.id], held.isReserved, held.account == account
        else { return nil }
        return held
    }

    /// One that nobody has.
    private mutating func publicAddress(
        _ text: String, _ zone: ObjectID, _ account: ObjectID
    ) throws(RequestError) -> PublicAddress {
        let address = try address(text, "ipaddress")
        guard let range = range(of: address, zone) else {
            throw invalid("ipaddress", text, "no public range of the zone has it")
        }
        guard cloud.publicRanges[range]?.isOpen(to: account, in: cloud) == true else {
            throw dedicated(address, "ipaddress")
        }
        guard cloud.claims[.publicAddress(range: range, address)] == nil else {
            throw .refused("ipaddress", "The address \(address) is in use")
        }
        return PublicAddress(id: newID(), range: range, address: address, account: account, isSourceNAT: false)
    }

    /// The zone's range that the address is in, free or not.
    func range(of address: IPv4Address, _ zone: ObjectID) -> ObjectID? {
        cloud.publicRangesByZone[zone].first { cloud.publicRanges[$0]?.addresses.contains(address) ?? false }
    }
}
