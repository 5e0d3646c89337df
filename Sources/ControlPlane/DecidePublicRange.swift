import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createPublicRange(_ request: Request.CreatePublicRange) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let wire = cloud.physicalNetworks[request.physicalNetwork] else {
            throw unknown("physicalnetworkid", request.physicalNetwork)
        }
        let gateway = try hostAddress(request.gateway, "gateway")
        let length = try prefixLength(netmask: request.netmask, "netmask")
        guard (8...30).contains(length), let subnet = IPv4Prefix(containing: gateway, length: length) else {
            throw invalid("netmask", request.netmask, "a public subnet is from /8 to /30")
        }
        guard subnet.hosts.contains(gateway) else {
            throw invalid("gateway", request.gateway, "it is the network or broadcast address of \(subnet)")
        }
        let segment = try publicSegment(request.vlan, wire.isolation, "vlan")
        if let number = segment.number, segment == Segment(wire.isolation, number: number),
            wire.segmentRanges.contains(where: { $0.contains(number) })
        {
            throw .refused(
                "vlan",
                "\(segment) is in the range that guest networks of physical network \(wire.name) take theirs from")
        }
        let range = PublicRange(
            id: newID(), zone: wire.zone, physicalNetwork: wire.id, number: try number(.publicRange), segment: segment,
            subnet: subnet, gateway: gateway,
            addresses: try publicAddresses(request.first, request.last ?? request.first, subnet, gateway))
        try refuseOverlap(range)
        for id in cloud.networksByZone[wire.zone] {
            guard let cidr = cloud.networks[id]?.cidr, cidr.overlaps(subnet) else { continue }
            throw .refused("netmask", "The subnet \(subnet) overlaps guest network \(cidr) of the zone")
        }
        try put(.publicRange(range))
        return [Reference(.publicRange, range.id)]
    }

    mutating func updatePublicRange(_ request: Request.UpdatePublicRange) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var range = cloud.publicRanges[request.id] else { throw unknown("id", request.id) }
        let first = request.first ?? range.addresses.first.description
        let last = request.last ?? range.addresses.last.description
        range.addresses = try publicAddresses(first, last, range.subnet, range.gateway)
        for id in cloud.publicAddressesByRange[range.id] {
            guard let held = cloud.publicAddresses[id]?.address, !range.addresses.contains(held) else { continue }
            throw .inUse(held < range.addresses.first ? "startip" : "endip", "The address \(held) is in use")
        }
        try refuseOverlap(range)
        try put(.publicRange(range))
        return [Reference(.publicRange, range.id)]
    }

    mutating func deletePublicRange(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard cloud.publicRanges[id] != nil else { throw unknown("id", id) }
        try removePublicRange(id)
        return []
    }

    mutating func removePublicRange(_ id: ObjectID) throws(RequestError) {
        let held = cloud.addressesInUse(inRange: id)
        guard held == 0, let range = cloud.publicRanges[id] else {
            throw .inUse("id", "The public IP range is not deletable because \(held) of its addresses are allocated")
        }
        try passOnLegs(of: range)
        try remove(.publicRange, id)
    }

    /// A leg may stand for a range that no address of is left, because ranges of one subnet share it.
    private mutating func passOnLegs(of range: PublicRange) throws(RequestError) {
        for id in cloud.routersByPublicRange[range.id] {
            guard var router = cloud.routers[id] else { continue }
            let heir = cloud.publicAddresses(ofNetwork: router.network).lazy.map(\.range)
                .first { cloud.publicRanges[$0]?.sharesSubnet(with: range) ?? false }
            guard let heir else {
                throw .inUse("id", "The public IP range is not deletable because router \(router.name) has a leg on it")
            }
            router.publicLegs = router.publicLegs.map { leg in
                leg.range == range.id
                    ? VirtualRouter.PublicLeg(index: leg.index, range: heir, attachment: leg.attachment) : leg
            }
            try put(.router(router))
        }
    }

    private func publicAddresses(
        _ first: String, _ last: String, _ subnet: IPv4Prefix, _ gateway: IPv4Address
    ) throws(RequestError) -> IPv4Range {
        let low = try address(first, "startip")
        let high = try address(last, "endip")
        guard subnet.hosts.contains(low) else { throw invalid("startip", first, "it is no host address of \(subnet)") }
        guard subnet.hosts.contains(high) else { throw invalid("endip", last, "it is no host address of \(subnet)") }
        guard let range = IPv4Range(low, high) else { throw invalid("endip", last, "it is below startip \(first)") }
        guard !range.contains(gateway) else {
            throw .refused("gateway", "The gateway \(gateway) is one of the range's own addresses, \(range)")
        }
        return range
    }

    /// The ranges of a zone are one pool, and a router may have legs on any of them.
    private func refuseOverlap(_ new: PublicRange) throws(RequestError) {
        for id in cloud.publicRangesByZone[new.zone] where id != new.id {
            guard let other = cloud.publicRanges[id], other.subnet.overlaps(new.subnet) else { continue }
            guard !other.addresses.overlaps(new.addresses) else {
                throw .refused(
                    "startip",
                    "The IP range \(new.addresses) (startip to endip) overlaps the public range \(other.addresses)")
            }
            guard other.physicalNetwork == new.physicalNetwork, other.segment == new.segment else {
                throw .refused(
                    "vlan", "The subnet \(new.subnet) overlaps \(other.subnet), which is on \(other.segment)")
            }
            guard other.subnet == new.subnet else {
                throw .refused("netmask", "The subnet \(new.subnet) overlaps \(other.subnet) on the same segment")
            }
            guard other.gateway == new.gateway else {
                throw .refused("gateway", "The subnet \(new.subnet) has the gateway \(other.gateway) already")
            }
            guard !new.addresses.contains(other.gateway) else {
                throw .refused("gateway", "The gateway \(other.gateway) is one of the range's addresses")
            }
        }
    }
}
