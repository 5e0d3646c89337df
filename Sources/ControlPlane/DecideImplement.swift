import CloudModel
import NetworkVocabulary

// A network's implementation: its segment, its source NAT address, its router with a leg on each.
extension Draft {
    /// Brings the network to life, or its router back to work. Nothing when both are so already. `parameter` is the one
    /// of the request that needs the network.
    mutating func implement(_ id: ObjectID, _ parameter: String) throws(RequestError) {
        guard var network = cloud.networks[id] else { throw unknown(parameter, id) }
        if network.state == .allocated {
            try requireProviders(of: network, parameter)
            guard
                let segment = network.ownSegment ?? cloud.freeSegment(on: network.physicalNetwork, for: network.account)
            else {
                throw .noFreeSegment(
                    parameter,
                    "Unable to allocate vnet as a part of network \(network.name) implement: every segment of "
                        + "its physical network is taken")
            }
            network.state = .implemented
            network.segment = segment
            try put(.network(network))
        }
        if let router = cloud.router(ofNetwork: id) {
            try put(.router(router.running(true)))
        } else if cloud.networkOfferings[network.offering]?.needsRouter == true {
            try createRouter(network, parameter)
        }
    }

    private mutating func createRouter(_ network: Network, _ parameter: String) throws(RequestError) {
        if cloud.networkOfferings[network.offering]?.services["SourceNat"] != nil,
            cloud.sourceNATAddress(ofNetwork: network.id) == nil
        {
            let (range, address) = try freePublicAddress(network.zone, nil, for: network.account, parameter)
            try put(
                .publicAddress(
                    PublicAddress(
                        id: newID(), range: range, address: address, account: network.account, network: network.id,
                        isSourceNAT: true)))
        }
        let guestAddress = try network.guestType == .shared ? address(on: network, nil, (parameter, parameter)) : nil
        let number = try number(.machine)
        var router = VirtualRouter(
            id: newID(), number: number, name: "r-\(number)-VM", zone: network.zone, account: network.account,
            network: network.id, isRunning: true,
            guestLeg: Attachment(mac: try newMAC(), shard: try freeShard(.network(network.id), parameter)),
            guestAddress: guestAddress, publicLegs: [])
        // Source NAT's range first: its leg is the one of the default route.
        let addresses = cloud.publicAddresses(ofNetwork: network.id)
        for address in addresses.filter(\.isSourceNAT) + addresses.filter({ !$0.isSourceNAT }) {
            try addLeg(address.range, to: &router, parameter)
        }
        try put(.router(router))
    }

    /// The leg that addresses of the range need, unless one serves them already.
    mutating func addLeg(
        _ range: ObjectID, to router: inout VirtualRouter, _ parameter: String
    ) throws(RequestError) {
        guard cloud.publicLeg(of: router, for: range) == nil, let bridge = cloud.publicRanges[range]?.bridge else {
            return
        }
        let taken = Set(router.publicLegs.map(\.index))
        guard let index = (1...taken.count + 1).first(where: { !taken.contains($0) }) else { return }
        router.publicLegs.append(
            VirtualRouter.PublicLeg(
                index: index, range: range,
                attachment: Attachment(mac: try newMAC(), shard: try freeShard(bridge, parameter))))
    }

    func freeShard(_ bridge: Bridge, _ parameter: String) throws(RequestError) -> Int {
        guard let shard = cloud.freeShard(on: bridge) else {
            throw .noFreeSegment(parameter, "The segment has no room for another port")
        }
        return shard
    }

    /// A free address of the zone for the account: from a range that is dedicated to it if there is one, and then from one
    /// that the router has a leg for, else from the range with the lowest number.
    func freePublicAddress(
        _ zone: ObjectID, _ router: VirtualRouter?, for account: ObjectID, _ parameter: String
    ) throws(RequestError) -> (range: ObjectID, address: IPv4Address) {
        let ranges = cloud.publicRangesByZone[zone].compactMap { cloud.publicRanges[$0] }
            .filter { $0.isOpen(to: account, in: cloud) }
            .map { range in
                let isOffLeg = router.map { cloud.publicLeg(of: $0, for: range.id) == nil } ?? false
                return (range, rank: (range.dedication == nil ? 2 : 0) + (isOffLeg ? 1 : 0))
            }
            .sorted { ($0.rank, $0.0.number) < ($1.rank, $1.0.number) }
        for (range, _) in ranges {
            if let address = cloud.freePublicAddress(in: range.id) { return (range.id, address) }
        }
        let name = cloud.zones[zone]?.name ?? zone.description
        throw .noFreeAddress(parameter, "Insufficient address capacity: no free public IP address in zone \(name)")
    }

    /// Back to what it was before its first guest: no router, and its segment, unless it is its own, for others to have.
    /// Public addresses and rules stay for when it comes back.
    mutating func shutDownNetwork(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var network = cloud.networks[id] else { throw unknown("id", id) }
        guard cloud.isIdle(network) else { return [Reference(.network, id)] }
        if let router = cloud.router(ofNetwork: id) { try remove(.router, router.id) }
        network.state = .allocated
        network.segment = nil
        try put(.network(network))
        return [Reference(.network, id)]
    }

    /// Whatever is missing comes back, and all of it in the kernel is compared with what it must be. Connections go on.
    mutating func restartNetwork(_ request: NetworkingRequest.RestartNetwork) throws(RequestError) -> [Reference] {
        guard let network = cloud.networks[request.id] else { throw unknown("id", request.id) }
        try requireAccess(to: network.account)
        guard network.state == .implemented || network.guestType == .shared else {
            throw .refused(
                "id", "Network is not in the right state to be restarted. Correct states are: Implemented, Setup")
        }
        try restart(network)
        return [Reference(.network, network.id)]
    }

    private mutating func restart(_ network: Network) throws(RequestError) {
        var network = network
        network.restarts += 1
        try put(.network(network))
        if network.state == .implemented { try implement(network.id, "id") }
        examined.insert(network.id)
    }

    mutating func rebootRouter(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard let router = cloud.routers[id], let network = cloud.networks[router.network] else {
            throw unknown("id", id)
        }
        try requireAccess(to: router.account)
        try restart(network)
        return [Reference(.router, id)]
    }

    /// Its network goes without until the next guest starts or the network is restarted.
    mutating func destroyRouter(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard let router = cloud.routers[id] else { throw unknown("id", id) }
        try requireAccess(to: router.account)
        try remove(.router, id)
        return []
    }

    mutating func changeRouterOffering(
        _ request: NetworkingRequest.ChangeRouterOffering
    ) throws(RequestError) -> [Reference] {
        guard var router = cloud.routers[request.id] else { throw unknown("id", request.id) }
        try requireAccess(to: router.account)
        guard let offering = cloud.serviceOfferings[request.serviceOffering] else {
            throw unknown("serviceofferingid", request.serviceOffering)
        }
        guard offering.isSystem else {
            throw .refused("serviceofferingid", "Service offering \(offering.name) is not one for system machines")
        }
        router.serviceOffering = offering.id
        try put(.router(router))
        return [Reference(.router, router.id)]
    }

    mutating func setRouter(_ id: ObjectID, running: Bool) throws(RequestError) -> [Reference] {
        guard let router = cloud.routers[id] else { throw unknown("id", id) }
        try requireAccess(to: router.account)
        try put(.router(router.running(running)))
        return [Reference(.router, id)]
    }
}

extension Cloud {
    /// Whether the network could be taken down: it is up, need not be, and no running guest is on it.
    func isIdle(_ network: Network) -> Bool {
        network.state == .implemented && networkOfferings[network.offering]?.isPersistent == false
            && !nicsByNetwork[network.id].contains { nics[$0].flatMap { guests[$0.guest] }?.isRunning ?? false }
    }
}

extension VirtualRouter {
    func running(_ isRunning: Bool) -> VirtualRouter {
        var router = self
        router.isRunning = isRunning
        return router
    }
}
