import NetworkVocabulary
import PacketTesting

/// A port of the running cloud, as the daemon tells of it.
struct LivePort {
    let name: String
    let account: String?
    let network: String?
    /// What it hangs on: ports of one network share it.
    let segment: String?
    /// Where packets can be sent and heard; nil for ports that are no namespace's.
    let place: Replay.Port?
    let mac: MACAddress?
    let gateway: MACAddress?
    let addresses: [IPAddress]
    let neighbours: [IPAddress: MACAddress]

    init(_ row: JSONValue) {
        name = row["name"]?.text ?? ""
        account = row["account"]?.text
        network = row["networkname"]?.text
        segment = row["segment"]?.text
        mac = row["macaddress"].flatMap { MACAddress($0.text) }
        gateway = row["gatewaymac"].flatMap { MACAddress($0.text) }
        addresses = row["ipaddress"]?.list.compactMap { IPAddress($0.text) } ?? []
        var neighbours: [IPAddress: MACAddress] = [:]
        for neighbour in row["neighbour"]?.list ?? [] {
            guard let address = neighbour["address"].flatMap({ IPAddress($0.text) }) else { continue }
            neighbours[address] = neighbour["macaddress"].flatMap { MACAddress($0.text) }
        }
        self.neighbours = neighbours
        place = row["device"].map { device in
            Replay.Port(name: row["name"]?.text ?? "", namespace: row["namespace"]?.text, device: device.text)
        }
    }

    /// All of them, by name.
    static func all(_ client: APIClient) throws(Failure) -> [String: LivePort] {
        let rows = try client.call("listPorts", ["pagesize": "-1"])["port"]?.list ?? []
        return Dictionary(rows.map { ($0["name"]?.text ?? "", LivePort($0)) }) { first, _ in first }
    }
}

extension [String: LivePort] {
    /// The port of a name, which must be one where packets can be sent; or a device of the caller's namespace as `dev:eth0`.
    func place(_ name: String) throws(Failure) -> Replay.Port {
        if name.hasPrefix("dev:") {
            return Replay.Port(name: name, namespace: nil, device: String(name.dropFirst(4)))
        }
        guard let port = self[name] else {
            throw Failure("there is no port \(name); there are: \(keys.sorted().joined(separator: ", "))")
        }
        guard let place = port.place else { throw Failure("\(name) has no namespace to send and to listen in") }
        return place
    }
}
