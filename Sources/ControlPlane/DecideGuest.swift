import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func deployGuest(_ request: Request.DeployGuest) throws(RequestError) -> [Reference] {
        let zone = try zone(request.zone)
        let account = try owner(request.account, of: .instance)
        guard let owner = cloud.accounts[account] else { throw unknown("account", account) }
        let id = newID()
        let name = try hostName(request.name ?? id.description, "name")
        let nics =
            request.nics.isEmpty
            ? [.init(network: try defaultNetwork(of: owner, zone), isListed: false)] : request.nics
        let defaults = nics.indices.filter { nics[$0].isDefault }
        guard defaults.count <= 1 else {
            throw .refused("iptonetworklist", "A guest has one default NIC, not \(defaults.count)")
        }
        try check(nics, zone, owner, name)
        let usual = try delivery(
            .init(request.port, namespace: request.namespace), of: request.port, ("port", "hostnamespace"))

        if request.starts {
            for (index, nic) in nics.enumerated() {
                try implement(nic.network, nic.parameters(index).network)
            }
        }
        let number = try number(.machine)
        var guest = Guest(
            id: id, number: number, name: name, instanceName: "i-\(owner.number)-\(number)-VM", account: account,
            zone: zone.id, port: request.port, isRunning: request.starts, user: caller.user,
            created: time)
        try take(request.facts, into: &guest)
        try requireReader(of: request.facts.userData, nics.map(\.network))
        try put(.guest(guest))
        for (index, nic) in nics.enumerated() {
            try addNIC(nic, index, to: guest, isDefault: index == defaults.first ?? 0, usual)
        }
        return [Reference(.guest, id)]
    }

    private func check(
        _ nics: [Request.DeployGuest.NIC], _ zone: Zone, _ owner: Account, _ name: String
    ) throws(RequestError) {
        guard nics.count <= NICLimits.nics else {
            throw .limit(
                nics[NICLimits.nics].parameters(NICLimits.nics).network,
                "A virtual machine has at most \(NICLimits.nics) NICs")
        }
        var seen: Set<ObjectID> = []
        for (index, nic) in nics.enumerated() {
            let parameter = nic.parameters(index).network
            guard let network = cloud.networks[nic.network] else { throw unknown(parameter, nic.network) }
            try refuseForeign(network, to: owner.id, zone.id, parameter)
            guard seen.insert(network.id).inserted else {
                throw .refused(parameter, "Network \(network.name) is named twice; a guest has one NIC on a network")
            }
            try refuseTakenName(name, on: network.id)
        }
    }

    private mutating func addNIC(
        _ nic: Request.DeployGuest.NIC, _ index: Int, to guest: Guest, isDefault: Bool,
        _ usual: NIC.Delivery?
    ) throws(RequestError) {
        let parameters = nic.parameters(index)
        guard let network = cloud.networks[nic.network] else { throw unknown(parameters.network, nic.network) }
        let delivery = try nic.delivery.map { wish throws(RequestError) in
            try self.delivery(wish, of: guest.port, ("iptonetworklist[\(nic.row ?? index)].port", parameters.namespace))
        }
        try plug(
            guest, network, index: index, isDefault: isDefault, address: nic.address, mac: nic.mac,
            dhcpOptions: nic.dhcpOptions, delivery ?? usual, parameters)
    }

    /// User data that no network tells its guest would be kept and never read. Config drives are not made.
    private func requireReader(of choice: UserDataChoice?, _ networks: [ObjectID]) throws(RequestError) {
        guard let choice, choice.content != nil || choice.document != nil else { return }
        let isTold = networks.compactMap { cloud.networks[$0] }.contains { network in
            let provider = cloud.networkOfferings[network.offering]?.services["UserData"]
            return provider != nil && provider != ServiceProvider.Name.configDrive.rawValue
        }
        guard !isTold else { return }
        throw .refused(
            choice.document == nil ? "userdata" : "userdataid",
            "Unable to deploy VM as UserData is provided while deploying the VM, but there is no support for UserData "
                + "service in its networks")
    }

    mutating func startGuest(_ id: ObjectID) throws(RequestError) -> [Reference] {
        var guest = try livingGuest(id)
        for nic in cloud.nics(ofGuest: id) { try implement(nic.network, "id") }
        guest.isRunning = true
        try put(.guest(guest))
        return [Reference(.guest, id)]
    }

    mutating func stopGuest(_ id: ObjectID) throws(RequestError) -> [Reference] {
        var guest = try livingGuest(id)
        guest.isRunning = false
        try put(.guest(guest))
        return [Reference(.guest, id)]
    }

    /// For a guest that names no network: the oldest of its owner's in the zone that lead outside, or a new one of the
    /// offering for such cases.
    private mutating func defaultNetwork(of owner: Account, _ zone: Zone) throws(RequestError) -> ObjectID {
        let own = cloud.networksByAccount[owner.id].compactMap { cloud.networks[$0] }.filter {
            $0.zone == zone.id && $0.guestType == .isolated
                && cloud.networkOfferings[$0.offering]?.services["SourceNat"] != nil
        }
        if let oldest = own.min(by: { $0.number < $1.number }) { return oldest.id }
        let offering = cloud.networkOfferings.values.first {
            $0.availability == .required && $0.isEnabled && $0.guestType == .isolated
        }
        guard let offering else {
            throw .refused(
                "networkids",
                "Account \(owner.name) has no network in zone \(zone.name), and there is no offering to make one of")
        }
        let command = command
        defer { self.command = command }
        let made = try take(
            .createNetwork(
                .init(
                    name: "\(owner.name)-network", zone: zone.id, offering: offering.id, account: owner.id)))
        guard let network = made.first else { throw .missing("networkids", command) }
        return network.id
    }

    func guest(_ id: ObjectID, _ parameter: String = "id") throws(RequestError) -> Guest {
        guard let guest = cloud.guests[id] else { throw unknown(parameter, id) }
        try requireAccess(to: guest.account)
        return guest
    }
}

extension Request.DeployGuest.NIC {
    /// By which names the request asked for it.
    fileprivate func parameters(_ index: Int) -> NICParameters {
        let parameter = "iptonetworklist[\(row ?? index)]"
        return NICParameters(
            network: isListed ? "\(parameter).networkid" : "networkids",
            address: isListed ? "\(parameter).ip" : "ipaddress",
            mac: isListed ? "\(parameter).mac" : "macaddress", dhcpOptions: "dhcpoptionsnetworklist",
            namespace: delivery == nil ? "hostnamespace" : "\(parameter).hostnamespace")
    }
}
