import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createZone(_ request: Request.CreateZone) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        let dns1 = try hostAddress(request.dns1, "dns1")
        let zone = Zone(
            id: newID(), name: try zoneName(request.name, nil), dns1: dns1,
            dns2: try request.dns2.flatMap { text throws(RequestError) in try optionalAddress(text, "dns2") },
            internalDNS1: try request.internalDNS1.map { text throws(RequestError) in
                try hostAddress(text, "internaldns1")
            } ?? dns1,
            guestCIDR: try guestPrefix(request.guestCIDR ?? "10.1.1.0/24", "guestcidraddress"),
            networkDomain: try request.networkDomain.flatMap { text throws(RequestError) in try domain(text, "domain")
            },
            isEnabled: request.isEnabled)
        try put(.zone(zone))
        return [Reference(.zone, zone.id)]
    }

    mutating func updateZone(_ request: Request.UpdateZone) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var zone = cloud.zones[request.id] else { throw unknown("id", request.id) }
        if let name = request.name { zone.name = try zoneName(name, zone.id) }
        if let text = request.dns1 { zone.dns1 = try hostAddress(text, "dns1") }
        if let text = request.dns2 { zone.dns2 = try optionalAddress(text, "dns2") }
        if let text = request.internalDNS1 { zone.internalDNS1 = try hostAddress(text, "internaldns1") }
        if let text = request.guestCIDR { zone.guestCIDR = try guestPrefix(text, "guestcidraddress") }
        if let text = request.networkDomain { zone.networkDomain = try domain(text, "domain") }
        if let isEnabled = request.isEnabled { zone.isEnabled = isEnabled }
        try put(.zone(zone))
        return [Reference(.zone, zone.id)]
    }

    mutating func deleteZone(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let zone = cloud.zones[id] else { throw unknown("id", id) }
        let holders: [(SortedSet<ObjectID>, String)] = [
            (cloud.guestsByZone[id], "guests"), (cloud.networksByZone[id], "networks"),
            (cloud.publicRangesByZone[id], "public IP ranges"), (cloud.physicalNetworksByZone[id], "physical networks"),
        ]
        for (objects, what) in holders where !objects.isEmpty {
            throw .inUse("id", "The zone \(zone.name) is not deletable because there are \(what) in this zone")
        }
        try remove(.zone, id)
        return []
    }

    private func zoneName(_ text: String, _ id: ObjectID?) throws(RequestError) -> String {
        let name = try name(text, "name")
        if let other = cloud.zone(named: name), other.id != id {
            throw .refused("name", "A zone with that name already exists: \(RequestError.excerpt(name))")
        }
        return name
    }

    private func optionalAddress(_ text: String, _ parameter: String) throws(RequestError) -> IPv4Address? {
        text.isEmpty ? nil : try hostAddress(text, parameter)
    }

    /// The zone that a new object is to be in.
    func zone(_ id: ObjectID) throws(RequestError) -> Zone {
        guard let zone = cloud.zones[id] else { throw unknown("zoneid", id) }
        guard zone.isEnabled || caller.isRootAdmin else {
            throw .denied("Cannot perform this operation, Zone is currently disabled: \(zone.name)")
        }
        return zone
    }
}
