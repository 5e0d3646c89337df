import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createNetwork(_ request: Request.CreateNetwork) throws(RequestError) -> [Reference] {
        let name = try name(request.name, "name")
        let zone = try zone(request.zone)
        let account = try owner(request.account)
        guard let offering = cloud.networkOfferings[request.offering] else {
            throw unknown("networkofferingid", request.offering)
        }
        guard offering.isEnabled else {
            throw .refused(
                "networkofferingid", "Can't use specified network offering \(offering.name) as its state is not Enabled"
            )
        }
        let wire = try physicalNetwork(request.physicalNetwork, zone)
        let (cidr, gateway) = try addressing(request, zone)
        let guestCIDR = try request.guestCIDR.map { text throws(RequestError) in
            try guestRange(text, of: cidr)
        }
        for id in cloud.publicRangesByZone[zone.id] {
            guard let range = cloud.publicRanges[id], range.subnet.overlaps(cidr) else { continue }
            throw .refused(
                request.cidr == nil ? "netmask" : "cidr",
                "The network \(cidr) overlaps the zone's public subnet \(range.subnet)")
        }
        let network = Network(
            id: newID(), number: try number(.network), name: name,
            displayText: try text(request.displayText ?? name, "displaytext"), account: account, zone: zone.id,
            physicalNetwork: wire.id, offering: offering.id, cidr: cidr, gateway: gateway, guestCIDR: guestCIDR,
            state: .allocated,
            networkDomain: try request.networkDomain.map { text throws(RequestError) in
                try domain(text, "networkdomain")
            } ?? zone.networkDomain,
            mtu: wire.isolation == .vxlan ? 1450 : 1500)
        try put(.network(network))
        if offering.isPersistent { try implement(network.id, "networkofferingid") }
        return [Reference(.network, network.id)]
    }

    mutating func updateNetwork(_ request: Request.UpdateNetwork) throws(RequestError) -> [Reference] {
        guard var network = cloud.networks[request.id] else { throw unknown("id", request.id) }
        try requireAccess(to: network.account)
        if let text = request.name { network.name = try name(text, "name") }
        if let text = request.displayText { network.displayText = try self.text(text, "displaytext") }
        if let text = request.networkDomain { network.networkDomain = try domain(text, "networkdomain") }
        try put(.network(network))
        if let text = request.sourceNATAddress { try setSourceNAT(text, network) }
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
        try remove(.network, id)
        return []
    }
}

extension Draft {
    private func physicalNetwork(_ id: ObjectID?, _ zone: Zone) throws(RequestError) -> PhysicalNetwork {
        if let id {
            guard let wire = cloud.physicalNetworks[id], wire.zone == zone.id else {
                throw unknown("physicalnetworkid", id)
            }
            return wire
        }
        let all = cloud.physicalNetworksByZone[zone.id]
        guard let only = all.first.flatMap({ cloud.physicalNetworks[$0] }) else {
            throw .refused("zoneid", "Unable to find a physical network in zone \(zone.name)")
        }
        guard all.count == 1 else {
            throw .refused("physicalnetworkid", "Zone \(zone.name) has several physical networks; one has to be named")
        }
        return only
    }

    /// The network's own addresses: from `cidr`, from gateway and netmask as CloudStack's clients send them, or the
    /// zone's guest network.
    func addressing(
        _ request: Request.CreateNetwork, _ zone: Zone
    ) throws(RequestError) -> (cidr: IPv4Prefix, gateway: IPv4Address) {
        let cidr: IPv4Prefix
        if let text = request.cidr {
            guard request.netmask == nil else { throw .refused("netmask", "Either cidr or netmask can be specified") }
            cidr = try guestPrefix(text, "cidr")
        } else if let netmask = request.netmask {
            guard let gateway = request.gateway else { throw .missing("gateway", command) }
            let length = try prefixLength(netmask: netmask, "netmask")
            guard let prefix = IPv4Prefix(containing: try hostAddress(gateway, "gateway"), length: length) else {
                throw invalid("netmask", netmask, "it is not a netmask")
            }
            cidr = try guestPrefix(prefix.description, "netmask")
        } else {
            guard request.gateway == nil else { throw .missing("netmask", command) }
            cidr = zone.guestCIDR
        }
        guard let text = request.gateway else { return (cidr, cidr.hosts.first) }
        let gateway = try address(text, "gateway")
        guard cidr.contains(gateway) else { throw invalid("gateway", text, "it is outside \(cidr)") }
        guard cidr.hosts.contains(gateway) else {
            throw invalid("gateway", text, "it is the network or broadcast address of \(cidr)")
        }
        return (cidr, gateway)
    }

    private func guestRange(_ text: String, of cidr: IPv4Prefix) throws(RequestError) -> IPv4Prefix {
        let part = try prefix(text, "guestvmcidr")
        guard cidr.contains(part) else { throw invalid("guestvmcidr", text, "it is outside the network \(cidr)") }
        guard part.length <= 30 else { throw invalid("guestvmcidr", text, "a guest range is /30 or larger") }
        return part
    }
}
