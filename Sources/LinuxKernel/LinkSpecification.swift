public import NetworkVocabulary

/// What a link is born with. An alias is not among it: the kernel takes one only from `setLink`.
public struct LinkSpecification: Hashable, Sendable {
    public var name: InterfaceName
    /// Nil: the kernel invents one.
    public var mac: MACAddress?
    public var mtu: Int?
    /// The index to give it, where the caller keeps account of them; nil: the kernel's next.
    public var index: Int32?
    /// The group it is born into: unlike an alias, there from the first moment.
    public var group: UInt32?

    public init(
        _ name: InterfaceName, mac: MACAddress? = nil, mtu: Int? = nil, index: Int32? = nil, group: UInt32? = nil
    ) {
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.index = index
        self.group = group
    }
}

/// Changes to a link that go to the kernel in one message (two when `generatesLinkLocal` is changed and the link
/// brought up at once); what is nil stays as it is.
public struct LinkChange: Hashable, Sendable {
    public enum Master: Hashable, Sendable {
        /// A port of no bridge.
        case detached
        case index(Int32)
    }

    public var name: InterfaceName?
    public var alias: String?
    public var mac: MACAddress?
    public var mtu: Int?
    public var master: Master?
    public var isUp: Bool?
    public var group: UInt32?
    /// False: no IPv6 link-local address of its own (`addrgenmode none`).
    public var generatesLinkLocal: Bool?
    /// Settings of this link alone; the others stay.
    public var ipv4Settings: [IPv4LinkSetting: UInt32] = [:]

    public init(
        name: InterfaceName? = nil, alias: String? = nil, mac: MACAddress? = nil, mtu: Int? = nil,
        master: Master? = nil, isUp: Bool? = nil, group: UInt32? = nil, generatesLinkLocal: Bool? = nil,
        ipv4Settings: [IPv4LinkSetting: UInt32] = [:]
    ) {
        self.name = name
        self.alias = alias
        self.mac = mac
        self.mtu = mtu
        self.master = master
        self.isUp = isUp
        self.group = group
        self.generatesLinkLocal = generatesLinkLocal
        self.ipv4Settings = ipv4Settings
    }
}
