public import NetworkVocabulary

/// The virtual router of one network.
public struct VirtualRouter: Hashable, Codable, Sendable {
    /// A leg on the segment of a public range; leg n is interface `eth<n>` and routing table 0x64 + n.
    public struct PublicLeg: Hashable, Codable, Sendable {
        public let index: Int
        public let range: ObjectID
        public var attachment: Attachment

        public init(index: Int, range: ObjectID, attachment: Attachment) {
            self.index = index
            self.range = range
            self.attachment = attachment
        }

        enum CodingKeys: String, CodingKey, CaseIterable {
            case index, range, attachment
        }
    }

    public let id: ObjectID
    public let number: UInt64
    public let name: String
    public let zone: ObjectID
    public let account: ObjectID
    public let network: ObjectID
    public var isRunning: Bool
    /// `eth0`, with the network's gateway address or `guestAddress`.
    public var guestLeg: Attachment
    /// Its address on a network that has a gateway of its own (a shared one); then it serves and routes nothing.
    public var guestAddress: IPv4Address?
    /// `eth1` and on.
    public var publicLegs: [PublicLeg]
    /// The size that it is said to have; a namespace takes what it needs.
    public var serviceOffering: ObjectID?

    public init(
        id: ObjectID, number: UInt64, name: String, zone: ObjectID, account: ObjectID, network: ObjectID,
        isRunning: Bool, guestLeg: Attachment, guestAddress: IPv4Address? = nil, publicLegs: [PublicLeg],
        serviceOffering: ObjectID? = nil
    ) {
        self.serviceOffering = serviceOffering
        self.id = id
        self.number = number
        self.name = name
        self.zone = zone
        self.account = account
        self.network = network
        self.isRunning = isRunning
        self.guestLeg = guestLeg
        self.guestAddress = guestAddress
        self.publicLegs = publicLegs
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name, zone, account, network, isRunning, guestLeg, guestAddress, publicLegs, serviceOffering
    }
}

extension VirtualRouter: CloudObject {
    static var kind: RecordKind { .router }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, VirtualRouter>> { \.routers }
    var record: Record { .router(self) }

    /// All its ports, with the range of public ones.
    var attachments: [(range: ObjectID?, Attachment)] {
        [(nil, guestLeg)] + publicLegs.map { ($0.range, $0.attachment) }
    }

    var references: [Reference] {
        [Reference(.account, account), Reference(.zone, zone), Reference(.network, network)]
            + publicLegs.map { Reference(.publicRange, $0.range) }
            + (serviceOffering.map { [Reference(.serviceOffering, $0)] } ?? [])
    }

    func claims(in cloud: Cloud) -> [Claim] {
        [.router(network: network), .machineNumber(number), .machineName(name)] + attachments.map { .mac($0.1.mac) }
            + (guestAddress.map { [.guestAddress(network: network, $0)] } ?? [])
    }

    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        for (range, attachment) in attachments { cloud.edit(edit, attachment, range: range, network: network) }
        if let guestAddress { cloud.addressesInUseByNetwork.edit(edit, guestAddress.bits, in: network) }
    }

    func contradiction(in cloud: Cloud, replacing old: VirtualRouter?) -> String? {
        guard let home = cloud.networks[network] else { return nil }
        if home.state != .implemented { return "its network is not implemented" }
        if home.zone != zone || home.account != account { return "its zone and account are not its network's" }
        if let old, old.network != network { return "a router stays with its network" }
        if let why = contradictionOfAddress(on: home) { return why }
        return contradictionOfLegs(in: cloud)
    }

    private func contradictionOfAddress(on home: Network) -> String? {
        guard let cidr = home.cidr else { return "its network has no addresses" }
        guard let guestAddress else {
            return home.guestType == .shared ? "it has no address on its network" : nil
        }
        if home.guestType != .shared { return "its network has no gateway but it" }
        if !publicLegs.isEmpty { return "it has public legs, and its network a gateway of its own" }
        return cidr.hosts.contains(guestAddress) && guestAddress != home.gateway ? nil : "its address is no guest's"
    }

    private func contradictionOfLegs(in cloud: Cloud) -> String? {
        if Set(publicLegs.map(\.index)).count != publicLegs.count || publicLegs.contains(where: { $0.index < 1 }) {
            return "public legs are numbered from 1, each once"
        }
        if Set(attachments.map { $0.1.mac }).count != publicLegs.count + 1 { return "two legs have one MAC" }
        if Set(publicLegs.map(\.range)).count != publicLegs.count { return "two legs are of one range" }
        for leg in publicLegs where cloud.publicRanges[leg.range]?.zone != zone {
            return "a public leg is in another zone"
        }
        return attachments.contains { !$0.1.isValid } ? "a leg's shard does not exist" : nil
    }
}
