/// What this kernel can do for us, found by trying in a namespace that is thrown away.
///
/// A feature that is missing disables only what needs it; its entry says why, and which module would bring it.
public struct KernelFeatures: Sendable {
    public enum Feature: String, CaseIterable, Hashable, Sendable {
        case veth, bridge, vlan, vxlan, dummy, ipv6, policyRouting, nftables, nat, conntrack, connectionTable, flowtable
        case ifb, tokenBucket, redirection

        /// The Linux module to load, or the kernel option where there is no module for it.
        public var module: String {
            switch self {
            case .veth: "veth"
            case .bridge: "bridge"
            case .vlan: "8021q"
            case .vxlan: "vxlan"
            case .dummy: "dummy"
            case .ipv6: "ipv6"
            case .policyRouting: "CONFIG_IP_MULTIPLE_TABLES"
            case .nftables: "nf_tables"
            case .nat: "nft_nat"
            case .conntrack: "nft_ct"
            case .connectionTable: "nf_conntrack_netlink"
            case .flowtable: "nf_flow_table_inet"
            case .ifb: "ifb"
            case .tokenBucket: "sch_tbf"
            case .redirection: "sch_ingress, cls_u32 or act_mirred"
            }
        }
    }

    /// The kernel's answer for each feature that it lacks.
    public let missing: [Feature: KernelError]

    public init(missing: [Feature: KernelError] = [:]) { self.missing = missing }

    public func has(_ feature: Feature) -> Bool { missing[feature] == nil }

    /// A sentence for the operator about a feature that is missing; nil when it is there.
    public func explanation(of feature: Feature) -> String? {
        missing[feature].map { "this kernel has no \(feature.rawValue) (module \(feature.module)): \($0)" }
    }

    /// Tries every feature. Throws only when there can be no namespace to try them in.
    public static func probe() throws(KernelError) -> KernelFeatures {
        let bench = try FeatureBench()
        var missing: [Feature: KernelError] = [:]
        for feature in Feature.allCases {
            do {
                try bench.tryOut(feature)
            } catch {
                missing[feature] = error
            }
        }
        return KernelFeatures(missing: missing)
    }
}
