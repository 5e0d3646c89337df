import CloudModel
import NetworkVocabulary

// Ports of public addresses that several guests share.
extension Draft {
    mutating func balance(_ request: BalancingRequest) throws(RequestError) -> [Reference] {
        switch request {
        case .createRule(let request): return try createLoadBalancerRule(request)
        case .updateRule(let request): return try updateLoadBalancerRule(request)
        case .deleteRule(let request): return try deleteLoadBalancerRule(request)
        case .assign(let request): return try assignToLoadBalancerRule(request)
        case .remove(let request): return try removeFromLoadBalancerRule(request)
        case .createStickiness(let request): return try createStickiness(request)
        case .createHealthCheck(let request): return try createHealthCheck(request)
        case .deletePolicy(let request): return try deletePolicy(request)
        case .createInternal(let request): return try createInternalBalancer(request)
        case .updateInternal(let id, let isDisplayed): return try updateInternalBalancer(id, isDisplayed)
        case .deleteInternal(let request): return try deleteInternalBalancer(request)
        case .uploadCertificate(let request): return try uploadCertificate(request)
        case .deleteCertificate(let id): return try deleteCertificate(id)
        case .assignCertificate(let request): return try assignCertificate(request)
        case .removeCertificate(let rule): return try removeCertificate(from: rule)
        case .report(let found): return try note(found)
        }
    }

    private mutating func createLoadBalancerRule(_ request: BalancingRequest.CreateRule) throws(RequestError)
        -> [Reference]
    {
        var address = try accessibleAddress(request.publicAddress, "publicipid")
        let name = try name(request.name, "name")
        let description = try text(request.description, "description")
        let algorithm = try algorithm(request.algorithm)
        let transport = try balancedTransport(request.transport ?? "tcp")
        let publicPort = try port(request.publicPort, "publicport")
        let privatePort = try port(request.privatePort, "privateport")
        let sources = try prefixes(request.sources, "cidrlist", else: [])
        guard address.staticNAT == nil else {
            throw .refused(
                "publicipid", "Unable to create load balancer rule; ip id=\(address.id) has static nat enabled")
        }
        let network = try balancedNetwork(request.network, address)
        try require("Lb", of: network, "publicipid")
        address = try associate(address, with: network, isFirst: true, "networkid")
        try refuseSecondUse(of: address, network, "publicipid")
        guard cloud.loadBalancerRulesByAddress[address.id].count < RuleLimits.balancers,
            let slot = cloud.freeBalancerSlot(ofNetwork: network.id)
        else {
            throw .limit("publicipid", "An address has at most \(RuleLimits.balancers) load balancer rules")
        }
        let rule = LoadBalancerRule(
            id: newID(), number: try number(.rule), slot: slot, publicAddress: address.id, name: name,
            description: description, transport: transport, algorithm: algorithm, publicPort: UInt16(publicPort),
            privatePort: UInt16(privatePort), sources: sources)
        try refuseUnbalanced(rule, "algorithm")
        try refuseConflict(of: .loadBalancerRule(rule), "publicport")
        try put(.loadBalancerRule(rule))
        var objects = [Reference(.loadBalancerRule, rule.id)]
        if request.opensFirewall, cloud.networkOfferings[network.offering]?.services["Firewall"] != nil {
            let opening = FirewallRule(
                id: newID(), number: try self.number(.rule), publicAddress: address.id, traffic: rule.traffic,
                sources: rule.allowed, balancing: rule.id)
            objects.append(try addFirewallRule(opening, "openfirewall"))
        }
        return objects
    }

    private mutating func updateLoadBalancerRule(_ request: BalancingRequest.UpdateRule) throws(RequestError)
        -> [Reference]
    {
        let old = try accessibleBalancer(request.id, "id", isInternal: false)
        var rule = old
        if let text = request.name { rule.name = try name(text, "name") }
        if let text = request.description { rule.description = try self.text(text, "description") }
        if let text = request.algorithm { rule.algorithm = try algorithm(text) }
        if let text = request.transport {
            rule.transport = try balancedTransport(text)
            guard rule.transport.ipProtocol == old.transport.ipProtocol else {
                throw invalid("protocol", text, "a rule for \(old.transport.rawValue) cannot become one for it")
            }
            // Members would be sent what only the router can read.
            guard rule.transport == .ssl || rule.certificate == nil else {
                throw .conflict("protocol", "The load balancer rule \(rule.id) has a certificate; it has to go first")
            }
        }
        if let texts = request.sources { rule.sources = try prefixes(texts, "cidrlist", else: []) }
        try refuseUnbalanced(rule, "algorithm")
        // Who is led otherwise from now on is not thrown out; who may not come any more is.
        drains = request.cleanup == .drain || rule.sources == old.sources
        try put(.loadBalancerRule(rule))
        try reopenFirewall(cloud.firewallRulesByBalancing[rule.id], from: old.allowed, to: rule.allowed)
        return [Reference(.loadBalancerRule, rule.id)]
    }

    private mutating func deleteLoadBalancerRule(_ request: Request.Removal) throws(RequestError) -> [Reference] {
        let rule = try accessibleBalancer(request.id, "id", isInternal: false)
        drains = request.cleanup == .drain
        try removeBalancer(rule.id)
        return []
    }

    /// With its members, the firewall rule that came with it, and an internal address that no other has.
    mutating func removeBalancer(_ id: ObjectID) throws(RequestError) {
        for opening in cloud.firewallRulesByBalancing[id] { try remove(.firewallRule, opening) }
        for member in cloud.loadBalancerMembersByRule[id] { try remove(.loadBalancerMember, member) }
        let address = cloud.loadBalancerRules[id]?.internalAddress
        try remove(.loadBalancerRule, id)
        if let address, cloud.loadBalancerRulesByInternalAddress[address].isEmpty {
            try remove(.internalAddress, address)
        }
    }

    private func balancedNetwork(_ asked: ObjectID?, _ address: PublicAddress) throws(RequestError) -> Network {
        if let asked, cloud.networks[asked] == nil { throw unknown("networkid", asked) }
        guard let id = address.network ?? asked else { throw .missing("networkid", command) }
        guard let network = cloud.networks[id] else { throw unknown("networkid", id) }
        guard asked == nil || asked == id else {
            throw .refused("networkid", "The IP address \(address.address) is for network \(network.name)")
        }
        return network
    }

    /// Of either kind unless it is said of which.
    func accessibleBalancer(
        _ id: ObjectID, _ parameter: String, isInternal: Bool? = nil
    ) throws(RequestError) -> LoadBalancerRule {
        guard let rule = cloud.loadBalancerRules[id], let place = cloud.place(of: rule),
            isInternal == nil || isInternal == (rule.internalAddress != nil)
        else { throw unknown(parameter, id) }
        try requireAccess(to: place.account)
        return rule
    }

    func algorithm(_ text: String) throws(RequestError) -> LoadBalancerRule.Algorithm {
        guard let algorithm = LoadBalancerRule.Algorithm(rawValue: text.lowercased()) else {
            throw .refused(
                "algorithm",
                "Invalid algorithm: \(RequestError.excerpt(text)); it is roundrobin, leastconn or source")
        }
        return algorithm
    }

    private func balancedTransport(_ text: String) throws(RequestError) -> LoadBalancerRule.Transport {
        guard let transport = LoadBalancerRule.Transport(rawValue: text.lowercased()) else {
            throw invalid("protocol", text, "it is tcp, udp, tcp-proxy or ssl")
        }
        return transport
    }

    /// What nothing here can do. It is said at once, not found out by users.
    func refuseUnbalanced(_ rule: LoadBalancerRule, _ parameter: String) throws(RequestError) {
        guard rule.transport == .udp else { return }
        if rule.algorithm == .leastConnections {
            throw .unsupported(parameter, "udp has no connections to count; roundrobin and source work for it")
        }
        if rule.stickiness != nil {
            throw .unsupported(parameter, "Clients stay with a member of a rule for udp by the algorithm source alone")
        }
        if rule.healthCheck != nil {
            throw .unsupported(parameter, "Members of a rule for udp are not checked: nothing need answer a datagram")
        }
    }
}

// Guests that share the port.
extension Draft {
    fileprivate mutating func assignToLoadBalancerRule(_ request: BalancingRequest.Guests) throws(RequestError)
        -> [Reference]
    {
        let rule = try accessibleBalancer(request.rule, "id")
        guard let place = cloud.place(of: rule),
            let network = place.network.flatMap({ cloud.networks[$0] })
        else { throw unknown("id", request.rule) }
        guard !request.members.isEmpty else { throw .missing("virtualmachineids", command) }
        let count = cloud.loadBalancerMembersByRule[rule.id].count
        guard count + request.members.count <= RuleLimits.members else {
            throw .limit(
                "virtualmachineids",
                "A load balancer rule has at most \(RuleLimits.members) members; it has \(count), and "
                    + "\(request.members.count) are to come")
        }
        for wanted in request.members {
            let guest = try balancedGuest(wanted, place)
            let (nic, guestAddress) = try target(
                guest, wanted.address, network, ("virtualmachineids", "vmidipmap"))
            guard cloud.claims[.balancedAddress(rule: rule.id, guestAddress)] == nil else {
                throw .refused(
                    wanted.address == nil ? "virtualmachineids" : "vmidipmap",
                    "VM \(guest.id) with \(guestAddress) is already mapped to load balancer.")
            }
            try put(
                .loadBalancerMember(
                    LoadBalancerMember(
                        id: newID(), number: try number(.rule), rule: rule.id, nic: nic.id, guestAddress: guestAddress))
            )
        }
        return [Reference(.loadBalancerRule, rule.id)]
    }

    fileprivate mutating func removeFromLoadBalancerRule(_ request: BalancingRequest.Guests) throws(RequestError)
        -> [Reference]
    {
        let rule = try accessibleBalancer(request.rule, "id")
        guard !request.members.isEmpty else { throw .missing("virtualmachineids", command) }
        for wanted in request.members {
            let parameter = wanted.address == nil ? "virtualmachineids" : "vmidipmap"
            guard let guest = cloud.guests[wanted.guest] else { throw unknown(parameter, wanted.guest) }
            try requireAccess(to: guest.account)
            let nics = cloud.nicsByGuest[guest.id]
            let address = try wanted.address.map { text throws(RequestError) in try self.address(text, "vmidipmap") }
            let found = cloud.members(ofBalancer: rule.id)
                .filter { nics.contains($0.nic) && (address == nil || $0.guestAddress == address) }
            guard !found.isEmpty else {
                throw .refused(
                    parameter,
                    "The virtual machine \(guest.name)\(address.map { " with \($0)" } ?? "") is not mapped to load "
                        + "balancer rule \(rule.id)")
            }
            for member in found { try remove(.loadBalancerMember, member.id) }
        }
        drains = request.cleanup == .drain
        return [Reference(.loadBalancerRule, rule.id)]
    }

    /// The guest shares no port any more.
    mutating func removeFromBalancers(_ nic: ObjectID) throws(RequestError) {
        for member in cloud.loadBalancerMembersByNIC[nic] { try remove(.loadBalancerMember, member) }
    }

    private func balancedGuest(
        _ wanted: BalancingRequest.Guests.Member, _ place: BalancerPlace
    ) throws(RequestError) -> Guest {
        let parameter = wanted.address == nil ? "virtualmachineids" : "vmidipmap"
        guard let guest = cloud.guests[wanted.guest] else { throw unknown(parameter, wanted.guest) }
        guard guest.destroyed == nil else {
            throw .refused(parameter, "The virtual machine \(guest.name) is destroyed")
        }
        guard guest.account == place.account else {
            throw .refused(
                parameter, "Owners of the IP address \(place.address) and of the virtual machine \(guest.id) differ")
        }
        return guest
    }
}

extension LoadBalancerRule {
    /// What arrives for it.
    fileprivate var traffic: Traffic {
        let ports = PortRange(Int(publicPort), Int(publicPort))
        return transport == .udp ? .udp(ports) : .tcp(ports)
    }

    /// Who may use it.
    fileprivate var allowed: [IPPrefix] { sources.isEmpty ? [.v4(.everything)] : sources }
}
