public import NetworkVocabulary

/// What a network of an offering is given, and by whom.
public struct NetworkOffering: Hashable, Codable, Sendable {
    public enum GuestType: String, Hashable, Codable, Sendable, CaseIterable {
        case isolated = "Isolated", shared = "Shared", l2 = "L2"
    }

    public let id: ObjectID
    public var name: String
    public var displayText: String
    public var guestType: GuestType
    /// Service to provider, both in CloudStack's spelling (`SourceNat` → `VirtualRouter`).
    public var services: [String: String]
    /// Whether guests may open connections to the outside when no egress rule says otherwise.
    public var egressDefaultAllow: Bool
    /// Conserve mode: one public address may serve several kinds of rules.
    public var conservesAddresses: Bool
    /// The network is implemented when created and stays so without guests.
    public var isPersistent: Bool
    public var specifiesVLAN: Bool
    public var isEnabled: Bool
    public var isDefault: Bool
    /// What each NIC may send and, apart from that, receive: megabits a second. Nil is unlimited; a record from before
    /// there were rates has none.
    public var rate: Int?

    /// The rates that there are.
    public static let rates = 1...100_000

    public init(
        id: ObjectID, name: String, displayText: String, guestType: GuestType, services: [String: String],
        egressDefaultAllow: Bool, conservesAddresses: Bool = true, isPersistent: Bool, specifiesVLAN: Bool,
        isEnabled: Bool, isDefault: Bool, rate: Int? = nil
    ) {
        self.id = id
        self.name = name
        self.displayText = displayText
        self.guestType = guestType
        self.services = services
        self.egressDefaultAllow = egressDefaultAllow
        self.conservesAddresses = conservesAddresses
        self.isPersistent = isPersistent
        self.specifiesVLAN = specifiesVLAN
        self.isEnabled = isEnabled
        self.isDefault = isDefault
        self.rate = rate
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, displayText, guestType, services, egressDefaultAllow, conservesAddresses, isPersistent
        case specifiesVLAN, isEnabled, isDefault, rate
    }
}

extension NetworkOffering {
    public static let virtualRouter = "VirtualRouter"

    /// Whether a network of it has a router: there is something that one does for it.
    public var needsRouter: Bool { services.values.contains(Self.virtualRouter) }

    public func offers(_ service: String) -> Bool { services[service] != nil }
}

extension NetworkOffering: CloudObject {
    static var kind: RecordKind { .networkOffering }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, NetworkOffering>> { \.networkOfferings }
    var record: Record { .networkOffering(self) }

    func claims(in cloud: Cloud) -> [Claim] { [.networkOfferingName(name.lowercased())] }

    func contradiction(in cloud: Cloud, replacing old: NetworkOffering?) -> String? {
        if let rate, !NetworkOffering.rates.contains(rate) { return "there is no such rate" }
        return nil
    }
}
