import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createPod(_ zone: ObjectID, _ fields: PodFields) throws(RequestError) -> [Reference] {
        guard cloud.zones[zone] != nil else { throw unknown("zoneid", zone) }
        guard let first = fields.first, let gateway = fields.gateway, let netmask = fields.netmask else {
            let missing = fields.gateway == nil ? "gateway" : fields.netmask == nil ? "netmask" : "startip"
            throw .missing(missing, command)
        }
        let range = try systemRange(gateway: gateway, netmask: netmask, first: first, last: fields.last)
        var pod = Pod(
            id: newID(), zone: zone, name: try podName(fields.name ?? "", zone, nil), subnet: range.subnet,
            gateway: range.gateway, addresses: range.addresses)
        pod.isEnabled = fields.isEnabled ?? true
        try checkPod(pod)
        try put(.pod(pod))
        return [Reference(.pod, pod.id)]
    }

    mutating func updatePod(_ id: ObjectID, _ fields: PodFields) throws(RequestError) -> [Reference] {
        guard var pod = cloud.pods[id] else { throw unknown("id", id) }
        if let name = fields.name { pod.name = try podName(name, pod.zone, id) }
        let range = try systemRange(
            gateway: fields.gateway ?? pod.gateway.description,
            netmask: fields.netmask ?? pod.subnet.netmask.description,
            first: fields.first ?? pod.addresses.first.description, last: fields.last ?? pod.addresses.last.description)
        pod.subnet = range.subnet
        pod.gateway = range.gateway
        pod.addresses = range.addresses
        if let isEnabled = fields.isEnabled { pod.isEnabled = isEnabled }
        try checkPod(pod)
        try put(.pod(pod))
        return [Reference(.pod, id)]
    }

    private func podName(_ text: String, _ zone: ObjectID, _ id: ObjectID?) throws(RequestError) -> String {
        let name = try name(text, "name")
        if let other = cloud.pod(named: name, inZone: zone), other.id != id {
            throw .refused("name", "A pod with that name already exists in the zone: \(RequestError.excerpt(name))")
        }
        return name
    }

    /// Pods of a zone share its wires, so that their addresses must differ.
    private func checkPod(_ pod: Pod) throws(RequestError) {
        guard !pod.addresses.contains(pod.gateway) else {
            throw .refused("gateway", "The gateway \(pod.gateway) is among the pod's addresses \(pod.addresses)")
        }
        for id in cloud.podsByZone[pod.zone] where id != pod.id {
            guard let other = cloud.pods[id], other.addresses.overlaps(pod.addresses) else { continue }
            throw .refused("startip", "The addresses \(pod.addresses) overlap those of pod \(other.name)")
        }
    }

    /// Addresses for machines of the system, with the subnet that they are in.
    func systemRange(gateway: String, netmask: String, first: String, last: String?) throws(RequestError) -> SystemRange
    {
        let router = try hostAddress(gateway, "gateway")
        let length = try prefixLength(netmask: netmask, "netmask")
        guard (8...30).contains(length), let subnet = IPv4Prefix(containing: router, length: length) else {
            throw invalid("netmask", netmask, "a subnet is from /8 to /30")
        }
        let start = try address(first, "startip")
        let end = try last.map { text throws(RequestError) in try address(text, "endip") } ?? subnet.hosts.last
        guard subnet.hosts.contains(start) else { throw invalid("startip", first, "it is not a host of \(subnet)") }
        guard subnet.hosts.contains(end) else {
            throw invalid("endip", last ?? end.description, "it is not a host of \(subnet)")
        }
        guard let addresses = IPv4Range(start, end) else {
            throw invalid("endip", last ?? end.description, "it is below startip")
        }
        return SystemRange(subnet: subnet, gateway: router, addresses: addresses)
    }
}

/// Addresses with the subnet that they are in and its gateway.
struct SystemRange {
    let subnet: IPv4Prefix
    let gateway: IPv4Address
    let addresses: IPv4Range
}
