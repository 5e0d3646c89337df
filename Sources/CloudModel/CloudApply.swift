public import NetworkVocabulary

extension Cloud {
    /// Takes one step and returns the step back. A change that would break an invariant throws and leaves the model as
    /// it was. The cost does not grow with the model.
    @discardableResult
    public mutating func apply(_ change: Change) throws(ModelError) -> Change {
        switch change {
        case .put(.series(let new)):
            let old = Series(name: new.name, next: next(new.name))
            series[new.name] = new.next <= 1 ? nil : new.next
            return .put(.series(old))
        case .put(let record):
            guard let object = record.reference else { throw .series }
            let old = self[object]
            try check(record, object, replacing: old)
            if let old { forget(old, object) }
            store(record)
            remember(record, object)
            return old.map(Change.put) ?? .remove(object.kind, object.id)
        case .remove(let kind, let id):
            guard kind != .series else { throw .series }
            let object = Reference(kind, id)
            guard let old = self[object] else { throw .missing(object) }
            if let times = referenceCounts[object] { throw .referenced(object, times: times) }
            forget(old, object)
            erase(object)
            return .put(old)
        }
    }

    /// All the changes of one ledger entry or none of them.
    public mutating func apply(_ changes: [Change], revision: Revision) throws(ModelError) {
        var next = self
        for change in changes { try next.apply(change) }
        next.revision = revision
        self = next
    }

    private mutating func store(_ record: Record) {
        switch record {
        case .account(let value): accounts[value.id] = value
        case .zone(let value): zones[value.id] = value
        case .physicalNetwork(let value): physicalNetworks[value.id] = value
        case .publicRange(let value): publicRanges[value.id] = value
        case .networkOffering(let value): networkOfferings[value.id] = value
        case .network(let value): networks[value.id] = value
        case .publicAddress(let value): publicAddresses[value.id] = value
        case .router(let value): routers[value.id] = value
        case .guest(let value): guests[value.id] = value
        case .nic(let value): nics[value.id] = value
        case .firewallRule(let value): firewallRules[value.id] = value
        case .egressRule(let value): egressRules[value.id] = value
        case .portForwarding(let value): portForwardings[value.id] = value
        case .series(let value): series[value.name] = value.next
        }
    }

    private mutating func erase(_ object: Reference) {
        switch object.kind {
        case .account: accounts[object.id] = nil
        case .zone: zones[object.id] = nil
        case .physicalNetwork: physicalNetworks[object.id] = nil
        case .publicRange: publicRanges[object.id] = nil
        case .networkOffering: networkOfferings[object.id] = nil
        case .network: networks[object.id] = nil
        case .publicAddress: publicAddresses[object.id] = nil
        case .router: routers[object.id] = nil
        case .guest: guests[object.id] = nil
        case .nic: nics[object.id] = nil
        case .firewallRule: firewallRules[object.id] = nil
        case .egressRule: egressRules[object.id] = nil
        case .portForwarding: portForwardings[object.id] = nil
        case .series: break
        }
    }
}

// MARK: Checks

extension Cloud {
    private func check(_ record: Record, _ object: Reference, replacing old: Record?) throws(ModelError) {
        for target in record.references where self[target] == nil { throw .dangling(target, in: object) }
        if let why = contradiction(in: record, replacing: old) { throw .inconsistent(object, why) }
        for (claim, holder) in claims(of: record, object) {
            if let other = claims[claim], other != holder { throw .taken(claim, by: other) }
        }
        if case .publicRange(let range) = record, let other = neighbour(overlapping: range) {
            throw .inconsistent(object, "its addresses overlap those of public range \(other)")
        }
        if let other = conflict(of: record) { throw .inconsistent(object, "\(other) speaks of the same traffic") }
    }

    /// Another range of the zone that has an address of this one. Ranges that do not overlap need only be compared
    /// with their neighbours.
    private func neighbour(overlapping range: PublicRange) -> ObjectID? {
        var cursor: IPv4Address? = range.addresses.last
        while let address = cursor {
            guard let before = publicRangeStarts.last(upTo: ZoneAddress(zone: range.zone, address: address)),
                before.key.zone == range.zone, let other = publicRanges[before.value]
            else { return nil }
            if other.id != range.id { return other.addresses.overlaps(range.addresses) ? other.id : nil }
            cursor = other.addresses.first.advanced(by: -1)
        }
        return nil
    }
}
