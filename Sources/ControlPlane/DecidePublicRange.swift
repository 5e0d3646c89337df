import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createPublicRange(_ request: Request.CreatePublicRange) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let wire = cloud.physicalNetworks[request.physicalNetwork] else {
            throw unknown("physicalnetworkid", request.physicalNetwork)
        }
        let (subnet, gateway) = try publicSubnet(request.gateway, request.netmask)
        if let dedication = request.dedication { try require(dedication) }
        if request.isForSystem, request.dedication != nil {
            throw .refused("forsystemvms", "A range of the system's own can't be dedicated to others")
        }
        let segment = try freePublicSegment(request.vlan, on: wire)
        let range = PublicRange(
            id: newID(), zone: wire.zone, physicalNetwork: wire.id, number: try number(.publicRange), segment: segment,
            subnet: subnet, gateway: gateway,
            addresses: try publicAddresses(request.first, request.last ?? request.first, subnet, gateway),
            dedication: request.dedication, isForSystem: request.isForSystem,
            ipv6: try request.ipv6.map { text throws(RequestError) in try ipv6Part(text) })
        try refuseOverlap(range)
        try refuseGuestOverlap(range)
        if let part = range.ipv6 {
            try refuseOverlap(part.range, with: ipv6Ranges(in: range.zone))
            // Ranges of one subnet may have all of one prefix beside them.
            if let addresses = part.addresses {
                try refuseOverlap(
                    addresses,
                    with: cloud.publicRangesByZone[range.zone].compactMap { cloud.publicRanges[$0]?.ipv6?.addresses })
            }
        }
        try put(.publicRange(range))
        return [Reference(.publicRange, range.id)]
    }

    /// Those of IPv6 addresses alone.
    private func ipv6Ranges(in zone: ObjectID) -> [IPv6Range] {
        cloud.publicIPv6RangesByZone[zone].compactMap { cloud.publicIPv6Ranges[$0]?.addresses }
    }

    private func refuseOverlap(_ addresses: IPv6Range, with others: [IPv6Range]) throws(RequestError) {
        guard let other = others.first(where: { $0.overlaps(addresses) }) else { return }
        throw .refused(
            "startipv6", "The IP range \(addresses) (startipv6 to endipv6) overlaps the public range \(other)")
    }

    /// A segment that public ranges may be on.
    private func freePublicSegment(
        _ text: String?, on wire: PhysicalNetwork
    ) throws(RequestError) -> Segment {
        guard wire.carries(.public) else {
            throw .refused("physicalnetworkid", "Physical network \(wire.name) carries no Public traffic")
        }
        let segment = try publicSegment(text, wire.isolation, "vlan")
        if let number = segment.number, segment == Segment(wire.isolation, number: number),
            wire.segmentRanges.contains(where: { $0.contains(number) })
        {
            throw .refused(
                "vlan",
                "\(segment) is in the range that guest networks of physical network \(wire.name) take theirs from")
        }
        guard !cloud.isCarried(segment, elsewhereThan: wire, where: .public) else {
            throw .refused("vlan", "\(segment) is on the trunk of another physical network")
        }
        if let network = cloud.network(onSegment: segment, of: wire.id) {
            throw .refused("vlan", "\(segment) is guest network \(network.name)'s")
        }
        return segment
    }

    /// IPv6 addresses without IPv4 ones beside them.
    mutating func createPublicIPv6Range(
        on wire: ObjectID, _ text: Request.CreatePublicRange.IPv6Text, _ vlan: String?, isForSystem: Bool
    ) throws(RequestError) -> [Reference] {
        guard let wire = cloud.physicalNetworks[wire] else { throw unknown("physicalnetworkid", wire) }
        guard text.first != nil else { throw .missing("startipv6", command) }
        let range = PublicIPv6Range(
            id: newID(), zone: wire.zone, physicalNetwork: wire.id, segment: try freePublicSegment(vlan, on: wire),
            part: try ipv6Part(text), isForSystem: isForSystem)
        let others =
            ipv6Ranges(in: wire.zone)
            + cloud.publicRangesByZone[wire.zone].compactMap { cloud.publicRanges[$0]?.ipv6?.range }
        try refuseOverlap(range.addresses, with: others)
        try put(.publicIPv6Range(range))
        return [Reference(.publicIPv6Range, range.id)]
    }

    mutating func updatePublicRange(_ request: Request.UpdatePublicRange) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var range = cloud.publicRanges[request.id] else { throw unknown("id", request.id) }
        if request.gateway != nil || request.netmask != nil {
            (range.subnet, range.gateway) = try publicSubnet(
                request.gateway ?? range.gateway.description, request.netmask ?? range.subnet.netmask.description)
            let parameter = request.gateway == nil ? "netmask" : "gateway"
            guard range == cloud.publicRanges[range.id] || !cloud.isReferenced(Reference(.publicRange, range.id)) else {
                throw .inUse(parameter, "The public IP range \(range.addresses) is in use: its subnet can't change")
            }
            let kept =
                (request.first == nil ? [range.addresses.first] : [])
                + (request.last == nil ? [range.addresses.last] : [])
            if let lost = kept.first(where: { !range.subnet.hosts.contains($0) }) {
                throw invalid(
                    parameter, (request.gateway ?? request.netmask) ?? "",
                    "\(lost), which the range has, is no host of \(range.subnet)")
            }
            try refuseGuestOverlap(range)
        }
        if let isForSystem = request.isForSystem, isForSystem != range.isForSystem {
            guard !cloud.isReferenced(Reference(.publicRange, range.id)), range.dedication == nil else {
                throw .inUse("forsystemvms", "The public IP range \(range.addresses) is in use or dedicated")
            }
            range.isForSystem = isForSystem
        }
        try refuseReversal(request.first, request.last, range.addresses)
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

    private func publicSubnet(
        _ gatewayText: String, _ netmask: String
    ) throws(RequestError) -> (IPv4Prefix, IPv4Address) {
        let gateway = try hostAddress(gatewayText, "gateway")
        let length = try prefixLength(netmask: netmask, "netmask")
        guard (8...30).contains(length), let subnet = IPv4Prefix(containing: gateway, length: length) else {
            throw invalid("netmask", netmask, "a public subnet is from /8 to /30")
        }
        guard subnet.hosts.contains(gateway) else {
            throw invalid("gateway", gatewayText, "it is the network or broadcast address of \(subnet)")
        }
        return (subnet, gateway)
    }

    func ipv6Part(_ text: Request.CreatePublicRange.IPv6Text) throws(RequestError) -> IPv6Part {
        guard let prefix = IPv6Prefix(text.cidr) else {
            throw invalid("ip6cidr", text.cidr, "it is not an IPv6 network such as 2001:db8::/64")
        }
        let address = { (text: String, parameter: String) throws(RequestError) -> IPv6Address in
            guard let address = IPv6Address(text) else { throw invalid(parameter, text, "it is not an IPv6 address") }
            guard prefix.contains(address) else { throw invalid(parameter, text, "it is outside \(prefix)") }
            return address
        }
        var part = IPv6Part(prefix: prefix, gateway: try address(text.gateway, "ip6gateway"))
        guard let first = text.first else {
            guard text.last == nil else { throw .missing("startipv6", command) }
            return part
        }
        let last = text.last ?? first
        guard let range = IPv6Range(try address(first, "startipv6"), try address(last, "endipv6")) else {
            throw invalid("endipv6", last, "it is below startipv6 \(first)")
        }
        guard !(range.first...range.last).contains(part.gateway) else {
            throw .refused("ip6gateway", "The gateway \(part.gateway) is one of the range's own addresses")
        }
        part.addresses = range
        return part
    }

    private func refuseGuestOverlap(_ range: PublicRange) throws(RequestError) {
        for id in cloud.networksByZone[range.zone] {
            guard let cidr = cloud.networks[id]?.cidr, cidr.overlaps(range.subnet) else { continue }
            throw .refused("netmask", "The subnet \(range.subnet) overlaps guest network \(cidr) of the zone")
        }
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

    /// Where one end alone moves beyond the other, it is the one that is wrong.
    func refuseReversal(_ first: String?, _ last: String?, _ old: IPv4Range) throws(RequestError) {
        guard let first, last == nil, try address(first, "startip") > old.last else { return }
        throw invalid("startip", first, "it is above endip \(old.last)")
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
