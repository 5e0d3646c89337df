import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createZone(_ request: Request.CreateZone) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        let dns1 = try hostAddress(request.dns1, "dns1")
        var zone = Zone(
            id: newID(), name: try zoneName(request.name, nil), dns1: dns1,
            dns2: try request.dns2.flatMap { text throws(RequestError) in try optionalAddress(text, "dns2") },
            internalDNS1: try request.internalDNS1.map { text throws(RequestError) in
                try hostAddress(text, "internaldns1")
            } ?? dns1,
            guestCIDR: try guestPrefix(request.guestCIDR ?? "10.1.1.0/24", "guestcidraddress"),
            networkDomain: try request.networkDomain.flatMap { text throws(RequestError) in try domain(text, "domain")
            },
            isEnabled: request.isEnabled)
        guard
            let type = [Zone.NetworkType.advanced, .basic].first(where: {
                $0.rawValue.lowercased() == request.networkType.lowercased()
            })
        else { throw invalid("networktype", request.networkType, "it is Advanced or Basic") }
        zone.networkType = type
        try edit(&zone, request.more)
        // As in CloudStack, whatever was asked for.
        if type == .basic { zone.hasSecurityGroups = true }
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
        if let text = request.guestCIDR {
            let cidr = try guestPrefix(text, "guestcidraddress")
            // No network could be made of it.
            if cidr != zone.guestCIDR { try refusePublic(cidr, in: zone.id, "guestcidraddress") }
            zone.guestCIDR = cidr
        }
        if let text = request.networkDomain { zone.networkDomain = try domain(text, "domain") }
        if let isEnabled = request.isEnabled { zone.isEnabled = isEnabled }
        try edit(&zone, request.more)
        try put(.zone(zone))
        return [Reference(.zone, zone.id)]
    }

    private func edit(_ zone: inout Zone, _ fields: Request.ZoneFields) throws(RequestError) {
        if let text = fields.internalDNS2 { zone.internalDNS2 = try optionalAddress(text, "internaldns2") }
        if let text = fields.ipv6DNS1 { zone.ipv6DNS1 = try ipv6Resolver(text, "ip6dns1") }
        if let text = fields.ipv6DNS2 { zone.ipv6DNS2 = try ipv6Resolver(text, "ip6dns2") }
        if fields.hasSecurityGroups == true, zone.networkType == .advanced {
            throw .unsupported("securitygroupenabled", "Advanced zones with security groups are not supported here")
        }
        if let value = fields.hasLocalStorage { zone.hasLocalStorage = value }
        if let provider = fields.dhcpProvider {
            guard provider.lowercased() == zone.dhcpProvider.lowercased() else {
                throw .unsupported("dhcpprovider", "The virtual router gives guests their addresses here")
            }
        }
        if let details = fields.details { zone.details = details }
        if let sortKey = fields.sortKey { zone.sortKey = sortKey }
    }

    private func ipv6Resolver(_ text: String, _ parameter: String) throws(RequestError) -> IPv6Address? {
        guard !text.isEmpty else { return nil }
        guard let address = IPv6Address(text) else { throw invalid(parameter, text, "it is not an IPv6 address") }
        return address
    }

    mutating func deleteZone(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let zone = cloud.zones[id] else { throw unknown("id", id) }
        let holders: [(SortedSet<ObjectID>, String)] = [
            (cloud.guestsByZone[id], "guests"), (cloud.networksByZone[id], "networks"),
            (cloud.publicRangesByZone[id], "public IP ranges"), (cloud.physicalNetworksByZone[id], "physical networks"),
            (cloud.podsByZone[id], "pods"), (cloud.referrers(.storagePool, of: .zone)[id], "storage pools"),
            (cloud.referrers(.networkOffering, of: .zone)[id], "network offerings"),
            (cloud.referrers(.serviceOffering, of: .zone)[id], "service offerings"),
            (cloud.referrers(.diskOffering, of: .zone)[id], "disk offerings"),
            (cloud.referrers(.vpcOffering, of: .zone)[id], "VPC offerings"),
            (cloud.referrers(.template, of: .zone)[id], "templates"),
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
        guard zone.networkType == .advanced else {
            throw .unsupported(
                "zoneid", "Zone \(zone.name) is a Basic zone, which is inventory here: nothing can be deployed there")
        }
        return zone
    }
}
