public import NetworkVocabulary

/// Ports of a public address that lead to a guest.
public struct PortForwarding: Hashable, Codable, Sendable {
    public enum Transport: String, Hashable, Comparable, Codable, Sendable, CaseIterable {
        case tcp, udp

        public var ipProtocol: IPProtocol { self == .tcp ? .tcp : .udp }
        public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    public let id: ObjectID
    public let publicAddress: ObjectID
    public let transport: Transport
    public let publicPorts: PortRange
    /// As many as the public ones, and in their order.
    public var privatePorts: PortRange
    public var nic: ObjectID
    /// The NIC's address or one of its secondary ones.
    public var guestAddress: IPv4Address
    /// Who may use it, in the user's order; empty: everybody.
    public var sources: [IPPrefix]

    public init(
        id: ObjectID, publicAddress: ObjectID, transport: Transport, publicPorts: PortRange, privatePorts: PortRange,
        nic: ObjectID, guestAddress: IPv4Address, sources: [IPPrefix] = []
    ) {
        self.id = id
        self.publicAddress = publicAddress
        self.transport = transport
        self.publicPorts = publicPorts
        self.privatePorts = privatePorts
        self.nic = nic
        self.guestAddress = guestAddress
        self.sources = sources
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, publicAddress, transport, publicPorts, privatePorts, nic, guestAddress, sources
    }
}

extension PortForwarding: CloudObject {
    static var kind: RecordKind { .portForwarding }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, PortForwarding>> { \.portForwardings }
    var record: Record { .portForwarding(self) }

    var references: [Reference] { [Reference(.publicAddress, publicAddress), Reference(.nic, nic)] }

    func contradiction(in cloud: Cloud, replacing old: PortForwarding?) -> String? {
        guard let address = cloud.publicAddresses[publicAddress], let nic = cloud.nics[nic] else { return nil }
        guard let network = address.network else { return "its address is no network's" }
        if let old,
            old.publicAddress != publicAddress || old.transport != transport || old.publicPorts != publicPorts
        {
            return "its address, protocol and public ports cannot change"
        }
        if address.staticNAT != nil { return "its address has static NAT" }
        if nic.network != network { return "its guest's NIC is on another network" }
        if !nic.addresses.contains(guestAddress) { return "its guest has no such address" }
        return publicPorts.count == privatePorts.count ? nil : "its port ranges are not of one size"
    }
}
