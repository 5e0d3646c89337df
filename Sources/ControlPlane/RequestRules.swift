public import NetworkVocabulary

/// What a rule speaks of, as the client wrote it.
public struct TrafficText: Hashable, Sendable {
    /// `tcp`, `udp`, `icmp`, `all`, or a number; case does not matter.
    public var transport: String
    public var startPort: Int?
    public var endPort: Int?
    /// -1: every type, every code.
    public var icmpType: Int?
    public var icmpCode: Int?

    public init(
        transport: String, startPort: Int? = nil, endPort: Int? = nil, icmpType: Int? = nil, icmpCode: Int? = nil
    ) {
        self.transport = transport
        self.startPort = startPort
        self.endPort = endPort
        self.icmpType = icmpType
        self.icmpCode = icmpCode
    }
}

/// What becomes of the connections that a rule allowed when it goes or allows less.
public enum FlowCleanup: String, Hashable, Sendable, CaseIterable {
    /// They end with it.
    case end
    /// They may finish; new ones are not begun.
    case drain
}

extension Request {
    public struct CreateFirewallRule: Hashable, Sendable {
        public var publicAddress: ObjectID
        public var traffic: TrafficText
        /// Empty: from everywhere.
        public var sources: [String]
        public var isSystem: Bool

        public init(publicAddress: ObjectID, traffic: TrafficText, sources: [String] = [], isSystem: Bool = false) {
            self.publicAddress = publicAddress
            self.traffic = traffic
            self.sources = sources
            self.isSystem = isSystem
        }
    }

    /// Fields that are absent stay as they are; the protocol does.
    public struct UpdateFirewallRule: Hashable, Sendable {
        public var id: ObjectID
        public var startPort: Int?
        public var endPort: Int?
        public var icmpType: Int?
        public var icmpCode: Int?
        public var sources: [String]?
        public var cleanup: FlowCleanup

        public init(
            id: ObjectID, startPort: Int? = nil, endPort: Int? = nil, icmpType: Int? = nil, icmpCode: Int? = nil,
            sources: [String]? = nil, cleanup: FlowCleanup = .end
        ) {
            self.id = id
            self.startPort = startPort
            self.endPort = endPort
            self.icmpType = icmpType
            self.icmpCode = icmpCode
            self.sources = sources
            self.cleanup = cleanup
        }
    }

    public struct CreateEgressRule: Hashable, Sendable {
        public var network: ObjectID
        public var traffic: TrafficText
        /// Empty: the whole network.
        public var sources: [String]
        /// Empty: to everywhere.
        public var destinations: [String]
        public var isSystem: Bool

        public init(
            network: ObjectID, traffic: TrafficText, sources: [String] = [], destinations: [String] = [],
            isSystem: Bool = false
        ) {
            self.network = network
            self.traffic = traffic
            self.sources = sources
            self.destinations = destinations
            self.isSystem = isSystem
        }
    }

    /// Fields that are absent stay as they are; the protocol does.
    public struct UpdateEgressRule: Hashable, Sendable {
        public var id: ObjectID
        public var startPort: Int?
        public var endPort: Int?
        public var icmpType: Int?
        public var icmpCode: Int?
        public var sources: [String]?
        public var destinations: [String]?
        public var cleanup: FlowCleanup

        public init(
            id: ObjectID, startPort: Int? = nil, endPort: Int? = nil, icmpType: Int? = nil, icmpCode: Int? = nil,
            sources: [String]? = nil, destinations: [String]? = nil, cleanup: FlowCleanup = .end
        ) {
            self.id = id
            self.startPort = startPort
            self.endPort = endPort
            self.icmpType = icmpType
            self.icmpCode = icmpCode
            self.sources = sources
            self.destinations = destinations
            self.cleanup = cleanup
        }
    }

    public struct CreatePortForwarding: Hashable, Sendable {
        public var publicAddress: ObjectID
        public var transport: String
        public var publicPort: Int
        /// `publicPort` when absent.
        public var publicEndPort: Int?
        public var privatePort: Int
        /// When absent: as many ports as the public ones.
        public var privateEndPort: Int?
        public var guest: ObjectID
        /// An address of the guest on the network; its primary one there when absent.
        public var guestAddress: String?
        /// The network that the address is for, when it is for none yet.
        public var network: ObjectID?
        /// Who may use it; empty: everybody.
        public var sources: [String]
        /// Whether a firewall rule for the ports comes along.
        public var opensFirewall: Bool

        public init(
            publicAddress: ObjectID, transport: String, publicPort: Int, publicEndPort: Int? = nil, privatePort: Int,
            privateEndPort: Int? = nil, guest: ObjectID, guestAddress: String? = nil, network: ObjectID? = nil,
            sources: [String] = [], opensFirewall: Bool = true
        ) {
            self.publicAddress = publicAddress
            self.transport = transport
            self.publicPort = publicPort
            self.publicEndPort = publicEndPort
            self.privatePort = privatePort
            self.privateEndPort = privateEndPort
            self.guest = guest
            self.guestAddress = guestAddress
            self.network = network
            self.sources = sources
            self.opensFirewall = opensFirewall
        }
    }

    /// Fields that are absent stay as they are; address, protocol and public ports do.
    public struct UpdatePortForwarding: Hashable, Sendable {
        public var id: ObjectID
        public var privatePort: Int?
        public var privateEndPort: Int?
        public var guest: ObjectID?
        public var guestAddress: String?
        public var sources: [String]?
        public var cleanup: FlowCleanup

        public init(
            id: ObjectID, privatePort: Int? = nil, privateEndPort: Int? = nil, guest: ObjectID? = nil,
            guestAddress: String? = nil, sources: [String]? = nil, cleanup: FlowCleanup = .end
        ) {
            self.id = id
            self.privatePort = privatePort
            self.privateEndPort = privateEndPort
            self.guest = guest
            self.guestAddress = guestAddress
            self.sources = sources
            self.cleanup = cleanup
        }
    }

    public struct EnableStaticNAT: Hashable, Sendable {
        public var publicAddress: ObjectID
        public var guest: ObjectID
        /// An address of the guest on the network; its primary one there when absent.
        public var guestAddress: String?
        /// The network that the address is for, when it is for none yet.
        public var network: ObjectID?

        public init(
            publicAddress: ObjectID, guest: ObjectID, guestAddress: String? = nil, network: ObjectID? = nil
        ) {
            self.publicAddress = publicAddress
            self.guest = guest
            self.guestAddress = guestAddress
            self.network = network
        }
    }

    /// A rule, or an address's static NAT, that is to go.
    public struct Removal: Hashable, Sendable {
        public var id: ObjectID
        public var cleanup: FlowCleanup

        public init(id: ObjectID, cleanup: FlowCleanup = .end) {
            self.id = id
            self.cleanup = cleanup
        }
    }

    public struct AddSecondaryAddress: Hashable, Sendable {
        public var nic: ObjectID
        /// The lowest free one when absent.
        public var address: String?

        public init(nic: ObjectID, address: String? = nil) {
            self.nic = nic
            self.address = address
        }
    }
}
