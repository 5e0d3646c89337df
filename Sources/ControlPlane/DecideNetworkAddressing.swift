import CloudModel
import NetworkVocabulary

// The addresses of a network.
extension Draft {
    /// The network's own addresses, where its kind has any; none of them the zone's public ones.
    func subnet(
        _ request: Request.CreateNetwork, _ zone: Zone, _ type: NetworkOffering.GuestType
    ) throws(RequestError) -> (cidr: IPv4Prefix, gateway: IPv4Address)? {
        if type != .shared, let parameter = request.kind.rangeParameter {
            throw .refused(parameter, "Only shared networks have ranges: \(type.rawValue) networks do without")
        }
        if type == .l2 {
            for (name, value) in [
                ("cidr", request.cidr), ("gateway", request.gateway), ("netmask", request.netmask),
                ("guestvmcidr", request.guestCIDR),
            ] where value != nil {
                throw .refused(name, "A layer 2 network has no addresses: its guests bring their own")
            }
            return nil
        }
        if type == .shared, request.cidr == nil, request.gateway == nil { throw .missing("gateway", command) }
        let (cidr, gateway) = try addressing(request, zone)
        try refusePublic(cidr, in: zone.id, request.cidr == nil ? "netmask" : "cidr")
        return (cidr, gateway)
    }

    /// A router could not tell the network from what is outside.
    func refusePublic(_ cidr: IPv4Prefix, in zone: ObjectID, _ parameter: String) throws(RequestError) {
        for id in cloud.publicRangesByZone[zone] {
            guard let range = cloud.publicRanges[id], range.subnet.overlaps(cidr) else { continue }
            throw .refused(
                parameter, "The network \(cidr) overlaps the zone's public subnet \(range.subnet)")
        }
    }

    /// From `cidr`, from gateway and netmask as CloudStack's clients send them, or the zone's guest network.
    func addressing(
        _ request: Request.CreateNetwork, _ zone: Zone
    ) throws(RequestError) -> (cidr: IPv4Prefix, gateway: IPv4Address) {
        let cidr: IPv4Prefix
        if let text = request.cidr {
            guard request.netmask == nil else { throw .refused("netmask", "Either cidr or netmask can be specified") }
            cidr = try guestPrefix(text, "cidr")
        } else if let netmask = request.netmask {
            guard let gateway = request.gateway else { throw .missing("gateway", command) }
            let length = try prefixLength(netmask: netmask, "netmask")
            guard let prefix = IPv4Prefix(containing: try hostAddress(gateway, "gateway"), length: length) else {
                throw invalid("netmask", netmask, "it is not a netmask")
            }
            cidr = try guestPrefix(prefix, netmask, "netmask")
        } else {
            guard request.gateway == nil else { throw .missing("netmask", command) }
            cidr = zone.guestCIDR
        }
        guard let text = request.gateway else { return (cidr, cidr.hosts.first) }
        let gateway = try address(text, "gateway")
        guard cidr.contains(gateway) else { throw invalid("gateway", text, "it is outside \(cidr)") }
        guard cidr.hosts.contains(gateway) else {
            throw invalid("gateway", text, "it is the network or broadcast address of \(cidr)")
        }
        return (cidr, gateway)
    }

    func guestPart(
        _ text: String, of cidr: IPv4Prefix?, _ type: NetworkOffering.GuestType
    ) throws(RequestError) -> IPv4Prefix {
        let part = try prefix(text, "guestvmcidr")
        guard type == .isolated, let cidr else {
            throw .refused("guestvmcidr", "Only a part of isolated networks can be reserved")
        }
        guard cidr.contains(part) else { throw invalid("guestvmcidr", text, "it is outside the network \(cidr)") }
        guard part.length <= 30 else { throw invalid("guestvmcidr", text, "a guest range is /30 or larger") }
        return part
    }

    /// As CloudStack has it: while the network is implemented, and no address in use may be left out. The whole network
    /// is no part of it any more.
    func changedGuestPart(_ text: String, of network: Network) throws(RequestError) -> IPv4Prefix? {
        guard network.state == .implemented else {
            throw .refused("guestvmcidr", "The network \(network.name) is not in Implemented state")
        }
        let part = try guestPart(text, of: network.cidr, network.guestType)
        for nic in cloud.nics(ofNetwork: network.id) {
            for address in nic.addresses where !part.contains(address) {
                throw .inUse("guestvmcidr", "The address \(address) is in use, and outside \(part)")
            }
        }
        for id in cloud.internalAddressesByNetwork[network.id] {
            guard let address = cloud.internalAddresses[id]?.address, !part.contains(address) else { continue }
            throw .inUse("guestvmcidr", "The address \(address) is a load balancer's, and outside \(part)")
        }
        return part == network.cidr ? nil : part
    }
}

// The ranges of shared networks.
extension Draft {
    mutating func createGuestRange(_ request: NetworkingRequest.CreateGuestRange) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let network = cloud.networks[request.network] else { throw unknown("networkid", request.network) }
        try checkPlace(request, network)
        let ipv6 = try request.ipv6.map { text throws(RequestError) in try ipv6Part(text) }
        for other in cloud.guestRanges(ofNetwork: network.id) {
            guard let new = ipv6?.addresses, let old = other.ipv6?.addresses, old.overlaps(new) else { continue }
            throw .refused("startipv6", "The IP range \(new) (startipv6 to endipv6) overlaps the range \(old)")
        }
        return [try addGuestRange(request.first, request.last, ipv6: ipv6, to: network)]
    }

    mutating func updateGuestRange(_ request: NetworkingRequest.UpdateGuestRange) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var range = cloud.guestRanges[request.id], let network = cloud.networks[range.network] else {
            throw unknown("id", request.id)
        }
        let old = range.addresses
        try refuseReversal(request.first, request.last, old)
        range.addresses = try guestRange(
            request.first ?? old.first.description, request.last ?? old.last.description, on: network, besides: range.id
        )
        for address in held(on: network, within: old) where !range.addresses.contains(address) {
            throw .inUse(address < range.addresses.first ? "startip" : "endip", "The address \(address) is in use")
        }
        try put(.guestRange(range))
        return [Reference(.guestRange, range.id)]
    }

    mutating func deleteGuestRange(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let range = cloud.guestRanges[id], let network = cloud.networks[range.network] else {
            throw unknown("id", id)
        }
        let held = held(on: network, within: range.addresses)
        guard held.isEmpty else {
            throw .inUse("id", "The IP range is not deletable because \(held.count) of its addresses are allocated")
        }
        try remove(.guestRange, id)
        return []
    }

    mutating func addFirstRange(_ kind: Request.CreateNetwork.Kind, to network: Network) throws(RequestError) {
        guard network.guestType == .shared else { return }
        guard let first = kind.first else { throw .missing("startip", command) }
        _ = try addGuestRange(first, kind.last, to: network)
    }

    private mutating func addGuestRange(
        _ first: String, _ last: String?, ipv6: IPv6Part? = nil, to network: Network
    ) throws(RequestError) -> Reference {
        let range = GuestRange(
            id: newID(), network: network.id,
            addresses: try guestRange(first, last ?? first, on: network, besides: nil), ipv6: ipv6)
        try put(.guestRange(range))
        return Reference(.guestRange, range.id)
    }

    /// Gateway, netmask and VLAN are the network's: a second subnet on it would have guests whose router is elsewhere.
    private func checkPlace(
        _ request: NetworkingRequest.CreateGuestRange, _ network: Network
    ) throws(RequestError) {
        guard network.guestType == .shared, let cidr = network.cidr else {
            throw .refused("networkid", "Network \(network.name) is not a shared one: it has no ranges")
        }
        if let text = request.gateway, try address(text, "gateway") != network.gateway {
            throw invalid("gateway", text, "the gateway of network \(network.name) is another")
        }
        if let text = request.netmask, try prefixLength(netmask: text, "netmask") != cidr.length {
            throw invalid("netmask", text, "the netmask of network \(network.name) is another")
        }
        if let text = request.vlan, let wire = cloud.physicalNetworks[network.physicalNetwork] {
            guard try segment(text, on: wire, "vlan") == network.ownSegment ?? network.segment else {
                throw invalid("vlan", text, "network \(network.name) is on another segment")
            }
        }
    }

    private func guestRange(
        _ first: String, _ last: String, on network: Network, besides id: ObjectID?
    ) throws(RequestError) -> IPv4Range {
        guard let cidr = network.cidr, let gateway = network.gateway else {
            throw .refused("networkid", "Network \(network.name) has no addresses")
        }
        let low = try address(first, "startip")
        let high = try address(last, "endip")
        guard cidr.hosts.contains(low) else { throw invalid("startip", first, "it is no host address of \(cidr)") }
        guard cidr.hosts.contains(high) else { throw invalid("endip", last, "it is no host address of \(cidr)") }
        guard let range = IPv4Range(low, high) else { throw invalid("endip", last, "it is below startip \(first)") }
        guard !range.contains(gateway) else {
            throw .refused("gateway", "The gateway \(gateway) is one of the range's own addresses, \(range)")
        }
        for other in cloud.guestRanges(ofNetwork: network.id) where other.id != id {
            guard !other.addresses.overlaps(range) else {
                throw .refused(
                    "startip", "The IP range \(range) (startip to endip) overlaps the range \(other.addresses)")
            }
        }
        return range
    }

    /// The router's and the guests'.
    private func held(on network: Network, within range: IPv4Range) -> [IPv4Address] {
        let router = cloud.router(ofNetwork: network.id)?.guestAddress
        return (cloud.nics(ofNetwork: network.id).flatMap(\.addresses) + (router.map { [$0] } ?? []))
            .filter(range.contains)
    }
}

extension Request.CreateNetwork.Kind {
    /// A parameter that is about ranges and was sent.
    fileprivate var rangeParameter: String? { first != nil ? "startip" : last != nil ? "endip" : nil }
}
