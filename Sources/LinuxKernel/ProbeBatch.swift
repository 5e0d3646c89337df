internal import CLinux
internal import Glibc

/// An nftables batch that uses each feature once. It has no end mark: the kernel checks it all, loads the modules that
/// it needs, and drops it.
struct ProbeBatch {
    private(set) var bytes: [UInt8] = []
    /// What each message is for; the first has number 1.
    private var features: [KernelFeatures.Feature] = []
    private let message: NetlinkMessage

    init(_ message: NetlinkMessage) {
        self.message = message
        let subsystem = UInt16(NFNL_SUBSYS_NFTABLES).bigEndian
        let head = nfgenmsg(nfgen_family: UInt8(AF_UNSPEC), version: UInt8(NFNETLINK_V0), res_id: subsystem)
        add(.nftables, NFNL_MSG_BATCH_BEGIN, 0, head) { _ in }
        add(.nftables, NFT_MSG_NEWTABLE) { $0.put(Int(NFTA_TABLE_NAME.rawValue), "probe") }
        addChain(.nat, "nat", NF_INET_POST_ROUTING, priority: 100)
        addRule(.nat, expression: "masq") { _ in }
        addChain(.conntrack, "filter", NF_INET_FORWARD, priority: 0)
        addRule(.conntrack, expression: "ct") { data in
            data.put(Int(NFTA_CT_KEY.rawValue), UInt32(NFT_CT_STATE.rawValue).bigEndian)
            data.put(Int(NFTA_CT_DREG.rawValue), UInt32(NFT_REG_1.rawValue).bigEndian)
        }
        addFlowtable()
    }

    func feature(of number: UInt32) -> KernelFeatures.Feature {
        let position = Int(number) - 1
        return features.indices.contains(position) ? features[position] : .nftables
    }

    private mutating func add(
        _ feature: KernelFeatures.Feature, _ type: Int32, _ flags: Int32, _ head: nfgenmsg,
        _ build: (NetlinkMessage) -> Void
    ) {
        message.begin(Int(type), flags)
        message.append(head)
        build(message)
        features.append(feature)
        message.head.pointee.nlmsg_seq = UInt32(features.count)
        let length = Int(message.head.pointee.nlmsg_len)
        bytes += UnsafeRawBufferPointer(start: message.head, count: length)
        bytes += Array(repeating: 0, count: netlinkAligned(length) - length)
    }

    private mutating func add(
        _ feature: KernelFeatures.Feature, _ type: nf_tables_msg_types, _ build: (NetlinkMessage) -> Void
    ) {
        let number = Int32(NFNL_SUBSYS_NFTABLES) << 8 | Int32(type.rawValue)
        let inet = UInt8(truncatingIfNeeded: Int(NFPROTO_INET))
        let head = nfgenmsg(nfgen_family: inet, version: UInt8(NFNETLINK_V0), res_id: 0)
        add(feature, number, NLM_F_CREATE, head, build)
    }

    /// A chain named after its feature.
    private mutating func addChain(
        _ feature: KernelFeatures.Feature, _ type: String, _ hook: nf_inet_hooks, priority: Int32
    ) {
        add(feature, NFT_MSG_NEWCHAIN) { message in
            message.put(Int(NFTA_CHAIN_TABLE.rawValue), "probe")
            message.put(Int(NFTA_CHAIN_NAME.rawValue), feature.rawValue)
            message.nested(Int(NFTA_CHAIN_HOOK.rawValue)) {
                message.put(Int(NFTA_HOOK_HOOKNUM.rawValue), UInt32(hook.rawValue).bigEndian)
                message.put(Int(NFTA_HOOK_PRIORITY.rawValue), priority.bigEndian)
            }
            message.put(Int(NFTA_CHAIN_TYPE.rawValue), type)
        }
    }

    private mutating func addRule(
        _ feature: KernelFeatures.Feature, expression: String, _ data: (NetlinkMessage) -> Void
    ) {
        add(feature, NFT_MSG_NEWRULE) { message in
            message.put(Int(NFTA_RULE_TABLE.rawValue), "probe")
            message.put(Int(NFTA_RULE_CHAIN.rawValue), feature.rawValue)
            message.nested(Int(NFTA_RULE_EXPRESSIONS.rawValue)) {
                message.nested(Int(NFTA_LIST_ELEM.rawValue)) {
                    message.put(Int(NFTA_EXPR_NAME.rawValue), expression)
                    message.nested(Int(NFTA_EXPR_DATA.rawValue)) { data(message) }
                }
            }
        }
    }

    private mutating func addFlowtable() {
        add(.flowtable, NFT_MSG_NEWFLOWTABLE) { message in
            message.put(Int(NFTA_FLOWTABLE_TABLE.rawValue), "probe")
            message.put(Int(NFTA_FLOWTABLE_NAME.rawValue), "probe")
            message.nested(Int(NFTA_FLOWTABLE_HOOK.rawValue)) {
                message.put(Int(NFTA_FLOWTABLE_HOOK_NUM.rawValue), UInt32(NF_NETDEV_INGRESS.rawValue).bigEndian)
                message.put(Int(NFTA_FLOWTABLE_HOOK_PRIORITY.rawValue), UInt32(0).bigEndian)
            }
        }
    }
}
