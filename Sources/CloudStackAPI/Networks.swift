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
                Parameter("gateway", "the router's address in it"), Parameter("netmask", "its mask"),
                Parameter("guestvmcidr", "the part of it that guests get addresses from"),
                Parameter("networkdomain", "its domain; the zone's when absent"),
                Parameter(
                    "physicalnetworkid", .uuid, related: "listPhysicalNetworks", "needed where the zone has several"),
            ] + .owner,
            unsupported: [
                "vpcid", "aclid", "vlan", "startip", "endip", "ip6cidr", "ip6gateway", "startipv6",
                "endipv6",
                "isolatedpvlan", "sourcenatipaddress", "dns1", "dns2", "routerip", "associatednetworkid",
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            return .createNetwork(
                Request.CreateNetwork(
                    name: try arguments.required("name"), displayText: arguments.string("displaytext"),
                    zone: try arguments.requiredID("zoneid"), offering: try arguments.requiredID("networkofferingid"),
                    account: try call.account(), physicalNetwork: arguments.id("physicalnetworkid"),
                    gateway: arguments.string("gateway"), netmask: arguments.string("netmask"),
                    guestCIDR: arguments.string("guestvmcidr"), networkDomain: arguments.string("networkdomain")))
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
            ] + .scope
        ) { call throws(RequestError) in
            let wire = try call.object("physicalnetworkid", in: call.cloud.physicalNetworks)?.id
            let offering = try call.object("networkofferingid", in: call.cloud.networkOfferings)?.id
            let type = call.arguments.string("type")?.lowercased()
            let zone = try call.listedZone()
            var found: [Network] = []
            for network in try call.owned(call.cloud.networks, by: \.account) {
                guard call.matches(network.name), wire == nil || network.physicalNetwork == wire,
                    offering == nil || network.offering == offering,
                    type == nil || call.cloud.guestType(of: network).lowercased() == type,
                    zone == nil || network.zone == zone
                else { continue }
                found.append(network)
            }
            return try call.page("network", found) {
                $0.rendered(in: call.cloud, for: call.caller).carrying(call.view.traffic[$0.id], .passage)
            }
        },
        .change(
            "updateNetwork", "Changes a network's names and the address that its guests are seen by", isAsync: true,
            [
                .id("listNetworks", "the network"), Parameter("name", "its new name"),
                Parameter("displaytext", "what it is for"), Parameter("networkdomain", "its domain; empty: none"),
                Parameter(
                    "sourcenatipaddress",
                    "the public address that guests are seen by: another one of the network's, or a free one"),
                Parameter(
                    "networkofferingid", .uuid, related: "listNetworkOfferings", "only the offering that it has"),
                Parameter("displaynetwork", .boolean, "true: nothing is hidden from lists here"),
            ],
            unsupported: [
                "guestvmcidr", "changecidr", "customid", "dns1", "dns2", "ip6dns1", "ip6dns2", "privatemtu",
                "publicmtu",
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let network = try call.visible("id", in: call.cloud.networks, by: \.account)
            if let offering = arguments.id("networkofferingid"), offering != network?.offering {
                throw .unsupported("networkofferingid", "A network keeps its offering here")
            }
            guard arguments.boolean("displaynetwork") ?? true else {
                throw .unsupported("displaynetwork", "What is hidden from lists is not supported here")
            }
            return .updateNetwork(
                Request.UpdateNetwork(
                    id: try arguments.requiredID("id"), name: arguments.string("name"),
                    displayText: arguments.string("displaytext"), networkDomain: arguments.text("networkdomain"),
                    sourceNATAddress: arguments.string("sourcenatipaddress")))
        } reply: { call, outcome in
            outcome.answer("network", \.networks) { $0.rendered(in: outcome.cloud, for: call.caller) }
        },
        .change(
            "deleteNetwork", "Deletes a network without guests", isAsync: true, [.id("listNetworks", "the network")]
        ) { call throws(RequestError) in
            .deleteNetwork(try call.arguments.requiredID("id"))
        } reply: { _, _ in
            .success
        },
    ]
}

extension Cloud {
    fileprivate func guestType(of network: Network) -> String {
        networkOfferings[network.offering]?.guestType.rawValue ?? "Isolated"
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
            "netmask": .text(cidr?.netmask), "networkdomain": .text(networkDomain), "state": .string(state.rawValue),
            "type": .string(cloud.guestType(of: self)), "traffictype": "Guest", "acltype": "Account",
            "dns1": .text(zone?.dns1), "dns2": .text(zone?.dns2), "privatemtu": .number(mtu),
            "ispersistent": .boolean(offering?.isPersistent ?? false), "issystem": false, "specifyipranges": false,
            "canusefordeploy": true, "restartrequired": false, "related": .text(id), "displaynetwork": true,
            "broadcastdomaintype": cloud.physicalNetworks[physicalNetwork]
                .map { $0.isolation == .vlan ? "Vlan" : "Vxlan" },
        ]
        object["egressdefaultpolicy"] = offering.map { .boolean($0.egressDefaultAllow) }
        // What a tenant's frames are tagged with is the operator's business.
        if caller.isRootAdmin {
            object["broadcasturi"] = .text(segment)
            object["vlan"] = segment.map { .text($0.number) }
        }
        object["service"] = offering?.renderedServices ?? .array([])
        object["tags"] = .array([])
        return object.owned(by: account, in: cloud)
    }
}

extension Segment {
    /// The number alone.
    var number: String { description.split(separator: "/").last.map(String.init) ?? "" }
}
