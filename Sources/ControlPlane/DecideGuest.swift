import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func deployGuest(_ request: Request.DeployGuest) throws(RequestError) -> [Reference] {
        let zone = try zone(request.zone)
        let account = try owner(request.account)
        guard let owner = cloud.accounts[account] else { throw unknown("account", account) }
        let id = newID()
        let name = try hostName(request.name ?? id.description, "name")
        guard !request.nics.isEmpty else { throw .missing("networkids", command) }
        let defaults = request.nics.indices.filter { request.nics[$0].isDefault }
        guard defaults.count <= 1 else {
            throw .refused("iptonetworklist", "A guest has one default NIC, not \(defaults.count)")
        }
        try check(request.nics, zone, owner, name)

        if request.starts {
            for (index, nic) in request.nics.enumerated() {
                try implement(nic.network, "iptonetworklist[\(index)].networkid")
            }
        }
        let number = try number(.machine)
        let guest = Guest(
            id: id, number: number, name: name, instanceName: "i-\(owner.number)-\(number)-VM", account: account,
            zone: zone.id, port: request.port, isRunning: request.starts)
        try put(.guest(guest))
        for (index, nic) in request.nics.enumerated() {
            try addNIC(nic, index, to: guest, isDefault: index == defaults.first ?? 0)
        }
        return [Reference(.guest, id)]
    }

    private func check(
        _ nics: [Request.DeployGuest.NIC], _ zone: Zone, _ owner: Account, _ name: String
    ) throws(RequestError) {
        var seen: Set<ObjectID> = []
        for (index, nic) in nics.enumerated() {
            let parameter = "iptonetworklist[\(index)].networkid"
            guard let network = cloud.networks[nic.network] else { throw unknown(parameter, nic.network) }
            guard network.zone == zone.id else {
                throw .refused(parameter, "Network \(network.name) is not in zone \(zone.name)")
            }
            guard network.account == owner.id else {
                throw .refused(parameter, "Network \(network.name) is not of account \(owner.name)")
            }
            guard seen.insert(network.id).inserted else {
                throw .refused(parameter, "Network \(network.name) is named twice; a guest has one NIC on a network")
            }
            guard cloud.guest(named: name, onNetwork: network.id) == nil else {
                throw .refused("name", "The vm with hostName \(name) already exists in network \(network.name)")
            }
        }
    }

    private mutating func addNIC(
        _ nic: Request.DeployGuest.NIC, _ index: Int, to guest: Guest, isDefault: Bool
    ) throws(RequestError) {
        let parameter = "iptonetworklist[\(index)]"
        guard let network = cloud.networks[nic.network] else { throw unknown("\(parameter).networkid", nic.network) }
        let address: IPv4Address
        if let text = nic.address {
            address = try guestAddress(text, on: network, "\(parameter).ip")
        } else if let free = cloud.freeGuestAddress(in: network.id) {
            address = free
        } else {
            throw .noFreeAddress(
                "\(parameter).networkid",
                "Insufficient address capacity: unable to acquire Guest IP address for network \(network.name)")
        }
        let shard = try freeShard(.network(network.id), "\(parameter).networkid")
        try put(
            .nic(
                NIC(
                    id: newID(), guest: guest.id, network: network.id, index: index, address: address,
                    attachment: Attachment(mac: try newMAC(), shard: shard), isDefault: isDefault)))
    }

    /// A free address of the network.
    func guestAddress(
        _ text: String, on network: Network, _ parameter: String
    ) throws(RequestError) -> IPv4Address {
        let address = try address(text, parameter)
        guard network.cidr.hosts.contains(address) else {
            throw invalid(parameter, text, "it is no host address of network \(network.cidr)")
        }
        guard network.guestAddresses.contains(address) else {
            throw invalid(parameter, text, "it is outside the guest range \(network.guestAddresses)")
        }
        guard address != network.gateway else { throw invalid(parameter, text, "it is the gateway's") }
        guard cloud.claims[.guestAddress(network: network.id, address)] == nil else {
            throw .refused(parameter, "The address \(address) is in use in network \(network.name)")
        }
        return address
    }

    mutating func startGuest(_ id: ObjectID) throws(RequestError) -> [Reference] {
        var guest = try guest(id)
        for nic in cloud.nics(ofGuest: id) { try implement(nic.network, "id") }
        guest.isRunning = true
        try put(.guest(guest))
        return [Reference(.guest, id)]
    }

    mutating func stopGuest(_ id: ObjectID) throws(RequestError) -> [Reference] {
        var guest = try guest(id)
        guest.isRunning = false
        try put(.guest(guest))
        return [Reference(.guest, id)]
    }

    /// Its addresses go back to their networks, and rules that lead to it go. The networks stay as they are, and public
    /// addresses theirs, with the firewall rules that nothing else brought.
    mutating func destroyGuest(_ id: ObjectID) throws(RequestError) -> [Reference] {
        _ = try guest(id)
        for nic in cloud.nicsByGuest[id] {
            for rule in cloud.portForwardingsByNIC[nic] { try removeForwarding(rule) }
            for address in cloud.publicAddressesByNIC[nic] { try endStaticNAT(address) }
            try remove(.nic, nic)
        }
        try remove(.guest, id)
        return []
    }

    private func guest(_ id: ObjectID) throws(RequestError) -> Guest {
        guard let guest = cloud.guests[id] else { throw unknown("id", id) }
        try requireAccess(to: guest.account)
        return guest
    }
}
