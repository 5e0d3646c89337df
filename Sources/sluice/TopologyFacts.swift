import Glibc

extension Topology {
    /// What the API says of everything, looked up once.
    struct Facts {
        let zones: [JSONValue]
        let ranges: [JSONValue]
        let networks: [JSONValue]
        private let routers: [JSONValue]
        private let guests: [JSONValue]
        private let addresses: [JSONValue]
        private let forwards: [JSONValue]
        private let openings: [JSONValue]
        private let exceptions: [JSONValue]
        /// Bytes a second, in words, by the id of the network.
        private let rates: [String: String]

        init(_ client: APIClient, _ interval: Double) throws(Failure) {
            func list(_ command: String, _ key: String) throws(Failure) -> [JSONValue] {
                try client.call(command, ["listall": "true", "pagesize": "-1"])[key]?.list ?? []
            }
            zones = try list("listZones", "zone")
            ranges = try list("listVlanIpRanges", "vlaniprange")
            networks = try list("listNetworks", "network")
            routers = try list("listRouters", "router")
            guests = try list("listVirtualMachines", "virtualmachine")
            addresses = try list("listPublicIpAddresses", "publicipaddress")
            forwards = try list("listPortForwardingRules", "portforwardingrule")
            openings = try list("listFirewallRules", "firewallrule")
            exceptions = try list("listEgressFirewallRules", "firewallrule")
            rates = try Self.rates(client, interval)
        }

        private static func rates(_ client: APIClient, _ interval: Double) throws(Failure) -> [String: String] {
            guard interval > 0 else { return [:] }
            func read() throws(Failure) -> (Int64?, [String: (Int64, Int64)]) {
                let answer = try client.call(
                    "listTraffic", ["type": "network", "listall": "true", "pagesize": "-1"])
                let rows = answer["traffic"]?.list ?? []
                func number(_ row: JSONValue, _ key: String) -> Int64 { row[key].flatMap { Int64($0.text) } ?? 0 }
                return (
                    answer["measured"].flatMap { Int64($0.text) },
                    Dictionary(
                        rows.map { ($0["id"]?.text ?? "", (number($0, "receivedbytes"), number($0, "sentbytes"))) }
                    ) { first, _ in first }
                )
            }
            let (then, before) = try read()
            usleep(useconds_t(interval * 1_000_000))
            let (now, after) = try read()
            guard let then, let now, now > then else { return [:] }
            var rates: [String: String] = [:]
            for (id, count) in after {
                guard let old = before[id] else { continue }
                let seconds = Double(now - then) / 1_000
                let (received, sent) = (Double(count.0 - old.0) / seconds, Double(count.1 - old.1) / seconds)
                if received + sent > 0 { rates[id] = "in \(Top.inUnits(received))/s out \(Top.inUnits(sent))/s" }
            }
            return rates
        }

        func segment(_ network: JSONValue) -> Segment {
            let id = network["id"]?.text ?? ""
            return Segment(
                name: network["name"]?.text ?? "?", owner: network["account"]?.text,
                kind: network["broadcasturi"]?.text ?? network["state"]?.text ?? "", cidr: network["cidr"]?.text ?? "",
                rate: rates[id] ?? "",
                router: routers.first { $0["guestnetworkid"]?.text == id }.map { router($0, id) },
                egress: exceptions.filter { $0["networkid"]?.text == id }.map(Self.traffic),
                machines: machines(on: id))
        }

        private func router(_ router: JSONValue, _ network: String) -> Router {
            let own = addresses.filter { $0["associatednetworkid"]?.text == network }
            return Router(
                name: router["name"]?.text ?? "?", state: router["state"]?.text ?? "?",
                addresses: own.map { address in (address["ipaddress"]?.text ?? "?", rules(of: address)) })
        }

        private func rules(of address: JSONValue) -> [String] {
            let id = address["id"]?.text
            var rules: [String] = []
            if address["issourcenat"]?.text == "yes" { rules.append("source NAT of the network") }
            if address["isstaticnat"]?.text == "yes" {
                rules.append("static NAT for \(address["virtualmachinename"]?.text ?? "?")")
            }
            for rule in forwards where rule["ipaddressid"]?.text == id {
                rules.append(
                    "\(rule["protocol"]?.text ?? "?")/\(rule["publicport"]?.text ?? "?") to "
                        + "\(rule["virtualmachinename"]?.text ?? "?"):\(rule["privateport"]?.text ?? "?")")
            }
            for rule in openings where rule["ipaddressid"]?.text == id { rules.append("lets in \(Self.traffic(rule))") }
            return rules
        }

        private static func traffic(_ rule: JSONValue) -> String {
            var text = rule["protocol"]?.text ?? "?"
            if let start = rule["startport"]?.text {
                let end = rule["endport"]?.text ?? start
                text += "/\(start)" + (end == start ? "" : "-\(end)")
            }
            if let type = rule["icmptype"]?.text, type != "-1" { text += "/\(type)" }
            return text + (rule["cidrlist"].map { " from \($0.text)" } ?? "")
                + (rule["destcidrlist"].map { $0.text.isEmpty ? "" : " to \($0.text)" } ?? "")
        }

        private func machines(on network: String) -> [Machine] {
            guests.flatMap { guest in
                (guest["nic"]?.list ?? []).filter { $0["networkid"]?.text == network }.map { nic in
                    let further = (nic["secondaryip"]?.list ?? []).compactMap { $0["ipaddress"]?.text }
                    return Machine(
                        name: guest["name"]?.text ?? "?", state: guest["state"]?.text ?? "?",
                        port: "\(guest["instancename"]?.text ?? "?") eth\(nic["deviceid"]?.text ?? "?")",
                        addresses: ([nic["ipaddress"]?.text ?? "-"] + further).joined(separator: ","))
                }
            }
        }
    }
}
