import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let networkOfferings: [Command] = [
        .change(
            "createNetworkOffering", "Creates something that networks can be made from", isAsync: false,
            [
                Parameter("name", required: true, "the offering's name"),
                Parameter("displaytext", required: true, "what it is for"),
                Parameter("guestiptype", required: true, "Isolated, Shared or L2"),
                Parameter("traffictype", required: true, "Guest"),
                Parameter("supportedservices", .list, maxLength: 4_096, "what the router does: SourceNat,Firewall,…"),
                Parameter("serviceproviderlist", .map, "[i].service and [i].provider"),
                Parameter(
                    "servicecapabilitylist", .map, "[i].service, [i].capabilitytype and [i].capabilityvalue"),
                Parameter(
                    "conservemode", .boolean,
                    "whether one public address may serve several kinds of rules; true when absent"),
                Parameter(
                    "egressdefaultpolicy", .boolean,
                    "true: guests may open connections to the outside, and egress rules deny; true when absent"),
                Parameter("ispersistent", .boolean, "true: the router is there without guests"),
                Parameter("specifyvlan", .boolean, "true: who creates a network names its VLAN"),
                Parameter("specifyipranges", .boolean, "true: who creates a network names its guests' addresses"),
                Parameter("forvpc", .boolean, "true: for tiers of a VPC"),
                Parameter(
                    "networkrate", .integer,
                    "megabits a second that each NIC may send, and as many that it may receive; -1 or 0 for no limit"),
                Parameter("serviceofferingid", .uuid, related: "listServiceOfferings", "what its routers are made of"),
                Parameter(
                    "details", .map, maxLength: 1_024,
                    "dhcp:66=value: what DHCP tells all guests too; ForgedTransmits=true: they may spoof; other words"),
                Parameter("enable", .boolean, "true: it can be used at once"),
            ] + changeable + scopeParameters, isAdminOnly: true,
            unsupported: [
                "fornsx", "fortungsten", "internetprotocol", "routingmode", "networkmode", "specifyasnumber",
                "provider",
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let traffic = try arguments.required("traffictype")
            guard traffic.lowercased() == "guest" else {
                throw .invalid("traffictype", traffic, call.command, because: "it is Guest")
            }
            var request = Request.CreateNetworkOffering(
                name: try arguments.required("name"), displayText: arguments.string("displaytext"),
                guestType: try arguments.required("guestiptype"), services: arguments.list("supportedservices"),
                providers: try call.providers(),
                egressDefaultAllow: arguments.boolean("egressdefaultpolicy") ?? true,
                conservesAddresses: arguments.boolean("conservemode") ?? true,
                isPersistent: arguments.boolean("ispersistent") ?? false,
                specifiesVLAN: arguments.boolean("specifyvlan") ?? false,
                isEnabled: arguments.boolean("enable") ?? false, rate: arguments.integer("networkrate"))
            request.capabilities = try call.capabilityRows()
            request.specifiesIPRanges = arguments.boolean("specifyipranges") ?? false
            request.isForVPC = arguments.boolean("forvpc") ?? false
            request.keepsAlive = arguments.boolean("keepaliveenabled") ?? false
            request.availability = arguments.string("availability")
            request.tags = call.sentList("tags")
            request.maxConnections = arguments.integer("maxconnections")
            request.serviceOffering = arguments.id("serviceofferingid")
            request.scope = try call.offeringScope()
            request.details = call.details("details") ?? [:]
            return .createNetworkOffering(request)
        } reply: { _, outcome in
            outcome.answer("networkoffering", \.networkOfferings) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listNetworkOfferings", "Lists what networks can be made from",
            [
                Parameter("id", .uuid, related: "listNetworkOfferings", "only this offering"),
                Parameter("name", "only the offering of this name"),
                Parameter("displaytext", "only with this display text"),
                Parameter("guestiptype", "only Isolated, Shared or L2"), Parameter("state", "only Enabled or Disabled"),
                Parameter("traffictype", "only for this kind of traffic"),
                Parameter("availability", "only Optional, Required or Unavailable"),
                Parameter("isdefault", .boolean, "only those that are, or are not, the installation's own"),
                Parameter("istagged", .boolean, "only those with, or without, tags"),
                Parameter("tags", "only those with these tags"),
                Parameter("specifyvlan", .boolean, "only those whose networks name, or do not name, a VLAN"),
                Parameter("specifyipranges", .boolean, "only those whose networks name, or do not name, addresses"),
                Parameter("sourcenatsupported", .boolean, "only those with, or without, source NAT"),
                Parameter("forvpc", .boolean, "only those for tiers of a VPC"),
                Parameter("supportedservices", .list, "only those with all of these services"), .zone,
                Parameter(
                    "networkid", .uuid, related: "listNetworks", "only those that this network could be changed to"),
            ]
        ) { call throws(RequestError) in
            let network = try call.object("networkid", in: call.cloud.networks)
            let current = network.flatMap { call.cloud.networkOfferings[$0.offering] }
            var found: [NetworkOffering] = []
            for offering in try call.shared(call.cloud.networkOfferings) {
                guard call.isMeant(offering), try call.isOffered(in: offering.zones, to: offering.domains),
                    !offering.isSystemOnly || call.caller.isRootAdmin
                else { continue }
                if let current {
                    guard offering.id != current.id, offering.isEnabled, offering.guestType == current.guestType,
                        offering.tags == current.tags, offering.isForVPC == current.isForVPC,
                        offering.specifiesVLAN == current.specifiesVLAN
                    else { continue }
                }
                found.append(offering)
            }
            // Clients that want any take the first: it is the one that networks usually are of.
            found.sort { ($0.sortKey, $0.rank, $0.id) < ($1.sortKey, $1.rank, $1.id) }
            return try call.page("networkoffering", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "updateNetworkOffering", "Changes what a network offering is called, and whether it can be used",
            isAsync: false,
            [
                .id("listNetworkOfferings", "the offering"), Parameter("name", "its new name"),
                Parameter("displaytext", "what it is for"), Parameter("state", "Enabled or Disabled"),
                Parameter("sortkey", .integer, "its place in lists"),
            ] + changeable + scopeParameters, isAdminOnly: true
        ) { call throws(RequestError) in
            let arguments = call.arguments
            var request = Request.UpdateNetworkOffering(
                id: try arguments.requiredID("id"), name: arguments.string("name"),
                displayText: arguments.string("displaytext"),
                isEnabled: try call.state("state", "Enabled", "Disabled"))
            request.availability = arguments.string("availability")
            request.tags = call.sentList("tags")
            request.maxConnections = arguments.integer("maxconnections")
            request.keepsAlive = arguments.boolean("keepaliveenabled")
            request.sortKey = arguments.integer("sortkey")
            request.scope = try call.offeringScope()
            return .updateNetworkOffering(request)
        } reply: { _, outcome in
            outcome.answer("networkoffering", \.networkOfferings) { $0.rendered(in: outcome.cloud) }
        },
        .change(
            "deleteNetworkOffering", "Deletes an offering that no network uses", isAsync: false,
            [.id("listNetworkOfferings", "the offering")], isAdminOnly: true
        ) { call throws(RequestError) in
            .deleteNetworkOffering(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
        .list(
            "listSupportedNetworkServices", "Lists what routers can do for networks",
            [
                Parameter("service", "only this service"), Parameter("provider", "only what this provider does"),
            ]
        ) { call throws(RequestError) in
            let provider = call.arguments.string("provider").map { ServiceProvider.Name(anyCase: $0) }
            let found = NetworkService.all.filter { service in
                call.agrees("service", service.name) && call.matches(service.name)
                    && provider.map { $0?.services.contains(service.name) ?? false } ?? true
            }
            return try call.page("networkservice", found) { $0.rendered }
        },
    ]

    private static let changeable = [
        Parameter("availability", "Optional or Required"),
        Parameter("maxconnections", .integer, "what a load balancer of the network takes at a time"),
        Parameter("keepaliveenabled", .boolean, "whether load balancers keep connections alive"),
        Parameter("tags", maxLength: 4_096, "networks go on physical networks with these tags"),
    ]
}

extension Call {
    fileprivate func isMeant(_ offering: NetworkOffering) -> Bool {
        let own = Set(offering.services.keys.map { $0.lowercased() })
        let wantedTags = arguments.list("tags")
        return matches(offering.name) && agrees("displaytext", offering.displayText)
            && agrees("guestiptype", offering.guestType.rawValue)
            && agrees("state", allocationState(offering.isEnabled))
            && agrees("traffictype", offering.trafficType) && agrees("availability", offering.availability.rawValue)
            && agrees("isdefault", offering.isDefault) && agrees("istagged", !offering.tags.isEmpty)
            && agrees("specifyvlan", offering.specifiesVLAN) && agrees("specifyipranges", offering.specifiesIPRanges)
            && agrees("sourcenatsupported", offering.services["SourceNat"] != nil)
            && agrees("forvpc", offering.isForVPC) && wantedTags.allSatisfy(offering.tags.contains)
            && own.isSuperset(of: arguments.list("supportedservices").map { $0.lowercased() })
    }

    fileprivate func providers() throws(RequestError) -> [String: String] {
        var providers: [String: String] = [:]
        for row in try serviceRows() {
            guard providers.updateValue(row.provider, forKey: row.service) == nil else {
                throw .unsupported(
                    "serviceproviderlist", "Service \(APIError.excerpt(row.service)) of a network has one provider")
            }
        }
        return providers
    }
}

extension NetworkOffering {
    fileprivate var rank: Int { availability == .required ? 0 : 1 }

    func rendered(in cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "displaytext": .string(displayText),
            "guestiptype": .string(guestType.rawValue), "traffictype": .string(trafficType),
            "state": .string(allocationState(isEnabled)), "isdefault": .boolean(isDefault),
            "availability": .string(availability.rawValue), "ispersistent": .boolean(isPersistent),
            "specifyvlan": .boolean(specifiesVLAN), "specifyipranges": .boolean(specifiesIPRanges),
            "conservemode": .boolean(conservesAddresses), "egressdefaultpolicy": .boolean(egressDefaultAllow),
            "forvpc": .boolean(isForVPC), "networkrate": .number(rate ?? -1), "tags": .joined(tags),
            "maxconnections": maxConnections.map { .number($0) }, "serviceofferingid": .text(serviceOffering),
            "service": renderedServices,
        ]
        if !details.isEmpty { object["details"] = .details(details) }
        object.scope(zones: zones, domains: domains, in: cloud)
        return object
    }

    /// The services with their providers, in the order of their names.
    var renderedServices: APIValue { APIObject.services(services.mapValues { [$0] }, capabilities) }
}

extension NetworkService {
    fileprivate var rendered: APIObject {
        [
            "name": .string(name),
            "capability": .array(
                capabilities.map {
                    .object([
                        "name": .string($0.name), "value": .string($0.values.joined(separator: ",")),
                        "canchooseservicecapability": .boolean($0.isChosen),
                    ])
                }),
            "provider": .array(
                providers.map {
                    .object([
                        "name": .string($0.rawValue), "state": "Enabled", "canenableindividualservice": false,
                        "servicelist": .array($0.services.map { .string($0) }),
                    ])
                }),
        ]
    }
}
