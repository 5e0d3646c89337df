import CloudModel
import NetworkVocabulary

// Networks of a cloud file: made, changed where they can change, or found to be right.
extension Draft {
    private static var networkFields: [String: String] {
        [
            "networkofferingid": "offering", "zoneid": "zone", "physicalnetworkid": "physicalNetwork",
            "netmask": "cidr", "guestvmcidr": "guestCIDR", "networkdomain": "domain", "displaytext": "displayText",
            "vlan": "segment", "startip": "ranges", "endip": "ranges", "acltype": "access", "domainid": "access",
            "isolatedpvlantype": "isolatesPorts",
        ]
    }

    mutating func applyNetwork(
        _ network: CloudFile.Network, _ path: String, _ names: inout NamesInUse
    ) throws(RequestError) -> [Reference] {
        let account = try account(network.account, path)
        guard let zone = cloud.zone(named: network.zone) else { throw reference("\(path).zone", "zone", network.zone) }
        guard let offering = cloud.networkOffering(named: network.offering) else {
            throw reference("\(path).offering", "network offering", network.offering)
        }
        let wire = try network.physicalNetwork.map { name throws(RequestError) in
            guard let wire = cloud.physicalNetwork(named: name, inZone: zone.id) else {
                throw reference("\(path).physicalNetwork", "physical network", name)
            }
            return wire.id
        }
        let ranges = try ranges(network, path)
        let request = Request.CreateNetwork(
            name: network.name, displayText: network.displayText, zone: zone.id, offering: offering.id,
            account: account, physicalNetwork: wire, cidr: cidr(network, zone, offering), gateway: network.gateway,
            guestCIDR: network.guestCIDR, networkDomain: network.domain,
            kind: try kind(network, ranges.first, path))
        let name = NamesInUse.Name(account, network.name)
        let known = names.networks[name] ?? []
        guard let id = known.first, let old = cloud.networks[id] else {
            var objects = try at(path, Self.networkFields, .createNetwork(request))
            names.networks[name] = objects.prefix(1).map(\.id)
            if let id = objects.first?.id { objects += try addRanges(ranges, to: id, path) }
            return objects
        }
        guard known.count == 1 else {
            throw .conflict(
                "\(path).name", "\(path).name: account \(network.account) has \(known.count) networks of that name")
        }
        try refuseChanges(request, of: old, zone, path)
        return try update(old, network, offering, path) + addRanges(ranges, to: id, path)
    }

    private mutating func update(
        _ old: Network, _ network: CloudFile.Network, _ offering: NetworkOffering, _ path: String
    ) throws(RequestError) -> [Reference] {
        let zone = cloud.zones[old.zone]
        let part = network.guestCIDR ?? old.cidr?.description
        return try at(
            path, Self.networkFields,
            .updateNetwork(
                .init(
                    id: old.id, name: network.name, displayText: network.displayText ?? network.name,
                    networkDomain: network.domain ?? zone?.networkDomain ?? "",
                    offering: offering.id == old.offering ? nil : offering.id,
                    guestCIDR: network.guestCIDR == old.guestCIDR?.description ? nil : part,
                    dns1: network.dns1 ?? "", dns2: network.dns2 ?? "")))
    }

    /// A network without one has the zone's, unless it is of a kind that has none.
    private func cidr(_ network: CloudFile.Network, _ zone: Zone, _ offering: NetworkOffering) -> String? {
        if let cidr = network.cidr { return cidr }
        return network.gateway != nil && offering.guestType == .isolated ? zone.guestCIDR.description : nil
    }

    private func kind(
        _ network: CloudFile.Network, _ range: IPv4Range?, _ path: String
    ) throws(RequestError) -> Request.CreateNetwork.Kind {
        var kind = Request.CreateNetwork.Kind(
            segment: network.segment, first: range?.first.description, last: range?.last.description,
            isolatesPorts: network.isolatesPorts, dns1: network.dns1, dns2: network.dns2)
        guard let access = network.access else { return kind }
        guard access.lowercased() != "account" else {
            kind.access = "Account"
            return kind
        }
        guard let domain = cloud.domain(path: access) else { throw reference("\(path).access", "domain", access) }
        kind.access = "Domain"
        kind.domain = domain.id
        return kind
    }

    private func ranges(_ network: CloudFile.Network, _ path: String) throws(RequestError) -> [IPv4Range] {
        var ranges: [IPv4Range] = []
        for (index, text) in (network.ranges ?? []).enumerated() {
            guard let range = IPv4Range(text) else {
                throw invalid("ranges[\(index)]", text, "it is not first-last").inFile(path, [:])
            }
            ranges.append(range)
        }
        return ranges
    }

    /// Those that the network does not have; others of its own stay.
    private mutating func addRanges(
        _ wanted: [IPv4Range], to id: ObjectID, _ path: String
    ) throws(RequestError) -> [Reference] {
        var objects: [Reference] = []
        for range in wanted where !cloud.guestRanges(ofNetwork: id).contains(where: { $0.addresses == range }) {
            objects += try at(
                path, Self.networkFields,
                .networking(
                    .createGuestRange(
                        .init(network: id, first: range.first.description, last: range.last.description))))
        }
        return objects
    }

    private func refuseChanges(
        _ request: Request.CreateNetwork, of old: Network, _ zone: Zone, _ path: String
    ) throws(RequestError) {
        guard old.zone == request.zone else {
            throw fixed("\(path).zone", cloud.zones[old.zone]?.name ?? "another")
        }
        if let wire = request.physicalNetwork, wire != old.physicalNetwork {
            throw fixed("\(path).physicalNetwork", cloud.physicalNetworks[old.physicalNetwork]?.name ?? "another")
        }
        // A file that leaves the network to the zone does not object to what the zone's was when it was made.
        if request.cidr != nil || request.gateway != nil {
            let wanted: (cidr: IPv4Prefix, gateway: IPv4Address)
            do throws(RequestError) {
                wanted = try addressing(request, zone)
            } catch {
                throw error.inFile(path, Self.networkFields)
            }
            guard wanted.cidr == old.cidr else { throw fixed("\(path).cidr", old.cidr?.description ?? "none") }
            guard wanted.gateway == old.gateway else {
                throw fixed("\(path).gateway", old.gateway?.description ?? "none")
            }
        }
        try refuseChangedKind(request.kind, of: old, path)
    }

    private func refuseChangedKind(
        _ wanted: Request.CreateNetwork.Kind, of old: Network, _ path: String
    ) throws(RequestError) {
        if let wire = cloud.physicalNetworks[old.physicalNetwork] {
            let segment: Segment?
            do throws(RequestError) {
                segment = try wanted.segment.map { text throws(RequestError) in try self.segment(text, on: wire, "vlan")
                }
            } catch {
                throw error.inFile(path, Self.networkFields)
            }
            guard segment == old.ownSegment else {
                throw fixed("\(path).segment", old.ownSegment?.description ?? "one of the pool")
            }
        }
        guard wanted.isolatesPorts == old.isolatesPorts else {
            throw fixed("\(path).isolatesPorts", "\(old.isolatesPorts)")
        }
        guard let access = wanted.access else { return }
        let audience: Network.Audience =
            access == "Account" ? .owner : .domain(wanted.domain ?? Domain.root.id, withSubdomains: true)
        guard audience == old.audience else { throw fixed("\(path).access", old.audience.text(in: cloud)) }
    }
}

extension Network.Audience {
    /// As a cloud file has it.
    func text(in cloud: Cloud) -> String {
        if case .domain(let domain, _) = self { cloud.path(ofDomain: domain) } else { "account" }
    }
}
