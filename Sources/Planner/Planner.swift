public import CloudModel
public import NetworkVocabulary
public import RouterPlan
import Ruleset

/// Compiles the model into plans: pure, and the same bytes for the same model.
///
/// A node's plan is a frame (its table's chains and sets, which follow from the node's owner) and the contributions of
/// the objects that concern it. The full plan adds all contributions; the incremental one replaces the contribution of
/// one object. Both call the same functions, so they cannot drift.
public struct Planner: Sendable {
    /// Marks what belongs to this installation; the origin of rows that no API object asks for.
    public let installation: Origin
    /// Whether a namespace plays the outside of the public ranges.
    public let simulatesInternet: Bool

    public init(installation: ObjectID, simulatesInternet: Bool) {
        self.installation = Origin("installation", installation)
        self.simulatesInternet = simulatesInternet
    }

    /// The simulated outside world's namespace.
    public static let internet = NodeName("sluice-internet")

    /// Every node that the cloud calls for, the host first: others hang on its bridges.
    public func nodes(in cloud: Cloud) -> [NodeName] {
        var names = carriesOverUnderlay(cloud) ? [NodeName.underlay, .host] : [.host]
        if simulatesInternet { names.append(Self.internet) }
        names += cloud.routers.values.filter(\.isRunning).sorted { $0.number < $1.number }.map { NodeName($0.name) }
        names += cloud.guests.values.filter(\.hasNode).sorted { $0.number < $1.number }
            .map { NodeName($0.instanceName) }
        return names
    }

    /// The object that a node stands for; nil when the cloud calls for no such node.
    public func owner(of name: NodeName, in cloud: Cloud) -> Origin? {
        switch subject(of: name, in: cloud) {
        case .host, .underlay, .internet: installation
        case .router(let router, _): router.origin
        case .guest(let guest): guest.origin
        case nil: nil
        }
    }

    /// The whole plan of a node, or nil when the cloud calls for no such node.
    public func plan(_ name: NodeName, in cloud: Cloud) throws(PlanError) -> NodePlan? {
        guard let subject = subject(of: name, in: cloud) else { return nil }
        var plan = frame(of: subject, in: cloud)
        var neighbours = RuleNeighbours()
        for object in objects(concerning: subject, in: cloud) {
            var share = Contribution()
            add(object, to: subject, in: cloud, &neighbours, &share)
            try plan.add(share)
        }
        return plan
    }

    /// Brings some objects' shares of a plan up to date with the cloud, in one go: what one of them gives up another may
    /// take. Nil when the node is not called for any more.
    public func replan(_ objects: [Origin], in plan: inout NodePlan, cloud: Cloud) throws(PlanError) -> PlanDelta? {
        guard let subject = subject(of: plan.name, in: cloud) else { return nil }
        var neighbours = RuleNeighbours()
        var share = Contribution()
        for object in objects { add(object, to: subject, in: cloud, &neighbours, &share) }
        return try plan.replace(objects, with: share)
    }

    /// What a node stands for.
    enum Subject {
        case host, underlay, internet
        case router(VirtualRouter, Network)
        case guest(Guest)
    }

    private func subject(of name: NodeName, in cloud: Cloud) -> Subject? {
        if name.isHost { return .host }
        if name.isUnderlay { return carriesOverUnderlay(cloud) ? .underlay : nil }
        if name == Self.internet { return simulatesInternet ? .internet : nil }
        if let router = cloud.router(named: name.text) {
            guard router.isRunning, let network = cloud.networks[router.network] else { return nil }
            return .router(router, network)
        }
        if let guest = cloud.guest(instanceNamed: name.text), guest.hasNode { return .guest(guest) }
        return nil
    }

    private func frame(of subject: Subject, in cloud: Cloud) -> NodePlan {
        switch subject {
        case .host: hostFrame()
        case .underlay: NodePlan(.underlay, .host, owner: installation, table: underlayGuard())
        case .internet: NodePlan(Self.internet, .internet, owner: installation)
        case .guest(let guest): NodePlan(NodeName(guest.instanceName), .guest, owner: guest.origin)
        case .router(let router, let network): routerFrame(router, network, cloud)
        }
    }

    /// The objects with a share in a node.
    private func objects(concerning subject: Subject, in cloud: Cloud) -> [Origin] {
        switch subject {
        case .host:
            [installation] + cloud.publicRanges.values.map(\.origin) + cloud.networks.values.map(\.origin)
                + cloud.nics.values.map(\.origin)
        case .underlay: cloud.publicRanges.values.map(\.origin) + cloud.networks.values.map(\.origin)
        case .internet:
            [installation] + cloud.publicRanges.values.map(\.origin)
        case .guest(let guest):
            [guest.origin] + cloud.nics(ofGuest: guest.id).map(\.origin)
        case .router(let router, let network): objects(concerning: router, network, in: cloud)
        }
    }

    private func objects(concerning router: VirtualRouter, _ network: Network, in cloud: Cloud) -> [Origin] {
        var all = [router.origin] + cloud.nics(ofNetwork: network.id).map(\.origin)
        for address in cloud.publicAddresses(ofNetwork: network.id) {
            all.append(address.origin)
            all += cloud.firewallRulesByAddress[address.id].map { Origin(.firewallRule, $0) }
            all += cloud.portForwardingsByAddress[address.id].map { Origin(.portForwarding, $0) }
        }
        all += cloud.internalAddressesByNetwork[network.id].map { Origin(.internalAddress, $0) }
        for rule in cloud.loadBalancerRules(ofNetwork: network.id) {
            all.append(rule.origin)
            all += cloud.loadBalancerMembersByRule[rule.id].map { Origin(.loadBalancerMember, $0) }
        }
        return all + cloud.egressRulesByNetwork[network.id].map { Origin(.egressRule, $0) }
    }

    private func routerFrame(_ router: VirtualRouter, _ network: Network, _ cloud: Cloud) -> NodePlan {
        let offering = cloud.networkOfferings[network.offering]
        let services = guestServices(router, network, cloud)
        var plan = NodePlan(
            NodeName(router.name), .router, owner: router.origin,
            table: routerTable(router, network, offering, services, families: network.families))
        plan.services = services
        plan.meters = Self.meters(network.families)
        plan.lastingSources = [Pipeline.sourceNAT]
        plan.lastingTargets = [Pipeline.memberReceived]
        plan.choosingSets = [Pipeline.balancedPorts, Pipeline.balancerSlots]
        plan.closingSets = closingSets(network.families, offering)
        return plan
    }

    private func add(
        _ object: Origin, to subject: Subject, in cloud: Cloud, _ neighbours: inout RuleNeighbours,
        _ share: inout Contribution
    ) {
        switch (subject, object.kind) {
        case (.host, RecordKind.network.rawValue):
            if let network = cloud.networks[object.id] { addGuestSegment(network, cloud, to: &share) }
        case (.host, RecordKind.publicRange.rawValue):
            if let range = cloud.publicRanges[object.id] { addPublicSegment(range, cloud, to: &share) }
        case (.host, RecordKind.nic.rawValue):
            if let nic = cloud.nics[object.id] { addGuestPort(nic, cloud, to: &share) }
        case (.underlay, RecordKind.network.rawValue):
            if let network = cloud.networks[object.id] { addDoor(of: network, cloud, to: &share) }
        case (.underlay, RecordKind.publicRange.rawValue):
            if let range = cloud.publicRanges[object.id] { addDoor(of: range, cloud, to: &share) }
        case (.internet, RecordKind.publicRange.rawValue):
            if let range = cloud.publicRanges[object.id] { addInternetLeg(range, cloud, to: &share) }
        case (.internet, installation.kind):
            addInternetHost(to: &share)
        case (.router(let router, let network), RecordKind.router.rawValue):
            addRouterLegs(router, network, cloud, to: &share)
        case (.router(let router, let network), RecordKind.publicAddress.rawValue):
            if let address = cloud.publicAddresses[object.id], address.network == network.id {
                addPublicAddress(address, router, cloud, to: &share)
            }
        case (.router(_, let network), RecordKind.nic.rawValue):
            if let nic = cloud.nics[object.id], nic.network == network.id {
                addGuestIdentity(nic, to: &share)
                addIndirectGuest(nic, to: &share)
                addServedNIC(nic, network, cloud, to: &share)
            }
        case (.router(_, let network), RecordKind.firewallRule.rawValue):
            if let rule = cloud.firewallRules[object.id], let address = cloud.publicAddresses[rule.publicAddress],
                address.network == network.id
            {
                addFirewallRule(rule, address, &neighbours, cloud, to: &share)
            }
        case (.router(_, let network), RecordKind.portForwarding.rawValue):
            if let rule = cloud.portForwardings[object.id], let address = cloud.publicAddresses[rule.publicAddress],
                address.network == network.id
            {
                addPortForwarding(rule, address, to: &share)
            }
        case (.router(_, let network), RecordKind.internalAddress.rawValue):
            if let address = cloud.internalAddresses[object.id], address.network == network.id {
                addInternalAddress(address, to: &share)
            }
        case (.router(_, let network), RecordKind.loadBalancerRule.rawValue):
            if let rule = cloud.loadBalancerRules[object.id], let place = cloud.place(of: rule),
                place.network == network.id
            {
                addBalancer(rule, place.address, &neighbours, cloud, to: &share)
            }
        case (.router(_, let network), RecordKind.loadBalancerMember.rawValue):
            if let member = cloud.loadBalancerMembers[object.id], let rule = cloud.loadBalancerRules[member.rule],
                let place = cloud.place(of: rule), place.network == network.id
            {
                addBalancerMember(member, of: rule, place.address, &neighbours, cloud, to: &share)
            }
        case (.router(_, let network), RecordKind.egressRule.rawValue):
            if let rule = cloud.egressRules[object.id], rule.network == network.id {
                addEgressRule(rule, network, &neighbours, cloud, to: &share)
            }
        case (.guest(let guest), RecordKind.guest.rawValue):
            addMachine(guest, to: &share)
        case (.guest(let guest), RecordKind.nic.rawValue):
            if let nic = cloud.nics[object.id], nic.guest == guest.id { addMachinePort(nic, guest, cloud, to: &share) }
        default: break
        }
    }
}

extension Origin {
    /// An object of the model.
    init(_ kind: RecordKind, _ id: ObjectID) { self.init(kind.rawValue, id) }
}

extension Guest {
    /// An emulated guest that runs has a namespace.
    var hasNode: Bool { isRunning && port == .emulated }
    var origin: Origin { Origin(RecordKind.guest.rawValue, id) }
}

extension VirtualRouter {
    var origin: Origin { Origin(RecordKind.router.rawValue, id) }
}

extension Network {
    var origin: Origin { Origin(RecordKind.network.rawValue, id) }
}

extension NIC {
    var origin: Origin { Origin(RecordKind.nic.rawValue, id) }
}

extension PublicAddress {
    var origin: Origin { Origin(RecordKind.publicAddress.rawValue, id) }
}

extension PublicRange {
    var origin: Origin { Origin(RecordKind.publicRange.rawValue, id) }
}
