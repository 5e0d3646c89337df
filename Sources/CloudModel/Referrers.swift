public import NetworkVocabulary

/// Which kind of object refers to which.
struct Kinship: Hashable, Comparable, Sendable {
    let target: RecordKind
    let referrer: RecordKind

    init(_ target: RecordKind, _ referrer: RecordKind) {
        self.target = target
        self.referrer = referrer
    }

    static func < (a: Self, b: Self) -> Bool { (a.target, a.referrer) < (b.target, b.referrer) }
}

/// From an object to those of one kind that refer to it, in ascending order of their ids.
public typealias Referrers = Relation<ObjectID, ObjectID>

extension Cloud {
    /// Objects of a kind by the object of another kind that they refer to: `referrers(.nic, of: .guest)[guest]`. Asking
    /// costs nothing that grows with the model.
    public func referrers(_ referrer: RecordKind, of target: RecordKind) -> Referrers {
        relations[Kinship(target, referrer)] ?? Relation()
    }

    public var physicalNetworksByZone: Referrers { referrers(.physicalNetwork, of: .zone) }
    public var podsByZone: Referrers { referrers(.pod, of: .zone) }
    public var publicRangesByZone: Referrers { referrers(.publicRange, of: .zone) }
    public var publicRangesByPhysicalNetwork: Referrers { referrers(.publicRange, of: .physicalNetwork) }
    public var publicIPv6RangesByZone: Referrers { referrers(.publicIPv6Range, of: .zone) }
    public var publicIPv6RangesByPhysicalNetwork: Referrers { referrers(.publicIPv6Range, of: .physicalNetwork) }
    public var networksByZone: Referrers { referrers(.network, of: .zone) }
    public var networksByPhysicalNetwork: Referrers { referrers(.network, of: .physicalNetwork) }
    public var networksByOffering: Referrers { referrers(.network, of: .networkOffering) }
    public var networksByAccount: Referrers { referrers(.network, of: .account) }
    public var publicAddressesByNetwork: Referrers { referrers(.publicAddress, of: .network) }
    public var publicAddressesByRange: Referrers { referrers(.publicAddress, of: .publicRange) }
    /// Addresses that are a NIC's by static NAT.
    public var publicAddressesByNIC: Referrers { referrers(.publicAddress, of: .nic) }
    /// Routers with a leg of the range.
    public var routersByPublicRange: Referrers { referrers(.router, of: .publicRange) }
    public var guestsByZone: Referrers { referrers(.guest, of: .zone) }
    public var guestsByAccount: Referrers { referrers(.guest, of: .account) }
    public var guestsByServiceOffering: Referrers { referrers(.guest, of: .serviceOffering) }
    public var guestsByTemplate: Referrers { referrers(.guest, of: .template) }
    public var guestsByUserData: Referrers { referrers(.guest, of: .userData) }
    public var sshKeyPairsByAccount: Referrers { referrers(.sshKeyPair, of: .account) }
    public var userDataByAccount: Referrers { referrers(.userData, of: .account) }
    public var sslCertificatesByAccount: Referrers { referrers(.sslCertificate, of: .account) }
    public var loadBalancerRulesByCertificate: Referrers { referrers(.loadBalancerRule, of: .sslCertificate) }
    public var nicsByNetwork: Referrers { referrers(.nic, of: .network) }
    public var nicsByGuest: Referrers { referrers(.nic, of: .guest) }
    public var firewallRulesByAddress: Referrers { referrers(.firewallRule, of: .publicAddress) }
    /// Firewall rules that came with a port forwarding rule.
    public var firewallRulesByForwarding: Referrers { referrers(.firewallRule, of: .portForwarding) }
    public var egressRulesByNetwork: Referrers { referrers(.egressRule, of: .network) }
    public var portForwardingsByAddress: Referrers { referrers(.portForwarding, of: .publicAddress) }
    public var portForwardingsByNIC: Referrers { referrers(.portForwarding, of: .nic) }
    public var loadBalancerRulesByAddress: Referrers { referrers(.loadBalancerRule, of: .publicAddress) }
    public var loadBalancerRulesByInternalAddress: Referrers { referrers(.loadBalancerRule, of: .internalAddress) }
    public var internalAddressesByNetwork: Referrers { referrers(.internalAddress, of: .network) }
    public var loadBalancerMembersByRule: Referrers { referrers(.loadBalancerMember, of: .loadBalancerRule) }
    public var loadBalancerMembersByNIC: Referrers { referrers(.loadBalancerMember, of: .nic) }
    /// Firewall rules that came with a load balancer rule.
    public var firewallRulesByBalancing: Referrers { referrers(.firewallRule, of: .loadBalancerRule) }
}
