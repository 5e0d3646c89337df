import CloudModel
import NetworkVocabulary

// What guests of a network may send out, or may not, whichever its offering says by default.
extension Draft {
    mutating func createEgressRule(_ request: Request.CreateEgressRule) throws(RequestError) -> [Reference] {
        guard let network = cloud.networks[request.network] else { throw unknown("networkid", request.network) }
        try requireAccess(to: network.account)
        if request.isSystem { try requireRootAdmin() }
        guard cloud.networkOfferings[network.offering]?.guestType == .isolated else {
            throw .refused("networkid", "Egress firewall rules are supported only for isolated networks")
        }
        try require("Firewall", of: network, "networkid")
        guard cloud.egressRulesByNetwork[network.id].count < RuleLimits.rules else {
            throw .limit("networkid", "A network has at most \(RuleLimits.rules) egress rules")
        }
        let traffic = try traffic(request.traffic)
        let sources = try egressSources(request.sources, network)
        let destinations = try prefixes(request.destinations, "destcidrlist", else: [.v4(.everything)])
        try refuseTooManyPairs(sources, destinations)
        let rule = EgressRule(
            id: newID(), number: try number(.rule), network: network.id, traffic: traffic, sources: sources,
            destinations: destinations, isSystem: request.isSystem)
        try refuseConflict(of: .egressRule(rule), "startport")
        try refuseFragments(of: rule)
        try put(.egressRule(rule))
        return [Reference(.egressRule, rule.id)]
    }

    mutating func updateEgressRule(_ request: Request.UpdateEgressRule) throws(RequestError) -> [Reference] {
        var (rule, network) = try changeableEgressRule(request.id)
        rule.traffic = try traffic(
            rule.traffic, request.startPort, request.endPort, request.icmpType, request.icmpCode)
        if let texts = request.sources { rule.sources = try egressSources(texts, network) }
        if let texts = request.destinations {
            rule.destinations = try prefixes(texts, "destcidrlist", else: [.v4(.everything)])
        }
        try refuseTooManyPairs(rule.sources, rule.destinations)
        try refuseConflict(of: .egressRule(rule), "startport")
        try refuseFragments(of: rule)
        drains = request.cleanup == .drain
        try put(.egressRule(rule))
        return [Reference(.egressRule, rule.id)]
    }

    mutating func deleteEgressRule(_ request: Request.Removal) throws(RequestError) -> [Reference] {
        let (rule, _) = try changeableEgressRule(request.id)
        drains = request.cleanup == .drain
        try remove(.egressRule, rule.id)
        return []
    }

    /// Parts of the network. "From everywhere" is the whole network in other words, and what many clients send.
    func egressSources(_ texts: [String], _ network: Network) throws(RequestError) -> [IPPrefix] {
        let sources = try prefixes(texts, "cidrlist", else: network.cidr.map { [.v4($0)] } ?? [])
        for source in sources {
            if case .v4(let prefix) = source, network.cidr?.contains(prefix) == true || prefix == .everything {
                continue
            }
            throw .refused("cidrlist", "\(source) is not within the guest cidr \(network.cidr?.description ?? "")")
        }
        return sources
    }

    private func refuseTooManyPairs(_ sources: [IPPrefix], _ destinations: [IPPrefix]) throws(RequestError) {
        guard sources.count * destinations.count <= RuleLimits.pairs else {
            throw .refused(
                "destcidrlist",
                "\(sources.count) sources to \(destinations.count) destinations are more than the \(RuleLimits.pairs) "
                    + "pairs that a rule may have")
        }
    }

    private func changeableEgressRule(_ id: ObjectID) throws(RequestError) -> (EgressRule, Network) {
        guard let rule = cloud.egressRules[id], let network = cloud.networks[rule.network] else {
            throw unknown("id", id)
        }
        try requireAccess(to: network.account)
        if rule.isSystem { try requireRootAdmin() }
        return (rule, network)
    }
}
