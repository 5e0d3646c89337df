public import CloudModel
import NetworkVocabulary

// A cloud as a file that brings it about: everything that a file can say, with the numbers that were given out.

extension CloudFile {
    /// What the file cannot say is left out: accounts of other domains than ROOT, projects, networks that are shared with
    /// one domain and not with those below it, and what belongs to these.
    public init(describing cloud: Cloud) {
        self.init()
        zones = cloud.zones.values.map { Zone(describing: $0, in: cloud) }
        networkOfferings = cloud.networkOfferings.values.filter { !$0.isDefault && !$0.isForVPC }
            .map(NetworkOffering.init(describing:))
        let owners = cloud.accounts.values.filter { $0.domain == Domain.root.id && $0.type != .project }
        accounts = owners.map(\.name).filter { $0 != "admin" }.sorted().map(Account.init(name:))
        let ownerIDs = Set(owners.map(\.id))
        let told = cloud.networks.values.filter { network in
            if case .domain(_, withSubdomains: false) = network.audience { return false }
            return ownerIDs.contains(network.account)
        }
        .sorted { $0.number < $1.number }
        networks = told.map { Network(describing: $0, in: cloud) }
        let ids = Set(told.map(\.id))
        guests = cloud.guests.values.filter { ownerIDs.contains($0.account) }.sorted { $0.number < $1.number }
            .compactMap {
                Guest(describing: $0, in: cloud, networks: ids)
            }
        publicAddresses = cloud.publicAddresses.values.filter { $0.network.map(ids.contains) ?? false }
            .sorted { $0.address < $1.address }.map { PublicAddress(describing: $0, in: cloud) }
    }
}

extension CloudFile.Zone {
    fileprivate init(describing zone: CloudModel.Zone, in cloud: Cloud) {
        self.init(name: zone.name, dns1: "\(zone.dns1)")
        dns2 = zone.dns2.map { "\($0)" }
        internalDNS1 = "\(zone.internalDNS1)"
        guestCIDR = "\(zone.guestCIDR)"
        domain = zone.networkDomain
        isEnabled = zone.isEnabled
        physicalNetworks = cloud.physicalNetworks.values.filter { $0.zone == zone.id }.sorted { $0.name < $1.name }
            .map { wire in
                var told = CloudFile.PhysicalNetwork(name: wire.name)
                told.isolation = wire.isolation.rawValue
                told.segments = wire.segmentRanges.map { "\($0)" }
                told.trunk = wire.trunk?.rawValue
                let peers = wire.traffic(.guest)?.peers ?? []
                told.peers = peers.isEmpty ? nil : peers.map(\.description)
                return told
            }
        publicRanges = cloud.publicRanges.values.filter { $0.zone == zone.id }.sorted { $0.number < $1.number }
            .map { range in
                var told = CloudFile.PublicRange(
                    subnet: "\(range.subnet)", gateway: "\(range.gateway)", addresses: "\(range.addresses)")
                told.physicalNetwork = cloud.physicalNetworks[range.physicalNetwork]?.name
                told.segment = range.segment == .untagged ? "untagged" : "\(range.segment)"
                return told
            }
    }
}

extension CloudFile.NetworkOffering {
    fileprivate init(describing offering: CloudModel.NetworkOffering) {
        self.init(name: offering.name, services: offering.services)
        displayText = offering.displayText
        egressDefault = offering.egressDefaultAllow ? .allow : .deny
        conserveMode = offering.conservesAddresses
        isPersistent = offering.isPersistent
        isEnabled = offering.isEnabled
        rate = offering.rate
        guestType = offering.guestType.rawValue
        specifiesSegment = offering.specifiesVLAN
    }
}

extension CloudFile.Network {
    fileprivate init(describing network: CloudModel.Network, in cloud: Cloud) {
        self.init(name: network.name, zone: cloud.zones[network.zone]?.name ?? "")
        displayText = network.displayText
        account = cloud.accounts[network.account]?.name ?? account
        offering = cloud.networkOfferings[network.offering]?.name ?? offering
        physicalNetwork = cloud.physicalNetworks[network.physicalNetwork]?.name
        cidr = network.cidr.map { "\($0)" }
        gateway = network.gateway.map { "\($0)" }
        guestCIDR = network.guestCIDR.map { "\($0)" }
        domain = network.networkDomain
        dns1 = network.dns1.map { "\($0)" }
        dns2 = network.dns2.map { "\($0)" }
        segment = network.ownSegment.map { $0 == .untagged ? "untagged" : "\($0)" }
        isolatesPorts = network.isolatesPorts
        if network.guestType == .shared {
            ranges = cloud.guestRanges(ofNetwork: network.id).map { "\($0.addresses.first)-\($0.addresses.last)" }
            access = network.audience.text(in: cloud)
        }
        let rules = cloud.egressRules.values.filter { $0.network == network.id }.sorted { $0.number < $1.number }
        if !rules.isEmpty {
            egress = rules.map { rule in
                var told = CloudFile.EgressRule(traffic: "\(rule.traffic)")
                told.sources = rule.sources.map { "\($0)" }
                told.destinations = rule.destinations.map { "\($0)" }
                return told
            }
        }
        let balancers = cloud.internalBalancers(ofNetwork: network.id)
        if !balancers.isEmpty { balance = balancers.map { CloudFile.Balancer(describing: $0, in: cloud) } }
    }
}

extension CloudFile.Guest {
    /// Nil for a guest with a NIC that the file cannot tell of, since the file would take it away, and for one that is
    /// destroyed.
    fileprivate init?(describing guest: CloudModel.Guest, in cloud: Cloud, networks: Set<ObjectID>) {
        let nics = cloud.nics(ofGuest: guest.id)
        guard !nics.isEmpty, nics.allSatisfy({ networks.contains($0.network) }), guest.state != .destroyed else {
            return nil
        }
        let usual: NIC.Delivery? =
            switch guest.port {
            case .emulated, .none: nil
            case .tap: .tap
            case .namespace: nics.lazy.compactMap { $0.delivery?.namespace }.first.map { .namespace($0) }
            }
        self.init(
            name: guest.name,
            nics: nics.map { nic in
                var told = CloudFile.NIC(
                    network: cloud.networks[nic.network]?.name ?? "", address: nic.address.map { "\($0)" })
                if !nic.secondaryAddresses.isEmpty {
                    told.secondaryAddresses = nic.secondaryAddresses.map { "\($0.address)" }
                }
                told.isDefault = nic.isDefault
                if let delivery = nic.delivery, delivery != usual {
                    told.port = delivery.port.rawValue
                    told.namespace = delivery.namespace?.rawValue
                }
                return told
            })
        account = cloud.accounts[guest.account]?.name ?? account
        port = guest.port.rawValue
        namespace = guest.port == .namespace ? usual?.namespace?.rawValue : nil
        isRunning = guest.isRunning
    }
}

extension CloudFile.PublicAddress {
    fileprivate init(describing address: CloudModel.PublicAddress, in cloud: Cloud) {
        self.init(
            address: "\(address.address)", network: address.network.flatMap { cloud.networks[$0]?.name } ?? "")
        account = cloud.accounts[address.account]?.name ?? account
        if let nat = address.staticNAT, let nic = cloud.nics[nat.nic] {
            staticNAT = CloudFile.StaticNAT(
                guest: cloud.guests[nic.guest]?.name ?? "",
                address: nat.guestAddress == nic.address ? nil : "\(nat.guestAddress)")
        }
        let forwards = cloud.portForwardings.values.filter { $0.publicAddress == address.id }
            .sorted { ($0.transport, $0.publicPorts.first) < ($1.transport, $1.publicPorts.first) }
        if !forwards.isEmpty { forward = forwards.map { CloudFile.Forwarding(describing: $0, in: cloud) } }
        let balancers = cloud.loadBalancerRules.values.filter { $0.publicAddress == address.id }
            .sorted {
                ($0.transport.ipProtocol.number, $0.publicPort) < ($1.transport.ipProtocol.number, $1.publicPort)
            }
        if !balancers.isEmpty { balance = balancers.map { CloudFile.Balancer(describing: $0, in: cloud) } }
        let openings = cloud.firewallRules.values.filter {
            $0.publicAddress == address.id && $0.forwarding == nil && $0.balancing == nil
        }
        .sorted { $0.number < $1.number }
        if !openings.isEmpty {
            firewall = openings.map { rule in
                var told = CloudFile.FirewallRule(traffic: "\(rule.traffic)")
                told.sources = rule.sources.map { "\($0)" }
                return told
            }
        }
    }
}

extension CloudFile.Forwarding {
    fileprivate init(describing rule: PortForwarding, in cloud: Cloud) {
        let nic = cloud.nics[rule.nic]
        self.init(
            from: "\(rule.transport.rawValue)/\(rule.publicPorts)",
            to: nic.flatMap { cloud.guests[$0.guest]?.name } ?? "")
        if rule.guestAddress != nic?.address { address = "\(rule.guestAddress)" }
        if rule.privatePorts != rule.publicPorts { ports = "\(rule.privatePorts)" }
        sources = rule.sources.map { "\($0)" }
        opensFirewall = cloud.firewallRules.values.contains { $0.forwarding == rule.id }
    }
}

extension CloudFile.Balancer {
    fileprivate init(describing rule: LoadBalancerRule, in cloud: Cloud) {
        let members = cloud.members(ofBalancer: rule.id).compactMap { member -> CloudFile.Member? in
            guard let nic = cloud.nics[member.nic], let guest = cloud.guests[nic.guest] else { return nil }
            return .init(
                guest: guest.name, address: member.guestAddress == nic.address ? nil : "\(member.guestAddress)")
        }
        self.init(name: rule.name, from: "\(rule.transport.rawValue)/\(rule.publicPort)", to: members)
        address = rule.internalAddress.flatMap { cloud.internalAddresses[$0] }.map { "\($0.address)" }
        if rule.privatePort != rule.publicPort { port = Int(rule.privatePort) }
        algorithm = rule.algorithm.rawValue
        sources = rule.sources.map { "\($0)" }
        opensFirewall = !cloud.firewallRulesByBalancing[rule.id].isEmpty
    }
}
