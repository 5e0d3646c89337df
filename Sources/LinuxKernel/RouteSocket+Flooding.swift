internal import CLinux
internal import Glibc
public import NetworkVocabulary

// Where a VXLAN device without a group sends what it has no other place for: the entries of its forwarding table for the
// address that nobody has.

extension RouteSocket {
    /// The hosts, ascending.
    public func floodPeers(of index: Int32) throws(KernelError) -> [IPv4Address] {
        var peers: Set<IPv4Address> = []
        try netlink.dump("list forwarding entries", RTM_GETNEIGH) { message in
            var head = ndmsg()
            head.ndm_family = UInt8(AF_BRIDGE)
            head.ndm_ifindex = index
            message.append(head)
        } restart: {
            peers.removeAll()
        } read: { head, payload in
            guard head.nlmsg_type == RTM_NEWNEIGH, payload.count >= MemoryLayout<ndmsg>.size,
                payload.loadUnaligned(as: ndmsg.self).ndm_ifindex == index
            else { return }
            var attributes = NetlinkAttributes(payload, after: MemoryLayout<ndmsg>.size)
            var (isForAll, peer) = (false, IPv4Address?.none)
            while let attribute = attributes.next() {
                switch attribute.type {
                case NDA_LLADDR: isForAll = attribute.mac?.bits == 0
                case NDA_DST:
                    if case .v4(let address)? = attribute.address { peer = address }
                default: break
                }
            }
            if isForAll, let peer { peers.insert(peer) }
        }
        return peers.sorted()
    }

    /// One that is there already stays.
    public func addFloodPeer(_ peer: IPv4Address, to index: Int32) throws(KernelError) {
        try changeFlooding("add forwarding entry", peer, index, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND)
    }

    public func removeFloodPeer(_ peer: IPv4Address, from index: Int32) throws(KernelError) {
        try changeFlooding("delete forwarding entry", peer, index, RTM_DELNEIGH, 0)
    }

    private func changeFlooding(
        _ operation: String, _ peer: IPv4Address, _ index: Int32, _ type: Int, _ flags: Int32
    ) throws(KernelError) {
        try netlink.change(operation, "to \(peer) on link \(index)", type, flags) { message in
            var head = ndmsg()
            head.ndm_family = UInt8(AF_BRIDGE)
            head.ndm_ifindex = index
            head.ndm_state = UInt16(NUD_PERMANENT)
            head.ndm_flags = UInt8(NTF_SELF)
            message.append(head)
            message.put(NDA_LLADDR, MACAddress(0, 0, 0, 0, 0, 0))
            message.put(NDA_DST, IPAddress.v4(peer))
        }
    }
}
