import NetworkVocabulary

// Public addresses, and the rules about what comes in by them and goes out.
extension Commands {
    static let firewall: Command = { client, words throws(Failure) in
        let usage =
            "firewall list [ADDRESS], firewall add ADDRESS TRAFFIC [--from CIDRS] [--plan], "
            + "firewall remove ID|ADDRESS TRAFFIC [--drain] [--plan]"
        return switch words.first {
        case "list": try show(.firewall, client, Words(words.dropFirst(), usage: usage))
        case "add":
            try addFirewallRule(client, Words(words.dropFirst(), options: ["--from"], flags: ["--plan"], usage: usage))
        case "remove": try remove(.firewall, client, removal(words, usage))
        default: throw .usage(usage)
        }
    }

    static let egress: Command = { client, words throws(Failure) in
        let usage =
            "egress list [NETWORK], egress add NETWORK TRAFFIC [--from CIDRS] [--to CIDRS] [--plan], "
            + "egress remove ID|NETWORK TRAFFIC [--drain] [--plan]"
        return switch words.first {
        case "list": try show(.egress, client, Words(words.dropFirst(), usage: usage))
        case "add":
            try addEgressRule(
                client, Words(words.dropFirst(), options: ["--from", "--to"], flags: ["--plan"], usage: usage))
        case "remove": try remove(.egress, client, removal(words, usage))
        default: throw .usage(usage)
        }
    }

    static let forward: Command = { client, words throws(Failure) in
        let usage =
            "forward list [ADDRESS], forward add ADDRESS TRAFFIC GUEST [PORT] [--guest-address ADDRESS] [--from CIDRS] "
            + "[--closed] [--plan], forward remove ID|ADDRESS TRAFFIC [--drain] [--plan]"
        return switch words.first {
        case "list": try show(.forward, client, Words(words.dropFirst(), usage: usage))
        case "add":
            try addForwarding(
                client,
                Words(
                    words.dropFirst(), options: ["--guest-address", "--from"], flags: ["--closed", "--plan"],
                    usage: usage))
        case "remove": try remove(.forward, client, removal(words, usage))
        default: throw .usage(usage)
        }
    }

    static let staticNAT: Command = { client, words throws(Failure) in
        let usage =
            "static-nat list, static-nat add ADDRESS GUEST [--guest-address ADDRESS] [--plan], "
            + "static-nat remove ADDRESS [--drain] [--plan]"
        switch words.first {
        case "list":
            try Words(words.dropFirst(), usage: usage).require(0...0)
            return try table(
                client, "listPublicIpAddresses", "publicipaddress", ["isstaticnat": "true"],
                [
                    ("ADDRESS", "ipaddress"), ("GUEST", "virtualmachinename"), ("GUEST ADDRESS", "vmipaddress"),
                    ("NETWORK", "associatednetworkname"), ("ID", "id"),
                ])
        case "add":
            let words = try Words(
                words.dropFirst(), options: ["--guest-address"], flags: ["--plan"], usage: usage)
            try words.require(2...2)
            var parameters = [
                "ipaddressid": try client.addressID(words.plain[0]),
                "virtualmachineid": try client.guestID(words.plain[1]),
            ]
            parameters["vmguestip"] = words["--guest-address"]
            return try change(client, "enableStaticNat", parameters, words) { _ in
                "\(words.plain[0]) is the address of \(words.plain[1])"
            }
        case "remove":
            let words = try removal(words, usage)
            try words.require(1...1)
            return try change(
                client, "disableStaticNat",
                ["ipaddressid": try client.addressID(words.plain[0]), "cleanup": cleanup(words)], words
            ) { _ in "\(words.plain[0]) is nobody's address" }
        default: throw .usage(usage)
        }
    }

    static let address: Command = { client, words throws(Failure) in
        let usage = "address list, address acquire NETWORK [ADDRESS] [--plan], address release ADDRESS [--plan]"
        guard let word = words.first else { throw .usage(usage) }
        let words = try Words(words.dropFirst(), flags: word == "list" ? [] : ["--plan"], usage: usage)
        switch word {
        case "list":
            try words.require(0...0)
            return try table(
                client, "listPublicIpAddresses", "publicipaddress", [:],
                [
                    ("ADDRESS", "ipaddress"), ("NETWORK", "associatednetworkname"), ("USE", "use"),
                    ("ACCOUNT", "account"), ("ZONE", "zonename"), ("ID", "id"),
                ]
            ) { $0.with("use", use(of: $0)) }
        case "acquire":
            try words.require(1...2)
            var parameters = ["networkid": try client.networkID(words.plain[0])]
            if words.plain.count == 2 { parameters["ipaddress"] = words.plain[1] }
            return try change(client, "associateIpAddress", parameters, words) {
                $0["ipaddress"]?["ipaddress"]?.text ?? "done"
            }
        case "release":
            try words.require(1...1)
            return try change(
                client, "disassociateIpAddress", ["id": try client.addressID(words.plain[0])], words
            ) { _ in "\(words.plain[0]) is released" }
        default: throw .usage(usage)
        }
    }

    private static func use(of address: JSONValue) -> String {
        if address["issourcenat"]?.text == "yes" { return "source NAT" }
        if address["isstaticnat"]?.text == "yes" {
            return "static NAT for \(address["virtualmachinename"]?.text ?? "a guest")"
        }
        return address["hasrules"]?.text == "yes" ? "rules" : "-"
    }

    static func removal(_ words: [String], _ usage: String) throws(Failure) -> Words {
        try Words(words.dropFirst(), flags: ["--drain", "--plan"], usage: usage)
    }

    // MARK: adding

    private static func addFirewallRule(_ client: APIClient, _ words: Words) throws(Failure) -> String {
        try words.require(2...2)
        var parameters = try TrafficWord(words.plain[1]).parameters
        parameters["ipaddressid"] = try client.addressID(words.plain[0])
        parameters["cidrlist"] = words["--from"]
        return try change(client, "createFirewallRule", parameters, words) { added($0["firewallrule"]) }
    }

    private static func addEgressRule(_ client: APIClient, _ words: Words) throws(Failure) -> String {
        try words.require(2...2)
        var parameters = try TrafficWord(words.plain[1]).parameters
        parameters["networkid"] = try client.networkID(words.plain[0])
        parameters["cidrlist"] = words["--from"]
        parameters["destcidrlist"] = words["--to"]
        return try change(client, "createEgressFirewallRule", parameters, words) { added($0["firewallrule"]) }
    }

    private static func addForwarding(_ client: APIClient, _ words: Words) throws(Failure) -> String {
        try words.require(3...4)
        let traffic = try TrafficWord(words.plain[1])
        guard let ports = traffic.ports else { throw .usage("ports are needed, as tcp/80: \(words.plain[1])") }
        var parameters = [
            "ipaddressid": try client.addressID(words.plain[0]), "protocol": traffic.transport,
            "publicport": "\(ports.first)", "publicendport": "\(ports.last)",
            "virtualmachineid": try client.guestID(words.plain[2]),
            "privateport": words.plain.count == 4 ? words.plain[3] : "\(ports.first)",
            "openfirewall": words.has("--closed") ? "false" : "true",
        ]
        parameters["vmguestip"] = words["--guest-address"]
        parameters["cidrlist"] = words["--from"]
        return try change(client, "createPortForwardingRule", parameters, words) { added($0["portforwardingrule"]) }
    }

    static func added(_ rule: JSONValue?) -> String { "rule \(rule?["id"]?.text ?? "?")" }

    // MARK: removing

    static func remove(_ kind: RuleKind, _ client: APIClient, _ words: Words) throws(Failure) -> String {
        try words.require(1...2)
        let id = try rule(kind, client, words, words.plain)
        return try change(client, kind.removal, ["id": id, "cleanup": cleanup(words)], words) { _ in
            "rule \(id) is removed"
        }
    }

    /// What one or two words name: an id, or an address or network and traffic.
    static func rule(
        _ kind: RuleKind, _ client: APIClient, _ words: Words, _ named: [String]
    ) throws(Failure) -> String {
        if named.count == 1 {
            guard ObjectID(named[0]) != nil else { throw .usage(words.usage) }
            return named[0]
        }
        let traffic = try TrafficWord(named[1])
        let ids = try kind.rules(client, of: named[0]).filter { kind.traffic(of: $0) == traffic }
            .compactMap { $0["id"]?.text }
        guard let first = ids.first else { throw Failure("there is no rule for \(traffic.text) of \(named[0])") }
        guard ids.count == 1 else {
            throw Failure("there are \(ids.count); name one by its id: \(ids.joined(separator: ", "))")
        }
        return first
    }

    static func cleanup(_ words: Words) -> String { words.has("--drain") ? "drain" : "end" }

    /// Makes a change and waits until the kernel has it, or shows what it would be.
    static func change(
        _ client: APIClient, _ command: String, _ parameters: [String: String], _ words: Words,
        said: (JSONValue) -> String
    ) throws(Failure) -> String {
        if words.has("--plan") {
            let answer = try client.call(command, parameters.merging(["plan": "true"]) { $1 })
            return client.settings.isJSON ? answer.rendered : dryRun(answer)
        }
        let result = try client.callAndWait(command, parameters)
        if client.settings.isJSON { return result.rendered }
        guard let count = result["flowsended"]?.text else { return said(result) }
        let fate = words.has("--drain") ? "left to finish" : "ended"
        return "\(said(result)); connections \(fate): \(count)"
    }

    // MARK: showing

    static func show(_ kind: RuleKind, _ client: APIClient, _ words: Words) throws(Failure) -> String {
        try words.require(0...1)
        let rules = try kind.rules(client, of: words.plain.first)
        if client.settings.isJSON { return JSONValue.array(rules).rendered }
        return Display.table(kind.columns, try kind.described(rules, client))
    }

    private static func table(
        _ client: APIClient, _ command: String, _ key: String, _ parameters: [String: String],
        _ columns: [(title: String, key: String)], describe: (JSONValue) -> JSONValue = { $0 }
    ) throws(Failure) -> String {
        let rows =
            try client.call(command, parameters.merging(["listall": "true", "pagesize": "-1"]) { $1 })[key]?.list ?? []
        if client.settings.isJSON { return JSONValue.array(rows).rendered }
        return Display.table(columns, rows.map(describe))
    }
}
