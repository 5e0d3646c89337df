public import NetworkVocabulary

/// One object of the model, whole. The ledger stores objects whole, so that a change needs no knowledge of the one
/// before it and the fold cannot drift.
public enum Record: Hashable, Sendable {
    case domain(Domain)
    case role(Role)
    case account(Account)
    case user(User)
    case project(Project)
    case zone(Zone)
    case physicalNetwork(PhysicalNetwork)
    case publicRange(PublicRange)
    case vlanDedication(VLANDedication)
    case networkOffering(NetworkOffering)
    case network(Network)
    case publicAddress(PublicAddress)
    case router(VirtualRouter)
    case sshKeyPair(SSHKeyPair)
    case userData(UserDataDocument)
    case sslCertificate(SSLCertificate)
    case guest(Guest)
    case nic(NIC)
    case guestRange(GuestRange)
    case firewallRule(FirewallRule)
    case egressRule(EgressRule)
    case portForwarding(PortForwarding)
    case osType(OSType)
    case serviceOffering(ServiceOffering)
    case template(Template)
    case internalAddress(InternalAddress)
    case loadBalancerRule(LoadBalancerRule)
    case loadBalancerMember(LoadBalancerMember)
    case pod(Pod)
    case storageNetworkRange(StorageNetworkRange)
    case publicIPv6Range(PublicIPv6Range)
    case diskOffering(DiskOffering)
    case vpcOffering(VPCOffering)
    case cluster(Cluster)
    case host(Host)
    case storagePool(StoragePool)
    case setting(Setting)
    case tag(Tag)
    case eventMark(EventMark)
    /// The next number of a series (`guest` numbers, network numbers, …): numbers are never used twice.
    case series(Series)
}

/// A series of numbers and the next one it will give.
public struct Series: Hashable, Codable, Sendable {
    public enum Name: String, Hashable, Comparable, Codable, Sendable, CaseIterable {
        case account, network, publicRange
        /// Shared by guests and routers, as in CloudStack: `r-4-VM`, `i-2-5-VM`.
        case machine
        case mac
        /// Firewall, egress and load balancer rules and their members: their age.
        case rule

        public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    public let name: Name
    public var next: UInt64

    public init(name: Name, next: UInt64) {
        self.name = name
        self.next = next
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, next
    }
}

/// The kinds of record, by the word that origins and the ledger use; those that others refer to come first.
public enum RecordKind: String, Hashable, Comparable, Codable, Sendable, CaseIterable {
    case domain, role, account, user, project
    case zone, pod, cluster, host, storagePool, storageNetworkRange, physicalNetwork, serviceOffering
    case vlanDedication, publicRange, publicIPv6Range, networkOffering, vpcOffering, diskOffering, osType, template
    case network, sshKeyPair, userData, sslCertificate, guest, guestRange, nic, publicAddress, router, internalAddress
    case portForwarding, loadBalancerRule, loadBalancerMember, firewallRule, egressRule
    case setting, tag, eventMark
    case series

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A step from one model to the next.
public enum Change: Hashable, Sendable {
    /// The object is now this, whether it was there before or not.
    case put(Record)
    case remove(RecordKind, ObjectID)
}
