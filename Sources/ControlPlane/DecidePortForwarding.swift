import CloudModel
import NetworkVocabulary

// Ports of a public address that lead to a guest.
extension Draft {
    mutating func createPortForwarding(_ request: Request.CreatePortForwarding) throws(RequestError) -> [Reference] {
        var address = try accessibleAddress(request.publicAddress, "ipaddressid")
        let transport = try forwardedTransport(request.transport)
        let publicPorts = try portRange(request.publicPort, request.publicEndPort, ("publicport", "publicendport"))
        let privatePorts = try privatePorts(request.privatePort, request.privateEndPort, publicPorts)
        let sources = try prefixes(request.sources, "cidrlist", else: [])
        guard address.staticNAT == nil else {
            throw .refused(
                "ipaddressid",
                "Unable to create port forwarding rule; ip id=\(address.id) has static nat enabled")
        }
        let guest = try forwardingGuest(request.guest, address)
        let network = try ruleNetwork(request.network, address, guest)
        try require("PortForwarding", of: network, "ipaddressid")
        address = try associate(address, with: network, isFirst: true, "networkid")
        try refuseSecondUse(of: address, network, "ipaddressid")
        let (nic, guestAddress) = try target(guest, request.guestAddress, network)
        guard cloud.portForwardingsByAddress[address.id].count < RuleLimits.rules else {
            throw .limit("ipaddressid", "An address has at most \(RuleLimits.rules) port forwarding rules")
        }
        let rule = PortForwarding(
            id: newID(), publicAddress: address.id, transport: transport, publicPorts: publicPorts,
            privatePorts: privatePorts, nic: nic.id, guestAddress: guestAddress, sources: sources)
        try refuseConflict(of: .portForwarding(rule), "publicport")
        try put(.portForwarding(rule))
        var objects = [Reference(.portForwarding, rule.id)]
        if request.opensFirewall, cloud.networkOfferings[network.offering]?.services["Firewall"] != nil {
            let opening = FirewallRule(
                id: newID(), number: try number(.rule), publicAddress: address.id, traffic: rule.traffic,
                sources: rule.allowed, forwarding: rule.id)
            objects.append(try addFirewallRule(opening, "openfirewall"))
        }
        return objects
    }

    mutating func updatePortForwarding(_ request: Request.UpdatePortForwarding) throws(RequestError) -> [Reference] {
        let old = try accessibleForwarding(request.id)
        var rule = old
        if request.privatePort != nil || request.privateEndPort != nil {
            rule.privatePorts = try privatePorts(
                request.privatePort ?? Int(old.privatePorts.first), request.privateEndPort, old.publicPorts)
        }
        if let texts = request.sources { rule.sources = try prefixes(texts, "cidrlist", else: []) }
        if request.guest != nil || request.guestAddress != nil {
            guard let address = cloud.publicAddresses[old.publicAddress],
                let network = address.network.flatMap({ cloud.networks[$0] }),
                let held = cloud.nics[old.nic]
            else { throw unknown("id", request.id) }
            let guest = try forwardingGuest(request.guest ?? held.guest, address)
            let (nic, guestAddress) = try target(guest, request.guestAddress, network)
            rule.nic = nic.id
            rule.guestAddress = guestAddress
        }
        drains = request.cleanup == .drain
        try put(.portForwarding(rule))
        try reopenFirewall(cloud.firewallRulesByForwarding[rule.id], from: old.allowed, to: rule.allowed)
        return [Reference(.portForwarding, rule.id)]
    }

    mutating func deletePortForwarding(_ request: Request.Removal) throws(RequestError) -> [Reference] {
        let rule = try accessibleForwarding(request.id)
        drains = request.cleanup == .drain
        try removeForwarding(rule.id)
        return []
    }

    /// With the firewall rule that came with it.
    mutating func removeForwarding(_ id: ObjectID) throws(RequestError) {
        for opening in cloud.firewallRulesByForwarding[id] { try remove(.firewallRule, opening) }
        try remove(.portForwarding, id)
    }

    /// The firewall rule that came with it lets in whom the rule is for, unless somebody has changed it since.
    mutating func reopenFirewall(
        _ openings: SortedSet<ObjectID>, from old: [IPPrefix], to new: [IPPrefix]
    ) throws(RequestError) {
        guard new != old else { return }
        for id in openings {
            guard var opening = cloud.firewallRules[id], opening.sources == old else { continue }
            opening.sources = new
            try refuseConflict(of: .firewallRule(opening), "cidrlist")
            try refuseFragments(of: opening)
            try put(.firewallRule(opening))
        }
    }

    private func accessibleForwarding(_ id: ObjectID) throws(RequestError) -> PortForwarding {
        guard let rule = cloud.portForwardings[id], let address = cloud.publicAddresses[rule.publicAddress] else {
            throw unknown("id", id)
        }
        try requireAccess(to: address.account)
        return rule
    }

    private func forwardedTransport(_ text: String) throws(RequestError) -> PortForwarding.Transport {
        switch text.lowercased() {
        case "tcp", "6": return .tcp
        case "udp", "17": return .udp
        default: throw invalid("protocol", text, "ports are forwarded for tcp and udp only")
        }
    }

    private func privatePorts(
        _ first: Int, _ last: Int?, _ publicPorts: PortRange
    ) throws(RequestError) -> PortRange {
        let first = try port(first, "privateport")
        guard let last else {
            let last = first + publicPorts.count - 1
            guard let ports = PortRange(first, last) else {
                throw invalid("privateport", "\(first)", "\(publicPorts.count) ports from there end beyond 65535")
            }
            return try bounded(ports, publicPorts)
        }
        let ports = try portRange(first, last, ("privateport", "privateendport"))
        guard ports.count == publicPorts.count else {
            throw .refused("privateendport", "Source port and destination port ranges should be of equal sizes.")
        }
        return try bounded(ports, publicPorts)
    }

    private func bounded(_ ports: PortRange, _ publicPorts: PortRange) throws(RequestError) -> PortRange {
        guard ports == publicPorts || ports.count <= RuleLimits.shiftedPorts else {
            throw .refused(
                "privateport",
                "A range of \(ports.count) ports must lead to ports of the same numbers; at most "
                    + "\(RuleLimits.shiftedPorts) ports can be forwarded to others")
        }
        return ports
    }
}

// Where port forwarding and static NAT lead.
extension Draft {
    func forwardingGuest(_ id: ObjectID, _ address: PublicAddress) throws(RequestError) -> Guest {
        guard let guest = cloud.guests[id] else { throw unknown("virtualmachineid", id) }
        guard guest.account == address.account else {
            throw .refused(
                "virtualmachineid", "Owners of the IP address \(address.address) and of the virtual machine differ")
        }
        return guest
    }

    /// The address's network; for one without, the network asked for, or the guest's only one.
    func ruleNetwork(
        _ asked: ObjectID?, _ address: PublicAddress, _ guest: Guest
    ) throws(RequestError) -> Network {
        if let asked, cloud.networks[asked] == nil { throw unknown("networkid", asked) }
        if let held = address.network.flatMap({ cloud.networks[$0] }) {
            guard asked == nil || asked == held.id else {
                throw .refused("networkid", "The IP address \(address.address) is for network \(held.name)")
            }
            return held
        }
        let nics = cloud.nicsByGuest[guest.id]
        guard let id = asked ?? (nics.count == 1 ? nics.first.flatMap { cloud.nics[$0]?.network } : nil) else {
            throw .missing("networkid", command)
        }
        guard let network = cloud.networks[id] else { throw unknown("networkid", id) }
        return network
    }

    /// The guest's NIC on the network, and which of its addresses is meant.
    func target(
        _ guest: Guest, _ text: String?, _ network: Network,
        _ names: (guest: String, address: String) = ("virtualmachineid", "vmguestip")
    ) throws(RequestError) -> (NIC, IPv4Address) {
        guard let id = cloud.claims[.nic(guest: guest.id, network: network.id)]?.id, let nic = cloud.nics[id] else {
            throw .refused(
                names.guest, "The virtual machine \(guest.name) has no nic in network \(network.name)")
        }
        guard let text else {
            guard let address = nic.address else {
                throw .refused(
                    names.guest, "The virtual machine \(guest.name) has no address in \(network.name)")
            }
            return (nic, address)
        }
        let address = try address(text, names.address)
        guard nic.addresses.contains(address) else {
            throw invalid(
                names.address, text, "the virtual machine \(guest.name) has no such address in \(network.name)")
        }
        return (nic, address)
    }

    /// Without conserve mode an address serves one purpose, and source NAT is one. What may come in is not: firewall
    /// rules are about every use of an address.
    func refuseSecondUse(
        of address: PublicAddress, _ network: Network, _ parameter: String
    ) throws(RequestError) {
        guard address.isSourceNAT, cloud.networkOfferings[network.offering]?.conservesAddresses == false else { return }
        throw .refused(
            parameter,
            "The IP address \(address.address) is the source NAT address of network \(network.name), whose offering has "
                + "conserve mode off: it can't be used for anything else")
    }
}

extension PortForwarding {
    /// What arrives for it.
    fileprivate var traffic: Traffic { transport == .tcp ? .tcp(publicPorts) : .udp(publicPorts) }
    /// Who may use it.
    fileprivate var allowed: [IPPrefix] { sources.isEmpty ? [.v4(.everything)] : sources }
}
