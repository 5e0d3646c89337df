import CloudModel
import NetworkVocabulary

// What may come in to a public address.
extension Draft {
    mutating func createFirewallRule(_ request: Request.CreateFirewallRule) throws(RequestError) -> [Reference] {
        let address = try accessibleAddress(request.publicAddress, "ipaddressid")
        if request.isSystem { try requireRootAdmin() }
        guard let network = address.network.flatMap({ cloud.networks[$0] }) else {
            throw .refused(
                "ipaddressid",
                "Unable to create firewall rule; ip with specified id \(address.id) is not associated with any network")
        }
        try require("Firewall", of: network, "ipaddressid")
        let traffic = try traffic(request.traffic)
        let sources = try prefixes(request.sources, "cidrlist", else: [.v4(.everything)])
        let rule = try addFirewallRule(
            FirewallRule(
                id: newID(), number: try number(.rule), publicAddress: address.id, traffic: traffic, sources: sources,
                isSystem: request.isSystem), "startport")
        return [rule]
    }

    mutating func updateFirewallRule(_ request: Request.UpdateFirewallRule) throws(RequestError) -> [Reference] {
        var rule = try changeableFirewallRule(request.id)
        rule.traffic = try traffic(
            rule.traffic, request.startPort, request.endPort, request.icmpType, request.icmpCode)
        if let texts = request.sources {
            rule.sources = try prefixes(texts, "cidrlist", else: [.v4(.everything)])
        }
        try refuseConflict(of: .firewallRule(rule), "startport")
        try refuseFragments(of: rule)
        drains = request.cleanup == .drain
        try put(.firewallRule(rule))
        return [Reference(.firewallRule, rule.id)]
    }

    mutating func deleteFirewallRule(_ request: Request.Removal) throws(RequestError) -> [Reference] {
        let rule = try changeableFirewallRule(request.id)
        drains = request.cleanup == .drain
        try remove(.firewallRule, rule.id)
        return []
    }

    /// `parameter` is to blame when another rule speaks of the same.
    mutating func addFirewallRule(_ rule: FirewallRule, _ parameter: String) throws(RequestError) -> Reference {
        guard cloud.firewallRulesByAddress[rule.publicAddress].count < RuleLimits.rules else {
            throw .limit("ipaddressid", "An address has at most \(RuleLimits.rules) firewall rules")
        }
        try refuseConflict(of: .firewallRule(rule), parameter)
        try refuseFragments(of: rule)
        try put(.firewallRule(rule))
        return Reference(.firewallRule, rule.id)
    }

    private func changeableFirewallRule(_ id: ObjectID) throws(RequestError) -> FirewallRule {
        guard let rule = cloud.firewallRules[id], let address = cloud.publicAddresses[rule.publicAddress] else {
            throw unknown("id", id)
        }
        try requireAccess(to: address.account)
        if rule.isSystem { try requireRootAdmin() }
        return rule
    }
}

// What rules of every kind ask of the objects that they are about.
extension Draft {
    func accessibleAddress(_ id: ObjectID, _ parameter: String) throws(RequestError) -> PublicAddress {
        guard let address = cloud.publicAddresses[id] else { throw unknown(parameter, id) }
        try requireAccess(to: address.account)
        return address
    }

    func require(_ service: String, of network: Network, _ parameter: String) throws(RequestError) {
        guard cloud.networkOfferings[network.offering]?.services[service] != nil else {
            throw .unsupported(parameter, "Service \(service) is not supported in network \(network.name)")
        }
    }
}
