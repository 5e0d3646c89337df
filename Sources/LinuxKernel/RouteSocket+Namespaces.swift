internal import CLinux
internal import Glibc

extension RouteSocket {
    /// The number under which this socket's namespace knows another, or nil when it has none. Kernel events of a
    /// namespace without a number are not heard here.
    public func namespaceID(of namespace: NetworkNamespace) throws(KernelError) -> Int32? {
        var id: Int32?
        try netlink.lookUp("look up namespace id", "\(namespace.inode)", RTM_GETNSID) { message in
            message.append(rtgenmsg())
            message.put(NETNSA_FD, UInt32(namespace.descriptor.rawValue))
        } read: { _, payload in
            var attributes = NetlinkAttributes(payload, after: MemoryLayout<rtgenmsg>.size)
            while let attribute = attributes.next() {
                if attribute.type == NETNSA_NSID { id = attribute.int32 }
            }
        }
        return id.flatMap { $0 >= 0 ? $0 : nil }
    }

    /// Gives a namespace a number here, or finds the one that it has.
    ///
    /// A veth pair across namespaces gives numbers too, so asking comes first; losing the race to one is no failure.
    public func assignNamespaceID(to namespace: NetworkNamespace) throws(KernelError) -> Int32 {
        if let id = try namespaceID(of: namespace) { return id }
        do {
            try netlink.change("assign namespace id", "\(namespace.inode)", RTM_NEWNSID) { message in
                message.append(rtgenmsg())
                message.put(NETNSA_FD, UInt32(namespace.descriptor.rawValue))
                message.put(NETNSA_NSID, NETNSA_NSID_NOT_ASSIGNED)
            }
        } catch  where error.isAlreadyExists {}
        guard let id = try namespaceID(of: namespace) else {
            throw KernelError(operation: "assign namespace id", object: "\(namespace.inode)", errno: ENOENT)
        }
        return id
    }
}
