public import NetworkVocabulary

/// A port of a public address, or of an internal one of their network, that several guests share.
public struct LoadBalancerRule: Hashable, Codable, Sendable {
    /// CloudStack's words. Members of `tcp-proxy` are told who the client is by the PROXY protocol; `ssl` ends here.
    public enum Transport: String, Hashable, Codable, Sendable, CaseIterable {
        case tcp, udp
        case tcpProxy = "tcp-proxy"
        case ssl

        public var ipProtocol: IPProtocol { self == .udp ? .udp : .tcp }
    }

    public enum Algorithm: String, Hashable, Codable, Sendable, CaseIterable {
        case roundRobin = "roundrobin"
        case leastConnections = "leastconn"
        case source
    }

    public let id: ObjectID
    /// Rises with age: the order in which rules are listed.
    public let number: UInt64
    /// Tells the rules of a network apart in the kernel; the lowest that was free.
    public let slot: Int
    /// Either of these.
    public let publicAddress: ObjectID?
    public let internalAddress: ObjectID?
    public var name: String
    public var description: String
    public var transport: Transport
    public var algorithm: Algorithm
    /// Of the address.
    public let publicPort: UInt16
    public let privatePort: UInt16
    /// Who may use it, in the user's order; empty: everybody.
    public var sources: [IPPrefix]
    public var stickiness: StickinessPolicy?
    public var healthCheck: HealthCheckPolicy?
    /// What TLS ends with here; a rule for `ssl` that has none is closed.
    public var certificate: ObjectID?
    /// Whether lists show it to whoever does not ask for it.
    public var isDisplayed: Bool

    public init(
        id: ObjectID, number: UInt64, slot: Int, publicAddress: ObjectID? = nil, internalAddress: ObjectID? = nil,
        name: String, description: String = "", transport: Transport, algorithm: Algorithm, publicPort: UInt16,
        privatePort: UInt16,
        sources: [IPPrefix] = [], stickiness: StickinessPolicy? = nil, healthCheck: HealthCheckPolicy? = nil,
        certificate: ObjectID? = nil, isDisplayed: Bool = true
    ) {
        self.id = id
        self.number = number
        self.slot = slot
        self.publicAddress = publicAddress
        self.internalAddress = internalAddress
        self.name = name
        self.description = description
        self.transport = transport
        self.algorithm = algorithm
        self.publicPort = publicPort
        self.privatePort = privatePort
        self.sources = sources
        self.stickiness = stickiness
        self.healthCheck = healthCheck
        self.certificate = certificate
        self.isDisplayed = isDisplayed
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, slot, publicAddress, name, description, transport, algorithm, publicPort, privatePort, sources,
            stickiness, healthCheck, certificate, internalAddress, isDisplayed
    }
}

extension LoadBalancerRule: CloudObject {
    static var kind: RecordKind { .loadBalancerRule }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, LoadBalancerRule>> { \.loadBalancerRules }
    var record: Record { .loadBalancerRule(self) }

    var references: [Reference] {
        [
            publicAddress.map { Reference(.publicAddress, $0) },
            internalAddress.map { Reference(.internalAddress, $0) },
            certificate.map { Reference(.sslCertificate, $0) },
        ].compactMap(\.self)
    }

    func claims(in cloud: Cloud) -> [Claim] {
        let policies = [stickiness?.id, healthCheck?.id].compactMap(\.self).map { Claim.balancerPolicy($0) }
        guard let network = cloud.place(of: self)?.network else {
            return [.ruleNumber(number)] + policies
        }
        return [.ruleNumber(number), .balancerSlot(network: network, slot)] + policies
    }

    func contradiction(in cloud: Cloud, replacing old: LoadBalancerRule?) -> String? {
        if (publicAddress == nil) == (internalAddress == nil) { return "it has a public address or an internal one" }
        guard let place = cloud.place(of: self) else { return nil }
        if place.network == nil { return "its address is no network's" }
        if let old,
            old.number != number || old.slot != slot || old.publicAddress != publicAddress
                || old.internalAddress != internalAddress || old.publicPort != publicPort
                || old.privatePort != privatePort
                || old.transport.ipProtocol != transport.ipProtocol
        {
            return "its number, slot, address, ports and kind of protocol cannot change"
        }
        if internalAddress != nil, transport == .udp { return "there is no proxy for udp" }
        if publicAddress.flatMap({ cloud.publicAddresses[$0] })?.staticNAT != nil {
            return "its address has static NAT"
        }
        if let certificate = certificate.flatMap({ cloud.sslCertificates[$0] }) {
            if transport != .ssl { return "only a rule for ssl has a certificate" }
            if certificate.account != place.account { return "its certificate is somebody else's" }
        }
        if !Self.slots.contains(slot) { return "its slot is out of range" }
        return publicPort == 0 || privatePort == 0 ? "a port is 0" : nil
    }

    /// So many that each can have a port of the router's, and twelve bits of a number in the kernel besides.
    public static let slots = 0..<60_000
}

extension Cloud {
    /// The lowest slot that no load balancer rule of the network has.
    public func freeBalancerSlot(ofNetwork network: ObjectID) -> Int? {
        LoadBalancerRule.slots.first { claims[.balancerSlot(network: network, $0)] == nil }
    }

    /// By the id of one of its policies.
    public func loadBalancerRule(withPolicy id: ObjectID) -> LoadBalancerRule? {
        claims[.balancerPolicy(id)].flatMap { loadBalancerRules[$0.id] }
    }

    /// The oldest first.
    public func members(ofBalancer rule: ObjectID) -> [LoadBalancerMember] {
        loadBalancerMembersByRule[rule].compactMap { loadBalancerMembers[$0] }.sorted { $0.number < $1.number }
    }

    /// Those on addresses of the network's own, the oldest first.
    public func internalBalancers(ofNetwork network: ObjectID) -> [LoadBalancerRule] {
        internalAddressesByNetwork[network].flatMap { loadBalancerRulesByInternalAddress[$0] }
            .compactMap { loadBalancerRules[$0] }.sorted { $0.number < $1.number }
    }

    public func loadBalancerRules(ofNetwork network: ObjectID) -> [LoadBalancerRule] {
        let ids =
            publicAddressesByNetwork[network].flatMap { loadBalancerRulesByAddress[$0] }
            + internalAddressesByNetwork[network].flatMap { loadBalancerRulesByInternalAddress[$0] }
        return ids.compactMap { loadBalancerRules[$0] }.sorted { $0.number < $1.number }
    }
}
