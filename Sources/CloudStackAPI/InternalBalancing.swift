import CloudModel
import ControlPlane
import NetworkVocabulary

// Load balancers on addresses of guest networks: the same rules, found elsewhere.

extension Command {
    static let internalBalancing: [Command] = [
        .change(
            "createLoadBalancer", "Lets machines share a port of an address of their own network", isAsync: true,
            isCreation: true,
            [
                Parameter("name", required: true, "its name"), Parameter("description", "what it is for"),
                Parameter("scheme", required: true, "Internal"),
                Parameter("algorithm", required: true, "roundrobin, leastconn or source"),
                Parameter("sourceport", .integer, required: true, "the port of the address"),
                Parameter("instanceport", .integer, required: true, "the port of the machines"),
                Parameter("networkid", .uuid, required: true, related: "listNetworks", "the machines' network"),
                Parameter(
                    "sourceipaddressnetworkid", .uuid, required: true, related: "listNetworks",
                    "the address's network, which is the machines' own"),
                Parameter("sourceipaddress", "the address; the lowest free one when absent"),
                Parameter("fordisplay", .boolean, "false: only those who ask for it by id are shown it"),
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let scheme = try arguments.required("scheme")
            guard scheme.lowercased() == "internal" else {
                throw .invalid("scheme", scheme, call.command, because: "it is Internal")
            }
            let network = try arguments.requiredID("networkid")
            guard try arguments.requiredID("sourceipaddressnetworkid") == network else {
                throw .unsupported(
                    "sourceipaddressnetworkid", "An internal load balancer is on the network of its machines")
            }
            return .balancing(
                .createInternal(
                    .init(
                        network: network, address: arguments.string("sourceipaddress"),
                        name: try arguments.required("name"), description: arguments.string("description") ?? "",
                        algorithm: try arguments.required("algorithm"),
                        sourcePort: try arguments.requiredInteger("sourceport"),
                        instancePort: try arguments.requiredInteger("instanceport"),
                        isDisplayed: arguments.boolean("fordisplay") ?? true)))
        } reply: { _, outcome in
            outcome.answer("loadbalancer", \.loadBalancerRules) { $0.renderedAsInternal(in: outcome.cloud) }
        },
        .list(
            "listLoadBalancers", "Lists the load balancers on addresses of guest networks",
            [
                Parameter("id", .uuid, related: "listLoadBalancers", "only this one"),
                Parameter("name", "only those of this name"), Parameter("scheme", "Internal"),
                Parameter("networkid", .uuid, related: "listNetworks", "only of this network"),
                Parameter("sourceipaddressnetworkid", .uuid, related: "listNetworks", "only of this network"),
                Parameter("sourceipaddress", "only at this address"),
                Parameter("fordisplay", .boolean, "false: those that are not shown otherwise"),
            ] + .scope
        ) { call throws(RequestError) in
            try call.page("loadbalancer", try call.internalBalancers()) { $0.renderedAsInternal(in: call.cloud) }
        },
        .change(
            "updateLoadBalancer", "Shows or hides a load balancer", isAsync: true,
            [
                .id("listLoadBalancers", "the load balancer"),
                Parameter("fordisplay", .boolean, "false: only those who ask for it by id are shown it"),
            ], unsupported: ["customid"]
        ) { call throws(RequestError) in
            .balancing(
                .updateInternal(
                    try call.arguments.requiredID("id"), isDisplayed: call.arguments.boolean("fordisplay")))
        } reply: { _, outcome in
            outcome.answer("loadbalancer", \.loadBalancerRules) { $0.renderedAsInternal(in: outcome.cloud) }
        },
        .change(
            "deleteLoadBalancer", "Removes a load balancer; its address is free again", isAsync: true,
            [.id("listLoadBalancers", "the load balancer"), .cleanup]
        ) { call throws(RequestError) in
            .balancing(.deleteInternal(try call.arguments.removal()))
        } reply: { _, _ in
            .success
        },
        // CloudStack starts a machine for each of these. Here the network's router is who balances, so that there are none.
        .list(
            "listInternalLoadBalancerVMs", "Lists machines that only balance load: there are none, routers do it",
            [
                Parameter("id", .uuid, "only this one"), Parameter("name", "only those of this name"),
                Parameter("state", "only in this state"),
                Parameter("networkid", .uuid, related: "listNetworks", "only of this network"),
                Parameter("zoneid", .uuid, related: "listZones", "only in this zone"),
                Parameter("hostid", .uuid, related: "listHosts", "only on this host"),
                Parameter("podid", .uuid, related: "listPods", "only in this pod"),
            ] + .scope, isAdminOnly: true, unsupported: ["fetchhealthcheckresults", "forvpc", "vpcid"]
        ) { call throws(RequestError) in
            _ = try call.scope()
            return try call.page("internalloadbalancervm", [APIObject]()) { $0 }
        },
    ]
}

extension Call {
    fileprivate func internalBalancers() throws(RequestError) -> [LoadBalancerRule] {
        let network = try visible("networkid", in: cloud.networks, by: \.account)?.id
        let home = try visible("sourceipaddressnetworkid", in: cloud.networks, by: \.account)?.id
        if let scheme = arguments.string("scheme"), scheme.lowercased() != "internal" {
            throw .invalid("scheme", scheme, command, because: "it is Internal")
        }
        let wantsShown = arguments.boolean("fordisplay") ?? true
        let isNamed = arguments.string("id") != nil
        let address = arguments.string("sourceipaddress")
        return try owned(cloud.loadBalancerRules) { cloud.place(of: $0)?.account }.filter { rule in
            guard rule.internalAddress != nil, let place = cloud.place(of: rule) else { return false }
            return (isNamed || rule.isDisplayed == wantsShown) && (network == nil || place.network == network)
                && (home == nil || place.network == home) && (address == nil || "\(place.address)" == address)
                && matches(rule.name)
        }.sorted { $0.number < $1.number }
    }
}

extension LoadBalancerRule {
    /// Ports and machines are in lists, of one port each.
    fileprivate func renderedAsInternal(in cloud: Cloud) -> APIObject {
        let place = cloud.place(of: self)
        let members: [APIValue] = cloud.members(ofBalancer: id).compactMap { member in
            guard let guest = cloud.nics[member.nic].flatMap({ cloud.guests[$0.guest] }) else { return nil }
            return .object([
                "id": .text(guest.id), "name": .string(guest.instanceName),
                "state": .string(guest.isRunning ? "Running" : "Stopped"), "ipaddress": .text(member.guestAddress),
                // Of Sluice's own.
                "servicestate": member.isDown ? "Down" : "Up",
            ])
        }
        let object: APIObject = [
            "id": .text(id), "name": .string(name), "description": .string(description),
            "algorithm": .string(algorithm.rawValue), "networkid": .text(place?.network),
            "sourceipaddress": .text(place?.address), "sourceipaddressnetworkid": .text(place?.network),
            "loadbalancerinstance": .array(members),
            "loadbalancerrule": .array([
                .object([
                    "sourceport": .number(publicPort), "instanceport": .number(privatePort), "state": "Active",
                ])
            ]), "fordisplay": .boolean(isDisplayed), "tags": cloud.renderedTags(of: reference),
        ]
        return object.owned(by: place?.account, in: cloud)
    }
}
