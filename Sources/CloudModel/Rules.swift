public import NetworkVocabulary

/// What may come in to a public address. Everything else is refused there.
public struct FirewallRule: Hashable, Codable, Sendable {
    public let id: ObjectID
    /// Rises with age: of two rules that speak of the same packets the older one is the one that counts them.
    public let number: UInt64
    public let publicAddress: ObjectID
    public var traffic: Traffic
    /// Where it may come from, in the user's order; never empty.
    public var sources: [IPPrefix]
    /// Made by the operator for everybody's good; users see it and cannot remove it.
    public let isSystem: Bool
    /// The port forwarding rule that brought it (`openfirewall`) and takes it along when it goes.
    public let forwarding: ObjectID?

    public init(
        id: ObjectID, number: UInt64, publicAddress: ObjectID, traffic: Traffic, sources: [IPPrefix],
        isSystem: Bool = false, forwarding: ObjectID? = nil
    ) {
        self.id = id
        self.number = number
        self.publicAddress = publicAddress
        self.traffic = traffic
        self.sources = sources
        self.isSystem = isSystem
        self.forwarding = forwarding
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, publicAddress, traffic, sources, isSystem, forwarding
    }

    /// Whether it is about one port, and everybody: no two such rules of an address speak of the same packets.
    public func opensOnePort(toEverybodyOf family: AddressFamily) -> Bool {
        switch traffic {
        case .tcp(let ports?), .udp(let ports?):
            ports.count == 1 && sources.contains { $0.family == family && $0.length == 0 }
        default: false
        }
    }
}

/// An exception from the default egress policy of the network's offering: what guests may send out where the default
/// is to deny, what they may not where it is to allow.
public struct EgressRule: Hashable, Codable, Sendable {
    public let id: ObjectID
    /// Rises with age.
    public let number: UInt64
    public let network: ObjectID
    public var traffic: Traffic
    /// Parts of the network, in the user's order; never empty.
    public var sources: [IPPrefix]
    /// In the user's order; never empty.
    public var destinations: [IPPrefix]
    public let isSystem: Bool

    public init(
        id: ObjectID, number: UInt64, network: ObjectID, traffic: Traffic, sources: [IPPrefix],
        destinations: [IPPrefix], isSystem: Bool = false
    ) {
        self.id = id
        self.number = number
        self.network = network
        self.traffic = traffic
        self.sources = sources
        self.destinations = destinations
        self.isSystem = isSystem
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, network, traffic, sources, destinations, isSystem
    }
}

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

/// A public address that is a guest's in both directions.
public struct StaticNAT: Hashable, Codable, Sendable {
    public let nic: ObjectID
    /// The NIC's address or one of its secondary ones.
    public let guestAddress: IPv4Address

    public init(nic: ObjectID, guestAddress: IPv4Address) {
        self.nic = nic
        self.guestAddress = guestAddress
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case nic, guestAddress
    }
}

/// A further address of a NIC.
public struct SecondaryAddress: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let address: IPv4Address

    public init(id: ObjectID, address: IPv4Address) {
        self.id = id
        self.address = address
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, address
    }
}
