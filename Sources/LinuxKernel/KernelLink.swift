internal import CLinux
public import NetworkVocabulary

/// A network interface as the kernel holds it.
public struct KernelLink: Hashable, Sendable {
    public var index: Int32
    /// Plain text: foreign links may carry names that ours never have.
    public var name: String
    /// `veth`, `bridge`, `vlan`, `vxlan` …; empty for hardware and `lo`.
    public var kind: String = ""
    public var mac: MACAddress?
    public var mtu: Int = 0
    public var isUp = false
    /// The bridge that it is a port of.
    public var masterIndex: Int32?
    /// The other end of a veth pair, or the device beneath a VLAN or VXLAN.
    public var peerIndex: Int32?
    /// Where the peer is, when that is another namespace that has an id in this one.
    public var peerNamespaceID: Int32?
    public var alias: String?
    public var group: UInt32 = 0
    public var vlan: VLANID?
    public var vni: VNI?
    /// Of a VXLAN: whether what has no other place goes to a group or one host.
    public var hasRemote = false
    /// Of a device whose other end is a file: whether frames go in and out of it whole (a tap), and whether it stays when
    /// nobody has the file open.
    public var isLastingTap = false
    /// Whether the link gives itself an IPv6 link-local address; nil where IPv6 is absent.
    public var generatesLinkLocal: Bool?
    public var ipv4Settings: [IPv4LinkSetting: UInt32] = [:]
    /// What frames to be sent wait in, by the kernel's name: `noqueue`, `tbf` …
    public var queueKind: String = ""

    public init(index: Int32, name: String) {
        self.index = index
        self.name = name
    }
}

extension KernelLink {
    /// Reads a link message; nil for messages of other families, which speak of bridge ports.
    init?(_ payload: UnsafeRawBufferPointer) {
        guard payload.count >= MemoryLayout<ifinfomsg>.size else { return nil }
        let head = payload.loadUnaligned(as: ifinfomsg.self)
        guard head.ifi_family == AF_UNSPEC else { return nil }
        self.init(index: head.ifi_index, name: "")
        isUp = head.ifi_flags & UInt32(IFF_UP) != 0
        var attributes = NetlinkAttributes(payload, after: MemoryLayout<ifinfomsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case IFLA_IFNAME: name = attribute.string
            case IFLA_ADDRESS: mac = attribute.mac
            case IFLA_MTU: mtu = Int(attribute.uint32 ?? 0)
            case IFLA_MASTER: masterIndex = attribute.int32
            case IFLA_LINK: peerIndex = attribute.int32
            case IFLA_LINK_NETNSID: peerNamespaceID = attribute.int32
            case IFLA_GROUP: group = attribute.uint32 ?? 0
            case IFLA_QDISC: queueKind = attribute.string
            case IFLA_IFALIAS: alias = attribute.string
            case IFLA_LINKINFO: readInformation(attribute.nested)
            case IFLA_AF_SPEC:
                generatesLinkLocal = Self.generatesLinkLocal(attribute.nested)
                ipv4Settings = Self.ipv4Settings(attribute.nested)
            default: break
            }
        }
    }

    private mutating func readInformation(_ attributes: NetlinkAttributes) {
        var attributes = attributes
        var (isTap, isLasting) = (false, false)
        defer { isLastingTap = isTap && isLasting }
        while let attribute = attributes.next() {
            if attribute.type == IFLA_INFO_KIND { kind = attribute.string }
            guard attribute.type == IFLA_INFO_DATA else { continue }
            var data = attribute.nested
            while let value = data.next() {
                switch (kind, value.type) {
                case ("vlan", IFLA_VLAN_ID): vlan = value.uint16.flatMap { VLANID(Int($0)) }
                case ("vxlan", IFLA_VXLAN_ID): vni = value.uint32.flatMap { VNI(Int($0)) }
                // Of a VXLAN the kernel tells the device beneath here, and nowhere else.
                case ("vxlan", IFLA_VXLAN_LINK): peerIndex = value.int32
                case ("vxlan", IFLA_VXLAN_GROUP), ("vxlan", IFLA_VXLAN_GROUP6): hasRemote = true
                case ("tun", IFLA_TUN_TYPE): isTap = value.uint8 == UInt8(IFF_TAP)
                case ("tun", IFLA_TUN_PERSIST): isLasting = value.uint8 == 1
                default: break
                }
            }
        }
    }

    /// The kernel lists all its IPv4 settings as one row of numbers, the first being number 1.
    private static func ipv4Settings(_ families: NetlinkAttributes) -> [IPv4LinkSetting: UInt32] {
        var families = families
        var settings: [IPv4LinkSetting: UInt32] = [:]
        while let family = families.next() {
            guard family.type == Int(AF_INET) else { continue }
            var values = family.nested
            while let value = values.next() {
                guard value.type == IFLA_INET_CONF else { continue }
                for setting in IPv4LinkSetting.allCases {
                    let offset = (setting.number - 1) * 4
                    guard value.bytes.count >= offset + 4 else { continue }
                    settings[setting] = value.bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                }
            }
        }
        return settings
    }

    private static func generatesLinkLocal(_ families: NetlinkAttributes) -> Bool? {
        var families = families
        while let family = families.next() {
            guard family.type == Int(AF_INET6) else { continue }
            var values = family.nested
            while let value = values.next() {
                if value.type == IFLA_INET6_ADDR_GEN_MODE {
                    return value.uint8.map { Int($0) != Int(IN6_ADDR_GEN_MODE_NONE.rawValue) }
                }
            }
        }
        return nil
    }
}
