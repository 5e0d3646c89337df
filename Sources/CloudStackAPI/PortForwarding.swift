import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let portForwarding: [Command] = [
        .change(
            "createPortForwardingRule", "Leads ports of a public address to a machine", isAsync: true,
            isCreation: true,
            [
                Parameter("ipaddressid", .uuid, required: true, related: "listPublicIpAddresses", "the public address"),
                Parameter("protocol", required: true, "tcp or udp"),
                Parameter("publicport", .integer, required: true, "the first port of the address"),
                Parameter("publicendport", .integer, "the last one; the first when absent"),
                Parameter("privateport", .integer, required: true, "the first port of the machine"),
                Parameter("privateendport", .integer, "the last one; as many ports as the public ones when absent"),
                Parameter("virtualmachineid", .uuid, required: true, related: "listVirtualMachines", "the machine"),
                Parameter("vmguestip", "which of its addresses; the primary one when absent"),
                Parameter("networkid", .uuid, related: "listNetworks", "its network, for an address that has none yet"),
                .cidrs("cidrlist", "who may use it; everybody when absent"),
                Parameter(
                    "openfirewall", .boolean,
                    "whether a firewall rule for the ports comes and goes with it; true when absent"), .displayed,
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            return .createPortForwarding(
                Request.CreatePortForwarding(
                    publicAddress: try arguments.requiredID("ipaddressid"),
                    transport: try arguments.required("protocol"),
                    publicPort: try arguments.requiredInteger("publicport"),
                    publicEndPort: arguments.integer("publicendport"),
                    privatePort: try arguments.requiredInteger("privateport"),
                    privateEndPort: arguments.integer("privateendport"),
                    guest: try arguments.requiredID("virtualmachineid"), guestAddress: arguments.string("vmguestip"),
                    network: arguments.id("networkid"), sources: arguments.cidrs("cidrlist") ?? [],
                    opensFirewall: arguments.boolean("openfirewall") ?? true))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .list(
            "listPortForwardingRules", "Lists what leads from public addresses to machines",
            [
                Parameter("id", .uuid, related: "listPortForwardingRules", "only this rule"),
                Parameter("ipaddressid", .uuid, related: "listPublicIpAddresses", "only of this public address"),
                Parameter("networkid", .uuid, related: "listNetworks", "only to machines on this network"), .displayed,
            ] + .scope
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let address = try call.visible("ipaddressid", in: cloud.publicAddresses, by: \.account)?.id
            let network = try call.visible("networkid", in: cloud.networks, by: \.account)?.id
            let found = try call.ownedRules(
                cloud.portForwardings, among: address.map { cloud.portForwardingsByAddress[$0] }
            ) { cloud.publicAddresses[$0.publicAddress]?.account }
            .filter { rule in
                (address == nil || rule.publicAddress == address)
                    && (network == nil || cloud.nics[rule.nic]?.network == network)
                    && call.matches(rule.keywords(in: cloud))
            }
            return try call.page("portforwardingrule", found) {
                $0.rendered(in: cloud).carrying(call.view.traffic[$0.id], .passage)
            }
        },
        .change(
            "updatePortForwardingRule", "Changes where a rule leads to, and who may use it", isAsync: true,
            [
                .id("listPortForwardingRules", "the rule"),
                Parameter("privateport", .integer, "the first port of the machine"),
                Parameter("privateendport", .integer, "the last one"),
                Parameter("virtualmachineid", .uuid, related: "listVirtualMachines", "the machine"),
                Parameter("vmguestip", "which of its addresses"), .cidrs("cidrlist", "who may use it"), .cleanup,
                .displayed,
            ], unsupported: ["customid"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            return .updatePortForwarding(
                Request.UpdatePortForwarding(
                    id: try arguments.requiredID("id"), privatePort: arguments.integer("privateport"),
                    privateEndPort: arguments.integer("privateendport"), guest: arguments.id("virtualmachineid"),
                    guestAddress: arguments.string("vmguestip"), sources: arguments.cidrs("cidrlist"),
                    cleanup: try arguments.cleanup()))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .change(
            "deletePortForwardingRule", "Removes a rule, and the firewall rule that came with it", isAsync: true,
            [.id("listPortForwardingRules", "the rule"), .cleanup]
        ) { call throws(RequestError) in
            .deletePortForwarding(try call.arguments.removal())
        } reply: { _, _ in
            .success
        },
    ]

    private static func rendered(_ outcome: Outcome) -> APIObject {
        outcome.answer("portforwardingrule", \.portForwardings) { $0.rendered(in: outcome.cloud) }
    }
}

extension PortForwarding {
    /// Ports are text here, and the last one is there even when it is the first.
    func rendered(in cloud: Cloud) -> APIObject {
        let guest = cloud.nics[nic].flatMap { cloud.guests[$0.guest] }
        return [
            "id": .text(id), "protocol": .string(transport.rawValue), "publicport": .text(publicPorts.first),
            "publicendport": .text(publicPorts.last), "privateport": .text(privatePorts.first),
            "privateendport": .text(privatePorts.last), "ipaddressid": .text(publicAddress),
            "ipaddress": .text(cloud.publicAddresses[publicAddress]?.address),
            "networkid": .text(cloud.nics[nic]?.network), "virtualmachineid": .text(guest?.id),
            "virtualmachinename": .text(guest?.name), "virtualmachinedisplayname": .text(guest?.name),
            "vmguestip": .text(guestAddress), "cidrlist": sources.isEmpty ? nil : .string(sources.commaSeparated),
            "state": "Active", "fordisplay": true, "tags": cloud.renderedTags(of: reference),
        ]
    }

    fileprivate func keywords(in cloud: Cloud) -> String {
        let guest = cloud.nics[nic].flatMap { cloud.guests[$0.guest] }?.name ?? ""
        return
            "\(cloud.publicAddresses[publicAddress]?.address.description ?? "") \(transport.rawValue)/\(publicPorts) "
            + "\(guestAddress) \(guest)"
    }
}
