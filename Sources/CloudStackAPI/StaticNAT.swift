import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let staticNAT: [Command] = [
        .change(
            "enableStaticNat", "Makes a public address a machine's own, in both directions", isAsync: false,
            [
                Parameter("ipaddressid", .uuid, required: true, related: "listPublicIpAddresses", "the public address"),
                Parameter("virtualmachineid", .uuid, required: true, related: "listVirtualMachines", "the machine"),
                Parameter("vmguestip", "which of its addresses; the primary one when absent"),
                Parameter("networkid", .uuid, related: "listNetworks", "its network, for an address that has none yet"),
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            return .enableStaticNAT(
                Request.EnableStaticNAT(
                    publicAddress: try arguments.requiredID("ipaddressid"),
                    guest: try arguments.requiredID("virtualmachineid"), guestAddress: arguments.string("vmguestip"),
                    network: arguments.id("networkid")))
        } reply: { _, _ in
            .success
        },
        .change(
            "disableStaticNat", "Takes a public address away from its machine again", isAsync: true,
            [
                Parameter("ipaddressid", .uuid, required: true, related: "listPublicIpAddresses", "the public address"),
                .cleanup,
            ]
        ) { call throws(RequestError) in
            .disableStaticNAT(try call.arguments.removal("ipaddressid"))
        } reply: { _, _ in
            .success
        },
    ]

    // Static NAT leads all traffic to the machine, and firewall rules say which of it may come. So CloudStack's rules for
    // single ports of such an address are its firewall rules for TCP and UDP by another name.
    static let ipForwarding: [Command] = [
        .change(
            "createIpForwardingRule", "Lets traffic come in to a static NAT address: a firewall rule by another name",
            isAsync: true, isCreation: true,
            [
                Parameter("ipaddressid", .uuid, required: true, related: "listPublicIpAddresses", "the public address"),
                Parameter("protocol", required: true, "tcp or udp"),
                Parameter("startport", .integer, required: true, "the first port"), .endPort,
                .cidrs("cidrlist", "where it may come from; everywhere when absent"),
                Parameter("openfirewall", .boolean, "true: the rule is what opens the firewall"),
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let address = try call.visible("ipaddressid", in: call.cloud.publicAddresses, by: \.account)
            guard address?.staticNAT != nil else {
                throw .refused("ipaddressid", "Static NAT is not enabled for the address")
            }
            let transport = try arguments.required("protocol")
            guard PortForwarding.Transport(rawValue: transport.lowercased()) != nil else {
                throw .invalid("protocol", transport, call.command, because: "it is tcp or udp")
            }
            guard arguments.boolean("openfirewall") ?? true else {
                throw .unsupported("openfirewall", "A rule that does not open the firewall is not supported here")
            }
            return .createFirewallRule(
                Request.CreateFirewallRule(
                    publicAddress: try arguments.requiredID("ipaddressid"), traffic: try arguments.traffic(),
                    sources: arguments.cidrs("cidrlist") ?? []))
        } reply: { _, outcome in
            outcome.answer("ipforwardingrule", \.firewallRules) { $0.renderedForwarding(in: outcome.cloud) }
        },
        .list(
            "listIpForwardingRules", "Lists the firewall rules for TCP and UDP ports of static NAT addresses",
            [
                Parameter("id", .uuid, related: "listIpForwardingRules", "only this rule"),
                Parameter("ipaddressid", .uuid, related: "listPublicIpAddresses", "only of this public address"),
                Parameter("virtualmachineid", .uuid, related: "listVirtualMachines", "only to this machine"),
            ] + .scope
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let address = try call.visible("ipaddressid", in: cloud.publicAddresses, by: \.account)?.id
            let guest = try call.visible("virtualmachineid", in: cloud.guests, by: \.account)
            let found = try call.ownedRules(
                cloud.firewallRules, among: address.map { cloud.firewallRulesByAddress[$0] }
            ) { cloud.publicAddresses[$0.publicAddress]?.account }
            .sorted { $0.number < $1.number }
            .compactMap { $0.renderedForwarding(in: cloud) }
            .filter { rule in
                (address == nil || rule["ipaddressid"] == .text(address))
                    && (guest == nil || rule["virtualmachineid"] == .text(guest?.id))
            }
            return try call.page("ipforwardingrule", found) { $0 }
        },
        .change(
            "deleteIpForwardingRule", "Removes a firewall rule of a static NAT address", isAsync: true,
            [.id("listIpForwardingRules", "the rule"), .cleanup]
        ) { call throws(RequestError) in
            let rule = try call.visible("id", in: call.cloud.firewallRules) {
                call.cloud.publicAddresses[$0.publicAddress]?.account
            }
            guard rule?.renderedForwarding(in: call.cloud) != nil else {
                throw .unknown("id", id: call.arguments.string("id") ?? "", call.command)
            }
            return .deleteFirewallRule(try call.arguments.removal())
        } reply: { _, _ in
            .success
        },
    ]
}

extension FirewallRule {
    /// As a rule for single ports of a static NAT address, if it is one.
    fileprivate func renderedForwarding(in cloud: Cloud) -> APIObject? {
        guard let address = cloud.publicAddresses[publicAddress], let target = address.staticNAT else { return nil }
        let ports: PortRange
        switch traffic {
        case .tcp(let range?), .udp(let range?): ports = range
        case .all, .tcp(nil), .udp(nil), .icmp, .other: return nil
        }
        let guest = cloud.nics[target.nic].flatMap { cloud.guests[$0.guest] }
        return [
            "id": .text(id), "protocol": .string(traffic.transportWord), "publicport": .text(ports.first),
            "publicendport": .text(ports.last), "privateport": .text(ports.first), "privateendport": .text(ports.last),
            "ipaddressid": .text(publicAddress), "ipaddress": .text(address.address),
            "networkid": .text(address.network), "virtualmachineid": .text(guest?.id),
            "virtualmachinename": .text(guest?.name), "virtualmachinedisplayname": .text(guest?.name),
            "vmguestip": .text(target.guestAddress), "cidrlist": .string(sources.commaSeparated), "state": "Active",
            "fordisplay": true, "tags": cloud.renderedTags(of: reference),
        ]
    }
}
