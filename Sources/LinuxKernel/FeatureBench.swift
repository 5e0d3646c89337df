internal import CLinux
internal import Glibc
internal import NetworkVocabulary

/// A namespace to try features in; everything tried ends with it.
final class FeatureBench {
    private let namespace: NetworkNamespace
    private let scratch: NetlinkScratch
    private let routing: RouteSocket
    private var carrier: Int32 = 1

    init() throws(KernelError) {
        namespace = try .unnamed()
        scratch = try NetlinkScratch()
        routing = try RouteSocket(in: namespace, sharing: scratch)
    }

    func tryOut(_ feature: KernelFeatures.Feature) throws(KernelError) {
        switch feature {
        case .veth: carrier = try routing.addVeth(link("probe0"), peer: link("probe1"))
        case .bridge: try routing.addBridge(link("probe2"))
        case .vlan:
            guard let id = VLANID(2) else { return }
            try routing.addVLAN(link("probe3"), id, on: carrier)
        case .vxlan:
            guard let vni = VNI(1) else { return }
            try routing.addVXLAN(link("probe4"), vni)
        case .dummy: try routing.addDummy(link("probe5"))
        case .ipv6:
            let number = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard number >= 0 else { throw .last("open", "IPv6 socket") }
            close(number)
        case .policyRouting:
            try routing.addPolicyRule(
                KernelPolicyRule(.ipv4, priority: 100, .lookUp(table: 100), mark: .init(1, mask: 1)))
        case .nftables: try commit(feature) { table($0) }
        case .nat:
            try commit(feature) { batch in
                table(batch)
                chain(batch, "nat", NF_INET_POST_ROUTING, priority: 100)
                rule(batch, "masq") { _ in }
            }
        case .conntrack:
            try commit(feature) { batch in
                table(batch)
                chain(batch, "filter", NF_INET_FORWARD, priority: 0)
                rule(batch, "ct") { data in
                    data.put(Int(NFTA_CT_KEY.rawValue), UInt32(NFT_CT_STATE.rawValue).bigEndian)
                    data.put(Int(NFTA_CT_DREG.rawValue), UInt32(NFT_REG_1.rawValue).bigEndian)
                }
            }
        case .connectionTable:
            let type = Int(NFNL_SUBSYS_CTNETLINK) << 8 | Int(IPCTNL_MSG_CT_GET_STATS.rawValue)
            try netfilter().lookUp("probe", feature.rawValue, type) {
                $0.append(head(UInt8(AF_UNSPEC), resource: 0))
            } read: { _, _ in
            }
        case .flowtable:
            try commit(feature) { batch in
                table(batch)
                flowtable(batch)
            }
        }
    }

    /// The names are ours and valid; a name the vocabulary refused could only be a slip here.
    private func link(_ text: String) throws(KernelError) -> LinkSpecification {
        guard let name = InterfaceName(text) else {
            throw KernelError(operation: "probe", object: text, errno: EINVAL)
        }
        return LinkSpecification(name)
    }

    // MARK: nftables. The batches end without a commit: the kernel checks everything, loads its modules, and drops it.

    private func netfilter() throws(KernelError) -> NetlinkSocket {
        try namespace.enter { () throws(KernelError) in try NetlinkSocket(protocol: NETLINK_NETFILTER, scratch) }
    }

    private final class Batch {
        var bytes: [UInt8] = []
        var sequence: UInt32 = 0
    }

    private func commit(
        _ feature: KernelFeatures.Feature, _ build: (Batch) -> Void
    ) throws(KernelError) {
        let socket = try netfilter()
        let batch = Batch()
        add(batch, NFNL_MSG_BATCH_BEGIN, 0, head(UInt8(AF_UNSPEC), resource: UInt16(NFNL_SUBSYS_NFTABLES))) { _ in }
        build(batch)
        try socket.submit("probe", feature.rawValue, batch.bytes)
    }

    private func add(
        _ batch: Batch, _ type: Int32, _ flags: Int32, _ head: nfgenmsg, _ build: (NetlinkMessage) -> Void
    ) {
        scratch.message.begin(Int(type), flags)
        scratch.message.append(head)
        build(scratch.message)
        batch.sequence += 1
        scratch.message.head.pointee.nlmsg_seq = batch.sequence
        let length = Int(scratch.message.head.pointee.nlmsg_len)
        batch.bytes += UnsafeRawBufferPointer(start: scratch.message.head, count: length)
        batch.bytes += Array(repeating: 0, count: netlinkAligned(length) - length)
    }

    private func addTables(_ batch: Batch, _ type: nf_tables_msg_types, _ build: (NetlinkMessage) -> Void) {
        let number = Int32(NFNL_SUBSYS_NFTABLES) << 8 | Int32(type.rawValue)
        let inet = UInt8(truncatingIfNeeded: Int(NFPROTO_INET))
        add(batch, number, NLM_F_CREATE | NLM_F_ACK, head(inet, resource: 0), build)
    }

    private func head(_ family: UInt8, resource: UInt16) -> nfgenmsg {
        nfgenmsg(nfgen_family: family, version: UInt8(NFNETLINK_V0), res_id: resource.bigEndian)
    }

    private func table(_ batch: Batch) {
        addTables(batch, NFT_MSG_NEWTABLE) { $0.put(Int(NFTA_TABLE_NAME.rawValue), "probe") }
    }

    private func chain(_ batch: Batch, _ type: String, _ hook: nf_inet_hooks, priority: Int32) {
        addTables(batch, NFT_MSG_NEWCHAIN) { message in
            message.put(Int(NFTA_CHAIN_TABLE.rawValue), "probe")
            message.put(Int(NFTA_CHAIN_NAME.rawValue), "probe")
            message.nested(Int(NFTA_CHAIN_HOOK.rawValue)) {
                message.put(Int(NFTA_HOOK_HOOKNUM.rawValue), UInt32(hook.rawValue).bigEndian)
                message.put(Int(NFTA_HOOK_PRIORITY.rawValue), priority.bigEndian)
            }
            message.put(Int(NFTA_CHAIN_TYPE.rawValue), type)
        }
    }

    private func rule(_ batch: Batch, _ expression: String, _ data: (NetlinkMessage) -> Void) {
        addTables(batch, NFT_MSG_NEWRULE) { message in
            message.put(Int(NFTA_RULE_TABLE.rawValue), "probe")
            message.put(Int(NFTA_RULE_CHAIN.rawValue), "probe")
            message.nested(Int(NFTA_RULE_EXPRESSIONS.rawValue)) {
                message.nested(Int(NFTA_LIST_ELEM.rawValue)) {
                    message.put(Int(NFTA_EXPR_NAME.rawValue), expression)
                    message.nested(Int(NFTA_EXPR_DATA.rawValue)) { data(message) }
                }
            }
        }
    }

    private func flowtable(_ batch: Batch) {
        addTables(batch, NFT_MSG_NEWFLOWTABLE) { message in
            message.put(Int(NFTA_FLOWTABLE_TABLE.rawValue), "probe")
            message.put(Int(NFTA_FLOWTABLE_NAME.rawValue), "probe")
            message.nested(Int(NFTA_FLOWTABLE_HOOK.rawValue)) {
                message.put(Int(NFTA_FLOWTABLE_HOOK_NUM.rawValue), UInt32(NF_NETDEV_INGRESS.rawValue).bigEndian)
                message.put(Int(NFTA_FLOWTABLE_HOOK_PRIORITY.rawValue), UInt32(0).bigEndian)
            }
        }
    }
}
