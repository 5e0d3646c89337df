import CloudModel
import ControlPlane
import NetworkVocabulary

// What has passed, by what it passed through. In CloudStack networks carry two of these fields; the rest, and the list
// of everything, are Sluice's own.

extension Command {
    static let trafficCounting: [Command] = [
        .list(
            "listTraffic", "Lists what networks, public addresses and rules have counted",
            [
                Parameter(
                    "type", "network, address, rule, member or account; networks, addresses and rules when absent"),
                Parameter("networkid", .uuid, related: "listNetworks", "only of this network"),
                Parameter("sort", "received, sent or matched: the most bytes first"),
            ] + .scope
        ) { call throws(RequestError) in
            call.api.service.watchTraffic()
            let types = try TrafficRow.Kind.wanted(call)
            let order = try call.trafficOrder()
            let network = try call.visible("networkid", in: call.cloud.networks, by: \.account)?.id
            let scope = try call.scope()
            var rows: [TrafficRow] = []
            for type in types {
                rows += type.rows(call.cloud, call.view.traffic).filter { row in
                    scope.contains(row.account) && (network == nil || row.network == network)
                        && call.matches(row.name, partialName: true)
                }
            }
            if let order { rows.sort { $0.counts[keyPath: order] > $1.counts[keyPath: order] } }
            var reply = try call.page("traffic", rows) { $0.rendered(in: call.cloud) }
            // The moment that the counts are of, so that rates can be told from two replies.
            reply["measured"] = call.view.traffic.measured.map { .number($0) }
            return reply
        }
    ]
}

extension Call {
    fileprivate func trafficOrder() throws(RequestError) -> KeyPath<TrafficCounts, UInt64>? {
        switch arguments.string("sort")?.lowercased() {
        case nil: return nil
        case "received": return \.receivedBytes
        case "sent": return \.sentBytes
        case "matched": return \.matchedBytes
        default:
            throw .invalid(
                "sort", arguments.string("sort") ?? "", command, because: "it is received, sent or matched")
        }
    }
}

/// An object that counts, in words for a table.
private struct TrafficRow {
    enum Kind: String, CaseIterable {
        case network, address, rule, member, account

        static func wanted(_ call: Call) throws(RequestError) -> [Kind] {
            guard let text = call.arguments.string("type") else { return [.network, .address, .rule] }
            guard let kind = Kind(rawValue: text.lowercased()) else {
                throw .invalid("type", text, call.command, because: "it is network, address, rule, member or account")
            }
            return [kind]
        }

        func rows(_ cloud: Cloud, _ traffic: TrafficTotals) -> [TrafficRow] {
            switch self {
            case .network:
                Array(cloud.networks.values).map {
                    TrafficRow("network", $0.id, $0.name, network: $0.id, $0.account, traffic)
                }
            case .address:
                Array(cloud.publicAddresses.values).map {
                    TrafficRow(
                        "publicipaddress", $0.id, $0.address.description, network: $0.network, $0.account, traffic)
                }
            case .rule: TrafficRow.rules(cloud, traffic)
            case .member: TrafficRow.members(cloud, traffic)
            case .account:
                Array(cloud.accounts.values).map { TrafficRow("account", $0.id, $0.name, network: nil, $0.id, traffic) }
            }
        }
    }

    let type: String
    let id: ObjectID
    let name: String
    let network: ObjectID?
    let account: ObjectID?
    let counts: TrafficCounts
    /// Of a member: whether it answers, and how fast.
    private var isDown: Bool?
    private var responseTime: Int?

    init(
        _ type: String, _ id: ObjectID, _ name: String, network: ObjectID?, _ account: ObjectID?,
        _ traffic: TrafficTotals
    ) {
        self.type = type
        self.id = id
        self.name = name
        self.network = network
        self.account = account
        counts = traffic[id]
    }

    private static func rules(_ cloud: Cloud, _ traffic: TrafficTotals) -> [TrafficRow] {
        let forwards = Array(cloud.portForwardings.values).map { rule in
            let address = cloud.publicAddresses[rule.publicAddress]
            return TrafficRow(
                "portforwardingrule", rule.id,
                "\(address?.address.description ?? "?") \(rule.transport.rawValue)/\(rule.publicPorts) to "
                    + "\(rule.guestAddress):\(rule.privatePorts)",
                network: address?.network, address?.account, traffic)
        }
        let openings = Array(cloud.firewallRules.values).map { rule in
            let address = cloud.publicAddresses[rule.publicAddress]
            return TrafficRow(
                "firewallrule", rule.id,
                "\(address?.address.description ?? "?") \(rule.traffic) from \(rule.sources.abridged)",
                network: address?.network, address?.account, traffic)
        }
        let exceptions = Array(cloud.egressRules.values).map { rule in
            let network = cloud.networks[rule.network]
            return TrafficRow(
                "egressrule", rule.id, "\(network?.name ?? "?") \(rule.traffic) to \(rule.destinations.abridged)",
                network: rule.network, network?.account, traffic)
        }
        let balancers = Array(cloud.loadBalancerRules.values).map { rule in
            let place = cloud.place(of: rule)
            return TrafficRow(
                "loadbalancerrule", rule.id,
                "\(place?.address.description ?? "?") \(rule.transport.rawValue)/\(rule.publicPort) \(rule.name)",
                network: place?.network, place?.account, traffic)
        }
        return forwards + balancers + openings + exceptions
    }

    /// Of load balancer rules.
    private static func members(_ cloud: Cloud, _ traffic: TrafficTotals) -> [TrafficRow] {
        Array(cloud.loadBalancerMembers.values).map { member in
            let rule = cloud.loadBalancerRules[member.rule]
            let place = rule.flatMap { cloud.place(of: $0) }
            var row = TrafficRow(
                "loadbalancermember", member.id,
                "\(place?.address.description ?? "?") \(rule.map { "\($0.transport.rawValue)/\($0.publicPort)" } ?? "?") to "
                    + "\(member.guestAddress)",
                network: place?.network, place?.account, traffic)
            row.isDown = member.isDown
            row.responseTime = traffic.responseTimes[member.id]
            return row
        }
    }

    private var isShared: Bool { type == "loadbalancerrule" || type == "loadbalancermember" }

    func rendered(in cloud: Cloud) -> APIObject {
        let object: APIObject = [
            "state": isDown.map { $0 ? "Down" : "Up" }, "responsetime": responseTime.map { .number($0) },
            "connections": isShared ? .number(counts.matchedPackets) : nil,
            "errors": isShared ? .number(counts.failures) : nil, "type": .string(type), "id": .text(id),
            "name": .string(name), "networkid": .text(network),
            "networkname": .text(network.flatMap { cloud.networks[$0]?.name }),
            "account": .text(account.flatMap { cloud.accounts[$0]?.name }),
        ]
        return object.carrying(counts, type == "firewallrule" || type == "egressrule" ? .decision : .passage)
    }
}

extension [IPPrefix] {
    /// The first, and how many there are besides: a rule may have hundreds.
    fileprivate var abridged: String {
        guard let first else { return "everywhere" }
        return count == 1 ? first.description : "\(first) and \(count - 1) more"
    }
}

extension APIObject {
    /// What the counters of an object mean.
    enum Counting {
        /// Everything that passes through it, both ways.
        case passage
        /// What it decided about: of connections that it let in, their first packets.
        case decision
    }

    /// With what it has counted.
    func carrying(_ counts: TrafficCounts, _ counting: Counting) -> APIObject {
        var copy = self
        switch counting {
        case .passage:
            copy["receivedbytes"] = .number(counts.receivedBytes)
            copy["sentbytes"] = .number(counts.sentBytes)
            copy["receivedpackets"] = .number(counts.receivedPackets)
            copy["sentpackets"] = .number(counts.sentPackets)
        case .decision:
            copy["matchedbytes"] = .number(counts.matchedBytes)
            copy["matchedpackets"] = .number(counts.matchedPackets)
        }
        copy["lasthit"] = .text(counts.lastHit.map { Timestamp(milliseconds: $0) })
        return copy
    }
}
