import NetworkVocabulary

// What is wrong with a rule, or with what rules rest on.
extension Cloud {
    func contradiction(in value: FirewallRule, replacing old: Record?) -> String? {
        guard let address = publicAddresses[value.publicAddress] else { return nil }
        if address.network == nil { return "its address is no network's" }
        if case .firewallRule(let old) = old, old.publicAddress != value.publicAddress || old.number != value.number {
            return "its address and number cannot change"
        }
        if let forwarding = value.forwarding.flatMap({ portForwardings[$0] }),
            forwarding.publicAddress != value.publicAddress
        {
            return "the port forwarding rule that brought it is of another address"
        }
        return value.sources.isEmpty ? "it names no source" : contradiction(in: value.traffic)
    }

    func contradiction(in value: EgressRule, replacing old: Record?) -> String? {
        guard let network = networks[value.network] else { return nil }
        if case .egressRule(let old) = old, old.network != value.network || old.number != value.number {
            return "its network and number cannot change"
        }
        if value.sources.isEmpty || value.destinations.isEmpty { return "it names no source or no destination" }
        for case .v4(let source) in value.sources where !network.cidr.contains(source) && source != .everything {
            return "its source is outside the network"
        }
        return contradiction(in: value.traffic)
    }

    func contradiction(in value: PortForwarding, replacing old: Record?) -> String? {
        guard let address = publicAddresses[value.publicAddress], let nic = nics[value.nic] else { return nil }
        guard let network = address.network else { return "its address is no network's" }
        if case .portForwarding(let old) = old,
            old.publicAddress != value.publicAddress || old.transport != value.transport
                || old.publicPorts != value.publicPorts
        {
            return "its address, protocol and public ports cannot change"
        }
        if address.staticNAT != nil { return "its address has static NAT" }
        if nic.network != network { return "its guest's NIC is on another network" }
        if !nic.addresses.contains(value.guestAddress) { return "its guest has no such address" }
        return value.publicPorts.count == value.privatePorts.count ? nil : "its port ranges are not of one size"
    }

    private func contradiction(in traffic: Traffic) -> String? {
        switch traffic {
        case .other(.tcp), .other(.udp), .other(.icmp): "a protocol with a name is spelt as a number"
        case .icmp(nil, _?): "it names a code without a type"
        default: nil
        }
    }

    func ruleContradiction(in value: PublicAddress, replacing old: Record?) -> String? {
        if case .publicAddress(let old) = old, old.network != value.network,
            !firewallRulesByAddress[value.id].isEmpty || !portForwardingsByAddress[value.id].isEmpty
        {
            return "its network cannot change while it has rules"
        }
        guard let target = value.staticNAT, let nic = nics[target.nic] else { return nil }
        if value.isSourceNAT { return "a source NAT address has no static NAT" }
        if value.network == nil || nic.network != value.network { return "static NAT is for a NIC of its network" }
        if !nic.addresses.contains(target.guestAddress) { return "its guest has no such address" }
        return portForwardingsByAddress[value.id].isEmpty ? nil : "it has port forwarding rules"
    }

    /// A rule that leads to an address of this NIC that the NIC does not have (any more).
    func ruleLeading(toOtherThan nic: NIC) -> Reference? {
        let addresses = Set(nic.addresses)
        for id in portForwardingsByNIC[nic.id] {
            if let rule = portForwardings[id], !addresses.contains(rule.guestAddress) {
                return Reference(.portForwarding, id)
            }
        }
        for id in publicAddressesByNIC[nic.id] {
            if let target = publicAddresses[id]?.staticNAT, !addresses.contains(target.guestAddress) {
                return Reference(.publicAddress, id)
            }
        }
        return nil
    }
}
