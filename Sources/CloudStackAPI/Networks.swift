import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let networks: [Command] = [
        .change(
            "createNetwork", "Creates a network", isAsync: false,
            [
                Parameter("name", required: true, "the network's name"), Parameter("displaytext", "what it is for"),
                Parameter("zoneid", .uuid, required: true, related: "listZones", "its zone"),
                Parameter(
                    "networkofferingid", .uuid, required: true, related: "listNetworkOfferings", "what it is made from"),
                Parameter("gateway", "the router's address in it; on a shared network somebody else's"),
                Parameter("netmask", "its mask"),
                Parameter("guestvmcidr", "the part of it that guests get addresses from"),
                Parameter("networkdomain", "its domain; the zone's when absent"),
                Parameter("dns1", "a resolver for its guests; the zone's when absent"),
                Parameter("dns2", "another one"),
                Parameter(
                    "physicalnetworkid", .uuid, related: "listPhysicalNetworks", "needed where the zone has several"),
                Parameter(
                    "vlan", "its VLAN or VNI, where the offering leaves it to the caller: 98, vlan://98, untagged"),
                Parameter("startip", "shared networks: the first address of guests"),
                Parameter("endip", "shared networks: the last one; the first when absent"),
                Parameter(
                    "acltype", "shared networks: who may use it: Account, usual with account or projectid, or Domain"),
                Parameter("subdomainaccess", .boolean, "whether accounts of domains below may use it too"),
                Parameter("isolatedpvlantype", "Isolated: its guests reach the router and gateway, and not each other"),
                Parameter("bypassvlanoverlapcheck", .boolean, "false: a VLAN in use is refused"),
                Parameter("displaynetwork", .boolean, "true: nothing is hidden from lists here"),
                Parameter("privatemtu", .integer, "the MTU of its guests; as much as the wire carries when absent"),
                Parameter("publicmtu", .integer, "the MTU of its router's public interfaces, the same"),
            ] + .owner,
            unsupported: [
                "vpcid", "aclid", "ip6cidr", "ip6gateway", "startipv6", "endipv6", "ip6dns1", "ip6dns2",
                "isolatedpvlan",
                "sourcenatipaddress", "routerip", "routeripv6", "associatednetworkid", "externalid", "asnumber",
                "bgppeerids", "cidrsize",
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            if arguments.boolean("bypassvlanoverlapcheck") == true {
                throw .unsupported("bypassvlanoverlapcheck", "A VLAN in use is always refused here")
            }
            try arguments.requireDisplayed("displaynetwork")
            // With acltype=Domain, and without an account, `domainid` is whose network it is, and not whose account.
            let isForDomain = arguments.string("acltype").map { $0.lowercased() == "domain" } ?? !call.isForAccount
            return .createNetwork(
                Request.CreateNetwork(
                    name: try arguments.required("name"), displayText: arguments.string("displaytext"),
                    zone: try arguments.requiredID("zoneid"), offering: try arguments.requiredID("networkofferingid"),
                    account: isForDomain ? nil : try call.account(),
                    physicalNetwork: arguments.id("physicalnetworkid"),
                    gateway: arguments.string("gateway"), netmask: arguments.string("netmask"),
                    guestCIDR: arguments.string("guestvmcidr"), networkDomain: arguments.string("networkdomain"),
                    kind: try call.networkKind(isForDomain ? try call.domain() : nil)))
        } reply: { call, outcome in
            outcome.answer("network", \.networks) { $0.rendered(in: outcome.cloud, for: call.caller) }
        },
        .list(
            "listNetworks", "Lists networks",
            [
                Parameter("id", .uuid, related: "listNetworks", "only this network"),
                Parameter("name", "only the network of this name"), .zone,
                Parameter("physicalnetworkid", .uuid, related: "listPhysicalNetworks", "only on this physical network"),
                Parameter("networkofferingid", .uuid, related: "listNetworkOfferings", "only those made from it"),
                Parameter("type", "only Isolated, Shared or L2"),
                Parameter("acltype", "only those for an Account, or for a Domain"),
                Parameter("networkfilter", "Account, Domain, AccountDomain, Shared or All"),
                Parameter("supportedservices", .list, "only with all of these services"),
                Parameter("traffictype", "only Guest"), Parameter("vlan", "only on this VLAN or VNI"),
                Parameter("specifyipranges", .boolean, "only those that have, or do not have, ranges"),
                Parameter("issystem", .boolean, "true: there are none of the system's own"),
                Parameter("forvpc", .boolean, "true: there are no VPCs here"),
                Parameter("restartrequired", .boolean, "true: none ever needs that"),
                Parameter("canusefordeploy", .boolean, "false: all can be used"),
                Parameter("displaynetwork", .boolean, "false: none is hidden"),
            ] + .scope, unsupported: ["vpcid", "associatednetworkid"]
        ) { call throws(RequestError) in
            let passes = try call.networkFilter()
            return try call.page("network", try call.listedNetworks().filter(passes)) {
                $0.rendered(in: call.cloud, for: call.caller).carrying(call.view.traffic[$0.id], .passage)
            }
        },
        .change(
            "updateNetwork", "Changes a network while it is in use", isAsync: true,
            [
                .id("listNetworks", "the network"), Parameter("name", "its new name"),
                Parameter("displaytext", "what it is for"), Parameter("networkdomain", "its domain; empty: none"),
                Parameter(
                    "sourcenatipaddress",
                    "the public address that guests are seen by: another one of the network's, or a free one"),
                Parameter(
                    "networkofferingid", .uuid, related: "listNetworkOfferings", "what it is converted to"),
                Parameter("guestvmcidr", "the part of it that guests get addresses from; its CIDR: all of it"),
                Parameter("dns1", "a resolver for its guests; empty: the zone's"), Parameter("dns2", "another one"),
                Parameter("forced", .boolean, "makes no difference: what is in use is never lost"),
                Parameter("updateinsequence", .boolean, "makes no difference: there is one router"),
                Parameter("displaynetwork", .boolean, "true: nothing is hidden from lists here"),
                Parameter("privatemtu", .integer, "another MTU of its guests, who hear of it with their next renewal"),
                Parameter("publicmtu", .integer, "another MTU of its router's public interfaces"),
            ],
            unsupported: [
                "changecidr", "customid", "ip6dns1", "ip6dns2",
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed("displaynetwork")
            var request = Request.UpdateNetwork(
                id: try arguments.requiredID("id"), name: arguments.string("name"),
                displayText: arguments.string("displaytext"), networkDomain: arguments.text("networkdomain"),
                sourceNATAddress: arguments.string("sourcenatipaddress"),
                offering: arguments.id("networkofferingid"), guestCIDR: arguments.string("guestvmcidr"),
                dns1: arguments.text("dns1"), dns2: arguments.text("dns2"))
            request.privateMTU = arguments.integer("privatemtu")
            request.publicMTU = arguments.integer("publicmtu")
            return .updateNetwork(request)
        } reply: { call, outcome in
            outcome.answer("network", \.networks) { $0.rendered(in: outcome.cloud, for: call.caller) }
        },
        .change(
            "deleteNetwork", "Deletes a network without guests", isAsync: true,
            [
                .id("listNetworks", "the network"),
                Parameter("forced", .boolean, "makes no difference: nothing is left behind either way"),
            ]
        ) { call throws(RequestError) in
            .deleteNetwork(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
        .change(
            "restartNetwork", "Compares all that a network is in the kernel with its plan, and repairs it",
            isAsync: true,
            [
                .id("listNetworks", "the network"),
                Parameter("cleanup", .boolean, "makes no difference: connections go on either way"),
                Parameter("livepatch", .boolean, "makes no difference"),
            ], unsupported: ["makeredundant"]
        ) { call throws(RequestError) in
            .networking(
                .restartNetwork(
                    .init(
                        id: try call.arguments.requiredID("id"),
                        cleanup: call.arguments.boolean("cleanup") ?? false)))
        } reply: { _, _ in
            .success
        },
    ]
}

extension Call {
    /// A network that is made for an account is that account's alone, unless the caller says otherwise.
    fileprivate var isForAccount: Bool {
        arguments.string("account") != nil || arguments.string("projectid") != nil
    }

    /// What networks of some kinds have, and others have not.
    fileprivate func networkKind(_ domain: ObjectID?) throws(RequestError) -> Request.CreateNetwork.Kind {
        if let text = arguments.string("isolatedpvlantype"), !["isolated", "none"].contains(text.lowercased()) {
            throw .unsupported("isolatedpvlantype", "Ports are Isolated, or not; communities are not supported here")
        }
        var kind = Request.CreateNetwork.Kind(
            segment: arguments.string("vlan"), first: arguments.string("startip"), last: arguments.string("endip"),
            access: arguments.string("acltype") ?? (isForAccount ? "Account" : nil), domain: domain,
            includesSubdomains: arguments.boolean("subdomainaccess"),
            isolatesPorts: arguments.string("isolatedpvlantype")?.lowercased() == "isolated",
            dns1: arguments.string("dns1"), dns2: arguments.string("dns2"))
        kind.privateMTU = arguments.integer("privatemtu")
        kind.publicMTU = arguments.integer("publicmtu")
        return kind
    }

    /// Networks of the owners that the caller asked for, and those that are shared with them.
    fileprivate func listedNetworks() throws(RequestError) -> [Network] {
        if let network = try usableNetwork("id") { return [network] }
        let user = try account() ?? caller.account
        let scope = try scope()
        return cloud.networks.values.filter { network in
            scope.contains(network.account) || network.audience != .owner && network.isOpen(to: user, in: cloud)
        }
    }

    fileprivate func networkFilter() throws(RequestError) -> (Network) -> Bool {
        let (cloud, arguments) = (cloud, arguments)
        let wire = try object("physicalnetworkid", in: cloud.physicalNetworks)?.id
        let offering = try object("networkofferingid", in: cloud.networkOfferings)?.id
        let zone = try listedZone()
        let word = { (name: String) in arguments.string(name)?.lowercased() }
        // What no network is, or has, or needs.
        let isNothing =
            ["issystem", "forvpc", "restartrequired"].contains { arguments.boolean($0) == true }
            || ["canusefordeploy", "displaynetwork"].contains { arguments.boolean($0) == false }
            || word("traffictype").map { $0 != "guest" } ?? false
        let services = arguments.list("supportedservices").map { $0.lowercased() }
        return { network in
            let offered = Set(cloud.networkOfferings[network.offering]?.services.keys.map { $0.lowercased() } ?? [])
            return !isNothing && self.matches(network.name) && (wire == nil || network.physicalNetwork == wire)
                && (offering == nil || network.offering == offering) && (zone == nil || network.zone == zone)
                && word("type").map { $0 == network.guestType.rawValue.lowercased() } ?? true
                && word("acltype").map { $0 == network.accessWord.lowercased() } ?? true
                && word("networkfilter").map { network.passes($0) } ?? true
                && word("vlan").map { text in self.isOn(text, network) } ?? true
                && arguments.boolean("specifyipranges").map { $0 == (network.guestType == .shared) } ?? true
                && services.allSatisfy(offered.contains)
        }
    }

    /// Segments are the operator's business.
    private func isOn(_ text: String, _ network: Network) -> Bool {
        guard caller.isRootAdmin, let segment = network.ownSegment ?? network.segment else { return false }
        return segment.number == text || segment.description == text
    }
}

extension Network {
    /// CloudStack's `acltype`.
    fileprivate var accessWord: String { audience == .owner ? "Account" : "Domain" }

    fileprivate func passes(_ filter: String) -> Bool {
        switch filter {
        case "account": audience == .owner
        case "domain", "shared": audience != .owner
        default: true
        }
    }
}

extension Network {
    func rendered(in cloud: Cloud, for caller: Caller) -> APIObject {
        let offering = cloud.networkOfferings[offering]
        let zone = cloud.zones[zone]
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "displaytext": .string(displayText),
            "zoneid": .text(self.zone),
            "zonename": .text(zone?.name), "physicalnetworkid": .text(physicalNetwork),
            "networkofferingid": .text(self.offering), "networkofferingname": .text(offering?.name),
            "networkofferingdisplaytext": .text(offering?.displayText),
            "networkofferingconservemode": offering.map { .boolean($0.conservesAddresses) },
            "cidr": .text(guestCIDR ?? cidr),
            "networkcidr": guestCIDR == nil ? nil : .text(cidr), "gateway": .text(gateway),
            "netmask": .text(cidr?.netmask), "networkdomain": .text(networkDomain), "state": .string(stateWord),
            "type": .string(guestType.rawValue), "traffictype": "Guest", "acltype": .string(accessWord),
            "dns1": .text(dns1 ?? zone?.dns1), "dns2": .text(dns1 == nil ? dns2 ?? zone?.dns2 : dns2),
            "privatemtu": .number(mtu), "publicmtu": .number(publicMTU ?? cloud.largestPublicMTU(in: self.zone)),
            "ispersistent": .boolean(offering?.isPersistent ?? false), "issystem": false,
            "specifyipranges": .boolean(guestType == .shared), "specifyvlan": .boolean(ownSegment != nil),
            "canusefordeploy": true, "restartrequired": false, "related": .text(id), "displaynetwork": true,
            "broadcastdomaintype": cloud.physicalNetworks[physicalNetwork]
                .map { $0.isolation == .vlan ? "Vlan" : "Vxlan" },
        ]
        object["reservediprange"] = .text(reservedAddresses)
        object["isolatedpvlantype"] = isolationWord
        object["egressdefaultpolicy"] = offering.map { .boolean($0.egressDefaultAllow) }
        // What a tenant's frames are tagged with is the operator's business.
        if caller.isRootAdmin {
            let segment = ownSegment ?? segment
            object["broadcasturi"] = .text(segment)
            object["vlan"] = segment.map { .text($0.number) }
        }
        object["service"] = offering?.renderedServices ?? .array([])
        object["tags"] = cloud.renderedTags(of: reference)
        guard case .domain(let domain, let withSubdomains) = audience else {
            return object.owned(by: account, in: cloud)
        }
        object["subdomainaccess"] = .boolean(withSubdomains)
        return object.inDomain(domain, cloud)
    }

    /// Addresses of the network that guests get none of: CloudStack's `reservediprange`.
    private var reservedAddresses: String? {
        guard guestCIDR != nil, let all = cidr?.hosts, let given = guestAddresses else { return nil }
        let below = given.first > all.first ? IPv4Range(all.first, IPv4Address(bits: given.first.bits - 1)) : nil
        let above = given.last < all.last ? IPv4Range(IPv4Address(bits: given.last.bits + 1), all.last) : nil
        return [below, above].compactMap { $0?.description }.joined(separator: ", ")
    }

    /// Shared networks are ready when they are made, whatever there is of them in the kernel.
    private var stateWord: String { guestType == .shared ? "Setup" : state.rawValue }
}

extension Segment {
    /// The number alone.
    var number: String { description.split(separator: "/").last.map(String.init) ?? "" }
}

extension Network {
    /// What its guests' ports may not do, in CloudStack's word.
    var isolationWord: APIValue? { isolatesPorts ? "Isolated" : nil }
}
