public import CloudModel
public import LoadBalancer
public import NetworkVocabulary
public import RouterPlan
import Ruleset

// Rules that need somebody who understands connections: least connections, cookies, TLS, the PROXY protocol, HTTP checks. The
// router's ruleset leads their ports to its own proxy, which leads on.

extension Planner {
    /// What the router's proxy must do; nil where no rule needs one, or no such router runs.
    public func proxy(_ name: NodeName, in cloud: Cloud) -> ProxyPlan? {
        guard let router = cloud.router(named: name.text), router.isRunning else { return nil }
        let frontends = cloud.loadBalancerRules(ofNetwork: router.network).filter { $0.needsProxy && $0.isOpen }
            .map { $0.frontend(in: cloud) }
        return frontends.isEmpty ? nil : ProxyPlan(frontends)
    }

    /// The routers that have load balancer rules.
    public func balancingNodes(in cloud: Cloud) -> [NodeName] {
        let networks = cloud.loadBalancerRules.values.compactMap { cloud.place(of: $0)?.network }
        return Set(networks).compactMap { cloud.router(ofNetwork: $0) }.filter(\.isRunning).map { NodeName($0.name) }
            .sorted()
    }

    /// The members of a rule that are to be checked from a router and that no proxy checks.
    public func checks(of rule: ObjectID, from name: NodeName, in cloud: Cloud) -> [MemberCheck] {
        guard let router = cloud.router(named: name.text), router.isRunning, let rule = cloud.loadBalancerRules[rule],
            cloud.place(of: rule)?.network == router.network, !rule.needsProxy, let policy = rule.check
        else { return [] }
        return cloud.members(ofBalancer: rule.id).map { member in
            MemberCheck(
                member: member.id, address: member.guestAddress, port: rule.privatePort,
                intervalSeconds: policy.interval, timeoutSeconds: policy.responseTimeout,
                rise: policy.healthyThreshold, fall: policy.unhealthyThreshold, isDown: member.isDown)
        }
    }

    /// The rules that a router serves.
    public func balancers(of name: NodeName, in cloud: Cloud) -> [ObjectID] {
        cloud.router(named: name.text).map { cloud.loadBalancerRules(ofNetwork: $0.network).map(\.id) } ?? []
    }

    /// The routers whose proxy, or whose checks, the changes may concern, with the rules that they are about.
    public func balancingTargets(
        of changes: [Change], from before: Cloud, to after: Cloud
    ) -> [NodeName: BalancingTarget] {
        var targets: [NodeName: BalancingTarget] = [:]
        for change in changes {
            for cloud in [before, after] {
                guard let (router, rule) = change.balanced(in: cloud) else { continue }
                var target = targets[NodeName(router.name)] ?? BalancingTarget()
                if let rule {
                    target.rules.insert(rule.id)
                    if rule.needsProxy { target.concernsProxy = true }
                } else {
                    target.isWhole = true
                }
                targets[NodeName(router.name)] = target
            }
        }
        return targets
    }

    /// The proxy's port is where the ruleset leads the rule's.
    func addProxied(_ rule: LoadBalancerRule, at key: [Value], to share: inout Contribution) {
        share.add(
            key, .values([.ipv4(ProxyPlan.listenAddress), .port(rule.listenPort)]), to: Pipeline.portForwards,
            rule.origin)
        share.add(key, to: Pipeline.routerPorts, rule.origin)
        // Members answer whom they know, and clients are their neighbours: only the router can be in between.
        if rule.internalAddress != nil { share.add(key, to: Pipeline.internalPorts, rule.origin) }
    }

    /// The router has it beside its own.
    func addInternalAddress(_ address: InternalAddress, to share: inout Contribution) {
        guard let whole = InterfaceAddress(.v4(address.address), prefixLength: 32) else { return }
        share.add(.address(Address(whole, on: DeviceNames.inside(0))), Origin(.internalAddress, address.id))
    }

    public static func isPingPath(_ text: String) -> Bool { Path(text) != nil }
}

extension LoadBalancerRule {
    /// Whether the kernel alone cannot do it.
    public var needsProxy: Bool {
        transport == .tcpProxy || transport == .ssl || algorithm == .leastConnections || stickiness != nil
            || healthCheck?.pingPath != nil || internalAddress != nil
    }

    /// A rule that ends TLS has no port before it has something to end it with.
    var isOpen: Bool { transport != .ssl || certificate != nil }

    /// Of the router's, one for each rule of its network.
    var listenPort: UInt16 { UInt16(2_048 + slot) }

    fileprivate func frontend(in cloud: Cloud) -> ProxyFrontend {
        ProxyFrontend(
            origin: origin, listenPort: listenPort,
            algorithm: ProxyFrontend.Algorithm(rawValue: algorithm.rawValue) ?? .roundrobin, port: privatePort,
            stickiness: stickiness.flatMap { try? Planner.stickiness(of: $0) },
            healthCheck: check.map {
                ProxyHealthCheck(
                    path: $0.pingPath.flatMap { Path($0) }, intervalSeconds: $0.interval,
                    timeoutSeconds: $0.responseTimeout, rise: $0.healthyThreshold, fall: $0.unhealthyThreshold)
            }, tellsClient: transport == .tcpProxy,
            certificate: certificate.flatMap { cloud.sslCertificates[$0] }.map(ProxyCertificate.init),
            members: cloud.members(ofBalancer: id).map { ProxyMember(origin: $0.origin, address: $0.guestAddress) })
    }
}

extension ProxyCertificate {
    fileprivate init(_ certificate: SSLCertificate) {
        self.init(
            pem: Secret(certificate.certificate + (certificate.chain ?? "") + certificate.privateKey.revealed))
    }
}

/// What of a router's load balancing a change is about.
public struct BalancingTarget: Hashable, Sendable {
    public var rules: Set<ObjectID> = []
    /// One of them is the proxy's, or was.
    public var concernsProxy = false
    /// The router itself has changed.
    public var isWhole = false
}

extension Change {
    /// The router, and the rule unless it is about the router itself.
    fileprivate func balanced(in cloud: Cloud) -> (VirtualRouter, LoadBalancerRule?)? {
        let (kind, id): (RecordKind, ObjectID)
        switch self {
        case .put(.loadBalancerRule(let rule)): (kind, id) = (.loadBalancerRule, rule.id)
        case .put(.loadBalancerMember(let member)): (kind, id) = (.loadBalancerMember, member.id)
        case .put(.router(let router)): (kind, id) = (.router, router.id)
        case .remove(let what, let whose): (kind, id) = (what, whose)
        case .put: return nil
        }
        let rule: LoadBalancerRule?
        switch kind {
        case .router: return cloud.routers[id].map { ($0, nil) }
        case .loadBalancerRule: rule = cloud.loadBalancerRules[id]
        case .loadBalancerMember: rule = cloud.loadBalancerMembers[id].flatMap { cloud.loadBalancerRules[$0.rule] }
        default: return nil
        }
        return rule.flatMap { rule in cloud.router(ofBalancer: rule).map { ($0, rule) } }
    }
}
