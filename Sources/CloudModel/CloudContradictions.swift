import NetworkVocabulary

extension Cloud {
    /// What is wrong with a record whose references exist, or nil.
    func contradiction(in record: Record, replacing old: Record?) -> String? {
        switch record {
        case .account, .zone, .series: nil
        case .networkOffering(let value): contradiction(in: value)
        case .physicalNetwork(let value): contradiction(in: value, replacing: old)
        case .publicRange(let value): contradiction(in: value, replacing: old)
        case .network(let value): contradiction(in: value, replacing: old)
        case .publicAddress(let value): contradiction(in: value, replacing: old)
        case .router(let value): contradiction(in: value, replacing: old)
        case .guest(let value): contradiction(in: value, replacing: old)
        case .nic(let value): contradiction(in: value)
        case .firewallRule(let value): contradiction(in: value, replacing: old)
        case .egressRule(let value): contradiction(in: value, replacing: old)
        case .portForwarding(let value): contradiction(in: value, replacing: old)
        }
    }

    private func contradiction(in value: PhysicalNetwork, replacing old: Record?) -> String? {
        if case .physicalNetwork(let old) = old, isReferenced(Reference(.physicalNetwork, value.id)),
            old.isolation != value.isolation || old.zone != value.zone
        {
            return "its isolation and zone cannot change while it is used"
        }
        for (earlier, later) in zip(value.segmentRanges, value.segmentRanges.dropFirst())
        where earlier.last >= later.first {
            return "segment ranges are not ascending and disjoint"
        }
        for range in value.segmentRanges
        where Segment(value.isolation, number: range.first) == nil
            || Segment(value.isolation, number: range.last) == nil
        {
            return "segment range \(range) is outside what \(value.isolation.rawValue) has"
        }
        return nil
    }

    private func contradiction(in value: PublicRange, replacing old: Record?) -> String? {
        if physicalNetworks[value.physicalNetwork]?.zone != value.zone {
            return "its physical network is in another zone"
        }
        if !value.subnet.range.contains(value.addresses) { return "its addresses are outside its subnet" }
        if !value.subnet.contains(value.gateway) { return "its gateway is outside its subnet" }
        if value.addresses.contains(value.gateway) { return "its gateway is one of its addresses" }
        if claims[.segment(physicalNetwork: value.physicalNetwork, value.segment)] != nil {
            return "its segment is a guest network's"
        }
        guard case .publicRange(let old) = old else { return nil }
        if isReferenced(Reference(.publicRange, value.id)),
            old.segment != value.segment || old.physicalNetwork != value.physicalNetwork || old.zone != value.zone
                || old.subnet != value.subnet
        {
            return "its segment, subnet and physical network cannot change while it is used"
        }
        if let held = addressesInUseByRange[value.id], let first = held.first, let last = held.last,
            first < value.addresses.first.bits || last > value.addresses.last.bits
        {
            return "an address that is in use would be outside"
        }
        return nil
    }

    private func contradiction(in value: NetworkOffering) -> String? {
        if let rate = value.rate, !NetworkOffering.rates.contains(rate) { return "there is no such rate" }
        return nil
    }

    private func contradiction(in value: Network, replacing old: Record?) -> String? {
        if physicalNetworks[value.physicalNetwork]?.zone != value.zone {
            return "its physical network is in another zone"
        }
        if !value.cidr.hosts.contains(value.gateway) { return "its gateway is not a host of it" }
        if let part = value.guestCIDR, !value.cidr.contains(part) || part.length > 30 {
            return "its guest range is outside it or has no room"
        }
        if (value.segment != nil) != (value.state == .implemented) {
            return "a segment is held exactly while implemented"
        }
        if let segment = value.segment, let isolation = physicalNetworks[value.physicalNetwork]?.isolation,
            segment.number.flatMap({ Segment(isolation, number: $0) }) != segment
        {
            return "its segment is of another isolation than its physical network"
        }
        if let segment = value.segment,
            !publicRangesByBridge[.publicSegment(physicalNetwork: value.physicalNetwork, segment)].isEmpty
        {
            return "its segment is a public range's"
        }
        if case .network(let old) = old, isReferenced(Reference(.network, value.id)),
            old.zone != value.zone || old.physicalNetwork != value.physicalNetwork || old.account != value.account
                || old.cidr != value.cidr || old.gateway != value.gateway
        {
            return "its place and addresses cannot change while it is used"
        }
        if value.state == .allocated, router(ofNetwork: value.id) != nil { return "its router is still there" }
        if value.state == .allocated,
            nicsByNetwork[value.id].contains(where: { nics[$0].flatMap { guests[$0.guest] }?.isRunning == true })
        {
            return "a running guest is on it"
        }
        return nil
    }

    private func contradiction(in value: PublicAddress, replacing old: Record?) -> String? {
        guard let range = publicRanges[value.range], range.addresses.contains(value.address) else {
            return "the address is outside its range"
        }
        if let network = value.network.flatMap({ networks[$0] }) {
            if network.zone != range.zone { return "its network is in another zone" }
            if network.account != value.account { return "its network is another account's" }
        } else if value.isSourceNAT {
            return "source NAT is for a network"
        }
        return ruleContradiction(in: value, replacing: old)
    }

    private func contradiction(in value: VirtualRouter, replacing old: Record?) -> String? {
        guard let network = networks[value.network] else { return nil }
        if network.state != .implemented { return "its network is not implemented" }
        if network.zone != value.zone || network.account != value.account {
            return "its zone and account are not its network's"
        }
        if case .router(let old) = old, old.network != value.network { return "a router stays with its network" }
        if Set(value.publicLegs.map(\.index)).count != value.publicLegs.count
            || value.publicLegs.contains(where: { $0.index < 1 })
        {
            return "public legs are numbered from 1, each once"
        }
        if Set(value.attachments.map { $0.1.mac }).count != value.publicLegs.count + 1 {
            return "two legs have one MAC"
        }
        if Set(value.publicLegs.map(\.range)).count != value.publicLegs.count { return "two legs are of one range" }
        for leg in value.publicLegs where publicRanges[leg.range]?.zone != value.zone {
            return "a public leg is in another zone"
        }
        return value.attachments.contains { !isValid($0.1) } ? "a leg's shard does not exist" : nil
    }

    private func contradiction(in value: Guest, replacing old: Record?) -> String? {
        if case .guest(let old) = old, old.zone != value.zone || old.account != value.account {
            return "its zone and account cannot change"
        }
        if value.isRunning,
            nicsByGuest[value.id].contains(where: { nics[$0].flatMap { networks[$0.network] }?.state != .implemented })
        {
            return "one of its networks is not implemented"
        }
        return nil
    }

    private func contradiction(in value: NIC) -> String? {
        guard let guest = guests[value.guest], let network = networks[value.network] else { return nil }
        if guest.zone != network.zone { return "its guest and network are in different zones" }
        if guest.account != network.account { return "its guest and network are of different accounts" }
        for address in value.addresses {
            if !network.cidr.hosts.contains(address) { return "its address is not a host of its network" }
            if address == network.gateway { return "its address is the gateway's" }
        }
        if Set(value.addresses).count != value.addresses.count { return "it has an address twice" }
        if let lost = ruleLeading(toOtherThan: value) { return "\(lost) leads to an address that it has no more" }
        if guest.isRunning, network.state != .implemented { return "its network is not implemented" }
        if value.index < 0 { return "its index is negative" }
        return isValid(value.attachment) ? nil : "its shard does not exist"
    }

    private func isValid(_ attachment: Attachment) -> Bool { (0..<Bridge.shards).contains(attachment.shard) }
}
