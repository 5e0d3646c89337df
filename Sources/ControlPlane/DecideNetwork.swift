import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createNetwork(_ request: Request.CreateNetwork) throws(RequestError) -> [Reference] {
        let name = try name(request.name, "name")
        let zone = try zone(request.zone)
        let account = try owner(request.account, of: .network)
        guard let offering = cloud.networkOfferings[request.offering] else {
            throw unknown("networkofferingid", request.offering)
        }
        guard offering.isEnabled else {
            throw .refused(
                "networkofferingid", "Can't use specified network offering \(offering.name) as its state is not Enabled"
            )
        }
        try requireServed(offering)
        let wire = try guestWire(request.physicalNetwork, zone, offering)
        let subnet = try subnet(request, zone, offering.guestType)
        let guestCIDR = try request.guestCIDR.map { text throws(RequestError) in
            try guestPart(text, of: subnet?.cidr, offering.guestType)
        }
        let network = Network(
            id: newID(), number: try number(.network), name: name,
            displayText: try text(request.displayText ?? name, "displaytext"), account: account, zone: zone.id,
            physicalNetwork: wire.id, offering: offering.id, guestType: offering.guestType, cidr: subnet?.cidr,
            gateway: subnet?.gateway, guestCIDR: guestCIDR, state: .allocated,
            ownSegment: try ownSegment(request.kind.segment, offering, wire, zone),
            audience: try audience(request.kind, offering.guestType),
            isolatesPorts: request.kind.isolatesPorts,
            networkDomain: try request.networkDomain.map { text throws(RequestError) in
                try domain(text, "networkdomain")
            } ?? zone.networkDomain,
            dns1: try resolver(request.kind.dns1, "dns1", offering),
            dns2: try resolver(request.kind.dns2, "dns2", offering),
            mtu: try privateMTU(request.kind.privateMTU, on: wire) ?? cloud.largestPrivateMTU(on: wire),
            publicMTU: try publicMTU(request.kind.publicMTU, offering, in: zone.id))
        try put(.network(network))
        try addFirstRange(request.kind, to: network)
        if offering.isPersistent { try implement(network.id, "networkofferingid") }
        return [Reference(.network, network.id)]
    }

    mutating func updateNetwork(_ request: Request.UpdateNetwork) throws(RequestError) -> [Reference] {
        guard var network = cloud.networks[request.id] else { throw unknown("id", request.id) }
        try requireAccess(to: network.account)
        if let text = request.name { network.name = try name(text, "name") }
        if let text = request.displayText { network.displayText = try self.text(text, "displaytext") }
        if let text = request.networkDomain { network.networkDomain = try domain(text, "networkdomain") }
        let offering = cloud.networkOfferings[request.offering ?? network.offering]
        if let text = request.dns1 { network.dns1 = try resolver(text, "dns1", offering) }
        if let text = request.dns2 { network.dns2 = try resolver(text, "dns2", offering) }
        if let text = request.guestCIDR { network.guestCIDR = try changedGuestPart(text, of: network) }
        if let wire = cloud.physicalNetworks[network.physicalNetwork],
            let mtu = try privateMTU(request.privateMTU, on: wire)
        {
            network.mtu = mtu
        }
        if let mtu = try publicMTU(request.publicMTU, offering, in: network.zone) { network.publicMTU = mtu }
        try put(.network(network))
        if let offering = request.offering { try convert(network.id, to: offering) }
        if let text = request.sourceNATAddress, let network = cloud.networks[network.id] {
            try setSourceNAT(text, network)
        }
        return [Reference(.network, network.id)]
    }

    /// Its router and rules go, and its segment and public addresses go back to their pools.
    mutating func deleteNetwork(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard let network = cloud.networks[id] else { throw unknown("id", id) }
        try requireAccess(to: network.account)
        guard cloud.nicsByNetwork[id].isEmpty else {
            throw .inUse("id", "Can't delete network \(network.name): guests still have NICs on it")
        }
        if let router = cloud.router(ofNetwork: id) { try remove(.router, router.id) }
        for rule in cloud.egressRulesByNetwork[id] { try remove(.egressRule, rule) }
        for address in cloud.publicAddressesByNetwork[id] { try removeWithRules(address) }
        for address in cloud.internalAddressesByNetwork[id] {
            for rule in cloud.loadBalancerRulesByInternalAddress[address] { try removeBalancer(rule) }
        }
        for range in cloud.guestRanges(ofNetwork: id) { try remove(.guestRange, range.id) }
        try remove(.network, id)
        return []
    }
}

extension Draft {
    /// Offerings can say more than networks can be.
    private func requireServed(_ offering: NetworkOffering) throws(RequestError) {
        guard !offering.isForVPC, !offering.offers("SecurityGroup") else {
            throw .unsupported(
                "networkofferingid", "Networks of offering \(offering.name) can't be created here yet")
        }
    }

    /// A resolver for the guests of a network; nil for the empty text and for none.
    private func resolver(
        _ text: String?, _ parameter: String, _ offering: NetworkOffering?
    ) throws(RequestError) -> IPv4Address? {
        guard let text, !text.isEmpty else { return nil }
        guard offering?.offers("Dns") == true else {
            throw .refused(
                parameter,
                "\(parameter) can't be set because Dns service isn't supported by network offering "
                    + (offering?.name ?? ""))
        }
        return try hostAddress(text, parameter)
    }
}
