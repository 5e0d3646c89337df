import NetworkVocabulary
import Ruleset

/// Every place where the kernel asks our ruleset, in the order in which a packet meets them. Order is the hard part
/// of a packet filter, so it stands in one table; `docs/pipeline.md` says why each is where it is.
enum Pipeline {
    static let tableName = "sluice"

    /// Base chains of a router's table.
    enum BaseChain: CaseIterable {
        case rawPrerouting, manglePrerouting, filterInput, filterForward, natPostrouting

        var name: ChainName {
            switch self {
            case .rawPrerouting: "raw-prerouting"
            case .manglePrerouting: "mangle-prerouting"
            case .filterInput: "filter-input"
            case .filterForward: "filter-forward"
            case .natPostrouting: "nat-postrouting"
            }
        }

        var hook: Hook {
            switch self {
            // Before connection tracking: what a port may not send must not even create an entry.
            case .rawPrerouting: Hook(.filter, .prerouting, priority: -300, policy: .accept)
            // After connection tracking, before routing: the mark decides which routes a packet may use at all.
            case .manglePrerouting: Hook(.filter, .prerouting, priority: -150, policy: .accept)
            case .filterInput: Hook(.filter, .input, priority: 0, policy: .drop)
            case .filterForward: Hook(.filter, .forward, priority: 0, policy: .drop)
            case .natPostrouting: Hook(.nat, .postrouting, priority: 100, policy: .accept)
            }
        }
    }

    /// Chains that base chains jump to.
    static let networkEgress: ChainName = "network-egress"

    /// Sets and maps whose elements are the objects of the cloud.
    static let guestIdentities: SetName = "guest-identities"
    static let publicLegs: SetName = "public-legs"
    static let legMarks: SetName = "leg-marks"
    static let sourceNAT: SetName = "source-nat"
}

/// Packet marks, which are also connection marks and numbers of routing tables: `eth<n>` is 0x64 + n, as in the
/// routers that operators know. The low byte is the leg; the rest of the mark is left for other features.
enum LegMark {
    static let mask: UInt32 = 0xff
    static func mark(ofLeg index: Int) -> UInt32 { 0x64 + UInt32(index) }
}

/// Priorities of the policy rules of a router. Forwarded packets find a route only with a mark, and only the ruleset
/// sets marks: without the ruleset nothing is forwarded.
enum RulePriority {
    static let localOutput: UInt32 = 100
    static func leg(_ index: Int) -> UInt32 { 200 + UInt32(index) }
    static let unmarked: UInt32 = 32000
}
