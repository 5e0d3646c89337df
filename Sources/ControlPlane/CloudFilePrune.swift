import CloudModel
import NetworkVocabulary

extension Draft {
    /// Removes what the file does not name, users before what they use. The system's own account and offerings stay.
    mutating func prune(_ file: CloudFile) throws(RequestError) {
        let guests = Set(file.guests.map { OwnedName($0.account, $0.name) })
        for guest in cloud.guests.values
        where !guests.contains(OwnedName(accountName(guest.account), guest.name)) {
            _ = try take(.destroyGuest(guest.id))
        }
        let networks = Set(file.networks.map { OwnedName($0.account, $0.name) })
        for network in cloud.networks.values
        where !networks.contains(OwnedName(accountName(network.account), network.name)) {
            try at("networks", [:], .deleteNetwork(network.id))
        }
        try pruneAddresses(file)
        let accounts = Set(file.accounts.map { $0.name.lowercased() })
        for account in cloud.accounts.values
        where account.number != Bootstrap.adminNumber && !accounts.contains(account.name.lowercased()) {
            try at("accounts", [:], .deleteAccount(account.id))
        }
        let offerings = Set(file.networkOfferings.map { $0.name.lowercased() })
        for offering in cloud.networkOfferings.values
        where !offering.isDefault && !offerings.contains(offering.name.lowercased()) {
            try at("networkOfferings", [:], .deleteNetworkOffering(offering.id))
        }
        for zone in cloud.zones.values {
            let index = file.zones.firstIndex { $0.name.lowercased() == zone.name.lowercased() }
            try pruneZone(zone, index.map { file.zones[$0] }, index.map { "zones[\($0)]" } ?? "zones")
        }
        command = "applyCloud"
    }

    /// Source NAT addresses stay with their networks, without what leads anywhere from them.
    private mutating func pruneAddresses(_ file: CloudFile) throws(RequestError) {
        var named: Set<NamedAddress> = []
        for wanted in file.publicAddresses {
            named.insert(NamedAddress(wanted.account, wanted.network, wanted.address))
            // One that is for no network yet is going to be.
            named.insert(NamedAddress(wanted.account, nil, wanted.address))
        }
        for address in cloud.publicAddresses.values {
            let account = accountName(address.account)
            let network = address.network.flatMap { cloud.networks[$0]?.name }
            let text = address.address.description
            if named.contains(NamedAddress(account, network, text)) { continue }
            guard address.isSourceNAT else {
                _ = try take(
                    address.isReserved
                        ? .networking(.releaseReservedAddress(address.id)) : .releasePublicAddress(address.id))
                continue
            }
            if named.contains(NamedAddress(account, network, CloudFile.PublicAddress.sourceNAT)) { continue }
            for rule in cloud.portForwardingsByAddress[address.id] { try removeForwarding(rule) }
            for rule in cloud.loadBalancerRulesByAddress[address.id] { try removeBalancer(rule) }
            for rule in cloud.firewallRulesByAddress[address.id] where cloud.firewallRules[rule]?.isSystem == false {
                try remove(.firewallRule, rule)
            }
        }
    }

    private mutating func pruneZone(_ zone: Zone, _ wanted: CloudFile.Zone?, _ path: String) throws(RequestError) {
        for id in cloud.publicRangesByZone[zone.id] {
            guard let range = cloud.publicRanges[id],
                !(wanted?.publicRanges.contains { isMeant(range, by: $0) } ?? false)
            else { continue }
            try at("\(path).publicRanges", [:], .deletePublicRange(id))
        }
        let wires = Set(wanted?.physicalNetworks.map { $0.name.lowercased() } ?? [])
        for id in cloud.physicalNetworksByZone[zone.id] {
            guard let wire = cloud.physicalNetworks[id], !wires.contains(wire.name.lowercased()) else { continue }
            try at("\(path).physicalNetworks", [:], .deletePhysicalNetwork(id))
        }
        if wanted == nil { try at(path, [:], .deleteZone(zone.id)) }
    }

    /// By the same marks as `existing` finds it, so that what is not pruned is updated.
    private func isMeant(_ range: PublicRange, by wanted: CloudFile.PublicRange) -> Bool {
        guard let wire = try? wire(of: wanted, range.zone, ""), wire.id == range.physicalNetwork,
            let segment = try? publicSegment(wanted.segment, wire.isolation, ""), segment == range.segment,
            IPv4Prefix(wanted.subnet) == range.subnet
        else { return false }
        let ends = wanted.addresses.split(separator: "-", omittingEmptySubsequences: false)
        guard let first = ends.first.flatMap({ IPv4Address(String($0)) }),
            let last = ends.last.flatMap({ IPv4Address(String($0)) }), let addresses = IPv4Range(first, last)
        else { return false }
        return addresses.overlaps(range.addresses)
    }

    private func accountName(_ id: ObjectID) -> String { cloud.accounts[id]?.name ?? "" }
}

extension CloudFile {
    /// A name that stands twice would make the second object an edit of the first.
    func refuseDuplicates() throws(RequestError) {
        try Self.refuseDuplicates(zones.map(\.name), "zones")
        for (index, zone) in zones.enumerated() {
            try Self.refuseDuplicates(zone.physicalNetworks.map(\.name), "zones[\(index)].physicalNetworks")
        }
        try Self.refuseDuplicates(networkOfferings.map(\.name), "networkOfferings")
        try Self.refuseDuplicates(accounts.map(\.name), "accounts")
        try Self.refuseDuplicates(networks.map { OwnedName($0.account, $0.name) }, "networks")
        try Self.refuseDuplicates(guests.map { OwnedName($0.account, $0.name) }, "guests")
    }

    private static func refuseDuplicates(_ names: [String], _ path: String) throws(RequestError) {
        try refuseDuplicates(names.map { OwnedName("", $0) }, path)
    }

    private static func refuseDuplicates(_ names: [OwnedName], _ path: String) throws(RequestError) {
        var seen: [OwnedName: Int] = [:]
        for (index, name) in names.enumerated() {
            if let first = seen.updateValue(index, forKey: name) {
                let field = "\(path)[\(index)].name"
                throw .refused(field, "\(field): \(path)[\(first)] has the same name")
            }
        }
    }
}

/// A public address, and whose it is.
private struct NamedAddress: Hashable {
    let account: String
    let network: String?
    let address: String

    init(_ account: String, _ network: String?, _ address: String) {
        self.account = account.lowercased()
        self.network = network?.lowercased()
        self.address = address
    }
}

/// A name and whose it is, as a file has them.
private struct OwnedName: Hashable {
    let account: String
    let name: String

    init(_ account: String, _ name: String) {
        self.account = account.lowercased()
        self.name = name.lowercased()
    }
}
