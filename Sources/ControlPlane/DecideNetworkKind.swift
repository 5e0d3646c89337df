import CloudModel
import NetworkVocabulary

// What kinds of networks differ in: the segment, and who may use them.
extension Draft {
    /// The segment that the network is made for, where its offering leaves that to the caller.
    func ownSegment(
        _ text: String?, _ offering: NetworkOffering, _ wire: PhysicalNetwork, _ zone: Zone
    ) throws(RequestError) -> Segment? {
        guard offering.specifiesVLAN else {
            guard text == nil else {
                throw .refused("vlan", "Network offering \(offering.name) doesn't support that a vlan is specified")
            }
            return nil
        }
        // Whoever names a segment of the wire could name another tenant's.
        guard caller.isRootAdmin else { throw .denied("Only a root administrator may specify a network's vlan") }
        guard let text else { throw .missing("vlan", command) }
        let segment = try segment(text, on: wire, "vlan")
        guard segment != .untagged || offering.guestType == .shared else {
            throw invalid("vlan", text, "only shared networks can be untagged")
        }
        guard !wire.hasInPool(segment) else {
            throw .refused(
                "vlan",
                "The VLAN tag to use for new guest network, \(RequestError.excerpt(text)) is already being used for "
                    + "dynamic vlan allocation for the guest network in zone \(zone.name)")
        }
        try refuseUse(of: segment, on: wire, zone, "vlan")
        return segment
    }

    func refuseUse(
        of segment: Segment, on wire: PhysicalNetwork, _ zone: Zone, _ parameter: String
    ) throws(RequestError) {
        guard cloud.network(onSegment: segment, of: wire.id) == nil else {
            throw .refused(
                parameter,
                "Network with vlan \(segment) already exists or overlaps with other network vlans in zone \(zone.name)")
        }
        guard !cloud.isCarried(segment, elsewhereThan: wire, where: .guest) else {
            throw .refused(parameter, "\(segment) is on the trunk of another physical network")
        }
        guard cloud.publicRangesByBridge[.publicSegment(physicalNetwork: wire.id, segment)].isEmpty else {
            throw .refused(parameter, "\(segment) carries a public range of zone \(zone.name)")
        }
    }

    /// A bare number is one of the wire's own isolation.
    func segment(_ text: String, on wire: PhysicalNetwork, _ parameter: String) throws(RequestError) -> Segment {
        if text == "untagged" { return .untagged }
        let limits =
            wire.isolation == .vlan ? "VLAN ids are from 1 to 4094" : "VNIs are from 1 to 16777215"
        if let number = UInt32(text), text.utf8.first != 43, text.utf8.first != 48 {
            guard let segment = Segment(wire.isolation, number: number) else { throw invalid(parameter, text, limits) }
            return segment
        }
        guard let segment = Segment(text) else { throw invalid(parameter, text, limits) }
        guard segment == .untagged || segment.number.flatMap({ Segment(wire.isolation, number: $0) }) == segment else {
            throw invalid(parameter, text, "the physical network's isolation is \(wire.isolation.rawValue)")
        }
        return segment
    }

    func audience(
        _ kind: Request.CreateNetwork.Kind, _ type: NetworkOffering.GuestType
    ) throws(RequestError) -> Network.Audience {
        guard type == .shared else {
            if let access = kind.access, access.lowercased() != "account" {
                throw .refused("acltype", "AclType should be Account for \(type.rawValue) networks")
            }
            if kind.includesSubdomains != nil { throw subdomainsWithoutDomain }
            if kind.domain != nil { throw .missing("account", command) }
            if kind.isolatesPorts {
                throw .refused("isolatedpvlantype", "Only ports of shared networks can be isolated")
            }
            return .owner
        }
        guard caller.isRootAdmin else { throw .denied("Only a root administrator may create shared networks") }
        switch kind.access?.lowercased() {
        case "account":
            if kind.includesSubdomains != nil { throw subdomainsWithoutDomain }
            return .owner
        case "domain", nil:
            let domain = kind.domain ?? Domain.root.id
            guard cloud.domains[domain] != nil else { throw unknown("domainid", domain) }
            return .domain(domain, withSubdomains: kind.includesSubdomains ?? true)
        default:
            throw invalid("acltype", kind.access ?? "", "it is Account or Domain")
        }
    }

    private var subdomainsWithoutDomain: RequestError {
        .refused("subdomainaccess", "Parameter subDomainAccess can be specified only with aclType=Domain")
    }
}
