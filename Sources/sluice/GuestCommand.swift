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
        let ports = guest["nic"]?.list ?? []
        // One that others play has no namespace of its own.
        let isEmulated = ports.contains { $0["port"]?.text == "emulated" }
        let facts = Display.facts([
            ("name", guest["name"]?.text), (isEmulated ? "namespace" : "instance", guest["instancename"]?.text),
            ("state", guest["state"]?.text), ("account", guest["account"]?.text), ("id", guest["id"]?.text),
        ])
        let rows = ports.map { nic in
            guard case .object(var fields) = nic else { return nic }
            // By what whoever plays the machine finds the port: the file of taps, or a link in a namespace.
            fields["behind"] =
                nic["path"]
                ?? nic["device"].map { .string("\(nic["hostnamespace"]?.text ?? "")/\($0.text)") }
            let done = activity.first { $0["nicid"]?.text == nic["id"]?.text }
            for (key, from) in [
                ("dhcpanswer", "dhcpanswer"), ("dhcptime", "dhcptime"), ("dnsrate", "dnsrate"),
                ("metadatatime", "metadatatime"),
            ] { fields[key] = done?[from] }
            return .object(fields)
        }
        let nics = Display.table(
            [
                ("NETWORK", "networkname"), ("MAC", "macaddress"), ("ADDRESS", "ipaddress"), ("MTU", "mtu"),
                ("PORT", "port"), ("ON THE HOST", "hostdevice"), ("BEHIND IT", "behind"), ("DHCP", "dhcpanswer"),
                ("AT", "dhcptime"), ("NAMES/S", "dnsrate"), ("METADATA READ", "metadatatime"),
            ], rows)
        return facts + "\n\n" + nics
    }
}
