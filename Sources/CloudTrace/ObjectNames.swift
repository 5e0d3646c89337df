public import CloudModel
public import NetworkVocabulary

// What cases call the objects behind decisions and counters: nobody writes ids.

extension Cloud {
    /// The words that may stand for an object behind its kind; the first is the one to show.
    public func names(of origin: Origin) -> [String] {
        let id = origin.id
        var names: [String] = []
        if let part = origin.part { names.append(part) }
        switch RecordKind(rawValue: origin.kind) {
        case .firewallRule:
            if let rule = firewallRules[id] { names += named(rule.traffic, address(rule.publicAddress)) }
        case .portForwarding:
            if let rule = portForwardings[id] {
                names += named(rule.traffic, address(rule.publicAddress))
            }
        case .loadBalancerRule:
            if let rule = loadBalancerRules[id] {
                names += named(rule.traffic, place(of: rule).map { "\($0.address)" })
            }
        case .loadBalancerMember:
            if let member = loadBalancerMembers[id], let rule = loadBalancerRules[member.rule] {
                let guest = nics[member.nic].flatMap { guests[$0.guest] }?.name ?? "?"
                names += ["\(rule.traffic)/\(guest)", "\(rule.traffic)/\(member.guestAddress)"]
            }
        case .egressRule:
            if let rule = egressRules[id] { names += named(rule.traffic, networks[rule.network]?.name) }
        case .publicAddress: names += [address(id)].compactMap(\.self)
        case .nic:
            if let nic = nics[id] {
                names += [guests[nic.guest]?.name, nic.address?.description].compactMap(\.self)
            }
        case .network: names += [networks[id]?.name].compactMap(\.self)
        case .networkOffering: names += [networkOfferings[id]?.name].compactMap(\.self)
        case .router: names += [routers[id]?.name].compactMap(\.self)
        default: break
        }
        return names
    }

    /// The objects of a kind that go by these words.
    public func objects(of kind: String, named name: String) -> [Origin] {
        let ids: [ObjectID]
        switch RecordKind(rawValue: kind) {
        case .firewallRule: ids = firewallRules.values.map(\.id)
        case .portForwarding: ids = portForwardings.values.map(\.id)
        case .loadBalancerRule: ids = loadBalancerRules.values.map(\.id)
        case .loadBalancerMember: ids = loadBalancerMembers.values.map(\.id)
        case .egressRule: ids = egressRules.values.map(\.id)
        case .publicAddress: ids = publicAddresses.values.map(\.id)
        default: ids = []
        }
        return ids.map { Origin(kind, $0) }.filter { names(of: $0).contains(name) }
    }

    /// From where a rule lets traffic come.
    public func sources(of rule: Origin) -> String {
        let sources = firewallRules[rule.id]?.sources ?? egressRules[rule.id]?.sources ?? []
        return sources.map(\.description).joined(separator: ",")
    }

    private func named(_ traffic: Traffic, _ owner: String?) -> [String] {
        ["\(traffic)"] + [owner.map { "\($0) \(traffic)" }].compactMap(\.self)
    }

    private func address(_ id: ObjectID) -> String? { publicAddresses[id].map { "\($0.address)" } }
}

extension LoadBalancerRule {
    /// What of the public address it is about.
    public var traffic: Traffic {
        let ports = PortRange(Int(publicPort), Int(publicPort))
        return transport == .udp ? .udp(ports) : .tcp(ports)
    }
}

extension PortForwarding {
    /// What of the public address it is about.
    public var traffic: Traffic { transport == .tcp ? .tcp(publicPorts) : .udp(publicPorts) }
}
