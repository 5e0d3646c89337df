public import NetworkVocabulary

/// A machine of a tenant, known by its ports.
public struct Guest: Hashable, Codable, Sendable {
    /// What stands behind the ports of a guest.
    public enum Port: String, Hashable, Codable, Sendable {
        /// A namespace that behaves like a machine: addresses configured, default route set.
        case emulated
        /// Nothing on this host: the NIC holds its addresses and its place in the router only.
        case none
    }

    public let id: ObjectID
    public let number: UInt64
    public var name: String
    public let instanceName: String
    public let account: ObjectID
    public let zone: ObjectID
    public var port: Port
    public var isRunning: Bool

    public init(
        id: ObjectID, number: UInt64, name: String, instanceName: String, account: ObjectID, zone: ObjectID,
        port: Port, isRunning: Bool
    ) {
        self.id = id
        self.number = number
        self.name = name
        self.instanceName = instanceName
        self.account = account
        self.zone = zone
        self.port = port
        self.isRunning = isRunning
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name, instanceName, account, zone, port, isRunning
    }
}

extension Guest: CloudObject {
    static var kind: RecordKind { .guest }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Guest>> { \.guests }
    var record: Record { .guest(self) }

    var references: [Reference] { [Reference(.account, account), Reference(.zone, zone)] }

    func claims(in cloud: Cloud) -> [Claim] {
        [.machineNumber(number), .machineName(instanceName)]
            + cloud.nics(ofGuest: id).map { .guestName(network: $0.network, name.lowercased()) }
    }

    func contradiction(in cloud: Cloud, replacing old: Guest?) -> String? {
        if let old, old.zone != zone || old.account != account { return "its zone and account cannot change" }
        if isRunning, cloud.nics(ofGuest: id).contains(where: { cloud.networks[$0.network]?.state != .implemented }) {
            return "one of its networks is not implemented"
        }
        return nil
    }
}
