internal import CLinux
public import NetworkVocabulary

/// An address of an interface.
public struct KernelAddress: Hashable, Sendable {
    /// Where an address means something; the kernel's numbers.
    public struct Scope: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let universe = Scope(rawValue: 0)
        public static let site = Scope(rawValue: 200)
        public static let link = Scope(rawValue: 253)
        public static let host = Scope(rawValue: 254)
        public static let nowhere = Scope(rawValue: 255)
    }

    public var linkIndex: Int32
    public var address: InterfaceAddress
    public var scope: Scope
    /// The kernel adds no route for the address's network.
    public var hasNoPrefixRoute: Bool

    public init(linkIndex: Int32, address: InterfaceAddress, scope: Scope = .universe, hasNoPrefixRoute: Bool = false) {
        self.linkIndex = linkIndex
        self.address = address
        self.scope = scope
        self.hasNoPrefixRoute = hasNoPrefixRoute
    }
}

extension KernelAddress {
    init?(_ payload: UnsafeRawBufferPointer) {
        guard payload.count >= MemoryLayout<ifaddrmsg>.size else { return nil }
        let head = payload.loadUnaligned(as: ifaddrmsg.self)
        var local: IPAddress?
        var far: IPAddress?
        var flags = UInt32(head.ifa_flags)
        var attributes = NetlinkAttributes(payload, after: MemoryLayout<ifaddrmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case IFA_LOCAL: local = attribute.address
            case IFA_ADDRESS: far = attribute.address
            case IFA_FLAGS: flags = attribute.uint32 ?? flags
            default: break
            }
        }
        // On a point-to-point link IFA_ADDRESS is the other end; IPv6 writes IFA_LOCAL only there.
        guard let address = local ?? far,
            let address = InterfaceAddress(address, prefixLength: Int(head.ifa_prefixlen))
        else { return nil }
        self.init(
            linkIndex: Int32(bitPattern: head.ifa_index), address: address, scope: Scope(rawValue: head.ifa_scope),
            hasNoPrefixRoute: flags & UInt32(IFA_F_NOPREFIXROUTE) != 0)
    }
}
