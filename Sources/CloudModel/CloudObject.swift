import NetworkVocabulary

/// What every kind of object says of itself. A new kind is one file with a type that conforms, a case of `Record` and of
/// `RecordKind`, and a table in `Cloud`; storing, coding, checking and finding it follow from these.
protocol CloudObject: Hashable, Codable, Sendable {
    associatedtype CodingKeys: CodingKey & CaseIterable

    static var kind: RecordKind { get }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Self>> { get }

    var id: ObjectID { get }
    var record: Record { get }
    /// The objects it cannot be without. `Cloud.referrers` finds it by each of them.
    var references: [Reference] { get }
    /// What it holds alone.
    func claims(in cloud: Cloud) -> [Claim]
    /// What it brings to others, who then hold it alone.
    func claimsOfOthers(in cloud: Cloud) -> [(Claim, Reference)]
    /// What is wrong with it, given that what it refers to exists, or nil.
    func contradiction(in cloud: Cloud, replacing old: Self?) -> String?
    /// Brings in, or takes out, what follows from it besides references and claims.
    func index(_ edit: IndexEdit, in cloud: inout Cloud)
    /// All of the kind, those that others of the kind refer to first.
    static func records(in cloud: Cloud) -> [Record]
}

/// Objects come into indexes and go from them by the same lines of code.
enum IndexEdit { case insert, remove }

extension CloudObject {
    var references: [Reference] { [] }
    func claims(in cloud: Cloud) -> [Claim] { [] }
    func claimsOfOthers(in cloud: Cloud) -> [(Claim, Reference)] { [] }
    func contradiction(in cloud: Cloud, replacing old: Self?) -> String? { nil }
    func index(_ edit: IndexEdit, in cloud: inout Cloud) {}

    var reference: Reference { Reference(Self.kind, id) }

    static func record(_ id: ObjectID, in cloud: Cloud) -> Record? { cloud[keyPath: table][id]?.record }
    static func records(in cloud: Cloud) -> [Record] { cloud[keyPath: table].values.map(\.record) }
    static func count(in cloud: Cloud) -> Int { cloud[keyPath: table].count }
    static func record(from decoder: any Decoder) throws -> Record {
        try decoder.strict(Self.self, CodingKeys.self).record
    }
}

extension Record {
    /// Nil for series, which are not objects.
    var object: (any CloudObject)? {
        switch self {
        case .domain(let value): value
        case .role(let value): value
        case .account(let value): value
        case .user(let value): value
        case .project(let value): value
        case .zone(let value): value
        case .physicalNetwork(let value): value
        case .publicRange(let value): value
        case .vlanDedication(let value): value
        case .networkOffering(let value): value
        case .network(let value): value
        case .publicAddress(let value): value
        case .router(let value): value
        case .sshKeyPair(let value): value
        case .userData(let value): value
        case .sslCertificate(let value): value
        case .guest(let value): value
        case .nic(let value): value
        case .guestRange(let value): value
        case .firewallRule(let value): value
        case .egressRule(let value): value
        case .portForwarding(let value): value
        case .osType(let value): value
        case .serviceOffering(let value): value
        case .template(let value): value
        case .internalAddress(let value): value
        case .loadBalancerRule(let value): value
        case .loadBalancerMember(let value): value
        case .pod(let value): value
        case .storageNetworkRange(let value): value
        case .publicIPv6Range(let value): value
        case .diskOffering(let value): value
        case .vpcOffering(let value): value
        case .cluster(let value): value
        case .host(let value): value
        case .storagePool(let value): value
        case .setting(let value): value
        case .tag(let value): value
        case .eventMark(let value): value
        case .series: nil
        }
    }

    /// Nil for series, which are not objects.
    public var reference: Reference? { object?.reference }
    public var kind: RecordKind { reference?.kind ?? .series }
}

extension RecordKind {
    /// Nil for series, which are not objects.
    var type: (any CloudObject.Type)? {
        switch self {
        case .domain: Domain.self
        case .role: Role.self
        case .account: Account.self
        case .user: User.self
        case .project: Project.self
        case .zone: Zone.self
        case .physicalNetwork: PhysicalNetwork.self
        case .publicRange: PublicRange.self
        case .vlanDedication: VLANDedication.self
        case .networkOffering: NetworkOffering.self
        case .network: Network.self
        case .publicAddress: PublicAddress.self
        case .router: VirtualRouter.self
        case .sshKeyPair: SSHKeyPair.self
        case .userData: UserDataDocument.self
        case .sslCertificate: SSLCertificate.self
        case .guest: Guest.self
        case .nic: NIC.self
        case .guestRange: GuestRange.self
        case .firewallRule: FirewallRule.self
        case .egressRule: EgressRule.self
        case .portForwarding: PortForwarding.self
        case .osType: OSType.self
        case .serviceOffering: ServiceOffering.self
        case .template: Template.self
        case .internalAddress: InternalAddress.self
        case .loadBalancerRule: LoadBalancerRule.self
        case .loadBalancerMember: LoadBalancerMember.self
        case .pod: Pod.self
        case .storageNetworkRange: StorageNetworkRange.self
        case .publicIPv6Range: PublicIPv6Range.self
        case .diskOffering: DiskOffering.self
        case .vpcOffering: VPCOffering.self
        case .cluster: Cluster.self
        case .host: Host.self
        case .storagePool: StoragePool.self
        case .setting: Setting.self
        case .tag: Tag.self
        case .eventMark: EventMark.self
        case .series: nil
        }
    }
}
