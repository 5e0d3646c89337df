import NetworkVocabulary
public import Ruleset

/// Where the kernel asks about frames at guests' ports, in the host's namespace, and by what names. `docs/pipeline.md` says
/// why each is where it is.
enum PortPipeline {
    enum BaseChain: CaseIterable {
        case prerouting, input, forward, output

        var name: ChainName {
            switch self {
            case .prerouting: "port-prerouting"
            case .input: "port-input"
            case .forward: "port-forward"
            case .output: "port-output"
            }
        }

        /// Before whatever others have on bridges, `br_netfilter` included, which takes frames to the host's own rules.
        /// What comes in by ports of others is nobody's business here, so nothing is dropped by policy.
        var hook: Hook {
            let point: Hook.Point =
                switch self {
                case .prerouting: .prerouting
                case .input: .input
                case .forward: .forward
                case .output: .output
                }
            return Hook(.filter, point, priority: -350, policy: .accept)
        }
    }

    // Chains that base chains jump to.
    static let fromGuest: ChainName = "from-guest"
    static let fromGuestUDP: ChainName = "from-guest-udp"
    static let fromGuestIPv4: ChainName = "from-guest-ipv4"
    static let fromGuestARP: ChainName = "from-guest-arp"
    static let fromGuestIPv6: ChainName = "from-guest-ipv6"
    static let fromGuestND: ChainName = "from-guest-nd"
    static let fromAddressless: ChainName = "from-addressless"
    static let dhcpRequest: ChainName = "dhcp-request"
    static let dhcpLimited: ChainName = "dhcp-limited"
    static let arpLimited: ChainName = "arp-limited"
    static let toMany: ChainName = "to-many"
    static let unbound: ChainName = "unbound"
    static let spoofed: ChainName = "spoofed"
    static let spoofedContent: ChainName = "spoofed-content"
    static let spoofedUDP: ChainName = "spoofed-udp"
    static let manyToHost: ChainName = "many-to-host"
    static let fromIsolated: ChainName = "from-isolated"
    static let fromTrunk: ChainName = "from-trunk"
    static let toGuest: ChainName = "to-guest"
    static let toIsolatedGuest: ChainName = "to-isolated-guest"

    // What each port has elements in.
    static let guestPorts: SetName = "guest-ports"
    static let guestMACs: SetName = "guest-macs"
    static let guestDeliveries: SetName = "guest-deliveries"
    static let guestIdentities: SetName = "guest-identities"
    static let guestIdentities6: SetName = "guest-identities-6"
    /// MACs and link-local addresses again, to be compared with what has no name in nft: a DHCP client's own word for its
    /// MAC, an option and the target of neighbour discovery.
    static let guestHardware: SetName = "guest-hardware"
    static let guestTargets: SetName = "guest-targets"
    static let arpRates: SetName = "arp-rates"
    static let dhcpRates: SetName = "dhcp-rates"
    static let floodRates: SetName = "flood-rates"
    /// What a port refused, whatever for: read by the clock, where each reason's own set is there for who asks.
    static let refusals: SetName = "port-refusals"

    // What only some have.
    /// Of networks that give their guests no addresses: what is said there is up to the guests, under their own MACs.
    static let addresslessPorts: SetName = "addressless-ports"
    static let spoofingPorts: SetName = "spoofing-ports"
    static let spoofingGateways: SetName = "spoofing-gateways"
    static let isolatedPorts: SetName = "isolated-ports"
    /// MACs that the plan gives out: nobody else's, not even where spoofing is allowed.
    static let reservedMACs: SetName = "reserved-macs"
    /// Where a guest network's frames come in from other hosts.
    static let trunkPorts: SetName = "trunk-ports"
}

/// Marks of frames on their way between bridges of one segment. A frame loses its mark when it leaves the host's namespace.
enum FrameMark {
    /// It does not carry its port's own MAC and address: no router may see it.
    static let stranger: UInt32 = 0x5100_0001
    /// It comes from an isolated port.
    static let isolated: UInt32 = 0x5100_0002
    static let isolatedStranger: UInt32 = 0x5100_0003
    static let strangerMask: UInt32 = 0xff00_0001
}

/// Why a frame is refused. Each port has a counter for each.
public enum RefusalReason: String, CaseIterable, Hashable, Sendable {
    /// A source MAC that is not the port's.
    case mac
    /// An IPv4 source that is not the port's.
    case address
    case arp
    /// Whatever IPv6 is not allowed: other sources, neighbour discovery for others, router advertisements, redirects.
    case ipv6
    /// What only a DHCP server says, or a request for another machine.
    case dhcp
    case tagged
    /// Spanning tree, LLDP, CDP and the like: what bridges and switches say to each other.
    case control
    /// Neither IPv4 nor ARP nor IPv6.
    case `protocol`
    /// More broadcasts and multicasts, ARP or DHCP, than a port may send.
    case flood
    /// To another port of a network that isolates its ports.
    case isolated
    /// To the host itself.
    case host
    /// Towards the port, and not for it.
    case unaddressed

    var chain: ChainName { ChainName("refuse-\(rawValue)") }
    public var counters: SetName { SetName("refused-\(rawValue)") }
}
