internal import CLinux
internal import Ruleset

extension KernelEvent.Change {
    /// Reads an announcement of the routing family; nil for what nobody here needs to know.
    init?(routing type: Int, _ payload: UnsafeRawBufferPointer) {
        switch type {
        case RTM_NEWLINK, RTM_DELLINK:
            guard let link = KernelLink(payload) else { return nil }
            self = .link(link, isRemoved: type == RTM_DELLINK)
        case RTM_NEWADDR, RTM_DELADDR:
            guard let address = KernelAddress(payload) else { return nil }
            self = .address(address, isRemoved: type == RTM_DELADDR)
        case RTM_NEWROUTE, RTM_DELROUTE:
            guard let route = KernelRoute(payload) else { return nil }
            self = .route(route, isRemoved: type == RTM_DELROUTE)
        case RTM_NEWRULE, RTM_DELRULE:
            guard let rule = KernelPolicyRule(payload) else { return nil }
            self = .policyRule(rule, isRemoved: type == RTM_DELRULE)
        case RTM_NEWNEIGH, RTM_DELNEIGH:
            guard let neighbour = KernelNeighbour(payload) else { return nil }
            self = .neighbour(neighbour, isRemoved: type == RTM_DELNEIGH)
        case RTM_NEWQDISC, RTM_DELQDISC, RTM_NEWTFILTER, RTM_DELTFILTER:
            guard payload.count >= MemoryLayout<tcmsg>.size else { return nil }
            self = .queues(linkIndex: payload.loadUnaligned(as: tcmsg.self).tcm_ifindex)
        case RTM_NEWNSID, RTM_DELNSID:
            var attributes = NetlinkAttributes(payload, after: MemoryLayout<rtgenmsg>.size)
            while let attribute = attributes.next() {
                guard attribute.type == NETNSA_NSID, let id = attribute.int32 else { continue }
                self = .namespaceID(id, isRemoved: type == RTM_DELNSID)
                return
            }
            return nil
        default: return nil
        }
    }

    /// Reads the announcement that ends each nftables transaction, and those about tables for bridges; nil for any other.
    init?(netfilter type: Int, _ payload: UnsafeRawBufferPointer) {
        guard type == newGeneration else {
            guard let family = payload.first, UInt16(family) == TableFamily.bridge.netfilterNumber else { return nil }
            var attributes = NetlinkAttributes(payload, after: MemoryLayout<nfgenmsg>.size)
            // Whatever the message is about, its first attribute is the table's name.
            if let attribute = attributes.next(), attribute.type == Int(NFTA_TABLE_NAME.rawValue) {
                self = .bridgeRules(table: attribute.string)
                return
            }
            return nil
        }
        var generation: UInt32 = 0
        var process: UInt32 = 0
        var name = ""
        var attributes = NetlinkAttributes(payload, after: MemoryLayout<nfgenmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case Int(NFTA_GEN_ID.rawValue): generation = UInt32(bigEndian: attribute.uint32 ?? 0)
            case Int(NFTA_GEN_PROC_PID.rawValue): process = UInt32(bigEndian: attribute.uint32 ?? 0)
            case Int(NFTA_GEN_PROC_NAME.rawValue): name = attribute.string
            default: break
            }
        }
        self = .ruleset(generation: generation, processID: Int32(bitPattern: process), processName: name)
    }
}

/// The message type of an nftables generation.
let newGeneration = Int(NFNL_SUBSYS_NFTABLES) << 8 | Int(NFT_MSG_NEWGEN.rawValue)
