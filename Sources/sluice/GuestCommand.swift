/// Guests, and what they did with the services of their networks.
extension Commands {
    static let guest: Command = { client, words throws(Failure) in
        switch words.first {
        case "list" where words.count == 1: return try guestList(client)
        case "show" where words.count == 2: return try guestShow(client, words[1])
        default: throw .usage("guest list, or guest show NAME")
        }
    }

    private static func guestShow(_ client: APIClient, _ name: String) throws(Failure) -> String {
        let id = try client.guestID(name)
        let guests =
            try client.call("listVirtualMachines", ["id": id, "listall": "true"])["virtualmachine"]?.list ?? []
        guard let guest = guests.first else { throw Failure("there is no guest \(name)") }
        let activity =
            try client.call("listServiceActivity", ["virtualmachineid": id, "listall": "true"])["serviceactivity"]?.list
            ?? []
        if client.settings.isJSON {
            return JSONValue.object(["guest": guest, "serviceactivity": .array(activity)]).rendered
        }
        let facts = Display.facts([
            ("name", guest["name"]?.text), ("namespace", guest["instancename"]?.text),
            ("state", guest["state"]?.text), ("account", guest["account"]?.text), ("id", guest["id"]?.text),
        ])
        let rows = (guest["nic"]?.list ?? []).map { nic in
            guard case .object(var fields) = nic else { return nic }
            let done = activity.first { $0["nicid"]?.text == nic["id"]?.text }
            for (key, from) in [
                ("dhcpanswer", "dhcpanswer"), ("dhcptime", "dhcptime"), ("dnsrate", "dnsrate"),
                ("metadatatime", "metadatatime"),
            ] { fields[key] = done?[from] }
            return .object(fields)
        }
        let nics = Display.table(
            [
                ("NETWORK", "networkname"), ("MAC", "macaddress"), ("ADDRESS", "ipaddress"), ("DHCP", "dhcpanswer"),
                ("AT", "dhcptime"), ("NAMES/S", "dnsrate"), ("METADATA READ", "metadatatime"),
            ], rows)
        return facts + "\n\n" + nics
    }
}
