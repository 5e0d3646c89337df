public import NetworkVocabulary

/// One thing that a node must have, with the API object that asked for it.
public struct Row: Hashable, Sendable {
    public let content: Content
    public let origin: Origin

    public init(_ content: Content, origin: Origin) {
        self.content = content
        self.origin = origin
    }

    public var key: RowKey { content.key }

    public enum Content: Hashable, Sendable {
        case link(Link)
        case shaper(Shaper)
        case address(Address)
        case neighbour(Neighbour)
        case route(Route)
        case policyRule(PolicyRule)
        case sysctl(Sysctl)

        public var key: RowKey {
            switch self {
            case .link(let link): .link(link.name)
            case .shaper(let shaper): .shaper(shaper.link)
            case .address(let address): .address(address.link, address.address)
            case .neighbour(let neighbour): .neighbour(neighbour.link, neighbour.address)
            case .route(let route): .route(table: route.table, route.destination)
            case .policyRule(let rule): .policyRule(rule.family, priority: rule.priority)
            case .sysctl(let sysctl): .sysctl(sysctl.path)
            }
        }
    }
}

/// How the kernel tells one row from another: two rows with one key cannot both exist in a node.
public enum RowKey: Hashable, Sendable {
    case sysctl(String)
    case link(InterfaceName)
    case shaper(InterfaceName)
    case address(InterfaceName, InterfaceAddress)
    case neighbour(InterfaceName, IPAddress)
    case route(table: UInt32, IPPrefix)
    case policyRule(AddressFamily, priority: UInt32)
}

/// A network device.
public struct Link: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// `lo`: there in every namespace; ours to mark and to bring up.
        case loopback
        /// A bridge in the host's namespace.
        case bridge
        /// One end of a veth pair inside the node; the other end is a port of a bridge in the host's namespace.
        /// One row for both: they are born and die together.
        case leg(hostEnd: InterfaceName, bridge: InterfaceName)
        /// A veth pair between two bridges of the host, which makes them one segment.
        case bridgeLink(peer: InterfaceName, peerBridge: InterfaceName)
        /// A tagged subinterface of the trunk.
        case vlan(parent: InterfaceName, VLANID)
        case vxlan(VNI, underlay: InterfaceName, flood: Flood = .group)
        /// A device of the host whose other end is a file that a virtual machine monitor opens.
        case tap
        /// A veth pair with its other end in a namespace that is somebody else's, who may do with that end as he likes: it
        /// is told its name and hardware address once.
        case plug(NamespaceName, device: InterfaceName, mac: MACAddress)
        /// Somebody else's device of the named kind, found where only ours should be. Never planned.
        case foreign(String)
    }

    public let name: InterfaceName
    public let kind: Kind
    /// Nil where the address does not matter and the kernel's choice stays.
    public let mac: MACAddress?
    public let mtu: Int
    /// The bridge that this device is a port of; the host's end of a leg has its own.
    public let bridge: InterfaceName?
    /// IPv4 settings of this link, by the kernel's names; what is not named stays as it is.
    public let settings: [String: UInt32]

    public init(
        _ name: InterfaceName, _ kind: Kind, mac: MACAddress? = nil, mtu: Int, bridge: InterfaceName? = nil,
        settings: [String: UInt32] = [:]
    ) {
        self.settings = settings
        self.name = name
        self.kind = kind
        self.mac = mac
        self.mtu = mtu
        self.bridge = bridge
    }

    /// Devices of the host's namespace that come and go with this link.
    public var hostEnds: [InterfaceName] {
        switch kind {
        case .leg(let hostEnd, _): [hostEnd]
        case .bridgeLink(let peer, _): [peer]
        case .loopback, .bridge, .vlan, .vxlan, .tap, .plug, .foreign: []
        }
    }

    public var isGuestPort: Bool { kind.isGuestPort }

    /// Whether frames of other hosts come in by it inside of packets.
    public var isOverUnderlay: Bool { if case .vxlan = kind { true } else { false } }

    /// How the names of plugs begin, by which they are told from the outer ends of legs: those belong to the nodes.
    public static let plugPrefix = "slgc"
}

extension Link {
    /// Where a segment's frames go that are for everybody, or for somebody of whom it is not known where he is.
    public enum Flood: Hashable, Sendable {
        /// To the multicast group of the segment.
        case group
        /// To each of these hosts, ascending.
        case peers([IPv4Address])
    }
}

extension Link.Kind {
    /// Whether it is a port of the host's own share that a guest is at the other end of.
    public var isGuestPort: Bool {
        switch self {
        case .tap, .plug: true
        case .loopback, .bridge, .leg, .bridgeLink, .vlan, .vxlan, .foreign: false
        }
    }
}

/// An address on a link. The kernel adds no route of its own for it: routes are rows too.
public struct Address: Hashable, Sendable {
    public let link: InterfaceName
    public let address: InterfaceAddress

    public init(_ address: InterfaceAddress, on link: InterfaceName) {
        self.link = link
        self.address = address
    }
}

/// A permanent neighbour entry: who has an address is planned, not asked.
public struct Neighbour: Hashable, Sendable {
    public let link: InterfaceName
    public let address: IPAddress
    public let mac: MACAddress

    public init(_ address: IPAddress, at mac: MACAddress, on link: InterfaceName) {
        self.link = link
        self.address = address
        self.mac = mac
    }
}

/// A route, through a gateway or straight out of a link.
public struct Route: Hashable, Sendable {
    public let table: UInt32
    public let destination: IPPrefix
    public let gateway: IPAddress?
    public let link: InterfaceName
    /// The address that locally made packets take; the kernel's choice when nil.
    public let source: IPAddress?

    public init(
        _ destination: IPPrefix, via gateway: IPAddress? = nil, on link: InterfaceName, table: UInt32,
        source: IPAddress? = nil
    ) {
        self.table = table
        self.destination = destination
        self.gateway = gateway
        self.link = link
        self.source = source
    }

    /// The kernel's `main` table.
    public static let mainTable: UInt32 = 254
    /// The kernel's `default` table, empty unless somebody fills it.
    public static let defaultTable: UInt32 = 253
}

/// A rule that chooses the routing table. A node's rules are complete: the kernel's default ones, except the lookup
/// of local addresses, are removed where a node has rules of its own.
public struct PolicyRule: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case lookup(table: UInt32)
        case blackhole
    }

    public let family: AddressFamily
    public let priority: UInt32
    /// Packets made by the node itself (`iif lo`).
    public let isForLocalOutput: Bool
    public let mark: UInt32?
    public let mask: UInt32
    public let action: Action

    public init(
        priority: UInt32, family: AddressFamily = .ipv4, isForLocalOutput: Bool = false, mark: UInt32? = nil,
        mask: UInt32 = ~0, _ action: Action
    ) {
        self.family = family
        self.priority = priority
        self.isForLocalOutput = isForLocalOutput
        self.mark = mark
        self.mask = mask
        self.action = action
    }
}

/// A kernel setting of the node, by its path below `/proc/sys`.
public struct Sysctl: Hashable, Sendable {
    public let path: String
    public let value: String

    public init(_ path: String, _ value: String) {
        self.path = path
        self.value = value
    }
}
