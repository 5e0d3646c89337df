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
                Parameter("guestiptype", required: true, "Isolated"),
                Parameter("traffictype", required: true, "Guest"),
                Parameter("supportedservices", .list, maxLength: 4_096, "what the router does: SourceNat,Firewall,…"),
                Parameter("serviceproviderlist", .map, "[i].service and [i].provider, which is VirtualRouter"),
                Parameter(
                    "conservemode", .boolean,
                    "whether one public address may serve several kinds of rules; true when absent"),
                Parameter(
                    "egressdefaultpolicy", .boolean,
                    "true: guests may open connections to the outside, and egress rules deny; true when absent"),
                Parameter("ispersistent", .boolean, "true: the router is there without guests"),
                Parameter("specifyvlan", .boolean, "false: the VLAN is chosen for the network"),
                Parameter("specifyipranges", .boolean, "false: guests get the addresses of their network"),
                Parameter("forvpc", .boolean, "false: there are no VPCs here"),
                Parameter(
                    "networkrate", .integer,
                    "megabits a second that each NIC may send, and as many that it may receive; -1 or 0 for no limit"),
                Parameter("enable", .boolean, "true: it can be used at once"),
            ], isAdminOnly: true,
            unsupported: [
                "tags", "serviceofferingid", "domainid", "zoneid", "fornsx", "fortungsten",
                "internetprotocol", "routingmode", "networkmode", "specifyasnumber", "provider",
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let traffic = try arguments.required("traffictype")
            guard traffic.lowercased() == "guest" else {
                throw .invalid("traffictype", traffic, call.command, because: "it is Guest")
            }
            for name in ["forvpc", "specifyipranges"] where arguments.boolean(name) == true {
                throw .unsupported(name, "Offerings with \(name) are not supported here")
            }
            return .createNetworkOffering(
                Request.CreateNetworkOffering(
                    name: try arguments.required("name"), displayText: arguments.string("displaytext"),
                    guestType: try arguments.required("guestiptype"), services: arguments.list("supportedservices"),
                    providers: try call.providers(),
                    egressDefaultAllow: arguments.boolean("egressdefaultpolicy") ?? true,
                    conservesAddresses: arguments.boolean("conservemode") ?? true,
                    isPersistent: arguments.boolean("ispersistent") ?? false,
                    specifiesVLAN: arguments.boolean("specifyvlan") ?? false,
                    isEnabled: arguments.boolean("enable") ?? false, rate: arguments.integer("networkrate")))
        } reply: { _, outcome in
            outcome.answer("networkoffering", \.networkOfferings) { $0.rendered }
        },
        .list(
            "listNetworkOfferings", "Lists what networks can be made from",
            [
                Parameter("id", .uuid, related: "listNetworkOfferings", "only this offering"),
                Parameter("name", "only the offering of this name"),
                Parameter("displaytext", "only with this display text"),
                Parameter("guestiptype", "only Isolated, Shared or L2"), Parameter("state", "only Enabled or Disabled"),
                Parameter("isdefault", .boolean, "only those that are, or are not, the installation's own"),
                Parameter("specifyvlan", .boolean, "only those whose networks name, or do not name, a VLAN"),
                Parameter("forvpc", .boolean, "only those for tiers of a VPC"),
                Parameter("supportedservices", .list, "only those with all of these services"), .zone,
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let services = Set(arguments.list("supportedservices").map { $0.lowercased() })
            _ = try call.object("zoneid", in: call.cloud.zones)
            func agrees(_ filter: String, _ value: String) -> Bool {
                arguments.string(filter).map { $0.lowercased() == value.lowercased() } ?? true
            }
            func agrees(_ filter: String, _ value: Bool) -> Bool {
                arguments.boolean(filter).map { $0 == value } ?? true
            }
            let found = try call.shared(call.cloud.networkOfferings).filter { offering in
                call.matches(offering.name) && agrees("displaytext", offering.displayText)
                    && agrees("guestiptype", offering.guestType.rawValue) && agrees("state", offering.stateWord)
                    && agrees("isdefault", offering.isDefault) && agrees("specifyvlan", offering.specifiesVLAN)
                    && agrees("forvpc", false) && services.isSubset(of: offering.services.keys.map { $0.lowercased() })
            }
            return try call.page("networkoffering", found) { $0.rendered }
        },
    ]
}

extension Call {
    /// Who provides which service, as far as the caller says so.
    fileprivate func providers() throws(RequestError) -> [String: String] {
        var providers: [String: String] = [:]
        for row in arguments.map("serviceproviderlist") {
            guard let service = row["service"], let provider = row["provider"] else {
                throw .refused("serviceproviderlist", "Each entry of serviceproviderlist is a service and a provider")
            }
            guard providers.updateValue(provider, forKey: service) == nil else {
                throw .refused("serviceproviderlist", "Service \(APIError.excerpt(service)) is there twice")
            }
        }
        return providers
    }
}

extension NetworkOffering {
    fileprivate var stateWord: String { isEnabled ? "Enabled" : "Disabled" }

    var rendered: APIObject {
        [
            "id": .text(id), "name": .string(name), "displaytext": .string(displayText), "traffictype": "Guest",
            "guestiptype": .string(guestType.rawValue), "state": .string(stateWord), "isdefault": .boolean(isDefault),
            "ispersistent": .boolean(isPersistent), "specifyvlan": .boolean(specifiesVLAN), "specifyipranges": false,
            "forvpc": false, "conservemode": .boolean(conservesAddresses),
            "egressdefaultpolicy": .boolean(egressDefaultAllow), "networkrate": .number(rate ?? -1),
            "service": renderedServices,
        ]
    }

    /// The services with their providers, in the order of their names.
    var renderedServices: APIValue {
        .array(
            services.sorted { $0.key < $1.key }.map { service, provider in
                .object([
                    "name": .string(service), "provider": .array([.object(["name": .string(provider)])]),
                    "capability": .array([]),
                ])
            })
    }
}
