import CloudModel
import NetworkVocabulary

// What cases call the objects behind decisions and counters: nobody writes ids.

extension CaseCloud {
    /// The words that may stand for an object behind its kind; the first is the one to show.
    func names(of origin: Origin) -> [String] {
        let id = origin.id
        var names: [String] = []
        if let part = origin.part { names.append(part) }
        switch RecordKind(rawValue: origin.kind) {
        case .firewallRule:
            if let rule = cloud.firewallRules[id] { names += named(rule.traffic, address(rule.publicAddress)) }
        case .portForwarding:
            if let rule = cloud.portForwardings[id] {
                names += named(rule.traffic, address(rule.publicAddress))
            }
        case .loadBalancerRule:
            if let rule = cloud.loadBalancerRules[id] { names += named(rule.traffic, address(rule.publicAddress)) }
        case .loadBalancerMember:
            if let member = cloud.loadBalancerMembers[id], let rule = cloud.loadBalancerRules[member.rule] {
                let guest = cloud.nics[member.nic].flatMap { cloud.guests[$0.guest] }?.name ?? "?"
                names += ["\(rule.traffic)/\(guest)", "\(rule.traffic)/\(member.guestAddress)"]
            }
        case .egressRule:
            if let rule = cloud.egressRules[id] { names += named(rule.traffic, cloud.networks[rule.network]?.name) }
        case .publicAddress: names += [address(id)].compactMap(\.self)
        case .nic:
            if let nic = cloud.nics[id] {
                names += [cloud.guests[nic.guest]?.name, nic.address?.description].compactMap(\.self)
            }
        case .network: names += [cloud.networks[id]?.name].compactMap(\.self)
        case .networkOffering: names += [cloud.networkOfferings[id]?.name].compactMap(\.self)
        case .router: names += [cloud.routers[id]?.name].compactMap(\.self)
        default: break
        }
        return names
    }

    /// The objects of a kind that go by these words.
    func objects(of kind: String, named name: String) -> [Origin] {
        let ids: [ObjectID]
        switch RecordKind(rawValue: kind) {
        case .firewallRule: ids = cloud.firewallRules.values.map(\.id)
        case .portForwarding: ids = cloud.portForwardings.values.map(\.id)
        case .loadBalancerRule: ids = cloud.loadBalancerRules.values.map(\.id)
        case .loadBalancerMember: ids = cloud.loadBalancerMembers.values.map(\.id)
        case .egressRule: ids = cloud.egressRules.values.map(\.id)
        case .publicAddress: ids = cloud.publicAddresses.values.map(\.id)
        default: ids = []
        }
        return ids.map { Origin(kind, $0) }.filter { names(of: $0).contains(name) }
    }

    /// From where a rule lets traffic come.
    func sources(of rule: Origin) -> String {
        let sources = cloud.firewallRules[rule.id]?.sources ?? cloud.egressRules[rule.id]?.sources ?? []
        return sources.map(\.description).joined(separator: ",")
    }

    private func named(_ traffic: Traffic, _ owner: String?) -> [String] {
        ["\(traffic)"] + [owner.map { "\($0) \(traffic)" }].compactMap(\.self)
    }

    private func address(_ id: ObjectID) -> String? { cloud.publicAddresses[id].map { "\($0.address)" } }
}

extension LoadBalancerRule {
    /// What of the public address it is about.
    var traffic: Traffic {
        let ports = PortRange(Int(publicPort), Int(publicPort))
        return transport == .udp ? .udp(ports) : .tcp(ports)
    }
}

extension PortForwarding {
    /// What of the public address it is about.
    var traffic: Traffic { transport == .tcp ? .tcp(publicPorts) : .udp(publicPorts) }
}
