import CloudModel
import NetworkVocabulary

/// Names that CloudStack lets several objects of an account have, and a cloud file does not.
struct NamesInUse {
    struct Name: Hashable {
        let account: ObjectID
        let name: String

        init(_ account: ObjectID, _ name: String) {
            self.account = account
            self.name = name.lowercased()
        }
    }

    var networks: [Name: [ObjectID]] = [:]
    var guests: [Name: [ObjectID]] = [:]

    init(_ cloud: Cloud) {
        for network in cloud.networks.values {
            networks[Name(network.account, network.name), default: []].append(network.id)
        }
        for guest in cloud.guests.values { guests[Name(guest.account, guest.name), default: []].append(guest.id) }
    }
}

extension Draft {
    func account(_ name: String, _ path: String) throws(RequestError) -> ObjectID {
        guard let account = cloud.account(named: name) else { throw reference("\(path).account", "account", name) }
        return account.id
    }

    mutating func applyNetwork(
        _ network: CloudFile.Network, _ path: String, _ names: inout NamesInUse
    ) throws(RequestError) -> [Reference] {
        let account = try account(network.account, path)
        guard let zone = cloud.zone(named: network.zone) else { throw reference("\(path).zone", "zone", network.zone) }
        guard let offering = cloud.networkOffering(named: network.offering) else {
            throw reference("\(path).offering", "network offering", network.offering)
        }
        let wire = try network.physicalNetwork.map { name throws(RequestError) in
            guard let wire = cloud.physicalNetwork(named: name, inZone: zone.id) else {
                throw reference("\(path).physicalNetwork", "physical network", name)
            }
            return wire.id
        }
        let fields = [
            "networkofferingid": "offering", "zoneid": "zone", "physicalnetworkid": "physicalNetwork",
            "netmask": "cidr", "guestvmcidr": "guestCIDR", "networkdomain": "domain", "displaytext": "displayText",
        ]
        let request = Request.CreateNetwork(
            name: network.name, displayText: network.displayText, zone: zone.id, offering: offering.id,
            account: account,
            physicalNetwork: wire, cidr: network.cidr ?? (network.gateway == nil ? nil : zone.guestCIDR.description),
            gateway: network.gateway, guestCIDR: network.guestCIDR, networkDomain: network.domain)
        let name = NamesInUse.Name(account, network.name)
        let known = names.networks[name] ?? []
        guard let id = known.first, let old = cloud.networks[id] else {
            let objects = try at(path, fields, .createNetwork(request))
            names.networks[name] = objects.prefix(1).map(\.id)
            return objects
        }
        guard known.count == 1 else {
            throw .conflict(
                "\(path).name", "\(path).name: account \(network.account) has \(known.count) networks of that name")
        }
        try refuseChanges(request, of: old, zone, path, fields)
        return try at(
            path, fields,
            .updateNetwork(
                .init(
                    id: id, name: network.name, displayText: network.displayText ?? network.name,
                    networkDomain: network.domain ?? zone.networkDomain ?? "")))
    }

    private func refuseChanges(
        _ request: Request.CreateNetwork, of old: Network, _ zone: Zone, _ path: String, _ fields: [String: String]
    ) throws(RequestError) {
        guard old.zone == request.zone else {
            throw fixed("\(path).zone", cloud.zones[old.zone]?.name ?? "another")
        }
        guard old.offering == request.offering else {
            throw fixed("\(path).offering", cloud.networkOfferings[old.offering]?.name ?? "another")
        }
        if let wire = request.physicalNetwork, wire != old.physicalNetwork {
            throw fixed("\(path).physicalNetwork", cloud.physicalNetworks[old.physicalNetwork]?.name ?? "another")
        }
        let wanted: (cidr: IPv4Prefix, gateway: IPv4Address)
        let guestCIDR: IPv4Prefix?
        do throws(RequestError) {
            wanted = try addressing(request, zone)
            guestCIDR = try request.guestCIDR.map { text throws(RequestError) in try prefix(text, "guestvmcidr") }
        } catch {
            throw error.inFile(path, fields)
        }
        // A file that leaves the network to the zone does not object to what the zone's was when it was made.
        if request.cidr != nil || request.gateway != nil {
            guard wanted.cidr == old.cidr else { throw fixed("\(path).cidr", old.cidr?.description ?? "none") }
            guard wanted.gateway == old.gateway else {
                throw fixed("\(path).gateway", old.gateway?.description ?? "none")
            }
        }
        guard guestCIDR == old.guestCIDR else {
            throw fixed("\(path).guestCIDR", old.guestCIDR?.description ?? "the whole network")
        }
    }

    mutating func applyGuest(
        _ guest: CloudFile.Guest, _ path: String, _ names: NamesInUse
    ) throws(RequestError) -> [Reference] {
        let account = try account(guest.account, path)
        guard let port = Guest.Port(rawValue: guest.port) else {
            throw invalid("port", guest.port, "it is emulated or none").inFile(path, [:])
        }
        var nics: [Request.DeployGuest.NIC] = []
        for (index, nic) in guest.nics.enumerated() {
            guard let network = names.networks[.init(account, nic.network)]?.first else {
                throw reference("\(path).nics[\(index)].network", "network of account \(guest.account)", nic.network)
            }
            nics.append(.init(network: network, address: nic.address, isDefault: nic.isDefault))
        }
        let known = names.guests[.init(account, guest.name)] ?? []
        guard let id = known.first, let old = cloud.guests[id] else {
            guard let zone = nics.first.flatMap({ cloud.networks[$0.network]?.zone }) else {
                throw .refused("\(path).nics", "\(path).nics: a guest has at least one NIC")
            }
            return try at(
                path, ["networkids": "nics"],
                .deployGuest(
                    .init(
                        zone: zone, name: guest.name, account: account, port: port, nics: nics, starts: guest.isRunning)
                ))
        }
        guard known.count == 1 else {
            throw .conflict(
                "\(path).name", "\(path).name: account \(guest.account) has \(known.count) guests of that name")
        }
        guard old.port == port else { throw fixed("\(path).port", old.port.rawValue) }
        try refuseChanges(nics, of: old, path)
        if old.destroyed != nil { try at(path, [:], .machine(.recoverGuest(id))) }
        if guest.isRunning { return try at(path, [:], .startGuest(id)) }
        return try at(path, [:], .stopGuest(id))
    }

    private func refuseChanges(
        _ wanted: [Request.DeployGuest.NIC], of guest: Guest, _ path: String
    ) throws(RequestError) {
        let old = cloud.nics(ofGuest: guest.id)
        guard old.map(\.network) == wanted.map(\.network) else {
            let names = old.map { cloud.networks[$0.network]?.name ?? $0.network.description }
            throw fixed("\(path).nics", "on \(names.joined(separator: ", "))")
        }
        for (index, (nic, wanted)) in zip(old, wanted).enumerated() {
            if let text = wanted.address, IPv4Address(text) != nic.address {
                throw fixed("\(path).nics[\(index)].address", nic.address?.description ?? "none")
            }
        }
        let isDefault = wanted.firstIndex(where: \.isDefault) ?? 0
        guard old.indices.contains(isDefault), old[isDefault].isDefault else {
            throw fixed("\(path).nics[\(isDefault)].default", "false")
        }
    }
}
