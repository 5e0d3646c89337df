import NetworkVocabulary
import Ruleset

extension NodePlan: CustomStringConvertible {
    /// The plan as people read it, the same byte for byte for equal plans: one row a line, origin behind `#`.
    public var description: String {
        var lines = ["node \(name)  # \(owner)", "kind \(kind.rawValue)"]
        for (key, row) in rows.sorted(by: { $0.key < $1.key }) {
            _ = key
            lines.append("\(row.content)  # \(row.origin)")
        }
        if let services { lines.append("\(services)  # \(owner)") }
        for nic in served.values.sorted(by: { $0.address < $1.address }) { lines.append("\(nic)  # \(nic.origin)") }
        var text = lines.joined(separator: "\n") + "\n"
        if let table { text += "\n\(table)" }
        return text
    }
}

extension RowKey: Comparable {
    /// The order of creation: settings, devices, their limits, addresses, neighbours, routes, rules.
    private var rank: Int {
        switch self {
        case .sysctl: 0
        case .link: 1
        case .shaper: 2
        case .address: 3
        case .neighbour: 4
        case .route: 5
        case .policyRule: 6
        }
    }

    public static func < (a: Self, b: Self) -> Bool {
        switch (a, b) {
        case (.sysctl(let a), .sysctl(let b)): a < b
        case (.link(let a), .link(let b)): a < b
        case (.shaper(let a), .shaper(let b)): a < b
        case (.address(let linkA, let a), .address(let linkB, let b)): (linkA, a) < (linkB, b)
        case (.neighbour(let linkA, let a), .neighbour(let linkB, let b)): (linkA, a) < (linkB, b)
        case (.route(let tableA, let a), .route(let tableB, let b)): (tableA, a) < (tableB, b)
        case (.policyRule(let familyA, let a), .policyRule(let familyB, let b)):
            (familyA.rawValue, a) < (familyB.rawValue, b)
        default: a.rank < b.rank
        }
    }
}

extension Row.Content: CustomStringConvertible {
    public var description: String {
        switch self {
        case .link(let link): link.description
        case .shaper(let shaper): shaper.description
        case .address(let address): "address \(address.address) dev \(address.link)"
        case .neighbour(let neighbour):
            "neighbour \(neighbour.address) lladdr \(neighbour.mac) dev \(neighbour.link)"
        case .route(let route): route.description
        case .policyRule(let rule): rule.description
        case .sysctl(let sysctl): "sysctl \(sysctl.path) = \(sysctl.value)"
        }
    }
}

extension Link: CustomStringConvertible {
    public var description: String {
        var words = ["link \(name)"]
        switch kind {
        case .loopback: words.append("loopback")
        case .bridge: words.append("bridge")
        case .leg(let hostEnd, let bridge): words.append("leg host \(hostEnd) bridge \(bridge)")
        case .bridgeLink(let peer, let peerBridge): words.append("bridge-link peer \(peer) peer-bridge \(peerBridge)")
        case .vlan(let parent, let id): words.append("vlan \(id) on \(parent)")
        case .vxlan(let vni, let underlay, let flood):
            words.append("vxlan \(vni) over \(underlay)")
            if case .peers(let peers) = flood {
                words.append("peers " + peers.map(\.description).joined(separator: ","))
            }
        case .tap: words.append("tap")
        case .plug(let namespace, let device, let mac): words.append("plug into \(namespace) as \(device) mac \(mac)")
        case .foreign(let kind): words.append("foreign \(kind)")
        }
        if let mac { words.append("mac \(mac)") }
        words.append("mtu \(mtu)")
        if let bridge { words.append("port-of \(bridge)") }
        if !settings.isEmpty {
            words.append("ipv4 " + settings.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ","))
        }
        return words.joined(separator: " ")
    }
}

extension Route: CustomStringConvertible {
    public var description: String {
        var words = ["route \(destination)"]
        if let gateway { words.append("via \(gateway)") }
        words.append("dev \(link) table \(table)")
        if let source { words.append("src \(source)") }
        return words.joined(separator: " ")
    }
}

extension PolicyRule: CustomStringConvertible {
    public var description: String {
        var words = ["rule \(priority) \(family.rawValue)"]
        if isForLocalOutput { words.append("iif lo") }
        if let mark { words.append("fwmark 0x\(String(mark, radix: 16))/0x\(String(mask, radix: 16))") }
        switch action {
        case .lookup(let table): words.append("lookup \(table)")
        case .blackhole: words.append("blackhole")
        }
        return words.joined(separator: " ")
    }
}
