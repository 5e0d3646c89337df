import CloudModel
import ControlPlane
import NetworkVocabulary

// Ranges of public addresses, and those of shared networks: CloudStack has one kind of object for both.
extension Command {
    static let publicRanges: [Command] = [
        .change(
            "createVlanIpRange", "Creates a range of public addresses, or of a shared network's", isAsync: false,
            [
                Parameter(
                    "physicalnetworkid", .uuid, related: "listPhysicalNetworks", "the wire that carries the range"),
                Parameter(
                    "zoneid", .uuid, related: "listZones", "instead of physicalnetworkid where the zone has only one"),
                Parameter("networkid", .uuid, related: "listNetworks", "the shared network whose guests it is for"),
                Parameter("gateway", "the router to the outside; for a shared network the one that it has"),
                Parameter("netmask", "the subnet's mask"),
                Parameter("startip", "the first address; absent for a range of IPv6 addresses alone"),
                Parameter("endip", "the last address; the first when absent"),
                Parameter("vlan", "the VLAN id, vlan://ID, vxlan://VNI or untagged, which it is when absent"),
                Parameter("forvirtualnetwork", .boolean, "true: public addresses"),
                Parameter("forsystemvms", .boolean, "true: tenants get no address of it"),
                Parameter("ip6cidr", "IPv6 addresses that go with it: they are kept, and nothing uses them yet"),
                Parameter("ip6gateway", "their gateway"), Parameter("startipv6", "the first of them"),
                Parameter("endipv6", "the last of them"),
            ] + .owner, isAdminOnly: true, unsupported: ["podid", "provider"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            if let network = arguments.id("networkid") {
                guard arguments.boolean("forvirtualnetwork") != true else {
                    throw .refused("forvirtualnetwork", "A shared network's range is not one of public addresses")
                }
                return .networking(
                    .createGuestRange(
                        .init(
                            network: network, first: try arguments.required("startip"), last: arguments.string("endip"),
                            gateway: arguments.string("gateway"), netmask: arguments.string("netmask"),
                            vlan: arguments.string("vlan"), ipv6: try arguments.ipv6())))
            }
            guard arguments.boolean("forvirtualnetwork") ?? true else { throw .missing("networkid", call.command) }
            if let ipv6 = try arguments.ipv6(),
                ["startip", "gateway", "netmask"].allSatisfy({ arguments.string($0) == nil })
            {
                for name in ["account", "domainid", "projectid", "endip"] where arguments.string(name) != nil {
                    throw .unsupported(name, "A range of IPv6 addresses alone is everybody's")
                }
                return .infrastructure(
                    .createPublicIPv6Range(
                        physicalNetwork: try call.publicWire(), ipv6, vlan: arguments.string("vlan"),
                        isForSystem: arguments.boolean("forsystemvms") ?? false))
            }
            for name in ["startip", "gateway", "netmask"] where arguments.string(name) == nil {
                throw .missing(name, call.command)
            }
            return .createPublicRange(
                Request.CreatePublicRange(
                    physicalNetwork: try call.publicWire(), gateway: try arguments.required("gateway"),
                    netmask: try arguments.required("netmask"), first: try arguments.required("startip"),
                    last: arguments.string("endip"), vlan: arguments.string("vlan"),
                    dedication: try call.dedication(), isForSystem: arguments.boolean("forsystemvms") ?? false,
                    ipv6: try arguments.ipv6()))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .list(
            "listVlanIpRanges", "Lists ranges of public addresses and of shared networks",
            [
                Parameter("id", .uuid, related: "listVlanIpRanges", "only this range"), .zone,
                Parameter("physicalnetworkid", .uuid, related: "listPhysicalNetworks", "only on this physical network"),
                Parameter("networkid", .uuid, related: "listNetworks", "only of this shared network"),
                Parameter("forvirtualnetwork", .boolean, "only public ones, or only others"),
                Parameter("vlan", "only on this segment"),
            ] + .owner, isAdminOnly: true, unsupported: ["podid"]
        ) { call throws(RequestError) in
            let passes = try call.rangeFilter()
            let cloud = call.cloud
            let all =
                cloud.publicRanges.values.map { $0.rendered(in: cloud) }
                + cloud.publicIPv6Ranges.values.map(\.rendered)
                + cloud.guestRanges.values.map { $0.rendered(in: cloud) }
            let found = all.filter(passes)
            if let id = call.arguments.id("id"), cloud.publicRanges[id] == nil, cloud.guestRanges[id] == nil,
                cloud.publicIPv6Ranges[id] == nil
            {
                throw .unknown("id", id: id.description, call.command)
            }
            return try call.page("vlaniprange", found) { $0 }
        },
        .change(
            "updateVlanIpRange", "Moves the ends of a range", isAsync: false,
            [
                .id("listVlanIpRanges", "the range"), Parameter("startip", "the first address"),
                Parameter("endip", "the last address"),
                Parameter("gateway", "another gateway, while the range is not in use"),
                Parameter("netmask", "another netmask, while the range is not in use"),
                Parameter("forsystemvms", .boolean, "whether tenants get no address of it"),
            ], isAdminOnly: true, unsupported: ["ip6cidr", "ip6gateway", "startipv6", "endipv6"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let id = try arguments.requiredID("id")
            guard call.cloud.publicIPv6Ranges[id] == nil else {
                throw .refused("id", "A range of IPv6 addresses alone stays as it is: another one can be created")
            }
            guard call.cloud.guestRanges[id] == nil else {
                for name in ["gateway", "netmask", "forsystemvms"] where arguments.string(name) != nil {
                    throw .unsupported(name, "A shared network keeps its subnet")
                }
                return .networking(
                    .updateGuestRange(
                        .init(id: id, first: arguments.string("startip"), last: arguments.string("endip"))))
            }
            return .updatePublicRange(
                .init(
                    id: id, first: arguments.string("startip"), last: arguments.string("endip"),
                    gateway: arguments.string("gateway"), netmask: arguments.string("netmask"),
                    isForSystem: arguments.boolean("forsystemvms")))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .change(
            "deleteVlanIpRange", "Deletes a range whose addresses are all free", isAsync: false,
            [.id("listVlanIpRanges", "the range")], isAdminOnly: true
        ) { call throws(RequestError) in
            let id = try call.arguments.requiredID("id")
            if call.cloud.publicIPv6Ranges[id] != nil { return .infrastructure(.delete(.publicIPv6Range, id)) }
            return call.cloud.guestRanges[id] == nil ? .deletePublicRange(id) : .networking(.deleteGuestRange(id))
        } reply: { _, _ in
            .success
        },
        .change(
            "dedicatePublicIpRange", "Keeps the addresses of a range for an account or a domain", isAsync: false,
            [.id("listVlanIpRanges", "the range")] + .owner, isAdminOnly: true
        ) { call throws(RequestError) in
            guard let dedication = try call.dedication() else { throw .missing("domainid", call.command) }
            return .networking(.dedicatePublicRange(.init(id: try call.dedicatedRange(), dedication: dedication)))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .change(
            "releasePublicIpRange", "Lets everybody have the addresses of a range again", isAsync: false,
            [.id("listVlanIpRanges", "the range")], isAdminOnly: true
        ) { call throws(RequestError) in
            .networking(.releasePublicRange(try call.dedicatedRange()))
        } reply: { _, _ in
            .success
        },
    ]

    private static func rendered(_ outcome: Outcome) -> APIObject {
        guard let id = outcome.reply.object?.id else { return [:] }
        let object =
            outcome.cloud.publicRanges[id]?.rendered(in: outcome.cloud)
            ?? outcome.cloud.guestRanges[id]?.rendered(in: outcome.cloud)
            ?? outcome.cloud.publicIPv6Ranges[id]?.rendered
        return object.map { ["vlan": .object($0)] } ?? [:]
    }
}

extension Call {
    /// Whom something is kept for: `account` with `domainid`, `projectid`, or `domainid` alone.
    func dedication() throws(RequestError) -> Dedication? {
        if arguments.string("account") != nil || arguments.string("projectid") != nil {
            return try account().map { .account($0) }
        }
        return try domain().map { .domain($0) }
    }

    /// A range that is there must not be called unknown: clients take that for its being gone.
    fileprivate func dedicatedRange() throws(RequestError) -> ObjectID {
        let id = try arguments.requiredID("id")
        guard cloud.publicIPv6Ranges[id] == nil else {
            throw .unsupported("id", "A range of IPv6 addresses alone is nobody's: nothing is given out from it yet")
        }
        guard cloud.guestRanges[id] == nil else {
            throw .refused("id", "The range is a shared network's, and not a public one")
        }
        return id
    }

    fileprivate func publicWire() throws(RequestError) -> ObjectID {
        if let id = arguments.id("physicalnetworkid") { return id }
        guard let zone = try object("zoneid", in: cloud.zones) else { throw .missing("physicalnetworkid", command) }
        let choices = cloud.physicalNetworksByZone[zone.id].filter { id in
            cloud.physicalNetworks[id]?.carries(.public) == true
        }
        guard choices.count == 1, let only = choices.first else { throw .missing("physicalnetworkid", command) }
        return only
    }

    fileprivate func rangeFilter() throws(RequestError) -> (APIObject) -> Bool {
        let dedication = try dedication()
        let owner: (String, APIValue?)? =
            switch dedication {
            case .account(let id): ("account", .text(cloud.accounts[id]?.name))
            case .domain(let id): ("domainid", .text(id))
            case nil: nil
            }
        let fields: [(String, APIValue?)] = [
            ("id", arguments.id("id").flatMap { .text($0) }), ("zoneid", try listedZone().flatMap { .text($0) }),
            (
                "physicalnetworkid",
                try object("physicalnetworkid", in: cloud.physicalNetworks).flatMap { .text($0.id) }
            ),
            ("networkid", try object("networkid", in: cloud.networks).flatMap { .text($0.id) }),
            ("forvirtualnetwork", arguments.boolean("forvirtualnetwork").map { .boolean($0) }),
        ]
        let vlan = arguments.string("vlan").map { $0.contains("://") ? $0 : "vlan://" + $0 }
        return { range in
            fields.allSatisfy { name, wanted in wanted == nil || range[name] == wanted }
                && (vlan == nil || range["vlan"] == .text(vlan))
                && owner.map { range[$0.0] == $0.1 } ?? true
                && self.matches(range.words)
        }
    }
}

extension Arguments {
    fileprivate func ipv6() throws(RequestError) -> Request.CreatePublicRange.IPv6Text? {
        let names = ["ip6cidr", "ip6gateway", "startipv6", "endipv6"]
        guard names.contains(where: { string($0) != nil }) else { return nil }
        for name in names.prefix(2) where string(name) == nil { throw .missing(name, command) }
        return .init(
            cidr: try required("ip6cidr"), gateway: try required("ip6gateway"), first: string("startipv6"),
            last: string("endipv6"))
    }
}

extension PublicRange {
    func rendered(in cloud: Cloud) -> APIObject {
        let object: APIObject = [
            "id": .text(id), "zoneid": .text(zone), "physicalnetworkid": .text(physicalNetwork), "vlan": .text(segment),
            "gateway": .text(gateway), "netmask": .text(subnet.netmask), "cidr": .text(subnet),
            "startip": .text(addresses.first), "endip": .text(addresses.last), "forvirtualnetwork": true,
            "forsystemvms": .boolean(isForSystem),
        ]
        return object.withIPv6(ipv6).dedicated(dedication, in: cloud)
    }
}

extension PublicIPv6Range {
    var rendered: APIObject {
        let object: APIObject = [
            "id": .text(id), "zoneid": .text(zone), "physicalnetworkid": .text(physicalNetwork), "vlan": .text(segment),
            "forvirtualnetwork": true, "forsystemvms": .boolean(isForSystem),
        ]
        return object.withIPv6(part)
    }
}

extension GuestRange {
    func rendered(in cloud: Cloud) -> APIObject {
        let home = cloud.networks[network]
        let object: APIObject = [
            "id": .text(id), "zoneid": .text(home?.zone), "physicalnetworkid": .text(home?.physicalNetwork),
            "networkid": .text(network), "vlan": .text(home?.ownSegment ?? home?.segment),
            "gateway": .text(home?.gateway), "netmask": .text(home?.cidr?.netmask), "cidr": .text(home?.cidr),
            "startip": .text(addresses.first), "endip": .text(addresses.last), "forvirtualnetwork": false,
            "forsystemvms": false,
        ]
        return object.withIPv6(ipv6)
    }
}

extension APIObject {
    /// What a keyword is looked for in.
    fileprivate var words: String {
        ["cidr", "startip", "endip", "ip6cidr", "startipv6", "endipv6"].compactMap {
            if case .string(let text)? = self[$0] { text } else { nil }
        }
        .joined(separator: " ")
    }

    fileprivate func withIPv6(_ part: IPv6Part?) -> APIObject {
        var object = self
        object["ip6cidr"] = .text(part?.prefix)
        object["ip6gateway"] = .text(part?.gateway)
        object["startipv6"] = .text(part?.addresses?.first)
        object["endipv6"] = .text(part?.addresses?.last)
        return object
    }

    /// With whom it is kept for, if for anybody.
    func dedicated(_ dedication: Dedication?, in cloud: Cloud) -> APIObject {
        switch dedication {
        case .account(let id): owned(by: id, in: cloud)
        case .domain(let id): inDomain(id, cloud)
        case nil: self
        }
    }
}
