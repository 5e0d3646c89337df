import CloudModel
import ControlPlane
import NetworkVocabulary

// Requests about rules: few ports, few prefixes, so that rules meet.
extension RandomRequests {
    /// The next thing that a guest on a network with rules needs.
    mutating func growth(_ cloud: Cloud) -> Request {
        guard let zone = cloud.zones.first?.key else { return .createZone(.init(name: "z", dns1: "198.51.100.1")) }
        guard let wire = cloud.physicalNetworksByZone[zone].first else {
            return .createPhysicalNetwork(.init(zone: zone, name: "p", segments: "60-69"))
        }
        guard !cloud.publicRangesByZone[zone].isEmpty else {
            return .createPublicRange(
                .init(
                    physicalNetwork: wire, gateway: "203.0.9.1", netmask: "255.255.255.0", first: "203.0.9.10",
                    last: "203.0.9.40"))
        }
        let networks = cloud.networksByZone[zone].compactMap { cloud.networks[$0] }
        guard let network = networks.randomElement(using: &random), number(0..<3) > 0 else {
            let offering = cloud.networkOfferings.values.first { $0.availability == .required }?.id
            return .createNetwork(
                .init(
                    name: "n", zone: zone, offering: offering ?? pick(cloud.networkOfferings.keys),
                    account: pick(cloud.accounts.keys), physicalNetwork: wire, cidr: "10.1.1.0/24"))
        }
        return number(0..<3) == 0
            ? .acquirePublicAddress(.init(network: network.id))
            : .deployGuest(
                .init(
                    zone: zone, name: "g\(number(30..<60))", account: network.account,
                    nics: [.init(network: network.id)]))
    }

    mutating func rule(in cloud: Cloud) -> Request {
        switch number(0..<31) {
        case 0..<3:
            return .createFirewallRule(
                .init(
                    publicAddress: publicAddress(cloud, of: guest(in: cloud)), traffic: traffic(), sources: prefixes(),
                    isSystem: number(0..<8) == 0))
        case 3:
            let (start, end) = ports()
            return .updateFirewallRule(
                .init(
                    id: pick(cloud.firewallRules.keys), startPort: start, endPort: end,
                    sources: number(0..<2) == 0 ? prefixes() : nil, cleanup: number(0..<2) == 0 ? .drain : .end))
        case 4: return .deleteFirewallRule(.init(id: pick(cloud.firewallRules.keys)))
        case 5..<7:
            let network = pick(cloud.networks.keys)
            return .createEgressRule(
                .init(
                    network: network, traffic: traffic(),
                    sources: number(0..<2) == 0 ? [] : [cloud.networks[network]?.cidr?.description ?? "10.1.1.0/24"],
                    destinations: prefixes()))
        case 7:
            return .updateEgressRule(
                .init(id: pick(cloud.egressRules.keys), startPort: number(-1..<9), destinations: prefixes()))
        case 8: return .deleteEgressRule(.init(id: pick(cloud.egressRules.keys), cleanup: .drain))
        case 9..<13: return forwarding(cloud)
        case 13:
            return .updatePortForwarding(
                .init(
                    id: pick(cloud.portForwardings.keys), privatePort: number(0..<2) == 0 ? number(1..<70_000) : nil,
                    guest: number(0..<2) == 0 ? guest(in: cloud) : nil, sources: number(0..<2) == 0 ? prefixes() : nil))
        case 14: return .deletePortForwarding(.init(id: pick(cloud.portForwardings.keys)))
        case 15..<18:
            let guest = guest(in: cloud)
            return .enableStaticNAT(
                .init(
                    publicAddress: publicAddress(cloud, of: guest, isSpare: true), guest: guest,
                    guestAddress: secondary(guest, cloud),
                    network: number(0..<2) == 0 ? network(of: guest, cloud) : nil))
        case 18:
            let held = cloud.publicAddresses.values.filter { $0.staticNAT != nil }.map(\.id)
            return .disableStaticNAT(.init(id: number(0..<3) == 0 ? pick(held) : publicAddress(cloud)))
        case 19..<22:
            return .addSecondaryAddress(
                .init(nic: pick(cloud.nics.keys), address: number(0..<3) == 0 ? "10.1.1.\(number(0..<12))" : nil))
        case 22:
            return .removeSecondaryAddress(
                .init(id: pick(cloud.nics.values.flatMap { $0.secondaryAddresses.map(\.id) })))
        case 23..<30: return .balancing(balancing(cloud))
        default:
            let network = pick(cloud.networks.keys)
            let own = cloud.publicAddresses(ofNetwork: network).map(\.address.description)
            let address = own.randomElement(using: &random) ?? "203.0.1.5"
            return .updateNetwork(
                .init(
                    id: network,
                    sourceNATAddress: number(0..<3) == 0 ? "203.0.\(number(0..<4)).\(number(2..<20))" : address))
        }
    }

    private mutating func forwarding(_ cloud: Cloud) -> Request {
        let guest = guest(in: cloud)
        let (start, end) = ports()
        return .createPortForwarding(
            .init(
                publicAddress: publicAddress(cloud, of: guest), transport: number(0..<3) == 0 ? "udp" : "TCP",
                publicPort: start ?? 80, publicEndPort: end, privatePort: number(0..<5) == 0 ? 65_530 : number(1..<100),
                guest: guest, guestAddress: secondary(guest, cloud),
                network: number(0..<2) == 0 ? network(of: guest, cloud) : nil,
                sources: number(0..<2) == 0 ? [] : prefixes(), opensFirewall: number(0..<3) > 0))
    }

    private mutating func balancing(_ cloud: Cloud) -> BalancingRequest {
        let rule = pick(cloud.loadBalancerRules.keys)
        let place = cloud.loadBalancerRules[rule].flatMap { cloud.place(of: $0) }
        let near = place?.network.map { cloud.nics(ofNetwork: $0).map(\.guest) } ?? []
        let guest = number(0..<5) == 0 ? guest(in: cloud) : pick(near)
        let member = BalancingRequest.Guests.Member(guest: guest, address: secondary(guest, cloud))
        if number(0..<12) == 0 {
            let network = network(of: guest, cloud)
            return number(0..<3) == 0
                ? .deleteInternal(.init(id: rule))
                : .createInternal(
                    .init(
                        network: network, name: "i\(number(0..<9))", algorithm: "leastconn",
                        sourcePort: number(1..<5), instancePort: 80))
        }
        switch number(0..<9) {
        case 0..<3:
            let (start, _) = ports()
            return .createRule(
                .init(
                    publicAddress: publicAddress(cloud, of: guest), name: "b\(number(0..<9))",
                    algorithm: ["roundrobin", "source", "leastconn"][min(number(0..<6), number(0..<3))],
                    transport: number(0..<3) == 0 ? "udp" : nil, publicPort: start ?? 80, privatePort: number(0..<100),
                    network: number(0..<2) == 0 ? network(of: guest, cloud) : nil,
                    sources: number(0..<2) == 0 ? [] : prefixes(), opensFirewall: number(0..<3) > 0))
        case 3:
            return .updateRule(
                .init(
                    id: rule, algorithm: number(0..<2) == 0 ? "source" : "roundrobin",
                    sources: number(0..<2) == 0 ? prefixes() : nil))
        case 4: return .deleteRule(.init(id: rule, cleanup: number(0..<2) == 0 ? .drain : .end))
        case 5: return .remove(.init(rule: rule, members: [member]))
        default: return .assign(.init(rule: rule, members: [member]))
        }
    }

    private mutating func guest(in cloud: Cloud) -> ObjectID { pick(cloud.guests.keys) }

    private mutating func network(of guest: ObjectID, _ cloud: Cloud) -> ObjectID {
        pick(cloud.nics(ofGuest: guest).map(\.network))
    }

    /// Mostly one that could be used for the guest.
    private mutating func publicAddress(
        _ cloud: Cloud, of guest: ObjectID? = nil, isSpare: Bool = false
    ) -> ObjectID {
        guard let guest, number(0..<5) > 0 else { return pick(cloud.publicAddresses.keys) }
        let near = cloud.nics(ofGuest: guest).flatMap { cloud.publicAddresses(ofNetwork: $0.network) }
            .filter { !isSpare || !$0.isSourceNAT && cloud.portForwardingsByAddress[$0.id].isEmpty }.map(\.id)
        let idle = cloud.publicAddresses.values.filter { $0.network == nil }.map(\.id)
        return pick(near + idle)
    }

    private mutating func secondary(_ guest: ObjectID, _ cloud: Cloud) -> String? {
        guard number(0..<2) == 0 else { return nil }
        return cloud.nics(ofGuest: guest).flatMap(\.addresses).randomElement(using: &random)?.description
    }

    private mutating func traffic() -> TrafficText {
        let (start, end) = ports()
        switch number(0..<8) {
        case 0..<3: return TrafficText(transport: "tcp", startPort: start, endPort: end)
        case 3: return TrafficText(transport: "17", startPort: start, endPort: end)
        case 4: return TrafficText(transport: "all")
        case 5: return TrafficText(transport: "\(number(0..<300))")
        case 6: return TrafficText(transport: "icmp", icmpType: number(-2..<4), icmpCode: number(-1..<2))
        default: return TrafficText(transport: "ICMP", startPort: number(0..<6) == 0 ? start : nil)
        }
    }

    private mutating func ports() -> (Int?, Int?) {
        guard number(0..<6) > 0 else { return (nil, nil) }
        let start = number(0..<12)
        return (start, number(0..<2) == 0 ? nil : start + number(-1..<4))
    }

    private mutating func prefixes() -> [String] {
        let all = ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.0/25", "192.0.2.1/32", "192.0.2.1/24", "2001:db8::/32"]
        return (0..<number(0..<3)).map { _ in all[min(number(0..<8), number(0..<8), all.count - 1)] }
    }
}
