import CloudModel
import NetworkVocabulary

// Another offering for a network as it stands.
extension Draft {
    /// Guests keep their addresses and connections. What the new offering lacks must not be in use.
    mutating func convert(_ id: ObjectID, to wanted: ObjectID) throws(RequestError) {
        guard var network = cloud.networks[id], network.offering != wanted else { return }
        guard let new = cloud.networkOfferings[wanted] else { throw unknown("networkofferingid", wanted) }
        guard let old = cloud.networkOfferings[network.offering] else { return }
        try refuseConversion(of: network, from: old, to: new)
        network.offering = new.id
        try put(.network(network))
        if !new.offers("SourceNat") { try endSourceNAT(of: network) }
        if !new.needsRouter, let router = cloud.router(ofNetwork: id) { try remove(.router, router.id) }
        guard network.state == .implemented || new.isPersistent else { return }
        try implement(id, "networkofferingid")
        if new.offers("SourceNat"), cloud.sourceNATAddress(ofNetwork: id) == nil { try beginSourceNAT(of: network) }
    }

    private func refuseConversion(
        of network: Network, from old: NetworkOffering, to new: NetworkOffering
    ) throws(RequestError) {
        let refuse = { (why: String) in
            RequestError.refused(
                "networkofferingid", "Can't upgrade from network offering \(old.name) to \(new.name): \(why)")
        }
        guard new.isEnabled else { throw refuse("its state is not Enabled") }
        guard new.guestType == network.guestType else {
            throw refuse("it is for \(new.guestType.rawValue) networks")
        }
        guard new.specifiesVLAN == old.specifiesVLAN else {
            throw refuse("one of them leaves the VLAN to the caller and the other does not")
        }
        for (service, use) in servicesInUse(of: network) where !new.offers(service) {
            throw refuse("it lacks service \(service), and \(use)")
        }
        if old.egressDefaultAllow != new.egressDefaultAllow, !cloud.egressRulesByNetwork[network.id].isEmpty {
            throw refuse("the network's egress rules would mean the opposite")
        }
        if !new.conservesAddresses, let address = cloud.sourceNATAddress(ofNetwork: network.id),
            !cloud.portForwardingsByAddress[address.id].isEmpty
                || !cloud.loadBalancerRulesByAddress[address.id].isEmpty
        {
            throw refuse(
                "its conserve mode is off, and \(address.address) has port forwarding or load balancer rules besides "
                    + "source NAT")
        }
        if network.dns1 != nil || network.dns2 != nil, !new.offers("Dns") {
            throw refuse("it lacks service Dns, and the network has resolvers of its own")
        }
    }

    /// Services that something of the network's would miss, each with what that is.
    func servicesInUse(of network: Network) -> [(service: String, use: String)] {
        var uses: [(String, String)] = []
        if !cloud.egressRulesByNetwork[network.id].isEmpty { uses.append(("Firewall", "there are egress rules")) }
        for address in cloud.publicAddresses(ofNetwork: network.id) {
            let name = address.address
            if address.staticNAT != nil { uses.append(("StaticNat", "\(name) has static NAT")) }
            if !cloud.portForwardingsByAddress[address.id].isEmpty {
                uses.append(("PortForwarding", "\(name) has port forwarding rules"))
            }
            if !cloud.loadBalancerRulesByAddress[address.id].isEmpty {
                uses.append(("Lb", "\(name) has load balancer rules"))
            }
            if !cloud.firewallRulesByAddress[address.id].isEmpty {
                uses.append(("Firewall", "\(name) has firewall rules"))
            }
        }
        if !cloud.internalAddressesByNetwork[network.id].isEmpty {
            uses.append(("Lb", "the network has internal load balancers"))
        }
        return uses
    }

    /// The address goes back to its pool, unless something else is made of it: then it is an address like others.
    private mutating func endSourceNAT(of network: Network) throws(RequestError) {
        guard var address = cloud.sourceNATAddress(ofNetwork: network.id) else { return }
        guard cloud.isReferenced(Reference(.publicAddress, address.id)) else {
            try removeWithRules(address.id)
            if let router = cloud.router(ofNetwork: network.id) { try removeIdleLegs(of: router) }
            return
        }
        address.isSourceNAT = false
        try put(.publicAddress(address))
    }

    private mutating func beginSourceNAT(of network: Network) throws(RequestError) {
        let parameter = "networkofferingid"
        let (range, free) = try freePublicAddress(
            network.zone, cloud.router(ofNetwork: network.id), for: network.account, parameter)
        let address = PublicAddress(
            id: newID(), range: range, address: free, account: network.account, isSourceNAT: false)
        _ = try associate(address, with: network, isFirst: true, parameter)
    }
}
