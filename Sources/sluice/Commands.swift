/// The commands by the word that is typed. A command gets the words after its own and returns what to print.
enum Commands {
    typealias Command = @Sendable (APIClient, [String]) throws(Failure) -> String

    static let all: [String: Command] = [
        "status": status, "plan": plan, "apply": apply, "router": router, "guest": guest, "network": network,
        "port": port, "address": address, "firewall": firewall, "forward": forward, "lb": balancer,
        "static-nat": staticNAT, "egress": egress, "top": Top.command, "events": events, "exec": exec,
        "explain": explain, "api": api,
        "test": test, "replay": ReplayCommand.command,
        "isolation": IsolationCommand.command, "topology": Topology.command, "record": RecordCommand.command,
        "export": export,
    ]

    // MARK: status

    static let status: Command = { client, words throws(Failure) in
        try none(words)
        let answer = try client.call("getStatus")
        guard let status = answer["status"] else { return answer.rendered }
        if client.settings.isJSON { return status.rendered }
        let nodes = status["nodes"]
        let objects = status["objects"]
        let missing = (status["features"]?.list ?? []).filter { $0["available"]?.text == "no" }
        let failed = try client.call("listNodes", ["state": "Failed"])["node"]?.list ?? []
        return Display.facts(
            [
                ("version", status["version"]?.text), ("revision", status["revision"]?.text),
                ("up for", status["uptime"].map { "\($0.text) s" }),
                (
                    "nodes",
                    nodes.map { nodes in
                        ["total", "verified", "pending", "failed"].map { "\(nodes[$0]?.text ?? "0") \($0)" }
                            .joined(separator: ", ")
                    }
                ),
                (
                    "objects",
                    objects.map { objects in
                        ["zones", "networks", "routers", "guests", "publicaddresses"]
                            .map { "\(objects[$0]?.text ?? "0") \($0)" }.joined(separator: ", ")
                    }
                ),
                ("hindrance", status["hindrance"]?.text),
                (
                    "missing in the kernel",
                    missing.isEmpty
                        ? nil
                        : missing.map { "\($0["name"]?.text ?? "") (module \($0["missingmodule"]?.text ?? "?"))" }
                            .joined(separator: ", ")
                ),
            ] + failed.map { ("failed \($0["name"]?.text ?? "")", $0["error"]?.text) })
    }

    // MARK: plans

    static let plan: Command = { client, words throws(Failure) in
        guard words.first == "show", words.count <= 2 else { throw .usage("plan show [NODE]") }
        let names: [String]
        if let name = words.dropFirst().first {
            names = [name]
        } else {
            names = (try client.call("listNodes", ["pagesize": "-1"])["node"]?.list ?? []).compactMap {
                $0["name"]?.text
            }
        }
        var plans: [JSONValue] = []
        for name in names { plans.append(try client.call("getPlan", ["name": name])["plan"] ?? .null) }
        if client.settings.isJSON { return JSONValue.array(plans).rendered }
        return plans.compactMap { $0["text"]?.text }.joined(separator: "\n")
    }

    static let apply: Command = { client, words throws(Failure) in
        var isDryRun = false
        var isPruning = false
        var files: [String] = []
        for word in words {
            switch word {
            case "--dry-run": isDryRun = true
            case "--prune": isPruning = true
            case _ where word.hasPrefix("--"): throw .usage("apply has no option \(word)")
            default: files.append(word)
            }
        }
        guard files.count == 1 else { throw .usage("apply [--dry-run] [--prune] FILE") }
        guard let text = TextFile.read(files[0]) else { throw Failure("\(files[0]): cannot be read") }
        let answer = try client.callWithProgress(
            "applying", "applyCloud", ["cloud": text, "prune": "\(isPruning)", "plan": "\(isDryRun)"])
        if client.settings.isJSON { return answer.rendered }
        return isDryRun ? dryRun(answer) : applied(answer)
    }

    private static func applied(_ answer: JSONValue) -> String {
        let changes = answer["cloud"]?["changes"]?.list ?? []
        if changes.isEmpty { return "nothing to change" }
        return "\(changes.count) changes, in the kernel as of revision \(answer["cloud"]?["revision"]?.text ?? "?")"
    }

    static func dryRun(_ answer: JSONValue) -> String {
        let plan = answer["plan"] ?? answer["cloud"] ?? answer
        let changes = plan["changes"]?.list ?? []
        if changes.isEmpty { return "nothing to change" }
        let difference = plan["difference"]?.text ?? ""
        return "\(changes.count) changes would be made\n" + changes.map { "  \($0.text)\n" }.joined() + difference
    }

    // MARK: lists

    static let router: Command = { client, words throws(Failure) in
        switch (words.first, words.count) {
        case ("list", 1):
            return try list(
                client, "listRouters", "router",
                [
                    ("NAME", "name"), ("STATE", "state"), ("NETWORK", "guestnetworkname"), ("PUBLIC", "publicip"),
                    ("GUEST", "guestipaddress"), ("ID", "id"),
                ])
        case ("show", 2): return try show(client, words[1])
        default: throw .usage("router list, or router show NAME")
        }
    }

    private static func show(_ client: APIClient, _ name: String) throws(Failure) -> String {
        let found = try client.call("listRouters", ["name": name, "listall": "true"])["router"]?.list ?? []
        guard let router = found.first else { throw Failure("there is no router \(name)") }
        if client.settings.isJSON { return router.rendered }
        let node = try client.call("listNodes", ["name": name])["node"]?.list.first
        let facts = Display.facts([
            ("name", router["name"]?.text), ("id", router["id"]?.text), ("state", router["state"]?.text),
            ("kernel", node?["state"]?.text ?? "no namespace"), ("error", node?["error"]?.text),
            ("network", router["guestnetworkname"]?.text), ("account", router["account"]?.text),
            ("zone", router["zonename"]?.text), ("source NAT", router["publicip"]?.text),
        ])
        let nics = Display.table(
            [
                ("NIC", "deviceid"), ("TRAFFIC", "traffictype"), ("MAC", "macaddress"), ("ADDRESS", "ipaddress"),
                ("NETMASK", "netmask"), ("GATEWAY", "gateway"),
            ], router["nic"]?.list ?? [])
        return facts + "\n\n" + nics
    }

    static func guestList(_ client: APIClient) throws(Failure) -> String {
        try list(
            client, "listVirtualMachines", "virtualmachine",
            [
                ("NAME", "name"), ("NAMESPACE", "instancename"), ("STATE", "state"), ("ADDRESS", "ipaddress"),
                ("ACCOUNT", "account"), ("ID", "id"),
            ])
    }

    static let port: Command = { client, words throws(Failure) in
        guard words == ["list"] else { throw .usage("port list") }
        return try list(
            client, "listPorts", "port",
            [
                ("NAME", "name"), ("PORT", "port"), ("NAMESPACE", "namespace"), ("DEVICE", "device"),
                ("ON THE HOST", "hostdevice"), ("PATH", "path"),
                ("MTU", "mtu"), ("MAC", "macaddress"), ("BRIDGE", "segment"), ("NETWORK", "networkname"),
                ("REFUSED", "refusedpackets"),
            ])
    }

    static let network: Command = { client, words throws(Failure) in
        guard words == ["list"] else { throw .usage("network list") }
        return try list(
            client, "listNetworks", "network",
            [
                ("NAME", "name"), ("TYPE", "type"), ("STATE", "state"), ("CIDR", "cidr"), ("GATEWAY", "gateway"),
                ("SEGMENT", "broadcasturi"), ("OFFERING", "networkofferingname"), ("ID", "id"),
            ])
    }

    static let events: Command = { client, words throws(Failure) in
        try none(words)
        return try list(
            client, "listEvents", "event",
            [
                ("TIME", "created"), ("LEVEL", "level"), ("STATE", "state"), ("TYPE", "type"),
                ("DESCRIPTION", "description"),
            ])
    }

    private static func list(
        _ client: APIClient, _ command: String, _ key: String, _ columns: [(title: String, key: String)]
    ) throws(Failure) -> String {
        let rows = try client.call(command, ["listall": "true"])[key]?.list ?? []
        if client.settings.isJSON { return JSONValue.array(rows).rendered }
        return Display.table(columns, rows.map(flattened))
    }

    /// A guest's first address, where a list has none of its own.
    private static func flattened(_ row: JSONValue) -> JSONValue {
        guard case .object(var fields) = row, fields["ipaddress"] == nil,
            let address = fields["nic"]?.list.first?["ipaddress"]
        else { return row }
        fields["ipaddress"] = address
        return .object(fields)
    }

    // MARK: anything

    static let api: Command = { client, words throws(Failure) in
        guard let command = words.first else { throw .usage("api COMMAND [NAME=VALUE …]") }
        var parameters: [String: String] = [:]
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw .usage("not of the form NAME=VALUE: \(word)") }
            parameters[parts[0]] = parts[1]
        }
        return try client.callAndWait(command, parameters).rendered
    }

    static func none(_ words: [String]) throws(Failure) {
        if let word = words.first { throw .usage("unexpected argument: \(word)") }
    }
}
