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
            try refuseForeign(network, to: owner.id, zone.id, parameter)
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
        try plug(
            guest, network, index: index, isDefault: isDefault, address: nic.address, mac: nic.mac,
            NICParameters(network: "\(parameter).networkid", address: "\(parameter).ip", mac: "\(parameter).mac"))
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

    func guest(_ id: ObjectID, _ parameter: String = "id") throws(RequestError) -> Guest {
        guard let guest = cloud.guests[id] else { throw unknown(parameter, id) }
        try requireAccess(to: guest.account)
        return guest
    }
}
