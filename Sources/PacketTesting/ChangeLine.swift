import CloudModel
import CloudTrace
import ControlPlane
import NetworkVocabulary

/// A request as a line of words, for the small changes between two packets. What is refused, and why, is the API's.
///
///     add firewall ADDRESS TRAFFIC [from CIDRS]        delete firewall ADDRESS TRAFFIC
///     add forward ADDRESS TRAFFIC GUEST [PORTS]        delete forward ADDRESS TRAFFIC
///     add static-nat ADDRESS GUEST [GUEST-ADDRESS]     delete static-nat ADDRESS
///     add egress NETWORK TRAFFIC [from CIDRS] [to …]   delete egress NETWORK TRAFFIC
///     assign ADDRESS TRAFFIC GUEST                     unassign ADDRESS TRAFFIC GUEST
///     add address NETWORK ADDRESS                      release ADDRESS
///     delete balancer ADDRESS TRAFFIC
///     update firewall ADDRESS TRAFFIC [traffic TRAFFIC] [from CIDRS]
///     update forward ADDRESS TRAFFIC [guest GUEST] [ports PORTS] [from CIDRS]
///     update egress NETWORK TRAFFIC [traffic TRAFFIC] [from CIDRS] [to CIDRS]
///     source-nat NETWORK ADDRESS                       stop|start|destroy GUEST
///
/// `cleanup drain` behind what takes something away lets connections finish.
struct ChangeLine {
    struct Unknown: Error, CustomStringConvertible {
        let description: String
    }

    private let words: [String]
    private let options: [String: String]
    private static let keywords: Set = ["from", "to", "traffic", "guest", "ports", "cleanup"]

    init(_ text: [String]) throws {
        var words: [String] = []
        var options: [String: String] = [:]
        var rest = text[...]
        while let word = rest.popFirst() {
            if words.count > 1, Self.keywords.contains(word) {
                guard let value = rest.popFirst() else { throw Unknown(description: "something behind '\(word)'") }
                options[word] = value
            } else {
                words.append(word)
            }
        }
        if let cleanup = options["cleanup"], FlowCleanup(rawValue: cleanup) == nil {
            throw Unknown(description: "'end' or 'drain' behind 'cleanup'")
        }
        self.words = words
        self.options = options
    }

    private func word(_ index: Int, _ expected: String) throws -> String {
        guard index < words.count else { throw Unknown(description: expected) }
        return words[index]
    }

    private var cleanup: FlowCleanup { options["cleanup"].flatMap(FlowCleanup.init) ?? .end }
    private func list(_ option: String) -> [String]? { options[option]?.split(separator: ",").map(String.init) }

    func request(in cloud: Cloud) throws -> Request {
        switch (words.first, words.count > 1 ? words[1] : "") {
        case ("add", let kind): return try addition(kind, cloud)
        case ("delete", let kind): return try removal(kind, cloud)
        case ("update", let kind): return try update(kind, cloud)
        case ("release", _): return .releasePublicAddress(try address(1, cloud).id)
        case ("assign", _): return .balancing(.assign(try balanced(cloud)))
        case ("unassign", _): return .balancing(.remove(try balanced(cloud)))
        case ("source-nat", _):
            return .updateNetwork(
                .init(id: try network(1, cloud).id, sourceNATAddress: try word(2, "a public address")))
        case ("stop", _): return .stopGuest(try guest(1, cloud).id)
        case ("start", _): return .startGuest(try guest(1, cloud).id)
        case ("destroy", _): return .destroyGuest(try guest(1, cloud).id)
        default:
            throw Unknown(
                description:
                    "'add', 'delete', 'update', 'assign', 'unassign', 'release', 'source-nat', 'stop', 'start' or "
                    + "'destroy'")
        }
    }

    private func addition(_ kind: String, _ cloud: Cloud) throws -> Request {
        switch kind {
        case "firewall":
            return .createFirewallRule(
                .init(
                    publicAddress: try address(2, cloud).id, traffic: try trafficText(3),
                    sources: list("from") ?? []))
        case "egress":
            return .createEgressRule(
                .init(
                    network: try network(2, cloud).id, traffic: try trafficText(3), sources: list("from") ?? [],
                    destinations: list("to") ?? []))
        case "forward":
            let text = try trafficText(3)
            let ports = words.count > 5 ? PortRange(words[5]) : nil
            guard let first = text.startPort else { throw Unknown(description: "tcp or udp with ports") }
            return .createPortForwarding(
                .init(
                    publicAddress: try address(2, cloud).id, transport: text.transport, publicPort: first,
                    publicEndPort: text.endPort, privatePort: ports.map { Int($0.first) } ?? first,
                    guest: try guest(4, cloud).id, sources: list("from") ?? [], opensFirewall: false))
        case "static-nat":
            return .enableStaticNAT(
                .init(
                    publicAddress: try address(2, cloud).id, guest: try guest(3, cloud).id,
                    guestAddress: words.count > 4 ? words[4] : nil))
        case "address":
            return .acquirePublicAddress(
                .init(network: try network(2, cloud).id, address: try word(3, "a public address")))
        default: throw Unknown(description: "'firewall', 'forward', 'static-nat', 'egress' or 'address'")
        }
    }

    private func removal(_ kind: String, _ cloud: Cloud) throws -> Request {
        switch kind {
        case "firewall": return .deleteFirewallRule(.init(id: try firewall(cloud).id, cleanup: cleanup))
        case "forward": return .deletePortForwarding(.init(id: try forward(cloud).id, cleanup: cleanup))
        case "balancer": return .balancing(.deleteRule(.init(id: try balancer(2, cloud).id, cleanup: cleanup)))
        case "egress": return .deleteEgressRule(.init(id: try egress(cloud).id, cleanup: cleanup))
        case "static-nat": return .disableStaticNAT(.init(id: try address(2, cloud).id, cleanup: cleanup))
        default: throw Unknown(description: "'firewall', 'forward', 'balancer', 'egress' or 'static-nat'")
        }
    }

    private func update(_ kind: String, _ cloud: Cloud) throws -> Request {
        let new = try options["traffic"].map { text in
            guard let traffic = TrafficText(line: text) else {
                throw Unknown(description: "traffic as tcp/80, not '\(text)'")
            }
            return traffic
        }
        switch kind {
        case "firewall":
            return .updateFirewallRule(
                .init(
                    id: try firewall(cloud).id, startPort: new?.startPort, endPort: new?.endPort,
                    icmpType: new?.icmpType, icmpCode: new?.icmpCode, sources: list("from"), cleanup: cleanup))
        case "egress":
            return .updateEgressRule(
                .init(
                    id: try egress(cloud).id, startPort: new?.startPort, endPort: new?.endPort,
                    icmpType: new?.icmpType, icmpCode: new?.icmpCode, sources: list("from"),
                    destinations: list("to"), cleanup: cleanup))
        case "forward":
            let ports = options["ports"].flatMap(PortRange.init)
            let guest = try options["guest"].map { try self.guest($0, cloud).id }
            return .updatePortForwarding(
                .init(
                    id: try forward(cloud).id, privatePort: ports.map { Int($0.first) },
                    privateEndPort: ports.flatMap { $0.count > 1 ? Int($0.last) : nil }, guest: guest,
                    sources: list("from"), cleanup: cleanup))
        default: throw Unknown(description: "'firewall', 'forward' or 'egress'")
        }
    }

    // MARK: What lines name

    private func traffic(_ index: Int) throws -> Traffic {
        let text = try word(index, "traffic as tcp/80 or icmp/8")
        guard let traffic = Traffic(text) else { throw Unknown(description: "traffic as tcp/80, not '\(text)'") }
        return traffic
    }

    private func trafficText(_ index: Int) throws -> TrafficText {
        let text = try word(index, "traffic as tcp/80 or icmp/8")
        guard let traffic = TrafficText(line: text) else {
            throw Unknown(description: "traffic as tcp/80, not '\(text)'")
        }
        return traffic
    }

    private func address(_ index: Int, _ cloud: Cloud) throws -> PublicAddress {
        let text = try word(index, "a public address")
        guard let found = cloud.publicAddresses.values.first(where: { "\($0.address)" == text }) else {
            throw Unknown(description: "a public address of the cloud, not '\(text)'")
        }
        return found
    }

    private func network(_ index: Int, _ cloud: Cloud) throws -> Network {
        let text = try word(index, "a network")
        guard let found = cloud.networks.values.first(where: { $0.name == text }) else {
            throw Unknown(description: "a network of the cloud, not '\(text)'")
        }
        return found
    }

    private func guest(_ index: Int, _ cloud: Cloud) throws -> Guest { try guest(try word(index, "a guest"), cloud) }

    private func guest(_ name: String, _ cloud: Cloud) throws -> Guest {
        guard let found = cloud.guests.values.first(where: { $0.name == name }) else {
            throw Unknown(description: "a guest of the cloud, not '\(name)'")
        }
        return found
    }

    private func firewall(_ cloud: Cloud) throws -> FirewallRule {
        let (address, traffic) = (try address(2, cloud).id, try traffic(3))
        guard
            let found = cloud.firewallRules.values.first(where: {
                $0.publicAddress == address && $0.traffic == traffic
            })
        else { throw Unknown(description: "a firewall rule of the cloud, not '\(words[2]) \(words[3])'") }
        return found
    }

    private func forward(_ cloud: Cloud) throws -> PortForwarding {
        let (address, traffic) = (try address(2, cloud).id, try traffic(3))
        guard
            let found = cloud.portForwardings.values.first(where: {
                $0.publicAddress == address && $0.traffic == traffic
            })
        else { throw Unknown(description: "a port forwarding rule of the cloud, not '\(words[2]) \(words[3])'") }
        return found
    }

    private func balanced(_ cloud: Cloud) throws -> BalancingRequest.Guests {
        .init(
            rule: try balancer(1, cloud).id, members: [.init(guest: try guest(3, cloud).id)], cleanup: cleanup)
    }

    private func balancer(_ index: Int, _ cloud: Cloud) throws -> LoadBalancerRule {
        let (address, traffic) = (try address(index, cloud).id, try traffic(index + 1))
        guard
            let found = cloud.loadBalancerRules.values.first(where: {
                $0.publicAddress == address && $0.traffic == traffic
            })
        else {
            throw Unknown(description: "a load balancer rule of the cloud, not '\(words[index]) \(words[index + 1])'")
        }
        return found
    }

    private func egress(_ cloud: Cloud) throws -> EgressRule {
        let (network, traffic) = (try network(2, cloud).id, try traffic(3))
        guard let found = cloud.egressRules.values.first(where: { $0.network == network && $0.traffic == traffic })
        else { throw Unknown(description: "an egress rule of the cloud, not '\(words[2]) \(words[3])'") }
        return found
    }
}

extension TrafficText {
    /// `tcp/80`, `udp/1-9`, `icmp/8/0`, `47`, and what cannot be, as `47/80`: that is for the decision to refuse.
    init?(line text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let transport = parts.first, !transport.isEmpty, parts.count <= 3 else { return nil }
        self.init(transport: transport)
        if transport == "icmp" {
            icmpType = parts.count > 1 ? Int(parts[1]) : nil
            icmpCode = parts.count > 2 ? Int(parts[2]) : nil
        } else if parts.count > 1 {
            let ports = parts[1].split(separator: "-").map { Int($0) }
            guard let first = ports.first, let first else { return nil }
            startPort = first
            endPort = ports.count > 1 ? ports[1] : first
        }
    }
}
