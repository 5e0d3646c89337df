internal import CLinux
public import NetworkVocabulary

/// A route in one of the kernel's tables.
public struct KernelRoute: Hashable, Sendable {
    /// What becomes of a packet that takes the route; the kernel's numbers.
    public struct Kind: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let unicast = Kind(rawValue: 1)
        public static let local = Kind(rawValue: 2)
        public static let broadcast = Kind(rawValue: 3)
        public static let anycast = Kind(rawValue: 4)
        public static let multicast = Kind(rawValue: 5)
        public static let blackhole = Kind(rawValue: 6)
        public static let unreachable = Kind(rawValue: 7)
        public static let prohibit = Kind(rawValue: 8)
        public static let throwing = Kind(rawValue: 9)

        var refuses: Bool { (6...9).contains(rawValue) }
    }

    /// Who made a route; numbers as in `/etc/iproute2/rt_protos`.
    public struct Maker: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let kernel = Maker(rawValue: 2)
        public static let boot = Maker(rawValue: 3)
        public static let `static` = Maker(rawValue: 4)
        /// Sluice's own number, free in every list we know: how our routes and policy rules are recognised after a
        /// restart.
        public static let sluice = Maker(rawValue: 83)
    }

    public static let mainTable: UInt32 = 254
    public static let localTable: UInt32 = 255

    public var destination: IPPrefix
    public var table: UInt32
    public var kind: Kind
    public var gateway: IPAddress?
    /// The link it leads out of. Routes that refuse have none (the kernel names `lo` for those of IPv6: left out).
    public var linkIndex: Int32?
    public var preferredSource: IPAddress?
    public var metric: UInt32
    public var scope: KernelAddress.Scope
    public var maker: Maker
    /// The gateway is taken to be on the link even if no address says so.
    public var isOnLink: Bool

    /// A route as Sluice makes it. What is left out gets the value that the kernel would report: metric 1024 for
    /// IPv6, link scope for an IPv4 route without a gateway.
    public init(
        _ destination: IPPrefix, table: UInt32 = mainTable, kind: Kind = .unicast, via gateway: IPAddress? = nil,
        linkIndex: Int32? = nil, preferredSource: IPAddress? = nil, metric: UInt32? = nil,
        scope: KernelAddress.Scope? = nil, maker: Maker = .sluice, isOnLink: Bool = false
    ) {
        self.destination = destination
        self.table = table
        self.kind = kind
        self.gateway = gateway
        self.linkIndex = linkIndex
        self.preferredSource = preferredSource
        self.metric = metric ?? (destination.family == .ipv6 ? 1024 : 0)
        let isDirect = destination.family == .ipv4 && kind == .unicast && gateway == nil
        self.scope = scope ?? (isDirect ? .link : .universe)
        self.maker = maker
        self.isOnLink = isOnLink
    }
}

extension KernelRoute {
    /// Reads a route message; nil for routes of other families and for the kernel's cached copies.
    init?(_ payload: UnsafeRawBufferPointer) {
        guard payload.count >= MemoryLayout<rtmsg>.size else { return nil }
        let head = payload.loadUnaligned(as: rtmsg.self)
        guard let family = AddressFamily(number: head.rtm_family), head.rtm_flags & UInt32(RTM_F_CLONED) == 0,
            let everything = IPPrefix.all(family)
        else { return nil }
        self.init(
            everything, table: UInt32(head.rtm_table), kind: Kind(rawValue: head.rtm_type), metric: 0,
            scope: KernelAddress.Scope(rawValue: head.rtm_scope), maker: Maker(rawValue: head.rtm_protocol),
            isOnLink: head.rtm_flags & UInt32(RTNH_F_ONLINK) != 0)
        var attributes = NetlinkAttributes(payload, after: MemoryLayout<rtmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case Int(RTA_DST.rawValue):
                guard let address = attribute.address,
                    let prefix = IPPrefix(address, length: Int(head.rtm_dst_len))
                else { return nil }
                destination = prefix
            case Int(RTA_TABLE.rawValue): table = attribute.uint32 ?? table
            case Int(RTA_GATEWAY.rawValue): gateway = attribute.address
            case Int(RTA_OIF.rawValue): linkIndex = attribute.int32
            case Int(RTA_PREFSRC.rawValue): preferredSource = attribute.address
            case Int(RTA_PRIORITY.rawValue): metric = attribute.uint32 ?? 0
            case Int(RTA_VIA.rawValue) where attribute.bytes.count > 2:
                let address = UnsafeRawBufferPointer(rebasing: attribute.bytes.dropFirst(2))
                gateway = NetlinkAttribute(type: attribute.type, bytes: address).address
            default: break
            }
        }
        if kind.refuses { linkIndex = nil }
    }
}

extension KernelRoute: CustomStringConvertible {
    /// For errors and logs: what `ip route` would be told.
    public var description: String {
        var text = kind.refuses ? "refusing " : ""
        text += "\(destination) table \(table)"
        if let gateway { text += " via \(gateway)" }
        if let linkIndex { text += " on link \(linkIndex)" }
        return text
    }
}

extension IPPrefix {
    init?(_ address: IPAddress, length: Int) {
        switch address {
        case .v4(let v4):
            guard let prefix = IPv4Prefix(v4, length: length) else { return nil }
            self = .v4(prefix)
        case .v6(let v6):
            guard let prefix = IPv6Prefix(v6, length: length) else { return nil }
            self = .v6(prefix)
        }
    }

    /// The default route's destination.
    static func all(_ family: AddressFamily) -> IPPrefix? {
        switch family {
        case .ipv4: IPPrefix(.v4(IPv4Address(bits: 0)), length: 0)
        case .ipv6: IPPrefix(.v6(IPv6Address(high: 0, low: 0)), length: 0)
        }
    }
}
