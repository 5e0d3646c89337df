import NetworkVocabulary

/// The kinds of rules, and how each is listed, shown and removed.
enum RuleKind {
    /// What may come in to a public address.
    case firewall
    /// Exceptions from the egress policy of a network.
    case egress
    /// Ports of a public address that lead to a guest.
    case forward
    /// Ports of a public address that guests share.
    case balancer

    var removal: String {
        switch self {
        case .firewall: "deleteFirewallRule"
        case .egress: "deleteEgressFirewallRule"
        case .forward: "deletePortForwardingRule"
        case .balancer: "deleteLoadBalancerRule"
        }
    }

    /// All of them, or those of one public address or network.
    func rules(_ client: APIClient, of place: String?) throws(Failure) -> [JSONValue] {
        var parameters = ["listall": "true", "pagesize": "-1"]
        let (command, key): (String, String)
        switch self {
        case .firewall: (command, key) = ("listFirewallRules", "firewallrule")
        case .egress: (command, key) = ("listEgressFirewallRules", "firewallrule")
        case .forward: (command, key) = ("listPortForwardingRules", "portforwardingrule")
        case .balancer: (command, key) = ("listLoadBalancerRules", "loadbalancerrule")
        }
        if let place {
            switch self {
            case .firewall, .forward: parameters["ipaddressid"] = try client.addressID(place)
            case .balancer: parameters["publicipid"] = try client.addressID(place)
            case .egress: parameters["networkid"] = try client.networkID(place)
            }
        }
        return try client.call(command, parameters)[key]?.list ?? []
    }

    func traffic(of rule: JSONValue) -> TrafficWord {
        switch self {
        case .forward: TrafficWord(rule: rule, ports: ("publicport", "publicendport"))
        case .balancer: TrafficWord(rule: rule, ports: ("publicport", "publicport"))
        case .firewall, .egress: TrafficWord(rule: rule, ports: ("startport", "endport"))
        }
    }

    var columns: [(title: String, key: String)] {
        switch self {
        case .firewall:
            [("ADDRESS", "ipaddress"), ("TRAFFIC", "traffic"), ("FROM", "cidrlist"), ("TYPE", "type"), ("ID", "id")]
        case .egress:
            [
                ("NETWORK", "network"), ("EFFECT", "effect"), ("TRAFFIC", "traffic"), ("FROM", "cidrlist"),
                ("TO", "destcidrlist"), ("TYPE", "type"), ("ID", "id"),
            ]
        case .forward:
            [
                ("ADDRESS", "ipaddress"), ("TRAFFIC", "traffic"), ("GUEST", "virtualmachinename"), ("TO", "to"),
                ("FROM", "cidrlist"), ("ID", "id"),
            ]
        case .balancer:
            [
                ("NAME", "name"), ("ADDRESS", "publicip"), ("TRAFFIC", "traffic"), ("TO", "privateport"),
                ("ALGORITHM", "algorithm"), ("FROM", "cidrlist"), ("ID", "id"),
            ]
        }
    }

    /// With what a person wants to see in one column.
    func described(_ rules: [JSONValue], _ client: APIClient) throws(Failure) -> [JSONValue] {
        let rows = rules.map { $0.with("traffic", traffic(of: $0).text) }
        switch self {
        case .firewall, .balancer: return rows
        case .forward:
            return rows.map { row in
                let ports = TrafficWord(rule: row, ports: ("privateport", "privateendport")).ports?.description ?? "?"
                return row.with("to", "\(row["vmguestip"]?.text ?? "?"):\(ports)")
            }
        case .egress:
            guard !rows.isEmpty else { return [] }
            // The same rule allows in one network and denies in another: the table says which.
            let networks =
                try client.call("listNetworks", ["listall": "true", "pagesize": "-1"])["network"]?.list ?? []
            let byID = Dictionary(networks.map { ($0["id"]?.text ?? "", $0) }) { first, _ in first }
            return rows.map { row in
                let network = byID[row["networkid"]?.text ?? ""]
                let effect = network?["egressdefaultpolicy"].map { $0.text == "yes" ? "deny" : "allow" }
                return row.with("network", network?["name"]?.text ?? "?").with("effect", effect ?? "?")
            }
        }
    }
}

extension JSONValue {
    /// With one more field for a table.
    func with(_ key: String, _ text: String) -> JSONValue {
        guard case .object(var fields) = self else { return self }
        fields[key] = .string(text)
        return .object(fields)
    }
}
