import CloudModel
import NetworkVocabulary

// Members of pools that one account, or one domain, alone gets.
extension Draft {
    mutating func dedicateVLANs(_ request: NetworkingRequest.DedicateVLANs) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let wire = cloud.physicalNetworks[request.physicalNetwork] else {
            throw unknown("physicalnetworkid", request.physicalNetwork)
        }
        try require(request.dedication)
        let ranges = try segments(request.segments, wire.isolation, "vlanrange")
        guard let range = ranges.first, ranges.count == 1 else {
            throw invalid("vlanrange", request.segments, "it is one range: first-last")
        }
        guard wire.segmentRanges.contains(where: { $0.first <= range.first && range.last <= $0.last }) else {
            throw .refused(
                "vlanrange",
                "Unable to find guest vlan by range \(range): it is not in the ranges of physical network \(wire.name)")
        }
        for other in cloud.vlanDedications(on: wire.id) where other.segments.numbers.overlaps(range.numbers) {
            throw .refused("vlanrange", "Vlan range \(other.segments) is already dedicated; \(range) overlaps it")
        }
        for network in cloud.networks(on: wire.id, within: range)
        where !request.dedication.admits(network.account, in: cloud) {
            throw .refused("vlanrange", "\(range) is in use by another account, by network \(network.name)")
        }
        let dedication = VLANDedication(
            id: newID(), physicalNetwork: wire.id, segments: range, dedication: request.dedication)
        try put(.vlanDedication(dedication))
        return [Reference(.vlanDedication, dedication.id)]
    }

    /// Networks that have its segments keep them.
    mutating func releaseVLANs(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard cloud.vlanDedications[id] != nil else { throw unknown("id", id) }
        try remove(.vlanDedication, id)
        return []
    }

    mutating func dedicatePublicRange(
        _ request: NetworkingRequest.DedicatePublicRange
    ) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var range = cloud.publicRanges[request.id] else { throw unknown("id", request.id) }
        try require(request.dedication)
        guard !range.isForSystem else { throw .refused("id", "The range \(range.addresses) is the system's own") }
        guard range.dedication == nil else {
            throw .refused("id", "Public IP range \(range.addresses) has already been dedicated")
        }
        for id in cloud.publicAddressesByRange[range.id] {
            guard let held = cloud.publicAddresses[id], !request.dedication.admits(held.account, in: cloud) else {
                continue
            }
            throw .inUse("id", "Public IP address \(held.address) in range is allocated to another account")
        }
        range.dedication = request.dedication
        try put(.publicRange(range))
        return [Reference(.publicRange, range.id)]
    }

    /// Addresses that somebody holds stay theirs.
    mutating func releasePublicRange(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var range = cloud.publicRanges[id] else { throw unknown("id", id) }
        guard range.dedication != nil else {
            throw .refused(
                "id",
                "Can't release Public IP range \(range.addresses) as it is not dedicated to any domain and any account")
        }
        range.dedication = nil
        try put(.publicRange(range))
        return [Reference(.publicRange, id)]
    }

    /// What an account or a domain that goes had for itself is everybody's again.
    mutating func releasePools(of owner: Reference) throws(RequestError) {
        for id in cloud.referrers(.vlanDedication, of: owner.kind)[owner.id] { try remove(.vlanDedication, id) }
        for id in cloud.referrers(.publicRange, of: owner.kind)[owner.id] {
            guard var range = cloud.publicRanges[id] else { continue }
            range.dedication = nil
            try put(.publicRange(range))
        }
    }

    func require(_ dedication: Dedication) throws(RequestError) {
        switch dedication {
        case .account(let id): if cloud.accounts[id] == nil { throw unknown("account", id) }
        case .domain(let id): if cloud.domains[id] == nil { throw unknown("domainid", id) }
        }
    }
}
