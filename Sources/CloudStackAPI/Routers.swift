import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let routers: [Command] = [
        .list(
            "listRouters", "Lists virtual routers",
            [
                Parameter("id", .uuid, related: "listRouters", "only this router"),
                Parameter("name", "only the router of this name"),
                .zone,
                Parameter("networkid", .uuid, related: "listNetworks", "only this network's"),
                Parameter("state", "only Running or Stopped"),
                Parameter("forvpc", .boolean, "true: there are no VPCs here"),
            ] + .scope, isAdminOnly: true
        ) { call throws(RequestError) in
            let network = try call.object("networkid", in: call.cloud.networks)?.id
            let state = call.arguments.string("state")?.lowercased()
            let zone = try call.listedZone()
            var found: [VirtualRouter] = []
            for router in try call.owned(call.cloud.routers, by: \.account) {
                guard call.arguments.boolean("forvpc") != true, call.matches(router.name),
                    network == nil || router.network == network,
                    state == nil || router.stateWord.lowercased() == state, zone == nil || router.zone == zone
                else { continue }
                found.append(router)
            }
            return try call.page("router", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "startRouter", "Starts a virtual router", isAsync: true, [.id("listRouters", "the router")],
            isAdminOnly: true
        ) { call throws(RequestError) in
            .startRouter(try call.arguments.requiredID("id"))
        } reply: {
            rendered($0, $1)
        },
        .change(
            "stopRouter", "Stops a virtual router: its network loses its way out", isAsync: true,
            [
                .id("listRouters", "the router"),
                Parameter("forced", .boolean, "makes no difference: a router always stops"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            .stopRouter(try call.arguments.requiredID("id"))
        } reply: {
            rendered($0, $1)
        },
        .change(
            "rebootRouter", "Compares a virtual router with its plan, and repairs it: connections go on", isAsync: true,
            [
                .id("listRouters", "the router"),
                Parameter("forced", .boolean, "makes no difference: nothing has to be forced"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            .networking(.rebootRouter(try call.arguments.requiredID("id")))
        } reply: {
            rendered($0, $1)
        },
        .change(
            "destroyRouter", "Removes a virtual router; the next guest that starts, or restartNetwork, brings another",
            isAsync: true, [.id("listRouters", "the router")], isAdminOnly: true
        ) { call throws(RequestError) in
            .networking(.destroyRouter(try call.arguments.requiredID("id")))
        } reply: { call, _ in
            // As it was: it is gone from the model by now.
            guard let id = call.arguments.id("id"), let router = call.cloud.routers[id] else { return .success }
            var object = router.rendered(in: call.cloud)
            object["state"] = "Expunging"
            return ["router": .object(object)]
        },
        .change(
            "changeServiceForRouter", "Changes the size that a virtual router is said to have", isAsync: false,
            [
                .id("listRouters", "the router"),
                Parameter(
                    "serviceofferingid", .uuid, required: true, related: "listServiceOfferings",
                    "a service offering for system machines"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            .networking(
                .changeRouterOffering(
                    .init(
                        id: try call.arguments.requiredID("id"),
                        serviceOffering: try call.arguments.requiredID("serviceofferingid"))))
        } reply: {
            rendered($0, $1)
        },
    ]

    private static func rendered(_ call: Call, _ outcome: Outcome) -> APIObject {
        guard let id = call.arguments.id("id"), let router = outcome.cloud.routers[id] else { return .success }
        return ["router": .object(router.rendered(in: outcome.cloud))]
    }
}

extension VirtualRouter {
    fileprivate var stateWord: String { isRunning ? "Running" : "Stopped" }

    func rendered(in cloud: Cloud) -> APIObject {
        let network = cloud.networks[network]
        let zone = cloud.zones[zone]
        let publicAddress = cloud.sourceNATAddress(ofNetwork: self.network)
        let leg = publicAddress.flatMap { cloud.publicLeg(of: self, for: $0.range) }
        let range = publicAddress.flatMap { cloud.publicRanges[$0.range] }
        var object: APIObject = [
            "id": .text(id), "name": .string(name),
            "zoneid": .text(self.zone), "zonename": .text(zone?.name), "state": .string(stateWord),
            "role": "VIRTUAL_ROUTER", "redundantstate": "UNKNOWN", "isredundantrouter": false, "requiresupgrade": false,
            "serviceofferingid": .text(serviceOffering),
            "serviceofferingname": .string(
                serviceOffering.flatMap { cloud.serviceOfferings[$0]?.name } ?? "System Offering For Software Router"),
            "dns1": .text(network?.dns1 ?? zone?.dns1),
            "dns2": .text(network?.dns1 == nil ? network?.dns2 ?? zone?.dns2 : network?.dns2),
            "networkdomain": .text(network?.networkDomain),
            "guestnetworkid": .text(self.network), "guestnetworkname": .text(network?.name),
            "guestipaddress": .text(guestAddress ?? network?.gateway), "guestnetmask": .text(network?.cidr?.netmask),
            "guestmacaddress": .text(guestLeg.mac), "gateway": .text(range?.gateway),
            "publicip": .text(publicAddress?.address), "publicnetmask": .text(range?.subnet.netmask),
            "publicmacaddress": .text(leg?.attachment.mac),
        ]
        var nics: [APIValue] = [
            .object([
                "deviceid": "0", "networkid": .text(self.network), "ipaddress": .text(guestAddress ?? network?.gateway),
                "netmask": .text(network?.cidr?.netmask), "macaddress": .text(guestLeg.mac), "traffictype": "Guest",
                "isdefault": .boolean(publicLegs.isEmpty),
            ])
        ]
        let byLeg = Dictionary(grouping: cloud.publicAddresses(ofNetwork: self.network)) {
            cloud.publicLeg(of: self, for: $0.range)?.index
        }
        for (position, leg) in publicLegs.sorted(by: { $0.index < $1.index }).enumerated() {
            let range = cloud.publicRanges[leg.range]
            let addresses = byLeg[leg.index] ?? []
            let first = addresses.first(where: \.isSourceNAT)?.address ?? addresses.map(\.address).min()
            nics.append(
                .object([
                    "deviceid": .string(String(leg.index)), "gateway": .text(range?.gateway),
                    "ipaddress": .text(first),
                    "netmask": .text(range?.subnet.netmask), "macaddress": .text(leg.attachment.mac),
                    "traffictype": "Public", "isdefault": .boolean(position == 0),
                ]))
        }
        object["nic"] = .array(nics)
        return object.owned(by: account, in: cloud)
    }
}
