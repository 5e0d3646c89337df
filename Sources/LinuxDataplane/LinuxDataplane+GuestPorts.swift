import LinuxKernel
import NetworkVocabulary
import RouterPlan

// Ports of guests that are the host's own devices: taps, and pairs with an end in a namespace of somebody else's.

extension LinuxDataplane {
    /// It has its settings before it is there to stay, so that a crash in between leaves nothing.
    func addTap(_ link: Link, _ origin: Origin, _ node: LinuxNode) throws {
        let tap = try node.namespace.enter { () throws(KernelError) in try NewTap(link.name) }
        let index = try node.route.link(named: link.name.rawValue).index
        try node.route.setLink(index, LinkChange(mtu: link.mtu, group: birthmark))
        try adopt(index, link, origin, node)
        try tap.keep()
    }

    /// The mark is the last: what has none is half made, and set right at the next look.
    func addPlug(
        _ specification: LinkSpecification, _ link: Link, _ origin: Origin, _ node: LinuxNode, into name: NamespaceName,
        device: InterfaceName, mac: MACAddress
    ) throws {
        let place = try place(name)
        let inner = LinkSpecification(device, mac: mac, mtu: link.mtu)
        let inside = try RouteSocket(in: place, sharing: scratch)
        let index: Int32
        do throws(KernelError) {
            index = try node.route.addVeth(specification, peer: inner, in: place)
        } catch {
            // Which of the two names is taken, the kernel does not say.
            guard error.isAlreadyExists, (try? inside.link(named: device.rawValue)) != nil else { throw error }
            throw KernelError(
                operation: "plug into network namespace", object: name.rawValue, errno: error.errno,
                explanation: "it has another device called \(device)")
        }
        try inside.setLink(try inside.link(named: device.rawValue).index, LinkChange(isUp: true))
        try adopt(index, link, origin, node)
    }

    /// The outer end is as it should be; now the other one.
    func changePlug(_ outer: KernelLink, _ link: Link, into name: NamespaceName) throws {
        guard let (inside, inner) = try innerEnd(of: outer, in: name) else {
            throw KernelError(operation: "find the other end of", object: outer.name, errno: ENODEV)
        }
        try inside.setLink(inner.index, LinkChange(mtu: link.mtu, isUp: true))
    }

    /// What a pair on the host is, in the plan's words: as planned when its other end is where it should be, whatever its
    /// name is by now, which is somebody else's business.
    func plugKind(_ link: KernelLink, _ plan: NodePlan) -> Link.Kind {
        guard let own = InterfaceName(link.name), case .link(let planned)? = plan.rows[.link(own)]?.content,
            case .plug(let name, _, _) = planned.kind, (try? innerEnd(of: link, in: name)) != nil
        else { return .foreign(link.kind) }
        return planned.kind
    }

    private func innerEnd(of link: KernelLink, in name: NamespaceName) throws -> (RouteSocket, KernelLink)? {
        let place = try place(name)
        guard let index = link.peerIndex, let number = link.peerNamespaceID,
            try host.route.namespaceID(of: place) == number
        else { return nil }
        let inside = try RouteSocket(in: place, sharing: scratch)
        let inner = try inside.link(index)
        return inner.kind == "veth" && inner.peerIndex == link.index ? (inside, inner) : nil
    }

    /// A namespace that is somebody else's, and not the host's own. It is not held any longer than it takes.
    private func place(_ name: NamespaceName) throws -> NetworkNamespace {
        let namespace = try directory.open(name.rawValue)
        let alias = try RouteSocket(in: namespace, sharing: scratch).link(named: "lo").alias
        guard namespace.identity != host.namespace.identity, alias.flatMap(OwnershipMark.init) == nil else {
            throw KernelError(
                operation: "plug into network namespace", object: name.rawValue, errno: EPERM,
                explanation: "it is the host's own, or a router's or guest's")
        }
        return namespace
    }
}

private let ENODEV: Int32 = 19
private let EPERM: Int32 = 1
