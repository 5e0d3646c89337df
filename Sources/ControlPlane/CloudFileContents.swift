import CloudModel
import NetworkVocabulary

// What a cloud file says of addresses and rules, read; whether it can be is decided when it is brought about.

/// A firewall rule's content; the order of its networks says nothing.
struct FirewallContent: Hashable {
    let traffic: Traffic
    let sources: [IPPrefix]

    init(_ traffic: Traffic, _ sources: [IPPrefix]) {
        self.traffic = traffic
        self.sources = sources.sorted()
    }
}

struct EgressContent: Hashable {
    let firewall: FirewallContent
    let destinations: [IPPrefix]

    init(_ traffic: Traffic, _ sources: [IPPrefix], _ destinations: [IPPrefix]) {
        firewall = FirewallContent(traffic, sources)
        self.destinations = destinations.sorted()
    }
}

struct ForwardingContent: Hashable {
    let transport: PortForwarding.Transport
    let publicPorts: PortRange
    let privatePorts: PortRange
    let target: StaticNAT
    let sources: [IPPrefix]
    let opensFirewall: Bool
}

/// An address of the file, with lists only where the file is about them.
struct AddressInFile {
    let id: ObjectID
    let path: String
    let staticNAT: (wanted: StaticNAT?, text: CloudFile.StaticNAT?)?
    let forward: [(content: ForwardingContent, text: CloudFile.Forwarding)]?
    let balance: [BalancerInFile]?
    let firewall: [(content: FirewallContent, text: CloudFile.FirewallRule)]?
}

struct EgressInFile {
    let network: ObjectID
    let path: String
    let rules: [(content: EgressContent, text: CloudFile.EgressRule)]
}

/// Parameters of the API by the file's fields.
enum RuleFields {
    static let firewall = [
        "protocol": "traffic", "startport": "traffic", "endport": "traffic", "icmptype": "traffic",
        "icmpcode": "traffic",
        "cidrlist": "sources", "destcidrlist": "destinations", "ipaddressid": "", "networkid": "",
    ]
    static let forwarding = [
        "protocol": "from", "publicport": "from", "publicendport": "from", "privateport": "ports",
        "privateendport": "ports", "virtualmachineid": "to", "vmguestip": "address", "cidrlist": "sources",
        "openfirewall": "openFirewall", "ipaddressid": "", "networkid": "",
    ]
}

extension Draft {
    func read(
        _ wanted: CloudFile.PublicAddress, _ id: ObjectID, _ path: String, _ prunes: Bool
    ) throws(RequestError) -> AddressInFile {
        guard let network = cloud.publicAddresses[id]?.network else { throw unknown("\(path).network", id) }
        var forward: [(ForwardingContent, CloudFile.Forwarding)]?
        for (index, rule) in (wanted.forward ?? []).enumerated() {
            forward = forward ?? []
            forward?.append((try content(rule, network, "\(path).forward[\(index)]"), rule))
        }
        var balance: [BalancerInFile]?
        for (index, rule) in (wanted.balance ?? []).enumerated() {
            balance = balance ?? []
            balance?.append(try read(rule, .publicAddress(id), network, "\(path).balance[\(index)]"))
        }
        var firewall: [(FirewallContent, CloudFile.FirewallRule)]?
        for (index, rule) in (wanted.firewall ?? []).enumerated() {
            let path = "\(path).firewall[\(index)]"
            let sources = try inFile(path, RuleFields.firewall) { () throws(RequestError) in
                try prefixes(rule.sources, "cidrlist", else: [.v4(.everything)])
            }
            firewall = firewall ?? []
            firewall?.append((FirewallContent(try traffic(rule.traffic, path), sources), rule))
        }
        var staticNAT: (StaticNAT?, CloudFile.StaticNAT?)?
        if let text = wanted.staticNAT {
            staticNAT = (try target(text.guest, text.address, network, "\(path).staticNAT", "guest"), text)
        } else if prunes || wanted.forward?.isEmpty == false || wanted.balance?.isEmpty == false {
            staticNAT = (nil, nil)
        }
        return AddressInFile(
            id: id, path: path, staticNAT: staticNAT,
            forward: forward ?? (wanted.forward != nil || prunes || wanted.staticNAT != nil ? [] : nil),
            balance: balance ?? (wanted.balance != nil || prunes || wanted.staticNAT != nil ? [] : nil),
            firewall: firewall ?? (wanted.firewall != nil || prunes ? [] : nil))
    }

    private func content(
        _ rule: CloudFile.Forwarding, _ network: ObjectID, _ path: String
    ) throws(RequestError) -> ForwardingContent {
        let transport: PortForwarding.Transport
        let publicPorts: PortRange
        switch Traffic(rule.from) {
        case .tcp(let ports?): (transport, publicPorts) = (.tcp, ports)
        case .udp(let ports?): (transport, publicPorts) = (.udp, ports)
        default: throw invalid("from", rule.from, "it is not tcp/80, udp/5000-5009 or alike").inFile(path, [:])
        }
        var privatePorts = publicPorts
        if let text = rule.ports {
            guard let ports = PortRange(text) else {
                throw invalid("ports", text, "it is not a port or a range of ports").inFile(path, [:])
            }
            privatePorts = ports
        }
        let sources = try inFile(path, RuleFields.forwarding) { () throws(RequestError) in
            try prefixes(rule.sources, "cidrlist", else: [])
        }
        return ForwardingContent(
            transport: transport, publicPorts: publicPorts, privatePorts: privatePorts,
            target: try target(rule.to, rule.address, network, path, "to"), sources: sources.sorted(),
            opensFirewall: rule.opensFirewall)
    }

    /// The NIC that is meant, and which of its addresses; whether it has that one is decided later.
    func target(
        _ guest: String, _ text: String?, _ network: ObjectID, _ path: String, _ field: String
    ) throws(RequestError) -> StaticNAT {
        guard let found = cloud.guest(named: guest, onNetwork: network),
            let nic = cloud.claims[.nic(guest: found.id, network: network)].flatMap({ cloud.nics[$0.id] }),
            let primary = nic.address
        else { throw reference("\(path).\(field)", "guest on the address's network", guest) }
        let address = try inFile(path, [:]) { () throws(RequestError) in
            try text.map { text throws(RequestError) in try self.address(text, "address") } ?? primary
        }
        return StaticNAT(nic: nic.id, guestAddress: address)
    }

    func read(
        _ wanted: [CloudFile.EgressRule], _ network: Network, _ path: String
    ) throws(RequestError) -> EgressInFile {
        var rules: [(EgressContent, CloudFile.EgressRule)] = []
        for (index, rule) in wanted.enumerated() {
            let path = "\(path)[\(index)]"
            let (sources, destinations) = try inFile(path, RuleFields.firewall) { () throws(RequestError) in
                (
                    try egressSources(rule.sources, network),
                    try prefixes(rule.destinations, "destcidrlist", else: [.v4(.everything)])
                )
            }
            rules.append((EgressContent(try traffic(rule.traffic, path), sources, destinations), rule))
        }
        return EgressInFile(network: network.id, path: path, rules: rules)
    }

    private func traffic(_ text: String, _ path: String) throws(RequestError) -> Traffic {
        guard let traffic = Traffic(text) else {
            throw invalid("traffic", text, "it is not all, tcp/80, udp/8000-8010, icmp/8/0, 47 or alike")
                .inFile(path, [:])
        }
        return traffic
    }
}

extension Traffic {
    /// In the words of a request.
    var text: TrafficText {
        switch self {
        case .all: TrafficText(transport: "all")
        case .tcp(let ports):
            TrafficText(
                transport: "tcp", startPort: ports.map { Int($0.first) }, endPort: ports.map { Int($0.last) })
        case .udp(let ports):
            TrafficText(
                transport: "udp", startPort: ports.map { Int($0.first) }, endPort: ports.map { Int($0.last) })
        case .icmp(let type, let code):
            TrafficText(transport: "icmp", icmpType: type.map(Int.init), icmpCode: code.map(Int.init))
        case .other(let number): TrafficText(transport: "\(number.number)")
        }
    }
}
