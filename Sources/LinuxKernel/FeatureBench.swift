internal import CLinux
internal import Glibc
internal import NetworkVocabulary

/// A namespace to try features in; everything tried ends with it.
final class FeatureBench {
    private let namespace: NetworkNamespace
    private let scratch: NetlinkScratch
    private let routing: RouteSocket
    private var carrier: Int32 = 1
    private var rulesetObjections: [KernelFeatures.Feature: KernelError]?

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
        case .connectionTable:
            let type = Int(NFNL_SUBSYS_CTNETLINK) << 8 | Int(IPCTNL_MSG_CT_GET_STATS.rawValue)
            try netfilter().lookUp("probe", feature.rawValue, type) {
                $0.append(nfgenmsg())
            } read: { _, _ in
            }
        case .ifb: try routing.addQueueDevice(link("probe6"))
        case .tokenBucket: try routing.setTokenBucket(TokenBucket(rate: 125_000, burst: 16_384, limit: 32_768), on: 1)
        case .redirection: try routing.redirectIncoming(of: 1, to: 1)
        case .nftables, .nat, .conntrack, .flowtable:
            if rulesetObjections == nil { rulesetObjections = try tryOutRuleset() }
            if let objection = rulesetObjections?[.nftables] ?? rulesetObjections?[feature] { throw objection }
        }
    }

    private func netfilter() throws(KernelError) -> NetlinkSocket {
        try namespace.enter { () throws(KernelError) in try NetlinkSocket(protocol: NETLINK_NETFILTER, scratch) }
    }

    /// What needs nftables is tried in one go: giving up a batch costs the kernel a grace period, over 10 ms.
    private func tryOutRuleset() throws(KernelError) -> [KernelFeatures.Feature: KernelError] {
        let batch = ProbeBatch(scratch.message)
        let objections = try netfilter().submit("probe", { batch.feature(of: $0).rawValue }, batch.bytes)
        var features: [KernelFeatures.Feature: KernelError] = [:]
        // The first objection is the reason, those that follow are its consequences.
        for (number, objection) in objections.sorted(by: { $0.key < $1.key }) {
            let feature = batch.feature(of: number)
            if features[feature] == nil { features[feature] = objection }
        }
        return features
    }

    /// The names are ours and valid; a name the vocabulary refused could only be a slip here.
    private func link(_ text: String) throws(KernelError) -> LinkSpecification {
        guard let name = InterfaceName(text) else {
            throw KernelError(operation: "probe", object: text, errno: EINVAL)
        }
        return LinkSpecification(name)
    }
}
