import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let firewallRules: [Command] = [
        .change(
            "createFirewallRule", "Lets traffic come in to a public address", isAsync: true, isCreation: true,
            [
                Parameter("ipaddressid", .uuid, required: true, related: "listPublicIpAddresses", "the public address"),
                .transport, .startPort, .endPort, .icmpType, .icmpCode,
                .cidrs("cidrlist", "where it may come from; everywhere when absent"), .ruleType, .displayed,
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            return .createFirewallRule(
                Request.CreateFirewallRule(
                    publicAddress: try arguments.requiredID("ipaddressid"), traffic: try arguments.traffic(),
                    sources: arguments.cidrs("cidrlist") ?? [], isSystem: try arguments.isSystemRule()))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .list(
            "listFirewallRules", "Lists what may come in to public addresses",
            [
                Parameter("id", .uuid, related: "listFirewallRules", "only this rule"),
                Parameter("ipaddressid", .uuid, related: "listPublicIpAddresses", "only of this public address"),
                Parameter("networkid", .uuid, related: "listNetworks", "only of the addresses of this network"),
                .displayed,
            ] + .scope
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let address = try call.visible("ipaddressid", in: cloud.publicAddresses, by: \.account)?.id
            let network = try call.visible("networkid", in: cloud.networks, by: \.account)?.id
            let found = try call.ownedRules(
                cloud.firewallRules, among: address.map { cloud.firewallRulesByAddress[$0] }
            ) { cloud.publicAddresses[$0.publicAddress]?.account }
            .filter { rule in
                (address == nil || rule.publicAddress == address)
                    && (network == nil || cloud.publicAddresses[rule.publicAddress]?.network == network)
                    && call.matches(rule.keywords(in: cloud))
            }
            return try call.page("firewallrule", found.sorted { $0.number < $1.number }) {
                $0.rendered(in: cloud).carrying(call.view.traffic[$0.id], .decision)
            }
        },
        .change(
            "updateFirewallRule", "Changes what of its protocol a rule lets in, and from where", isAsync: true,
            [
                .id("listFirewallRules", "the rule"), .startPort, .endPort, .icmpType, .icmpCode,
                .cidrs("cidrlist", "where it may come from"), .cleanup, .displayed,
            ], unsupported: ["customid"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            return .updateFirewallRule(
                Request.UpdateFirewallRule(
                    id: try arguments.requiredID("id"), startPort: arguments.integer("startport"),
                    endPort: arguments.integer("endport"), icmpType: arguments.integer("icmptype"),
                    icmpCode: arguments.integer("icmpcode"), sources: arguments.cidrs("cidrlist"),
                    cleanup: try arguments.cleanup()))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .change(
            "deleteFirewallRule", "Removes a rule: what only it let in is refused again", isAsync: true,
            [.id("listFirewallRules", "the rule"), .cleanup]
        ) { call throws(RequestError) in
            .deleteFirewallRule(try call.arguments.removal())
        } reply: { _, _ in
            .success
        },
    ]

    private static func rendered(_ outcome: Outcome) -> APIObject {
        outcome.answer("firewallrule", \.firewallRules) { $0.rendered(in: outcome.cloud) }
    }
}

extension FirewallRule {
    func rendered(in cloud: Cloud) -> APIObject {
        let address = cloud.publicAddresses[publicAddress]
        var object: APIObject = [
            "id": .text(id), "protocol": .string(traffic.transportWord), "cidrlist": .string(sources.commaSeparated),
            "ipaddressid": .text(publicAddress), "ipaddress": .text(address?.address),
            "networkid": .text(address?.network), "traffictype": "Ingress", "type": isSystem ? "System" : "User",
            "state": "Active", "fordisplay": true, "tags": cloud.renderedTags(of: reference),
        ]
        for (key, value) in traffic.fields { object[key] = value }
        return object
    }

    fileprivate func keywords(in cloud: Cloud) -> String {
        "\(cloud.publicAddresses[publicAddress]?.address.description ?? "") \(traffic) \(sources.commaSeparated)"
    }
}
