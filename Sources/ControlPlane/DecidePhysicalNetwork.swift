import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createPhysicalNetwork(_ request: Request.CreatePhysicalNetwork) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let zone = cloud.zones[request.zone] else { throw unknown("zoneid", request.zone) }
        let name = try name(request.name, "name")
        guard cloud.physicalNetwork(named: name, inZone: zone.id) == nil else {
            throw .refused("name", "A physical network with that name already exists in zone \(zone.name)")
        }
        guard let isolation = IsolationMethod(rawValue: request.isolation.uppercased()) else {
            throw invalid("isolationmethods", request.isolation, "it is VLAN, VXLAN or L3")
        }
        guard isolation != .l3 || zone.networkType == .basic else {
            throw invalid("isolationmethods", request.isolation, "it is VLAN or VXLAN in an Advanced zone")
        }
        let ranges = try segments(request.segments ?? "", isolation, "vlan")
        var network: PhysicalNetwork
        if request.isReady {
            network = PhysicalNetwork(
                id: newID(), zone: zone.id, name: name, isolation: isolation, segmentRanges: ranges,
                trunk: try freeTrunk(request.trunk ?? "", nil))
            network.setPeers(try peers(request.peers, of: isolation, "peers"))
        } else {
            network = PhysicalNetwork(
                unconfigured: newID(), zone: zone.id, name: name, isolation: isolation, segmentRanges: ranges)
        }
        if let text = request.broadcastDomainRange {
            network.broadcastDomainRange = try word(text, ["ZONE", "POD"], "broadcastdomainrange") ?? text
        }
        try label(&network, request.tags, request.speed)
        try put(.physicalNetwork(network))
        return [Reference(.physicalNetwork, network.id)]
    }

    mutating func updatePhysicalNetwork(_ request: Request.UpdatePhysicalNetwork) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var network = cloud.physicalNetworks[request.id] else { throw unknown("id", request.id) }
        if let text = request.segments {
            let ranges = try segments(text, network.isolation, "vlan")
            let kept = ranges.reduce(0) { $0 + cloud.segmentsInUse(on: network.id, in: $1) }
            let ownSegments = cloud.networksByPhysicalNetwork[network.id].count {
                cloud.networks[$0]?.ownSegment?.number != nil
            }
            guard kept + ownSegments >= cloud.segmentsInUse(on: network.id) else {
                let holder = self.network(on: network.id, outside: ranges)
                throw .inUse(
                    "vlan",
                    "Networks of physical network \(network.name) hold segments"
                        + (text.isEmpty ? "" : " outside \(RequestError.excerpt(text))")
                        + (holder.map { ": network \($0.name) has \($0.segment?.description ?? "one")" } ?? ""))
            }
            for id in cloud.publicRangesByPhysicalNetwork[network.id] {
                guard let range = cloud.publicRanges[id], let number = range.segment.number,
                    range.segment == Segment(network.isolation, number: number)
                else { continue }
                guard !ranges.contains(where: { $0.contains(number) }) else {
                    throw .refused(
                        "vlan", "\(range.segment) carries a public range of physical network \(network.name)")
                }
            }
            for id in cloud.publicIPv6RangesByPhysicalNetwork[network.id] {
                guard let range = cloud.publicIPv6Ranges[id], let number = range.segment.number,
                    range.segment == Segment(network.isolation, number: number),
                    ranges.contains(where: { $0.contains(number) })
                else { continue }
                throw .refused("vlan", "\(range.segment) carries a public range of physical network \(network.name)")
            }
            for id in cloud.networksByPhysicalNetwork[network.id] {
                guard let own = cloud.networks[id]?.ownSegment?.number, ranges.contains(where: { $0.contains(own) })
                else { continue }
                throw .refused("vlan", "A network of physical network \(network.name) was made for segment \(own)")
            }
            for dedication in cloud.vlanDedications(on: network.id) {
                let segments = dedication.segments
                guard ranges.contains(where: { $0.first <= segments.first && segments.last <= $0.last }) else {
                    throw .inUse(
                        "vlan",
                        "\(segments) is dedicated" + (text.isEmpty ? "" : ", and not in \(RequestError.excerpt(text))"))
                }
            }
            network.segmentRanges = ranges
        }
        if let isEnabled = request.isEnabled { network.isEnabled = isEnabled }
        try label(&network, request.tags, request.speed)
        if let text = request.trunk {
            let trunk = try freeTrunk(text, network.id)
            guard
                trunk == network.trunk && trunk == network.publicTrunk
                    || !cloud.isReferenced(Reference(.physicalNetwork, network.id))
            else {
                throw .inUse(
                    "trunk",
                    "The trunk of physical network \(network.name) can't change while networks or public "
                        + "ranges are on it")
            }
            network.setTrunk(trunk)
        }
        if let texts = request.peers { network.setPeers(try peers(texts, of: network.isolation, "peers")) }
        try put(.physicalNetwork(network))
        return [Reference(.physicalNetwork, network.id)]
    }

    /// One that got its segment from the pool, and not from these ranges of it.
    private func network(on wire: ObjectID, outside ranges: [SegmentRange]) -> Network? {
        for id in cloud.networksByPhysicalNetwork[wire] {
            guard let network = cloud.networks[id], network.ownSegment == nil, let number = network.segment?.number,
                !ranges.contains(where: { $0.contains(number) })
            else { continue }
            return network
        }
        return nil
    }

    /// Public ranges that nobody uses go with it, as in CloudStack.
    mutating func deletePhysicalNetwork(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let network = cloud.physicalNetworks[id] else { throw unknown("id", id) }
        guard cloud.networksByPhysicalNetwork[id].isEmpty else {
            throw .inUse("id", "The physical network \(network.name) is not deletable because there are networks on it")
        }
        for range in cloud.publicRangesByPhysicalNetwork[id] { try removePublicRange(range) }
        for range in cloud.publicIPv6RangesByPhysicalNetwork[id] { try remove(.publicIPv6Range, range) }
        for dedication in cloud.vlanDedications(on: id) { try remove(.vlanDedication, dedication.id) }
        try remove(.physicalNetwork, id)
        return []
    }

    /// The physical network that a network of the offering goes on: the one that is asked for, or the only one that is
    /// enabled, carries guest traffic and has the offering's tags.
    func guestWire(
        _ id: ObjectID?, _ zone: Zone, _ offering: NetworkOffering
    ) throws(RequestError) -> PhysicalNetwork {
        func fits(_ wire: PhysicalNetwork) -> Bool {
            wire.isEnabled && wire.carries(.guest) && offering.tags.allSatisfy(wire.tags.contains)
        }
        if let id {
            guard let wire = cloud.physicalNetworks[id], wire.zone == zone.id else {
                throw unknown("physicalnetworkid", id)
            }
            guard fits(wire) else {
                throw .refused(
                    "physicalnetworkid",
                    "Physical network \(wire.name) is disabled, carries no Guest traffic or lacks tags of the offering "
                        + offering.name)
            }
            return wire
        }
        let wires = cloud.physicalNetworksByZone[zone.id].compactMap { cloud.physicalNetworks[$0] }
        guard !wires.isEmpty else {
            throw .refused("zoneid", "Unable to find a physical network in zone \(zone.name)")
        }
        let fitting = wires.filter(fits)
        guard let wire = fitting.first else {
            throw .refused(
                "networkofferingid",
                "Unable to find physical network which match the tags \(offering.tags.joined(separator: ",")), is enabled "
                    + "and carries Guest traffic in zone \(zone.name)")
        }
        guard fitting.count == 1 else {
            throw .refused("physicalnetworkid", "Zone \(zone.name) has several physical networks; one has to be named")
        }
        return wire
    }

    /// An empty speed is none.
    private func label(_ network: inout PhysicalNetwork, _ tags: [String]?, _ speed: String?) throws(RequestError) {
        if let tags { network.tags = try self.tags(tags) }
        if let speed { network.speed = speed.isEmpty ? nil : try text(speed, "networkspeed") }
    }

    /// One wire has one pool of segment numbers, so no two physical networks share a trunk.
    func freeTrunk(
        _ text: String, _ id: ObjectID?, _ parameter: String = "trunk"
    ) throws(RequestError) -> InterfaceName? {
        guard let name = try trunk(text, parameter) else { return nil }
        if let holder = cloud.claims[.trunk(name)], holder.id != id {
            throw .refused(parameter, "Interface \(name) is the trunk of another physical network")
        }
        return name
    }
}
