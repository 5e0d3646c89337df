public import CloudModel
public import NetworkVocabulary
public import RouterPlan

/// What has to be planned again after a change.
public enum PlanTarget: Hashable, Sendable {
    /// The node's frame may have changed, or whether there is such a node.
    case node(NodeName)
    /// One object's share of a node.
    case share(NodeName, Origin)
}

extension Planner {
    /// What the changes between two models concern. It may name more than what really differs, never less: the tests
    /// compare every incremental plan with the full one.
    public func targets(of changes: [Change], from before: Cloud, to after: Cloud) -> Set<PlanTarget> {
        var targets: Set<PlanTarget> = []
        for change in changes {
            let (kind, id) = change.subject
            for cloud in [before, after] { collect(kind, id, cloud, into: &targets) }
        }
        // A node that is planned whole needs no share planned.
        return targets.filter { target in
            if case .share(let node, _) = target { !targets.contains(.node(node)) } else { true }
        }
    }

    private func collect(_ kind: RecordKind, _ id: ObjectID?, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        guard let id else { return }
        switch kind {
        case .role, .user, .project: break
        case .pod, .cluster, .host, .storagePool, .storageNetworkRange, .publicIPv6Range, .vpcOffering, .diskOffering:
            break
        case .tag, .eventMark: break
        case .setting:
            for network in cloud.networksPlanned(bySetting: id) {
                collectRouter(ofNetwork: network, cloud, into: &targets)
            }
            guard cloud.settings[id]?.name == InterfaceMTU.publicSetting else { return }
            targets.insert(.node(.host))
            if simulatesInternet { targets.insert(.node(Self.internet)) }
        case .account: collectRouters(ofAccount: id, cloud, into: &targets)
        case .domain:
            for account in cloud.referrers(.account, of: .domain)[id] {
                collectRouters(ofAccount: account, cloud, into: &targets)
            }
        case .guestRange, .vlanDedication: break
        case .osType, .template, .sshKeyPair, .userData, .sslCertificate, .series: break
        case .zone:
            for network in cloud.networksByZone[id] { collectRouter(ofNetwork: network, cloud, into: &targets) }
        case .serviceOffering:
            for guest in cloud.referrers(.guest, of: .serviceOffering)[id] {
                collectServed(ofGuest: guest, cloud, into: &targets)
            }
        case .physicalNetwork:
            if cloud.physicalNetworks[id] != nil { targets.formUnion([.node(.underlay), .node(.host)]) }
        case .publicRange:
            if let range = cloud.publicRanges[id] { collect(range, cloud, into: &targets) }
        case .networkOffering:
            for network in cloud.networksByOffering[id] { collectRouter(ofNetwork: network, cloud, into: &targets) }
        case .network:
            if let network = cloud.networks[id] { collect(network, cloud, into: &targets) }
        case .publicAddress:
            if let address = cloud.publicAddresses[id], let network = address.network,
                let router = cloud.router(ofNetwork: network)
            {
                targets.insert(.share(NodeName(router.name), address.origin))
                collectTold(of: address, network, router, cloud, into: &targets)
            }
        case .router:
            if let router = cloud.routers[id] { collect(router, cloud, into: &targets) }
        case .guest:
            if let guest = cloud.guests[id] {
                targets.insert(.node(NodeName(guest.instanceName)))
                for nic in cloud.nics(ofGuest: id) { targets.insert(.share(.host, nic.origin)) }
                collectServed(ofGuest: id, cloud, into: &targets)
            }
        case .nic:
            if let nic = cloud.nics[id] { collect(nic, cloud, into: &targets) }
        case .firewallRule:
            if let rule = cloud.firewallRules[id] { collect(rule, cloud, into: &targets) }
        case .egressRule:
            if let rule = cloud.egressRules[id] { collect(rule, cloud, into: &targets) }
        case .portForwarding:
            if let rule = cloud.portForwardings[id], let router = cloud.router(ofAddress: rule.publicAddress) {
                targets.insert(.share(NodeName(router.name), rule.origin))
            }
        case .internalAddress:
            if let address = cloud.internalAddresses[id], let router = cloud.router(ofNetwork: address.network) {
                targets.insert(.share(NodeName(router.name), Origin(.internalAddress, id)))
            }
        case .loadBalancerRule: collectBalancer(id, cloud, into: &targets)
        case .loadBalancerMember:
            if let member = cloud.loadBalancerMembers[id] { collectBalancer(member.rule, cloud, into: &targets) }
        }
    }

    /// Who comes or goes, or is well or unwell, changes the shares of the others.
    private func collectBalancer(_ id: ObjectID, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        guard let rule = cloud.loadBalancerRules[id], let router = cloud.router(ofBalancer: rule) else {
            return
        }
        let node = NodeName(router.name)
        targets.insert(.share(node, rule.origin))
        for member in cloud.loadBalancerMembersByRule[id] {
            targets.insert(.share(node, Origin(.loadBalancerMember, member)))
        }
    }

    /// A rule's packets may have been, or become, those of younger rules that speak of them too.
    private func collect(_ rule: FirewallRule, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        guard let address = cloud.publicAddresses[rule.publicAddress],
            let router = cloud.router(ofAddress: address.id)
        else { return }
        let node = NodeName(router.name)
        targets.insert(.share(node, rule.origin))
        guard let member = rule.member(at: .v4(address.address)) else { return }
        var neighbours = RuleNeighbours()
        for other in neighbours.younger(than: member, of: .address(address.id), in: cloud) {
            targets.insert(.share(node, other.rule))
        }
    }

    private func collect(_ rule: EgressRule, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        guard let network = cloud.networks[rule.network], let router = cloud.router(ofNetwork: network.id) else {
            return
        }
        let node = NodeName(router.name)
        targets.insert(.share(node, rule.origin))
        var neighbours = RuleNeighbours()
        for family in network.families {
            let owner = RuleNeighbours.Owner.network(network.id, family)
            for other in neighbours.younger(than: rule.member(.of(family)), of: owner, in: cloud) {
                targets.insert(.share(node, other.rule))
            }
        }
    }

    private func collect(_ range: PublicRange, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        // Another range may have to speak for the segment now.
        for other in cloud.ranges(onSegmentOf: range) {
            targets.formUnion([.share(.underlay, other.origin), .share(.host, other.origin)])
        }
        if simulatesInternet { targets.insert(.node(Self.internet)) }
        for router in cloud.routersByPublicRange[range.id] {
            if let router = cloud.routers[router] { targets.insert(.node(NodeName(router.name))) }
        }
    }

    private func collect(_ network: Network, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        targets.formUnion([.share(.underlay, network.origin), .share(.host, network.origin)])
        collectRouter(ofNetwork: network.id, cloud, into: &targets)
        for nic in cloud.nics(ofNetwork: network.id) {
            targets.insert(.share(.host, nic.origin))
            collectMachine(of: nic, cloud, into: &targets)
        }
    }

    private func collect(_ router: VirtualRouter, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        targets.insert(.node(NodeName(router.name)))
        if let network = cloud.networks[router.network] { targets.insert(.share(.host, network.origin)) }
        for leg in router.publicLegs {
            guard let range = cloud.publicRanges[leg.range], let first = cloud.firstRange(onSegmentOf: range) else {
                continue
            }
            targets.insert(.share(.host, first.origin))
        }
    }

    private func collect(_ nic: NIC, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        if let router = cloud.router(ofNetwork: nic.network) {
            targets.insert(.share(NodeName(router.name), nic.origin))
        }
        if let network = cloud.networks[nic.network] { targets.insert(.share(.host, network.origin)) }
        targets.insert(.share(.host, nic.origin))
        collectMachine(of: nic, cloud, into: &targets)
    }

    private func collectMachine(of nic: NIC, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        guard let guest = cloud.guests[nic.guest], guest.port == .emulated else { return }
        // Ports on networks with the same addresses depend on each other.
        for other in cloud.nics(ofGuest: guest.id) {
            targets.insert(.share(NodeName(guest.instanceName), other.origin))
        }
    }

    /// Guests are told whose they are, and may have their names in their owner's domain. They may be on networks of others.
    private func collectRouters(ofAccount account: ObjectID, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        for network in cloud.referrers(.network, of: .account)[account] {
            collectRouter(ofNetwork: network, cloud, into: &targets)
        }
        for guest in cloud.referrers(.guest, of: .account)[account] {
            collectServed(ofGuest: guest, cloud, into: &targets)
        }
    }

    /// What a guest is called and told is served by the routers of its networks.
    private func collectServed(ofGuest guest: ObjectID, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        for nic in cloud.nics(ofGuest: guest) {
            guard let router = cloud.router(ofNetwork: nic.network) else { continue }
            targets.insert(.share(NodeName(router.name), nic.origin))
        }
    }

    /// Guests are told by which public address they are seen.
    private func collectTold(
        of address: PublicAddress, _ network: ObjectID, _ router: VirtualRouter, _ cloud: Cloud,
        into targets: inout Set<PlanTarget>
    ) {
        let node = NodeName(router.name)
        if let nic = address.staticNAT.flatMap({ cloud.nics[$0.nic] }) { targets.insert(.share(node, nic.origin)) }
        guard address.isSourceNAT else { return }
        for nic in cloud.nics(ofNetwork: network) { targets.insert(.share(node, nic.origin)) }
    }

    private func collectRouter(ofNetwork network: ObjectID, _ cloud: Cloud, into targets: inout Set<PlanTarget>) {
        if let router = cloud.router(ofNetwork: network) { targets.insert(.node(NodeName(router.name))) }
    }
}

extension Cloud {
    func router(ofAddress address: ObjectID) -> VirtualRouter? {
        publicAddresses[address]?.network.flatMap { router(ofNetwork: $0) }
    }

    func router(ofBalancer rule: LoadBalancerRule) -> VirtualRouter? {
        place(of: rule)?.network.flatMap { router(ofNetwork: $0) }
    }

    func ranges(onSegmentOf range: PublicRange) -> [PublicRange] {
        publicRangesByPhysicalNetwork[range.physicalNetwork].compactMap { publicRanges[$0] }
            .filter { $0.segment == range.segment }
    }
}

extension Change {
    /// The object that the change is about; series have no id.
    fileprivate var subject: (RecordKind, ObjectID?) {
        switch self {
        case .put(let record): (record.kind, record.reference?.id)
        case .remove(let kind, let id): (kind, id)
        }
    }
}
