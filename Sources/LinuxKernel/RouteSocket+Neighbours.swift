internal import CLinux
internal import Glibc
internal import NetworkVocabulary

extension RouteSocket {
    /// Enters a permanent neighbour; an entry that was there, learned or not, is replaced when that is wanted and is
    /// otherwise an error that `isAlreadyExists`.
    public func addNeighbour(_ neighbour: KernelNeighbour, replacing: Bool = false) throws(KernelError) {
        let flags = NLM_F_CREATE | (replacing ? NLM_F_REPLACE : NLM_F_EXCL)
        try send("add neighbour", neighbour, RTM_NEWNEIGH, flags)
    }

    public func deleteNeighbour(_ neighbour: KernelNeighbour) throws(KernelError) {
        try send("delete neighbour", neighbour, RTM_DELNEIGH, 0)
    }

    /// The permanent entries of the namespace, or of one link; with `learned` the others too.
    public func neighbours(
        ofLink index: Int32? = nil, learned: Bool = false
    ) throws(KernelError) -> [KernelNeighbour] {
        var neighbours: [KernelNeighbour] = []
        try netlink.dump("list neighbours", RTM_GETNEIGH) { message in
            message.append(ndmsg())
            if let index { message.put(NDA_IFINDEX, index) }
        } restart: {
            neighbours.removeAll()
        } read: { head, payload in
            if head.nlmsg_type == RTM_NEWNEIGH, let neighbour = KernelNeighbour(payload),
                learned || neighbour.isPermanent
            {
                neighbours.append(neighbour)
            }
        }
        return neighbours
    }

    private func send(
        _ operation: String, _ neighbour: KernelNeighbour, _ type: Int, _ flags: Int32
    ) throws(KernelError) {
        try netlink.change(operation, "\(neighbour.address) on link \(neighbour.linkIndex)", type, flags) { message in
            var head = ndmsg()
            head.ndm_family = neighbour.address.family.number
            head.ndm_ifindex = neighbour.linkIndex
            head.ndm_state = UInt16(NUD_PERMANENT)
            message.append(head)
            message.put(NDA_DST, neighbour.address)
            if let mac = neighbour.mac { message.put(NDA_LLADDR, mac) }
        }
    }
}
