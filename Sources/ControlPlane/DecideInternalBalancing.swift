import CloudModel
import NetworkVocabulary

// Load balancers on addresses of guest networks.
extension Draft {
    mutating func createInternalBalancer(_ request: BalancingRequest.CreateInternal) throws(RequestError) -> [Reference]
    {
        guard let network = cloud.networks[request.network] else { throw unknown("networkid", request.network) }
        try requireAccess(to: network.account)
        let name = try name(request.name, "name")
        let description = try text(request.description, "description")
        let algorithm = try algorithm(request.algorithm)
        let sourcePort = try port(request.sourcePort, "sourceport")
        let instancePort = try port(request.instancePort, "instanceport")
        try require("Lb", of: network, "networkid")
        guard network.guestType == .isolated, network.cidr != nil else {
            throw .unsupported("networkid", "Only an isolated network has internal load balancers")
        }
        guard let slot = cloud.freeBalancerSlot(ofNetwork: network.id),
            cloud.loadBalancerRules(ofNetwork: network.id).count < RuleLimits.balancers
        else {
            throw .limit("networkid", "A network has at most \(RuleLimits.balancers) load balancer rules")
        }
        let address = try internalAddress(request.address, network)
        let rule = LoadBalancerRule(
            id: newID(), number: try number(.rule), slot: slot, internalAddress: address, name: name,
            description: description, transport: .tcp, algorithm: algorithm, publicPort: UInt16(sourcePort),
            privatePort: UInt16(instancePort), isDisplayed: request.isDisplayed)
        try refuseConflict(of: .loadBalancerRule(rule), "sourceport")
        try put(.loadBalancerRule(rule))
        return [Reference(.loadBalancerRule, rule.id)]
    }

    mutating func updateInternalBalancer(_ id: ObjectID, _ isDisplayed: Bool?) throws(RequestError) -> [Reference] {
        var rule = try accessibleBalancer(id, "id", isInternal: true)
        if let isDisplayed { rule.isDisplayed = isDisplayed }
        try put(.loadBalancerRule(rule))
        return [Reference(.loadBalancerRule, rule.id)]
    }

    mutating func deleteInternalBalancer(_ request: Request.Removal) throws(RequestError) -> [Reference] {
        let rule = try accessibleBalancer(request.id, "id", isInternal: true)
        drains = request.cleanup == .drain
        try removeBalancer(rule.id)
        return []
    }

    private mutating func internalAddress(_ text: String?, _ network: Network) throws(RequestError) -> ObjectID {
        if let text, let wanted = IPv4Address(text),
            let shared = cloud.internalAddress(wanted, ofNetwork: network.id)
        {
            return shared.id
        }
        guard let address = try address(on: network, text, ("networkid", "sourceipaddress")) else {
            throw .refused("networkid", "Network \(network.name) has no addresses")
        }
        let made = InternalAddress(id: newID(), network: network.id, address: address)
        try put(.internalAddress(made))
        return made.id
    }
}
