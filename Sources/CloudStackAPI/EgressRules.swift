import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let egressRules: [Command] = [
        .change(
            "createEgressFirewallRule",
            "Makes an exception from a network's default egress policy: allows where it denies, denies where it allows",
            isAsync: true, isCreation: true,
            [
                Parameter("networkid", .uuid, required: true, related: "listNetworks", "the network"), .transport,
                .startPort, .endPort, .icmpType, .icmpCode,
                .cidrs("cidrlist", "the parts of the network that it is about; all of it when absent"),
                .cidrs("destcidrlist", "where the traffic goes to; everywhere when absent"), .ruleType, .displayed,
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            return .createEgressRule(
                Request.CreateEgressRule(
                    network: try arguments.requiredID("networkid"), traffic: try arguments.traffic(),
                    sources: arguments.cidrs("cidrlist") ?? [],
                    destinations: arguments.cidrs("destcidrlist") ?? [], isSystem: try arguments.isSystemRule()))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .list(
            "listEgressFirewallRules", "Lists the exceptions from the default egress policies of networks",
            [
                Parameter("id", .uuid, related: "listEgressFirewallRules", "only this rule"),
                Parameter("networkid", .uuid, related: "listNetworks", "only of this network"),
                .displayed,
            ] + .scope, unsupported: ["ipaddressid"]
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let network = try call.visible("networkid", in: cloud.networks, by: \.account)?.id
            let found = try call.ownedRules(
                cloud.egressRules, among: network.map { cloud.egressRulesByNetwork[$0] }
            ) { cloud.networks[$0.network]?.account }
            .filter { (network == nil || $0.network == network) && call.matches($0.keywords) }
            return try call.page("firewallrule", found.sorted { $0.number < $1.number }) {
                $0.rendered(in: call.cloud).carrying(call.view.traffic[$0.id], .decision)
            }
        },
        .change(
            "updateEgressFirewallRule", "Changes what of its protocol a rule is about, and between which places",
            isAsync: true,
            [
                .id("listEgressFirewallRules", "the rule"), .startPort, .endPort, .icmpType, .icmpCode,
                .cidrs("cidrlist", "the parts of the network that it is about"),
                .cidrs("destcidrlist", "where the traffic goes to"), .cleanup, .displayed,
            ], unsupported: ["customid"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            return .updateEgressRule(
                Request.UpdateEgressRule(
                    id: try arguments.requiredID("id"), startPort: arguments.integer("startport"),
                    endPort: arguments.integer("endport"), icmpType: arguments.integer("icmptype"),
                    icmpCode: arguments.integer("icmpcode"), sources: arguments.cidrs("cidrlist"),
                    destinations: arguments.cidrs("destcidrlist"), cleanup: try arguments.cleanup()))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .change(
            "deleteEgressFirewallRule", "Removes an exception: the network's default policy counts again",
            isAsync: true, [.id("listEgressFirewallRules", "the rule"), .cleanup]
        ) { call throws(RequestError) in
            .deleteEgressRule(try call.arguments.removal())
        } reply: { _, _ in
            .success
        },
    ]

    private static func rendered(_ outcome: Outcome) -> APIObject {
        outcome.answer("firewallrule", \.egressRules) { $0.rendered(in: outcome.cloud) }
    }
}

extension EgressRule {
    func rendered(in cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "protocol": .string(traffic.transportWord), "cidrlist": .string(sources.commaSeparated),
            "destcidrlist": .string(destinations.commaSeparated), "networkid": .text(network),
            "traffictype": "Egress", "type": isSystem ? "System" : "User", "state": "Active", "fordisplay": true,
            "tags": cloud.renderedTags(of: reference),
        ]
        for (key, value) in traffic.fields { object[key] = value }
        return object
    }

    fileprivate var keywords: String { "\(traffic) \(sources.commaSeparated) \(destinations.commaSeparated)" }
}
