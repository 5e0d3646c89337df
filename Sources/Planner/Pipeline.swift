import NetworkVocabulary
import Ruleset

/// Every place where the kernel asks our ruleset, in the order in which a packet meets them. Order is the hard part
/// of a packet filter, so it stands in one table; `docs/pipeline.md` says why each is where it is.
enum Pipeline {
    static let tableName = "sluice"

    /// Base chains of a router's table.
    enum BaseChain: CaseIterable {
        case rawPrerouting, manglePrerouting, natPrerouting, filterInput, natInput, hairpinInput, refusalInput,
            filterForward, mangleOutput, natPostrouting, hairpinPostrouting, trafficPostrouting

        var name: ChainName {
            switch self {
            case .rawPrerouting: "raw-prerouting"
            case .manglePrerouting: "mangle-prerouting"
            case .natPrerouting: "nat-prerouting"
            case .filterInput: "filter-input"
            case .natInput: "nat-input"
            case .hairpinInput: "hairpin-input"
            case .refusalInput: "refusal-input"
            case .filterForward: "filter-forward"
            case .mangleOutput: "mangle-output"
            case .natPostrouting: "nat-postrouting"
            case .hairpinPostrouting: "hairpin-postrouting"
            case .trafficPostrouting: "traffic-postrouting"
            }
        }

        var hook: Hook {
            switch self {
            // Before connection tracking: what a port may not send must not even create an entry.
            case .rawPrerouting: Hook(.filter, .prerouting, priority: -300, policy: .accept)
            // After connection tracking, before routing: the mark decides which routes a packet may use at all.
            case .manglePrerouting: Hook(.filter, .prerouting, priority: -150, policy: .accept)
            // Before routing, which must see where a packet really goes.
            case .natPrerouting: Hook(.nat, .prerouting, priority: -100, policy: .accept)
            case .filterInput: Hook(.filter, .input, priority: 0, policy: .drop)
            case .natInput: Hook(.nat, .input, priority: 100, policy: .accept)
            // After source NAT, as guests that go round to guests are judged.
            case .hairpinInput: Hook(.filter, .input, priority: 150, policy: .accept)
            // Only who was let in is told that nobody is there.
            case .refusalInput: Hook(.filter, .input, priority: 160, policy: .accept)
            case .filterForward: Hook(.filter, .forward, priority: 0, policy: .drop)
            // What the router answers leaves as the question came: a new mark makes the kernel route again.
            case .mangleOutput: Hook(.route, .output, priority: -150, policy: .accept)
            case .natPostrouting: Hook(.nat, .postrouting, priority: 100, policy: .accept)
            // After source NAT: a guest is judged by the public address that it comes from.
            case .hairpinPostrouting: Hook(.filter, .postrouting, priority: 150, policy: .accept)
            // Last: what is counted has passed everything.
            case .trafficPostrouting: Hook(.filter, .postrouting, priority: 300, policy: .accept)
            }
        }
    }

    // Chains that base chains jump to.
    static let publicFirewall: ChainName = "public-firewall"
    static let forwardSources: ChainName = "forward-sources"
    static let networkEgress: ChainName = "network-egress"
    static let guestTraffic: ChainName = "guest-traffic"
    static let forwardTraffic: ChainName = "forward-traffic"

    // Sets and maps whose elements are the objects of the cloud. Those that `FamilyWords.name` is asked for exist once
    // for each family of the network.
    static let guestIdentities: SetName = "guest-identities"
    static let dhcpClients: SetName = "dhcp-clients"
    static let publicLegs: SetName = "public-legs"
    static let legMarks: SetName = "leg-marks"
    static let sourceNAT: SetName = "source-nat"

    static let staticNATIn: SetName = "static-nat-in"
    static let staticNATOut: SetName = "static-nat-out"
    static let staticNATLegs: SetName = "static-nat-legs"
    static let indirectGuests: SetName = "indirect-guests"

    static let portForwards: SetName = "port-forwards"
    static let portForwardRanges: SetName = "port-forward-ranges"
    static let limitedForwards: SetName = "limited-forwards"
    static let forwardSourceSet: SetName = "forward-sources"

    static let balancedPorts: SetName = "balanced-ports"
    static let balancerSlots: SetName = "balancer-slots"
    static let memberConnections: SetName = "member-connections"
    static let memberSent: SetName = "member-sent"
    static let memberReceived: SetName = "member-received"
    /// Ports of public addresses that the router answers itself, and those of them that it refuses.
    static let routerPorts: SetName = "router-ports"
    /// Ports of internal load balancers.
    static let internalPorts: SetName = "internal-ports"
    static let refusedPorts: SetName = "refused-ports"

    /// The chain of one load balancer rule.
    static func balancer(_ slot: Int) -> ChainName { ChainName("balancer-\(slot)") }

    static let firewallPorts: SetName = "firewall-ports"
    static let firewallRanges: SetName = "firewall-ranges"
    static let firewallICMP: SetName = "firewall-icmp"
    static let firewallProtocols: SetName = "firewall-protocols"

    static let egressRanges: SetName = "egress-ranges"
    static let egressICMP: SetName = "egress-icmp"
    static let egressProtocols: SetName = "egress-protocols"

    static let addressSent: SetName = "address-sent"
    static let addressReceived: SetName = "address-received"
    static let forwardSent: SetName = "forward-sent"
    static let forwardReceived: SetName = "forward-received"
    static let forwardRangesSent: SetName = "forward-ranges-sent"
    static let forwardRangesReceived: SetName = "forward-ranges-received"
}

/// Priorities of the policy rules of a router. Forwarded packets find a route only with a mark, and only the ruleset
/// sets marks: without the ruleset nothing is forwarded.
enum RulePriority {
    static func leg(_ index: Int) -> UInt32 { 200 + UInt32(index) }
    /// Behind the legs: an answer of the router's has its connection's mark.
    static let localOutput: UInt32 = 1000
    static let unmarked: UInt32 = 32000
}
