internal import CLinux
internal import Glibc
public import NetworkVocabulary

extension RouteSocket {
    // MARK: Creation. Each returns the new link's index.

    /// A bridge that says nothing of itself: no spanning tree, no multicast snooping (and so no querier), no delay
    /// before a port forwards. Nor does it learn from what is for bridges alone, which no rule is asked about.
    @discardableResult
    public func addBridge(_ link: LinkSpecification) throws(KernelError) -> Int32 {
        try add("bridge", link) { data in
            data.put(IFLA_BR_STP_STATE, UInt32(0))
            data.put(IFLA_BR_FORWARD_DELAY, UInt32(0))
            data.put(IFLA_BR_MCAST_SNOOPING, UInt8(0))
            let noLearning: UInt32 = 1 << BR_BOOLOPT_NO_LL_LEARN.rawValue
            data.put(IFLA_BR_MULTI_BOOLOPT, UInt64(noLearning) << 32 | UInt64(noLearning))
        }
    }

    /// A pair of links: `link` in this socket's namespace, `peer` born in `namespace` under its final name. Both are
    /// down: the kernel refuses to create a peer that is up.
    @discardableResult
    public func addVeth(
        _ link: LinkSpecification, peer: LinkSpecification, in namespace: NetworkNamespace? = nil
    ) throws(KernelError) -> Int32 {
        try add("veth", link) { data in
            data.nested(VETH_INFO_PEER) {
                data.append(Self.head(peer.index ?? 0))
                Self.put(peer, data)
                if let namespace { data.put(IFLA_NET_NS_FD, UInt32(namespace.descriptor.rawValue)) }
            }
        }
    }

    /// The tagged part of a trunk.
    @discardableResult
    public func addVLAN(_ link: LinkSpecification, _ id: VLANID, on trunk: Int32) throws(KernelError) -> Int32 {
        try add("vlan", link, beneath: trunk) { $0.put(IFLA_VLAN_ID, id.rawValue) }
    }

    /// A segment carried over UDP. Without `remote` (a group or an endpoint) only forwarding entries lead out of it.
    @discardableResult
    public func addVXLAN(
        _ link: LinkSpecification, _ vni: VNI, over device: Int32? = nil, local: IPAddress? = nil,
        remote: IPAddress? = nil, port: UInt16 = 4789, learns: Bool = true
    ) throws(KernelError) -> Int32 {
        try add("vxlan", link) { data in
            data.put(IFLA_VXLAN_ID, vni.rawValue)
            data.put(IFLA_VXLAN_PORT, port.bigEndian)
            data.put(IFLA_VXLAN_LEARNING, UInt8(learns ? 1 : 0))
            if let device { data.put(IFLA_VXLAN_LINK, device) }
            if let local { data.put(local.family == .ipv4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local) }
            if let remote { data.put(remote.family == .ipv4 ? IFLA_VXLAN_GROUP : IFLA_VXLAN_GROUP6, remote) }
        }
    }

    @discardableResult
    public func addDummy(_ link: LinkSpecification) throws(KernelError) -> Int32 {
        try add("dummy", link) { _ in }
    }

    /// A device without a wire, for frames to wait in: what comes out of its queue goes on as if it had just come in by
    /// the link that it was taken from.
    @discardableResult
    public func addQueueDevice(_ link: LinkSpecification) throws(KernelError) -> Int32 {
        try add("ifb", link) { _ in }
    }

    private func add(
        _ kind: String, _ link: LinkSpecification, beneath lower: Int32? = nil, _ data: (NetlinkMessage) -> Void
    ) throws(KernelError) -> Int32 {
        do throws(KernelError) {
            try netlink.change("add \(kind)", link.name.rawValue, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL) { message in
                message.append(Self.head(link.index ?? 0))
                Self.put(link, message)
                if let lower { message.put(IFLA_LINK, lower) }
                message.nested(IFLA_LINKINFO) {
                    message.put(IFLA_INFO_KIND, kind)
                    message.nested(IFLA_INFO_DATA) { data(message) }
                }
            }
        } catch {
            // "Unknown device type" says what is missing, not what to do about it.
            var error = error
            if error.isUnsupported, let module = KernelFeatures.Feature(rawValue: kind)?.module {
                error.explanation += (error.explanation.isEmpty ? "" : "; ") + "is the module \(module) there?"
            }
            throw error
        }
        if let index = link.index { return index }
        return try self.link(named: link.name.rawValue).index
    }

    // MARK: Change and removal.

    /// Applies all that `change` names.
    ///
    /// The kernel treats the settings of the families after "up": in one message a link would have its link-local address before
    /// it is told not to. So that case takes two messages, and the link is silent from its first moment. Where a
    /// whole namespace is ours, `net/ipv6/conf/default/addr_gen_mode` = 1 does it for all links to come.
    public func setLink(_ index: Int32, _ change: LinkChange) throws(KernelError) {
        if change.isUp == true, change.generatesLinkLocal != nil || !change.ipv4Settings.isEmpty {
            var quiet = change
            quiet.isUp = nil
            try set(index, quiet)
            try set(index, LinkChange(isUp: true))
        } else {
            try set(index, change)
        }
    }

    private func set(_ index: Int32, _ change: LinkChange) throws(KernelError) {
        try netlink.change("set link", change.name?.rawValue ?? "\(index)", RTM_SETLINK) { message in
            var head = Self.head(index)
            if let isUp = change.isUp {
                head.ifi_change = UInt32(IFF_UP)
                head.ifi_flags = isUp ? UInt32(IFF_UP) : 0
            }
            message.append(head)
            if let name = change.name { message.put(IFLA_IFNAME, name.rawValue) }
            if let alias = change.alias { message.put(IFLA_IFALIAS, alias) }
            if let mac = change.mac { message.put(IFLA_ADDRESS, mac) }
            if let mtu = change.mtu { message.put(IFLA_MTU, UInt32(truncatingIfNeeded: mtu)) }
            if let group = change.group { message.put(IFLA_GROUP, group) }
            switch change.master {
            case nil: break
            case .detached: message.put(IFLA_MASTER, Int32(0))
            case .index(let master): message.put(IFLA_MASTER, master)
            }
            if change.generatesLinkLocal != nil || !change.ipv4Settings.isEmpty {
                message.nested(IFLA_AF_SPEC) { Self.putFamilies(change, message) }
            }
        }
    }

    /// What a change says to the families of addresses on the link.
    private static func putFamilies(_ change: LinkChange, _ message: NetlinkMessage) {
        if !change.ipv4Settings.isEmpty {
            message.nested(Int(AF_INET)) {
                message.nested(IFLA_INET_CONF) {
                    for (setting, value) in change.ipv4Settings { message.put(setting.number, value) }
                }
            }
        }
        if let generates = change.generatesLinkLocal {
            let mode = generates ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE
            message.nested(Int(AF_INET6)) {
                message.put(IFLA_INET6_ADDR_GEN_MODE, UInt8(truncatingIfNeeded: mode.rawValue))
            }
        }
    }

    /// Removes a link; a veth's peer goes with it.
    public func deleteLink(_ index: Int32) throws(KernelError) {
        try netlink.change("delete link", "\(index)", RTM_DELLINK) { $0.append(Self.head(index)) }
    }

    /// Removes every link of a group, with their peers, at the price of one: the kernel waits once for all who may still
    /// look at them. Throws an error that `isNotFound` when there is none.
    public func deleteLinks(group: UInt32) throws(KernelError) {
        try netlink.change("delete links of group", "\(group)", RTM_DELLINK) { message in
            message.append(Self.head(0))
            message.put(IFLA_GROUP, group)
        }
    }

    // MARK: Reading.

    /// Every link of the namespace, by index.
    public func links() throws(KernelError) -> [KernelLink] {
        var links: [KernelLink] = []
        try netlink.dump("list links", RTM_GETLINK) { message in
            message.append(Self.head(0))
            message.put(IFLA_EXT_MASK, UInt32(RTEXT_FILTER_SKIP_STATS))
        } restart: {
            links.removeAll()
        } read: { head, payload in
            if head.nlmsg_type == RTM_NEWLINK, let link = KernelLink(payload) { links.append(link) }
        }
        return links.sorted { $0.index < $1.index }
    }

    /// One link by name; throws an error that `isNotFound` when there is none.
    public func link(named name: String) throws(KernelError) -> KernelLink {
        try look("link", name) { message in
            message.append(Self.head(0))
            message.put(IFLA_IFNAME, name)
        }
    }

    /// One link by index; throws an error that `isNotFound` when there is none. In another namespace that this one knows
    /// by a number, if one is given.
    public func link(_ index: Int32, inNamespace number: Int32? = nil) throws(KernelError) -> KernelLink {
        try look("link", "\(index)") { message in
            message.append(Self.head(index))
            if let number { message.put(IFLA_TARGET_NETNSID, UInt32(bitPattern: number)) }
        }
    }

    private func look(
        _ operation: String, _ object: String, _ build: (NetlinkMessage) -> Void
    ) throws(KernelError) -> KernelLink {
        var found: KernelLink?
        try netlink.lookUp("look up \(operation)", object, RTM_GETLINK) { message in
            build(message)
            message.put(IFLA_EXT_MASK, UInt32(RTEXT_FILTER_SKIP_STATS))
        } read: { _, payload in
            found = KernelLink(payload)
        }
        guard let found else {
            throw KernelError(operation: "look up \(operation)", object: object, errno: ENODEV)
        }
        return found
    }

    // MARK: Message parts.

    static func head(_ index: Int32) -> ifinfomsg {
        var head = ifinfomsg()
        head.ifi_index = index
        return head
    }

    private static func put(_ link: LinkSpecification, _ message: NetlinkMessage) {
        message.put(IFLA_IFNAME, link.name.rawValue)
        if let mac = link.mac { message.put(IFLA_ADDRESS, mac) }
        if let mtu = link.mtu { message.put(IFLA_MTU, UInt32(truncatingIfNeeded: mtu)) }
        if let group = link.group { message.put(IFLA_GROUP, group) }
    }
}
