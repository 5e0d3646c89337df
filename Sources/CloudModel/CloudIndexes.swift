import NetworkVocabulary

// What follows from each record, added when it comes and taken away when it goes.
extension Cloud {
    mutating func remember(_ record: Record, _ object: Reference) {
        for target in record.references { referenceCounts[target] = (referenceCounts[target] ?? 0) + 1 }
        for (claim, holder) in claims(of: record, object) { claims[claim] = holder }
        switch record {
        case .account, .zone, .networkOffering, .series: break
        case .physicalNetwork(let value): physicalNetworksByZone.insert(value.id, of: value.zone)
        case .publicRange(let value):
            publicRangesByZone.insert(value.id, of: value.zone)
            publicRangesByPhysicalNetwork.insert(value.id, of: value.physicalNetwork)
            publicRangesByBridge.insert(value.id, of: value.bridge)
            publicRangeStarts[ZoneAddress(zone: value.zone, address: value.addresses.first)] = value.id
        case .network(let value):
            networksByZone.insert(value.id, of: value.zone)
            networksByPhysicalNetwork.insert(value.id, of: value.physicalNetwork)
            networksByOffering.insert(value.id, of: value.offering)
            networksByAccount.insert(value.id, of: value.account)
            if let number = value.segment?.number { segmentsInUse.take(number, in: value.physicalNetwork) }
        case .publicAddress(let value):
            if let network = value.network { publicAddressesByNetwork.insert(value.id, of: network) }
            if let nic = value.staticNAT?.nic { publicAddressesByNIC.insert(value.id, of: nic) }
            publicAddressesByRange.insert(value.id, of: value.range)
            addressesInUseByRange.take(value.address.bits, in: value.range)
        case .router(let value):
            for (range, attachment) in value.attachments {
                if let range { routersByPublicRange.insert(value.id, of: range) }
                plug(attachment, into: range, network: value.network)
            }
        case .guest(let value):
            guestsByZone.insert(value.id, of: value.zone)
            guestsByAccount.insert(value.id, of: value.account)
        case .nic(let value):
            nicsByNetwork.insert(value.id, of: value.network)
            nicsByGuest.insert(value.id, of: value.guest)
            for address in value.addresses { addressesInUseByNetwork.take(address.bits, in: value.network) }
            plug(value.attachment, into: nil, network: value.network)
        case .firewallRule(let value):
            firewallRulesByAddress.insert(value.id, of: value.publicAddress)
            if !value.opensOnePort(toEverybodyOf: .ipv4) {
                broadFirewallRulesByAddress.insert(value.id, of: value.publicAddress)
            }
            if let forwarding = value.forwarding { firewallRulesByForwarding.insert(value.id, of: forwarding) }
        case .egressRule(let value): egressRulesByNetwork.insert(value.id, of: value.network)
        case .portForwarding(let value):
            portForwardingsByAddress.insert(value.id, of: value.publicAddress)
            portForwardingsByNIC.insert(value.id, of: value.nic)
        }
        rememberSpots(of: record)
    }

    mutating func forget(_ record: Record, _ object: Reference) {
        for target in record.references {
            let count = (referenceCounts[target] ?? 0) - 1
            referenceCounts[target] = count > 0 ? count : nil
        }
        for (claim, _) in claims(of: record, object) { claims[claim] = nil }
        switch record {
        case .account, .zone, .networkOffering, .series: break
        case .physicalNetwork(let value): physicalNetworksByZone.remove(value.id, of: value.zone)
        case .publicRange(let value):
            publicRangesByZone.remove(value.id, of: value.zone)
            publicRangesByPhysicalNetwork.remove(value.id, of: value.physicalNetwork)
            publicRangesByBridge.remove(value.id, of: value.bridge)
            publicRangeStarts[ZoneAddress(zone: value.zone, address: value.addresses.first)] = nil
        case .network(let value):
            networksByZone.remove(value.id, of: value.zone)
            networksByPhysicalNetwork.remove(value.id, of: value.physicalNetwork)
            networksByOffering.remove(value.id, of: value.offering)
            networksByAccount.remove(value.id, of: value.account)
            if let number = value.segment?.number { segmentsInUse.release(number, in: value.physicalNetwork) }
        case .publicAddress(let value):
            if let network = value.network { publicAddressesByNetwork.remove(value.id, of: network) }
            if let nic = value.staticNAT?.nic { publicAddressesByNIC.remove(value.id, of: nic) }
            publicAddressesByRange.remove(value.id, of: value.range)
            addressesInUseByRange.release(value.address.bits, in: value.range)
        case .router(let value):
            for (range, attachment) in value.attachments {
                if let range { routersByPublicRange.remove(value.id, of: range) }
                unplug(attachment, from: range, network: value.network)
            }
        case .guest(let value):
            guestsByZone.remove(value.id, of: value.zone)
            guestsByAccount.remove(value.id, of: value.account)
        case .nic(let value):
            nicsByNetwork.remove(value.id, of: value.network)
            nicsByGuest.remove(value.id, of: value.guest)
            for address in value.addresses { addressesInUseByNetwork.release(address.bits, in: value.network) }
            unplug(value.attachment, from: nil, network: value.network)
        case .firewallRule(let value):
            firewallRulesByAddress.remove(value.id, of: value.publicAddress)
            broadFirewallRulesByAddress.remove(value.id, of: value.publicAddress)
            if let forwarding = value.forwarding { firewallRulesByForwarding.remove(value.id, of: forwarding) }
        case .egressRule(let value): egressRulesByNetwork.remove(value.id, of: value.network)
        case .portForwarding(let value):
            portForwardingsByAddress.remove(value.id, of: value.publicAddress)
            portForwardingsByNIC.remove(value.id, of: value.nic)
        }
        forgetSpots(of: record)
    }

    private mutating func plug(_ attachment: Attachment, into range: ObjectID?, network: ObjectID) {
        guard let bridge = bridge(range: range, network: network) else { return }
        var shards = portsInUse[bridge] ?? ShardCounts()
        shards.add(attachment.shard)
        portsInUse[bridge] = shards
    }

    private mutating func unplug(_ attachment: Attachment, from range: ObjectID?, network: ObjectID) {
        guard let bridge = bridge(range: range, network: network), var shards = portsInUse[bridge] else { return }
        shards.remove(attachment.shard)
        portsInUse[bridge] = shards.isEmpty ? nil : shards
    }

    /// The bridge of a port: the public range's when it has one, the guest network's otherwise.
    private func bridge(range: ObjectID?, network: ObjectID) -> Bridge? {
        guard let range else { return .network(network) }
        return publicRanges[range]?.bridge
    }
}

extension SortedMap where Key == ObjectID, Value == NumberSet {
    fileprivate mutating func take(_ number: UInt32, in pool: ObjectID) {
        var numbers = self[pool] ?? NumberSet()
        numbers.insert(number)
        self[pool] = numbers
    }

    fileprivate mutating func release(_ number: UInt32, in pool: ObjectID) {
        guard var numbers = self[pool] else { return }
        numbers.remove(number)
        self[pool] = numbers.isEmpty ? nil : numbers
    }
}
