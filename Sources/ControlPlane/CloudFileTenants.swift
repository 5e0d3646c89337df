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

    mutating func applyGuest(
        _ guest: CloudFile.Guest, _ path: String, _ names: NamesInUse
    ) throws(RequestError) -> [Reference] {
        let account = try account(guest.account, path)
        let port = try self.port(guest.port, path)
        var nics: [Request.DeployGuest.NIC] = []
        for (index, nic) in guest.nics.enumerated() {
            let own = names.networks[.init(account, nic.network)]?.first
            guard let network = own ?? sharedNetwork(named: nic.network, with: account) else {
                throw reference("\(path).nics[\(index)].network", "network of account \(guest.account)", nic.network)
            }
            let place = "\(path).nics[\(index)]"
            let kind = try nic.port.map { text throws(RequestError) in try self.port(text, place) }
            let delivery = kind ?? (nic.namespace == nil ? nil : .namespace)
            nics.append(
                .init(
                    network: network, address: nic.address, isDefault: nic.isDefault,
                    delivery: delivery.map { .init($0, namespace: nic.namespace) }))
        }
        let known = names.guests[.init(account, guest.name)] ?? []
        guard let id = known.first, let old = cloud.guests[id] else {
            guard let zone = nics.first.flatMap({ cloud.networks[$0.network]?.zone }) else {
                throw .refused("\(path).nics", "\(path).nics: a guest has at least one NIC")
            }
            return try at(
                path, ["networkids": "nics", "hostnamespace": "namespace"],
                .deployGuest(
                    .init(
                        zone: zone, name: guest.name, account: account, port: port, namespace: guest.namespace,
                        nics: nics,
                        starts: guest.isRunning)
                ))
        }
        guard known.count == 1 else {
            throw .conflict(
                "\(path).name", "\(path).name: account \(guest.account) has \(known.count) guests of that name")
        }
        guard old.port == port else { throw fixed("\(path).port", old.port.rawValue) }
        let usual = try inFile(path, ["hostnamespace": "namespace"]) { () throws(RequestError) in
            try delivery(.init(port, namespace: guest.namespace), of: port, ("port", "hostnamespace"))
        }
        try refuseRedelivery(nics, of: old, usual, path)
        let changed = try applyNICs(nics, of: old, path)
        if old.destroyed != nil { try at(path, [:], .machine(.recoverGuest(id))) }
        if guest.isRunning { return try at(path, [:], .startGuest(id)) + changed }
        return try at(path, [:], .stopGuest(id)) + changed
    }

    private func port(_ text: String, _ path: String) throws(RequestError) -> Guest.Port {
        guard let port = Guest.Port(rawValue: text) else {
            throw invalid("port", text, "it is emulated, tap, namespace or none").inFile(path, [:])
        }
        return port
    }

    /// Whoever has a port keeps it: for another the port goes and comes again.
    private func refuseRedelivery(
        _ wanted: [Request.DeployGuest.NIC], of guest: Guest, _ usual: NIC.Delivery?, _ path: String
    ) throws(RequestError) {
        for (index, port) in wanted.enumerated() {
            guard let old = cloud.nics(ofGuest: guest.id).first(where: { $0.network == port.network }) else { continue }
            let place = "\(path).nics[\(index)]"
            let delivery = try port.delivery.map { wish throws(RequestError) in
                try self.delivery(wish, of: guest.port, ("\(place).port", "\(place).namespace"))
            }
            guard delivery ?? usual == old.delivery else {
                throw fixed("\(place).port", old.delivery.map { "\($0)" } ?? guest.port.rawValue)
            }
        }
    }

    /// One that others own and the account may use.
    private func sharedNetwork(named name: String, with account: ObjectID) -> ObjectID? {
        let found = Array(cloud.networks.values).filter {
            $0.account != account && $0.name.lowercased() == name.lowercased() && $0.isOpen(to: account, in: cloud)
        }
        return found.count == 1 ? found.first?.id : nil
    }

    /// Ports come, change and go until they are what the file says. What rules lead to stays, and the file is refused.
    private mutating func applyNICs(
        _ wanted: [Request.DeployGuest.NIC], of guest: Guest, _ path: String
    ) throws(RequestError) -> [Reference] {
        var objects: [Reference] = []
        let nic = { (cloud: Cloud, network: ObjectID) in cloud.nics(ofGuest: guest.id).first { $0.network == network } }
        let fields = { (index: Int) in
            [
                "networkid": "nics[\(index)].network", "ipaddress": "nics[\(index)].address", "nicid": "nics[\(index)]",
                "hostnamespace": "nics[\(index)].namespace", "port": "nics[\(index)].port",
            ]
        }
        for (index, port) in wanted.enumerated() {
            guard let old = nic(cloud, port.network) else {
                objects += try at(
                    path, fields(index),
                    .networking(
                        .addNIC(
                            .init(
                                guest: guest.id, network: port.network, address: port.address,
                                delivery: port.delivery))))
                continue
            }
            guard let text = port.address, IPv4Address(text) != old.address else { continue }
            objects += try at(
                path, fields(index), .networking(.changeNICAddress(.init(nic: old.id, address: text))))
        }
        let isDefault = wanted.firstIndex(where: \.isDefault) ?? 0
        if wanted.indices.contains(isDefault), let port = nic(cloud, wanted[isDefault].network), !port.isDefault {
            objects += try at(
                path, ["nicid": "nics[\(isDefault)].default"],
                .networking(.makeNICDefault(.init(guest: guest.id, nic: port.id))))
        }
        for old in cloud.nics(ofGuest: guest.id) where !wanted.contains(where: { $0.network == old.network }) {
            objects += try at(
                path, ["nicid": "nics"], .networking(.removeNIC(.init(guest: guest.id, nic: old.id))))
        }
        return objects
    }
}
