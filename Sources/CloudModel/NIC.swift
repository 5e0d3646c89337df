public import NetworkVocabulary

/// A guest's interface on a network.
public struct NIC: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let guest: ObjectID
    public let network: ObjectID
    /// `eth<index>` inside the guest.
    public let index: Int
    /// None on a network without addresses.
    public var address: IPv4Address?
    public var secondaryAddresses: [SecondaryAddress]
    public var attachment: Attachment
    public var isDefault: Bool
    /// Whether the guest may send with other source addresses than its own (true), which no guest may otherwise.
    public var allowsSpoofing: Bool?
    /// In the order of their numbers; nil for none.
    public var dhcpOptions: [ExtraDHCPOption]?
    /// To whom its port is handed over; nil: its guest is emulated, or has nothing on this host.
    public let delivery: Delivery?

    public init(
        id: ObjectID, guest: ObjectID, network: ObjectID, index: Int, address: IPv4Address?,
        secondaryAddresses: [SecondaryAddress] = [], attachment: Attachment, isDefault: Bool,
        allowsSpoofing: Bool? = nil, dhcpOptions: [ExtraDHCPOption]? = nil, delivery: Delivery? = nil
    ) {
        self.delivery = delivery
        self.allowsSpoofing = allowsSpoofing
        self.dhcpOptions = dhcpOptions
        self.id = id
        self.guest = guest
        self.network = network
        self.index = index
        self.address = address
        self.secondaryAddresses = secondaryAddresses
        self.attachment = attachment
        self.isDefault = isDefault
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, guest, network, index, address, secondaryAddresses, attachment, isDefault, allowsSpoofing
        case dhcpOptions, delivery
    }

    /// All its addresses, the primary one first.
    public var addresses: [IPv4Address] { (address.map { [$0] } ?? []) + secondaryAddresses.map(\.address) }
}

extension NIC {
    /// Who takes a port on this host.
    public enum Delivery: Hashable, Sendable {
        /// A virtual machine monitor, which opens a tap.
        case tap
        /// A container: a link in a namespace that is somebody else's.
        case namespace(NamespaceName)
    }
}

extension NIC.Delivery: LosslessStringConvertible, TextCoded {
    /// `tap`, `namespace/web`.
    public init?(_ text: String) {
        if text == "tap" {
            self = .tap
        } else if text.hasPrefix("namespace/"), let name = NamespaceName(String(text.dropFirst(10))) {
            self = .namespace(name)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .tap: "tap"
        case .namespace(let name): "namespace/\(name)"
        }
    }

    /// The word that guests say it by.
    public var port: Guest.Port {
        switch self {
        case .tap: .tap
        case .namespace: .namespace
        }
    }

    /// The namespace of somebody else's that it names.
    public var namespace: NamespaceName? {
        if case .namespace(let name) = self { name } else { nil }
    }
}

/// A further address of a NIC.
public struct SecondaryAddress: Hashable, Codable, Sendable {
    public let id: ObjectID
    public let address: IPv4Address

    public init(id: ObjectID, address: IPv4Address) {
        self.id = id
        self.address = address
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, address
    }
}

extension NIC: CloudObject {
    static var kind: RecordKind { .nic }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, NIC>> { \.nics }
    var record: Record { .nic(self) }

    var references: [Reference] { [Reference(.guest, guest), Reference(.network, network)] }

    func claims(in cloud: Cloud) -> [Claim] {
        [
            .nic(guest: guest, network: network), .nicIndex(guest: guest, index),
            .mac(attachment.mac),
        ] + (address.map { [.guestAddress(network: network, $0)] } ?? [])
            + secondaryAddresses.flatMap {
                [.guestAddress(network: network, $0.address), .secondaryAddress($0.id)]
            } + (delivery?.namespace.map { [.namespaceDevice($0, index)] } ?? [])
    }

    func claimsOfOthers(in cloud: Cloud) -> [(Claim, Reference)] {
        guard let guest = cloud.guests[guest] else { return [] }
        return [(.guestName(network: network, guest.name.lowercased()), guest.reference)]
    }

    func index(_ edit: IndexEdit, in cloud: inout Cloud) {
        for address in addresses { cloud.addressesInUseByNetwork.edit(edit, address.bits, in: network) }
        cloud.edit(edit, attachment, range: nil, network: network)
    }

    func contradiction(in cloud: Cloud, replacing old: NIC?) -> String? {
        guard let guest = cloud.guests[guest], let network = cloud.networks[network] else { return nil }
        if guest.zone != network.zone { return "its guest and network are in different zones" }
        if !network.isOpen(to: guest.account, in: cloud) { return "its network is not for its guest's account" }
        for address in addresses {
            if network.cidr?.hosts.contains(address) != true { return "its address is not a host of its network" }
            if address == network.gateway { return "its address is the gateway's" }
        }
        if (address == nil) != (network.cidr == nil) || address == nil && !secondaryAddresses.isEmpty {
            return "it has an address exactly where its network has any"
        }
        if Set(addresses).count != addresses.count { return "it has an address twice" }
        if let lost = ruleLeadingElsewhere(in: cloud) { return "\(lost) leads to an address that it has no more" }
        if guest.isRunning, network.state != .implemented { return "its network is not implemented" }
        if index < 0 { return "its index is negative" }
        if let lost = dhcpOptions?.first(where: { $0.bytes == nil }) {
            return "its DHCP option \(lost.code) has a value that is none"
        }
        return attachment.isValid ? nil : "its shard does not exist"
    }

    /// A rule that leads to an address of this NIC that the NIC does not have (any more).
    private func ruleLeadingElsewhere(in cloud: Cloud) -> Reference? {
        let addresses = Set(addresses)
        for id in cloud.portForwardingsByNIC[id] {
            if let rule = cloud.portForwardings[id], !addresses.contains(rule.guestAddress) { return rule.reference }
        }
        for id in cloud.loadBalancerMembersByNIC[id] {
            if let member = cloud.loadBalancerMembers[id], !addresses.contains(member.guestAddress) {
                return member.reference
            }
        }
        for id in cloud.publicAddressesByNIC[id] {
            if let address = cloud.publicAddresses[id], let target = address.staticNAT,
                !addresses.contains(target.guestAddress)
            {
                return address.reference
            }
        }
        return nil
    }
}
