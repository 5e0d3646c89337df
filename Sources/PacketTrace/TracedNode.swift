import NetworkVocabulary
public import RouterPlan
import Ruleset

/// A plan made ready for judging packets: chains by hook, elements by their keys, routes by table. Made once for many
/// packets; it follows no change of the plan.
public struct TracedNode: Sendable {
    public let plan: NodePlan

    let links: [InterfaceName: Link]
    /// All links but the loopback.
    let legs: [InterfaceName]
    /// The node's own addresses, with the link that each is on.
    let addresses: [IPAddress: [(link: InterfaceName, address: InterfaceAddress, origin: Origin)]]
    let broadcasts: Set<IPv4Address>
    private let neighbours: [InterfaceName: [IPAddress: (mac: MACAddress, origin: Origin)]]
    private let routes: [UInt32: [(route: Route, origin: Origin)]]
    /// What links reach without a gateway.
    private let networks: [InterfaceName: Set<IPPrefix>]
    private let policyRules: [AddressFamily: [PolicyRule]]
    private let sysctls: [String: String]

    let chains: [ChainName: Chain]
    /// By priority. Chains of one hook and priority do not occur in plans: the kernel would ask the youngest first.
    let hooks: [Hook.Point: [Chain]]
    let sets: [SetName: SetIndex]
    /// The kernel translates only where some chain is there for it.
    let translates: Bool
    let family: TableFamily

    public init(_ plan: NodePlan) {
        self.plan = plan
        var links: [InterfaceName: Link] = [:]
        var addresses: [IPAddress: [(link: InterfaceName, address: InterfaceAddress, origin: Origin)]] = [:]
        var broadcasts: Set<IPv4Address> = []
        var neighbours: [InterfaceName: [IPAddress: (mac: MACAddress, origin: Origin)]] = [:]
        var routes: [UInt32: [(route: Route, origin: Origin)]] = [:]
        var policyRules: [AddressFamily: [PolicyRule]] = [:]
        var sysctls: [String: String] = [:]
        for row in plan.rows.values {
            switch row.content {
            case .link(let link): links[link.name] = link
            case .address(let address):
                addresses[address.address.address, default: []].append((address.link, address.address, row.origin))
                if let broadcast = address.address.broadcast { broadcasts.insert(broadcast) }
            case .neighbour(let neighbour):
                neighbours[neighbour.link, default: [:]][neighbour.address] = (neighbour.mac, row.origin)
            case .route(let route): routes[route.table, default: []].append((route, row.origin))
            case .policyRule(let rule): policyRules[rule.family, default: []].append(rule)
            case .sysctl(let sysctl): sysctls[sysctl.path] = sysctl.value
            // It delays, and decides about no packet.
            case .shaper: break
            }
        }
        for table in routes.keys {
            routes[table]?.sort {
                ($1.route.destination.length, $0.route.destination)
                    < ($0.route.destination.length, $1.route.destination)
            }
        }
        var networks: [InterfaceName: Set<IPPrefix>] = [:]
        for route in routes.values.joined().map(\.route) where route.gateway == nil {
            networks[route.link, default: []].insert(route.destination)
        }
        self.networks = networks
        for family in policyRules.keys { policyRules[family]?.sort { $0.priority < $1.priority } }
        self.links = links
        legs = links.values.filter { $0.kind != .loopback }.map(\.name).sorted()
        self.addresses = addresses
        self.broadcasts = broadcasts
        self.neighbours = neighbours
        self.routes = routes
        self.policyRules = policyRules
        self.sysctls = sysctls

        let table = plan.table
        family = table?.family ?? .inet
        var chains: [ChainName: Chain] = [:]
        var hooks: [Hook.Point: [Chain]] = [:]
        for chain in table?.allChains ?? [] {
            chains[chain.name] = chain
            if let hook = chain.hook { hooks[hook.point, default: []].append(chain) }
        }
        for point in hooks.keys {
            hooks[point]?.sort { ($0.hook?.priority ?? 0) < ($1.hook?.priority ?? 0) }
        }
        self.chains = chains
        self.hooks = hooks
        translates = table?.chains.contains { $0.hook?.kind == .nat } ?? false
        var sets: [SetName: SetIndex] = [:]
        for (name, declaration) in table?.sets ?? [:] {
            sets[name] = SetIndex(declaration, table?.elements[name] ?? [:])
        }
        self.sets = sets
    }
}

extension TracedNode {
    func neighbour(_ address: IPAddress, on link: InterfaceName) -> (mac: MACAddress, origin: Origin)? {
        neighbours[link]?[address]
    }

    /// Whether a link reaches an address without a gateway, by any routing table.
    func isNear(_ address: IPAddress, on link: InterfaceName) -> Bool {
        networks[link]?.contains { $0.contains(address) } ?? false
    }

    func isOwn(_ address: IPAddress) -> Bool { addresses[address] != nil || address.isLoopback }

    func forwards(_ family: AddressFamily) -> Bool {
        sysctls[family == .ipv4 ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding"] == "1"
    }

    /// Whether a TCP connection whose beginning was not seen is taken up: unless the node says otherwise.
    var takesUpConnections: Bool { sysctls["net/netfilter/nf_conntrack_tcp_loose"] != "0" }

    var takesIPv6: Bool { sysctls["net/ipv6/conf/default/disable_ipv6"] != "1" }

    enum Destination {
        case local
        case out(Route, Origin)
        case blackhole
        case none
    }

    /// Where a packet with this mark goes that came in by a link. Own addresses come first; where the plan has policy
    /// rules they are all there are, elsewhere the kernel's own apply.
    func route(_ address: IPAddress, mark: UInt32) -> Destination {
        if isOwn(address) { return .local }
        if case .v4(let v4) = address, broadcasts.contains(v4) { return .local }
        guard let rules = policyRules[address.family], !rules.isEmpty else {
            for table in [Route.mainTable, Route.defaultTable] {
                if let (route, origin) = lookUp(address, in: table) { return .out(route, origin) }
            }
            return .none
        }
        for rule in rules where !rule.isForLocalOutput && (rule.mark.map { mark & rule.mask == $0 } ?? true) {
            switch rule.action {
            case .blackhole: return .blackhole
            case .lookup(let table):
                if let (route, origin) = lookUp(address, in: table) { return .out(route, origin) }
            }
        }
        return .none
    }

    private func lookUp(_ address: IPAddress, in table: UInt32) -> (Route, Origin)? {
        routes[table]?.first { $0.route.destination.contains(address) }
    }

    /// The address that masquerading takes: one of the link's in the network of the next hop, else any.
    func masqueradeAddress(on link: InterfaceName, towards nextHop: IPAddress) -> IPAddress? {
        let own = addresses.values.joined().filter { $0.link == link && $0.address.address.family == nextHop.family }
            .map(\.address).sorted()
        return (own.first { $0.network?.contains(nextHop) ?? false } ?? own.first)?.address
    }
}

extension InterfaceAddress {
    var network: IPPrefix? {
        switch address {
        case .v4(let v4): IPv4Prefix(containing: v4, length: prefixLength).map(IPPrefix.v4)
        case .v6(let v6): IPv6Prefix(containing: v6, length: prefixLength).map(IPPrefix.v6)
        }
    }

    /// Networks of two addresses and less have none (RFC 3021).
    fileprivate var broadcast: IPv4Address? {
        guard case .v4(let prefix)? = network, prefix.length < 31 else { return nil }
        return prefix.last
    }
}

extension IPAddress {
    var isLoopback: Bool {
        switch self {
        case .v4(let address): address.bits >> 24 == 127
        case .v6(let address): address.high == 0 && address.low == 1
        }
    }

    var isMulticast: Bool {
        switch self {
        case .v4(let address): address.bits >> 28 == 14
        case .v6(let address): address.high >> 56 == 0xff
        }
    }

    var isUnspecified: Bool { Number(self) == 0 }
    var isLimitedBroadcast: Bool { if case .v4(let address) = self { address.bits == .max } else { false } }
}
