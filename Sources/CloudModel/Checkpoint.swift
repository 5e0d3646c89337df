public import NetworkVocabulary

extension Cloud {
    /// Every record, what others refer to first, in an order that depends on nothing but the model.
    public func checkpoint() -> [Record] {
        var records: [Record] = series.map { .series(Series(name: $0.key, next: $0.value)) }
        records += accounts.values.map(Record.account)
        records += zones.values.map(Record.zone)
        records += physicalNetworks.values.map(Record.physicalNetwork)
        records += publicRanges.values.map(Record.publicRange)
        records += networkOfferings.values.map(Record.networkOffering)
        records += networks.values.map(Record.network)
        records += guests.values.map(Record.guest)
        records += nics.values.map(Record.nic)
        records += publicAddresses.values.map(Record.publicAddress)
        records += routers.values.map(Record.router)
        records += portForwardings.values.map(Record.portForwarding)
        records += firewallRules.values.map(Record.firewallRule)
        records += egressRules.values.map(Record.egressRule)
        return records
    }

    /// How many records a checkpoint has, series apart.
    public var objectCount: Int {
        accounts.count + zones.count + physicalNetworks.count + publicRanges.count + networkOfferings.count
            + networks.count + publicAddresses.count + routers.count + guests.count + nics.count + firewallRules.count
            + egressRules.count + portForwardings.count
    }

    /// The model that the records of a checkpoint make.
    public init(checkpoint records: [Record], revision: Revision) throws(ModelError) {
        self.init()
        for record in records { try apply(.put(record)) }
        self.revision = revision
    }
}
