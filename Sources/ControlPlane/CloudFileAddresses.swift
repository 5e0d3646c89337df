import CloudModel
import NetworkVocabulary

// Rules have no names: one is the file's if it says the same. What the file does not say goes before what it says comes,
// over all addresses and networks, so that ports and guests can change places.
extension Draft {
    mutating func applyRules(
        _ file: CloudFile, _ prunes: Bool, _ names: NamesInUse
    ) throws(RequestError) -> [Reference] {
        var objects: [Reference] = []
        var addresses: [AddressInFile] = []
        var seen: [ObjectID: Int] = [:]
        for (index, wanted) in file.publicAddresses.enumerated() {
            let path = "publicAddresses[\(index)]"
            let id = try applyAddress(wanted, path, names, &objects)
            if let first = seen.updateValue(index, forKey: id) {
                throw .refused("\(path).address", "\(path).address: publicAddresses[\(first)] is the same address")
            }
            addresses.append(try read(wanted, id, path, prunes))
        }
        var egress: [EgressInFile] = []
        var balancing: [InternalBalancersInFile] = []
        for (index, wanted) in file.networks.enumerated() {
            guard let account = cloud.account(named: wanted.account),
                let network = names.networks[.init(account.id, wanted.name)]?.first.flatMap({ cloud.networks[$0] })
            else { continue }
            let path = "networks[\(index)]"
            if let rules = wanted.egress ?? (prunes ? [] : nil) {
                egress.append(try read(rules, network, "\(path).egress"))
            }
            if let rules = wanted.balance ?? (prunes ? [] : nil) {
                balancing.append(try read(rules, ofNetwork: network.id, path))
            }
        }
        for address in addresses { try removeOthers(than: address) }
        for network in egress { try removeOthers(than: network) }
        for list in balancing { try removeBalancers(than: list.rules, of: .network(list.network)) }
        objects += try applySecondaryAddresses(file, prunes, names)
        for address in addresses { objects += try add(address) }
        for network in egress { objects += try add(network) }
        for list in balancing { objects += try addBalancers(list.rules, of: .network(list.network), list.path) }
        return objects
    }

    /// The address as the network's, acquired where it is free.
    private mutating func applyAddress(
        _ wanted: CloudFile.PublicAddress, _ path: String, _ names: NamesInUse, _ objects: inout [Reference]
    ) throws(RequestError) -> ObjectID {
        let account = try account(wanted.account, path)
        guard let network = names.networks[.init(account, wanted.network)]?.first.flatMap({ cloud.networks[$0] }) else {
            throw reference("\(path).network", "network of account \(wanted.account)", wanted.network)
        }
        var request = Request.AcquirePublicAddress(network: network.id)
        if wanted.address == CloudFile.PublicAddress.sourceNAT {
            if let held = cloud.sourceNATAddress(ofNetwork: network.id) { return held.id }
            try inFile(path, ["networkid": "address"]) { () throws(RequestError) in
                try require("SourceNat", of: network, "networkid")
            }
        } else {
            let address = try inFile(path, [:]) { () throws(RequestError) in try self.address(wanted.address, "address")
            }
            if let range = range(of: address, network.zone),
                let held = cloud.claims[.publicAddress(range: range, address)].flatMap({ cloud.publicAddresses[$0.id] })
            {
                guard held.account == account, held.network == nil || held.network == network.id else {
                    throw .refused("\(path).address", "\(path).address: it is another network's or account's")
                }
                do throws(RequestError) {
                    return try associate(held, with: network, isFirst: true, "network").id
                } catch {
                    throw error.inFile(path, [:])
                }
            }
            request.address = wanted.address
        }
        let acquired = try at(
            path, ["ipaddress": "address", "networkid": "network"], .acquirePublicAddress(request))
        guard let id = acquired.first?.id else { throw unknown("\(path).address", network.id) }
        objects += acquired
        return id
    }

    /// Says what is wrong with a value in the file's words.
    func inFile<Value>(
        _ path: String, _ fields: [String: String], _ read: () throws(RequestError) -> Value
    ) throws(RequestError) -> Value {
        do throws(RequestError) {
            return try read()
        } catch {
            throw error.inFile(path, fields)
        }
    }
}

// MARK: Bringing it about

extension Draft {
    private mutating func removeOthers(than wanted: AddressInFile) throws(RequestError) {
        if let rules = wanted.firewall {
            let contents = Set(rules.map(\.content))
            for id in cloud.firewallRulesByAddress[wanted.id] {
                guard let rule = cloud.firewallRules[id], !rule.isSystem, !rule.isCompanion else { continue }
                if !contents.contains(FirewallContent(rule.traffic, rule.sources)) { try remove(.firewallRule, id) }
            }
        }
        if let rules = wanted.forward {
            let contents = Set(rules.map(\.content))
            for id in cloud.portForwardingsByAddress[wanted.id] {
                guard let rule = cloud.portForwardings[id], !contents.contains(content(rule)) else { continue }
                try removeForwarding(id)
            }
        }
        if let rules = wanted.balance { try removeBalancers(than: rules, of: .publicAddress(wanted.id)) }
        if let staticNAT = wanted.staticNAT, cloud.publicAddresses[wanted.id]?.staticNAT != staticNAT.wanted {
            try endStaticNAT(wanted.id)
        }
    }

    private mutating func removeOthers(than wanted: EgressInFile) throws(RequestError) {
        let contents = Set(wanted.rules.map(\.content))
        for id in cloud.egressRulesByNetwork[wanted.network] {
            guard let rule = cloud.egressRules[id], !rule.isSystem else { continue }
            if !contents.contains(EgressContent(rule.traffic, rule.sources, rule.destinations)) {
                try remove(.egressRule, id)
            }
        }
    }

    private func content(_ rule: PortForwarding) -> ForwardingContent {
        ForwardingContent(
            transport: rule.transport, publicPorts: rule.publicPorts, privatePorts: rule.privatePorts,
            target: StaticNAT(nic: rule.nic, guestAddress: rule.guestAddress), sources: rule.sources.sorted(),
            opensFirewall: !cloud.firewallRulesByForwarding[rule.id].isEmpty)
    }

    private mutating func add(_ wanted: AddressInFile) throws(RequestError) -> [Reference] {
        var objects: [Reference] = []
        if let target = wanted.staticNAT?.wanted, let text = wanted.staticNAT?.text, let nic = cloud.nics[target.nic] {
            objects += try at(
                "\(wanted.path).staticNAT", ["virtualmachineid": "guest", "vmguestip": "address", "ipaddressid": ""],
                .enableStaticNAT(.init(publicAddress: wanted.id, guest: nic.guest, guestAddress: text.address)))
        }
        let forwardings = Set(
            cloud.portForwardingsByAddress[wanted.id].compactMap { cloud.portForwardings[$0] }.map { content($0) })
        for (index, (content, text)) in (wanted.forward ?? []).enumerated() where !forwardings.contains(content) {
            guard let nic = cloud.nics[content.target.nic] else { continue }
            objects += try at(
                "\(wanted.path).forward[\(index)]", RuleFields.forwarding,
                .createPortForwarding(
                    .init(
                        publicAddress: wanted.id, transport: content.transport.rawValue,
                        publicPort: Int(content.publicPorts.first), publicEndPort: Int(content.publicPorts.last),
                        privatePort: Int(content.privatePorts.first), privateEndPort: Int(content.privatePorts.last),
                        guest: nic.guest, guestAddress: text.address, sources: text.sources,
                        opensFirewall: content.opensFirewall)))
        }
        objects += try addBalancers(wanted.balance ?? [], of: .publicAddress(wanted.id), wanted.path)
        let rules = Set(
            cloud.firewallRulesByAddress[wanted.id].compactMap { cloud.firewallRules[$0] }
                .filter { !$0.isSystem && !$0.isCompanion }.map { FirewallContent($0.traffic, $0.sources) })
        for (index, (content, text)) in (wanted.firewall ?? []).enumerated() where !rules.contains(content) {
            objects += try at(
                "\(wanted.path).firewall[\(index)]", RuleFields.firewall,
                .createFirewallRule(
                    .init(publicAddress: wanted.id, traffic: content.traffic.text, sources: text.sources)))
        }
        return objects
    }

    private mutating func add(_ wanted: EgressInFile) throws(RequestError) -> [Reference] {
        var objects: [Reference] = []
        let rules = Set(
            cloud.egressRulesByNetwork[wanted.network].compactMap { cloud.egressRules[$0] }.filter { !$0.isSystem }
                .map { EgressContent($0.traffic, $0.sources, $0.destinations) })
        for (index, (content, text)) in wanted.rules.enumerated() where !rules.contains(content) {
            objects += try at(
                "\(wanted.path)[\(index)]", RuleFields.firewall,
                .createEgressRule(
                    .init(
                        network: wanted.network, traffic: content.firewall.traffic.text, sources: text.sources,
                        destinations: text.destinations)))
        }
        return objects
    }

    private mutating func applySecondaryAddresses(
        _ file: CloudFile, _ prunes: Bool, _ names: NamesInUse
    ) throws(RequestError) -> [Reference] {
        var lists: [(path: String, nic: ObjectID, wanted: [String])] = []
        for (index, guest) in file.guests.enumerated() {
            guard let account = cloud.account(named: guest.account)?.id else { continue }
            for (position, nic) in guest.nics.enumerated() {
                guard let wanted = nic.secondaryAddresses ?? (prunes ? [] : nil),
                    let network = names.networks[.init(account, nic.network)]?.first,
                    let found = cloud.guest(named: guest.name, onNetwork: network),
                    let held = cloud.claims[.nic(guest: found.id, network: network)]
                else { continue }
                lists.append(("guests[\(index)].nics[\(position)].secondaryAddresses", held.id, wanted))
            }
        }
        for (path, nic, wanted) in lists {
            let kept = Set(wanted)
            for secondary in cloud.nics[nic]?.secondaryAddresses ?? []
            where !kept.contains(secondary.address.description) {
                try at(path, [:], .removeSecondaryAddress(.init(id: secondary.id)))
            }
        }
        var objects: [Reference] = []
        for (path, nic, wanted) in lists {
            let held = Set(cloud.nics[nic]?.secondaryAddresses.map(\.address.description) ?? [])
            for (index, address) in wanted.enumerated() where !held.contains(address) {
                objects += try at(
                    "\(path)[\(index)]", ["ipaddress": "", "nicid": ""],
                    .addSecondaryAddress(.init(nic: nic, address: address)))
            }
        }
        return objects
    }
}
