import NetworkVocabulary

// Ports of public addresses that guests share.
extension Commands {
    static let balancer: Command = { client, words throws(Failure) in
        let usage =
            "lb list [ADDRESS], lb show ID|ADDRESS TRAFFIC, lb add ADDRESS TRAFFIC NAME [PORT] [--algorithm WORD] "
            + "[--to GUESTS] [--from CIDRS] [--closed] [--plan], lb assign|unassign ID|ADDRESS TRAFFIC GUESTS [--drain] "
            + "[--plan], lb remove ID|ADDRESS TRAFFIC [--drain] [--plan]"
        switch words.first {
        case "list": return try show(.balancer, client, Words(words.dropFirst(), usage: usage))
        case "show": return try showBalancer(client, Words(words.dropFirst(), usage: usage))
        case "add":
            return try addBalancer(
                client,
                Words(
                    words.dropFirst(), options: ["--algorithm", "--to", "--from"], flags: ["--closed", "--plan"],
                    usage: usage))
        case "assign":
            return try move(
                client, "assignToLoadBalancerRule", Words(words.dropFirst(), flags: ["--plan"], usage: usage))
        case "unassign": return try move(client, "removeFromLoadBalancerRule", removal(words, usage))
        case "remove": return try remove(.balancer, client, removal(words, usage))
        default: throw .usage(usage)
        }
    }

    private static func addBalancer(_ client: APIClient, _ words: Words) throws(Failure) -> String {
        try words.require(3...4)
        let traffic = try TrafficWord(words.plain[1])
        guard let ports = traffic.ports, ports.count == 1 else {
            throw .usage("one port is needed, as tcp/80: \(words.plain[1])")
        }
        var parameters = [
            "publicipid": try client.addressID(words.plain[0]), "protocol": traffic.transport,
            "publicport": "\(ports.first)", "name": words.plain[2],
            "privateport": words.plain.count == 4 ? words.plain[3] : "\(ports.first)",
            "algorithm": words["--algorithm"] ?? "roundrobin",
            "openfirewall": words.has("--closed") ? "false" : "true",
        ]
        parameters["cidrlist"] = words["--from"]
        let guests = try words["--to"].map { text throws(Failure) in try guestIDs(client, text) }
        let said = try change(client, "createLoadBalancerRule", parameters, words) { added($0["loadbalancer"]) }
        guard let guests, !words.has("--plan") else { return said }
        let id = try rule(.balancer, client, words, [words.plain[0], words.plain[1]])
        _ = try client.callAndWait("assignToLoadBalancerRule", ["id": id, "virtualmachineids": guests])
        return said
    }

    private static func move(_ client: APIClient, _ command: String, _ words: Words) throws(Failure) -> String {
        try words.require(2...3)
        let id = try rule(.balancer, client, words, Array(words.plain.dropLast()))
        let guests = words.plain[words.plain.count - 1]
        var parameters = ["id": id, "virtualmachineids": try guestIDs(client, guests)]
        if command == "removeFromLoadBalancerRule" { parameters["cleanup"] = cleanup(words) }
        return try change(client, command, parameters, words) { _ in
            "\(guests) \(command.hasPrefix("assign") ? "shares" : "shares no longer") rule \(id)"
        }
    }

    private static func guestIDs(_ client: APIClient, _ names: String) throws(Failure) -> String {
        var ids: [String] = []
        for name in names.split(separator: ",") { ids.append(try client.guestID(String(name))) }
        return ids.joined(separator: ",")
    }

    /// A line for each address that shares the port.
    private static func showBalancer(_ client: APIClient, _ words: Words) throws(Failure) -> String {
        try words.require(1...2)
        let id = try rule(.balancer, client, words, words.plain)
        let answer = try client.call("listLoadBalancerRuleInstances", ["id": id, "lbvmips": "true", "pagesize": "-1"])
        let pairs = answer["lbrulevmidip"]?.list ?? []
        if client.settings.isJSON { return JSONValue.array(pairs).rendered }
        let rows = pairs.flatMap { pair in
            let guest = pair["loadbalancerruleinstance"]?["name"]?.text ?? "?"
            return (pair["members"]?.list ?? []).map { $0.with("guest", guest) }
        }
        return Display.table(
            [
                ("GUEST", "guest"), ("ADDRESS", "ipaddress"), ("STATE", "state"), ("CONNECTIONS", "connections"),
                ("ERRORS", "errors"), ("MS", "responsetime"), ("RECEIVED", "receivedbytes"), ("SENT", "sentbytes"),
            ], rows)
    }
}
