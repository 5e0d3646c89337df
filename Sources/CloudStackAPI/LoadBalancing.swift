import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let loadBalancing: [Command] = [
        .change(
            "createLoadBalancerRule", "Lets machines share a port of a public address", isAsync: true, isCreation: true,
            [
                Parameter("name", required: true, "its name"), Parameter("description", "what it is for"),
                Parameter("algorithm", required: true, "roundrobin, leastconn or source"),
                Parameter("protocol", "tcp, udp, tcp-proxy or ssl; tcp when absent"),
                Parameter("publicport", .integer, required: true, "the port of the address"),
                Parameter("privateport", .integer, required: true, "the port of the machines"),
                Parameter("publicipid", .uuid, related: "listPublicIpAddresses", "the public address"),
                Parameter("networkid", .uuid, related: "listNetworks", "its network, for an address that has none yet"),
                .cidrs("cidrlist", "who may use it; everybody when absent"),
                Parameter(
                    "openfirewall", .boolean,
                    "whether a firewall rule for the port comes and goes with it; true when absent"),
                .zone, .account, .domain, .displayed,
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            return .balancing(
                .createRule(
                    BalancingRequest.CreateRule(
                        publicAddress: try arguments.requiredID("publicipid"), name: try arguments.required("name"),
                        description: arguments.string("description") ?? "",
                        algorithm: try arguments.required("algorithm"), transport: arguments.string("protocol"),
                        publicPort: try arguments.requiredInteger("publicport"),
                        privatePort: try arguments.requiredInteger("privateport"), network: arguments.id("networkid"),
                        sources: arguments.cidrs("cidrlist") ?? [],
                        opensFirewall: arguments.boolean("openfirewall") ?? true)))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .list(
            "listLoadBalancerRules", "Lists the rules by which machines share ports",
            [
                Parameter("id", .uuid, related: "listLoadBalancerRules", "only this rule"),
                Parameter("name", "only rules of this name"),
                Parameter("publicipid", .uuid, related: "listPublicIpAddresses", "only of this public address"),
                Parameter("networkid", .uuid, related: "listNetworks", "only of this network"),
                Parameter("virtualmachineid", .uuid, related: "listVirtualMachines", "only with this member"), .zone,
                .displayed,
            ] + .scope
        ) { call throws(RequestError) in
            let found = try call.balancerRules()
            return try call.page("loadbalancerrule", found) {
                $0.rendered(in: call.cloud).carrying(call.view.traffic[$0.id], .passage)
            }
        },
        .change(
            "updateLoadBalancerRule", "Changes how a port is shared, and who may use it", isAsync: true,
            [
                .id("listLoadBalancerRules", "the rule"), Parameter("name", "its name"),
                Parameter("description", "what it is for"), Parameter("algorithm", "roundrobin, leastconn or source"),
                Parameter("protocol", "tcp, tcp-proxy or ssl"), .cidrs("cidrlist", "who may use it"), .cleanup,
                .displayed,
            ], unsupported: ["customid"]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            try arguments.requireDisplayed()
            return .balancing(
                .updateRule(
                    BalancingRequest.UpdateRule(
                        id: try arguments.requiredID("id"), name: arguments.string("name"),
                        description: arguments.text("description"), algorithm: arguments.string("algorithm"),
                        transport: arguments.string("protocol"), sources: arguments.cidrs("cidrlist"),
                        cleanup: try arguments.cleanup())))
        } reply: { _, outcome in
            rendered(outcome)
        },
        .change(
            "deleteLoadBalancerRule", "Removes a rule, and the firewall rule that came with it", isAsync: true,
            [.id("listLoadBalancerRules", "the rule"), .cleanup]
        ) { call throws(RequestError) in
            .balancing(.deleteRule(try call.arguments.removal()))
        } reply: { _, _ in
            .success
        },
        .change(
            "assignToLoadBalancerRule", "Adds machines to those that share a port", isAsync: true,
            [.id("listLoadBalancerRules", "the rule")] + members
        ) { call throws(RequestError) in
            .balancing(.assign(try call.balancedGuests()))
        } reply: { _, _ in
            .success
        },
        .change(
            "removeFromLoadBalancerRule", "Takes machines away from those that share a port", isAsync: true,
            [.id("listLoadBalancerRules", "the rule")] + members + [.cleanup]
        ) { call throws(RequestError) in
            var request = try call.balancedGuests()
            request.cleanup = try call.arguments.cleanup()
            return .balancing(.remove(request))
        } reply: { _, _ in
            .success
        },
        .list(
            "listLoadBalancerRuleInstances", "Lists the machines that share a port",
            [
                .id("listLoadBalancerRules", "the rule"),
                Parameter("applied", .boolean, "false: the machines of its network that do not share it"),
                Parameter("lbvmips", .boolean, "true: with the addresses by which they do"),
            ]
        ) { call throws(RequestError) in
            try call.balancedInstances()
        },
    ]

    private static let members = [
        Parameter(
            "virtualmachineids", .list, maxLength: 65_536, related: "listVirtualMachines",
            "machines, by their primary address"),
        Parameter("vmidipmap", .map, "machines by other addresses: [i].vmid and [i].vmip"),
    ]

    private static func rendered(_ outcome: Outcome) -> APIObject {
        outcome.answer("loadbalancer", \.loadBalancerRules) { $0.rendered(in: outcome.cloud) }
    }
}

extension Call {
    fileprivate func balancerRules() throws(RequestError) -> [LoadBalancerRule] {
        let address = try visible("publicipid", in: cloud.publicAddresses, by: \.account)?.id
        let network = try visible("networkid", in: cloud.networks, by: \.account)?.id
        let guest = try visible("virtualmachineid", in: cloud.guests, by: \.account)?.id
        let zone = try listedZone()
        let nics = guest.map { cloud.nicsByGuest[$0] } ?? SortedSet()
        return try ownedRules(
            cloud.loadBalancerRules, among: address.map { cloud.loadBalancerRulesByAddress[$0] }
        ) { cloud.place(of: $0)?.account }
        .filter { rule in
            let place = cloud.place(of: rule)
            return rule.publicAddress != nil && (address == nil || rule.publicAddress == address)
                && (network == nil || place?.network == network)
                && (zone == nil || place?.zone == zone)
                && (guest == nil || cloud.members(ofBalancer: rule.id).contains { nics.contains($0.nic) })
                && matches(rule.name)
        }.sorted { $0.number < $1.number }
    }

    /// `virtualmachineids`, and `vmidipmap`: a machine in both is meant by the addresses there.
    fileprivate func balancedGuests() throws(RequestError) -> BalancingRequest.Guests {
        var members: [BalancingRequest.Guests.Member] = []
        for row in arguments.map("vmidipmap") {
            let text = row["vmid"] ?? ""
            guard let guest = ObjectID(text) else { throw .unknown("vmidipmap", id: text, command) }
            members.append(.init(guest: guest, address: row["vmip"].flatMap { $0.isEmpty ? nil : $0 }))
        }
        let mapped = Set(members.map(\.guest))
        for guest in try arguments.ids("virtualmachineids") where !mapped.contains(guest) {
            members.append(.init(guest: guest))
        }
        return BalancingRequest.Guests(rule: try arguments.requiredID("id"), members: members)
    }

    fileprivate func balancedInstances() throws(RequestError) -> APIObject {
        let rule = try visible("id", in: cloud.loadBalancerRules) { cloud.place(of: $0)?.account }
        guard let rule else { throw .missing("id", command) }
        // Who looks at what members carry looks again.
        if arguments.boolean("lbvmips") == true { api.service.watchTraffic() }
        let members = cloud.members(ofBalancer: rule.id)
        var addresses: [ObjectID: [LoadBalancerMember]] = [:]
        var guests: [ObjectID] = []
        for member in members {
            guard let guest = cloud.nics[member.nic]?.guest else { continue }
            if addresses[guest] == nil { guests.append(guest) }
            addresses[guest, default: []].append(member)
        }
        if arguments.boolean("applied") == false {
            let network = cloud.place(of: rule)?.network
            let all = network.map { cloud.nics(ofNetwork: $0).map(\.guest) } ?? []
            guests = all.filter { addresses[$0] == nil }
        }
        let found = guests.compactMap { cloud.guests[$0] }.filter { matches($0.name) }
        guard arguments.boolean("lbvmips") == true else {
            return try page("loadbalancerruleinstance", found) { $0.rendered(in: cloud, sharingAs: addresses[$0.id]) }
        }
        return try page("lbrulevmidip", found) { guest in
            [
                "loadbalancerruleinstance": .object(guest.rendered(in: cloud, sharingAs: addresses[guest.id])),
                "lbvmipaddresses": .array((addresses[guest.id] ?? []).map { .text($0.guestAddress) }),
                // Of Sluice's own: what each of them carries, and whether it answers.
                "members": .array((addresses[guest.id] ?? []).map { .object($0.rendered(view.traffic)) }),
            ]
        }
    }
}

extension LoadBalancerRule {
    /// Ports are text here.
    func rendered(in cloud: Cloud) -> APIObject {
        let place = cloud.place(of: self)
        let zone = place?.zone
        let object: APIObject = [
            "id": .text(id), "name": .string(name), "description": .string(description),
            "algorithm": .string(algorithm.rawValue), "protocol": .string(transport.rawValue),
            "publicport": .text(publicPort), "privateport": .text(privatePort), "publicipid": .text(publicAddress),
            "publicip": .text(place?.address), "networkid": .text(place?.network), "zoneid": .text(zone),
            "zonename": .text(zone.flatMap { cloud.zones[$0]?.name }),
            "cidrlist": .string(sources.isEmpty ? IPv4Prefix.everything.description : sources.commaSeparated),
            "state": "Active", "fordisplay": true, "tags": cloud.renderedTags(of: reference),
        ]
        return object.owned(by: place?.account, in: cloud)
    }
}

extension LoadBalancerMember {
    fileprivate func rendered(_ traffic: TrafficTotals) -> APIObject {
        let counts = traffic[id]
        let object: APIObject = [
            "id": .text(id), "ipaddress": .text(guestAddress), "state": isDown ? "Down" : "Up",
            "connections": .number(counts.matchedPackets), "errors": .number(counts.failures),
            "responsetime": traffic.responseTimes[id].map { .number($0) },
        ]
        return object.carrying(counts, .passage)
    }
}

extension Guest {
    /// As a member of a rule: whether it answers, too.
    fileprivate func rendered(in cloud: Cloud, sharingAs members: [LoadBalancerMember]?) -> APIObject {
        var object = rendered(in: cloud)
        if let members { object["servicestate"] = members.allSatisfy(\.isDown) ? "Down" : "Up" }
        return object
    }
}
