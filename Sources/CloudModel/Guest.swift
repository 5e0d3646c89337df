public import NetworkVocabulary

/// A machine of a tenant, known by its ports.
public struct Guest: Hashable, Codable, Sendable {
    /// What stands behind the ports of a guest.
    public enum Port: String, Hashable, Codable, Sendable {
        /// A namespace that behaves like a machine: addresses configured, default route set.
        case emulated
        /// A virtual machine monitor, which opens a tap for each NIC.
        case tap
        /// A container: a namespace of somebody else's gets a link for each NIC.
        case namespace
        /// Nothing on this host: the NIC holds its addresses and its place in the router only.
        case none
    }

    public let id: ObjectID
    public let number: UInt64
    /// Its host name, one DNS label: the other guests of its networks find it by this.
    public var name: String
    public let instanceName: String
    public let account: ObjectID
    public let zone: ObjectID
    public var port: Port
    public var isRunning: Bool
    /// Since when it is destroyed, in milliseconds since 1970: stopped, with all that is its own, until it is recovered or
    /// expunged. Nil for a guest that is not.
    public var destroyed: Int64?
    /// What people call it.
    public var displayName: String
    /// Whether plain lists show it.
    public var isDisplayed: Bool
    /// Who deployed it, if it was a user.
    public let user: ObjectID?
    /// Milliseconds since 1970; 0 for a guest from before this was written down.
    public let created: Int64
    /// Nil for guests that were declared as ports and nothing else.
    public var serviceOffering: ObjectID?
    public var template: ObjectID?
    /// What clients note about it.
    public var details: [String: String]
    public var userData: UserData?
    /// Who may log in, as it was when the guest was given them: a key pair may go, or its name come to mean another key.
    public var keys: [NamedKey]
    public var password: GuestPassword?

    public init(
        id: ObjectID, number: UInt64, name: String, instanceName: String, account: ObjectID, zone: ObjectID,
        port: Port, isRunning: Bool, destroyed: Int64? = nil, displayName: String? = nil, isDisplayed: Bool = true,
        user: ObjectID? = nil, created: Int64 = 0, serviceOffering: ObjectID? = nil, template: ObjectID? = nil,
        details: [String: String] = [:], userData: UserData? = nil, keys: [NamedKey] = [],
        password: GuestPassword? = nil
    ) {
        self.id = id
        self.number = number
        self.name = name
        self.instanceName = instanceName
        self.account = account
        self.zone = zone
        self.port = port
        self.isRunning = isRunning
        self.destroyed = destroyed
        self.displayName = displayName ?? name
        self.isDisplayed = isDisplayed
        self.user = user
        self.created = created
        self.serviceOffering = serviceOffering
        self.template = template
        self.details = details
        self.userData = userData
        self.keys = keys
        self.password = password
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, number, name, instanceName, account, zone, port, isRunning, destroyed, displayName, isDisplayed, user
        case created, serviceOffering, template, details, userData, keys, password
    }

    public var state: State { destroyed != nil ? .destroyed : isRunning ? .running : .stopped }

    public enum State: String, Hashable, Sendable {
        case running = "Running", stopped = "Stopped", destroyed = "Destroyed"
    }
}

/// What a guest is told when it asks for its user data.
public struct UserData: Hashable, Codable, Sendable {
    /// The guest's own, in base64 as the client sent it; nil when it is a document's.
    public let content: Secret?
    public let document: ObjectID?
    /// What the guest gets beside it, a leaf of its metadata for each.
    public let details: [String: Secret]

    public init(content: Secret, details: [String: Secret] = [:]) {
        self.content = content
        document = nil
        self.details = details
    }

    public init(document: ObjectID, details: [String: Secret] = [:]) {
        content = nil
        self.document = document
        self.details = details
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case content, document, details
    }
}

/// A key by the name that the guest was given it by.
public struct NamedKey: Hashable, Codable, Sendable {
    public let name: String
    public let key: SSHPublicKey

    public init(name: String, key: SSHPublicKey) {
        self.name = name
        self.key = key
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, key
    }
}

/// The password that a guest is to set for itself. The guest asks for it, and says when it has kept it; from then on
/// it is nobody's business here.
public struct GuestPassword: Hashable, Codable, Sendable {
    public enum State: String, Hashable, Codable, Sendable {
        /// The guest has not asked yet.
        case set
        /// It was told, and may ask again.
        case served
        /// It has said that it keeps it.
        case saved
    }

    /// Nil once it is saved.
    public var secret: Secret?
    public var state: State
    /// For whoever has the private half of the guest's RSA key: base64 of the password, encrypted with the key
    /// (PKCS #1 v1.5). Nil where there is no such key.
    public var encrypted: String?

    public init(secret: Secret?, state: State = .set, encrypted: String? = nil) {
        self.secret = secret
        self.state = state
        self.encrypted = encrypted
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case secret, state, encrypted
    }
}

extension Guest: CloudObject {
    static var kind: RecordKind { .guest }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, Guest>> { \.guests }
    var record: Record { .guest(self) }

    var references: [Reference] {
        let optional: [(RecordKind, ObjectID?)] = [
            (.serviceOffering, serviceOffering), (.template, template), (.userData, userData?.document),
        ]
        return [Reference(.account, account), Reference(.zone, zone)]
            + optional.compactMap { kind, id in id.map { Reference(kind, $0) } }
    }

    func claims(in cloud: Cloud) -> [Claim] {
        [.machineNumber(number), .machineName(instanceName)]
            + cloud.nics(ofGuest: id).map { .guestName(network: $0.network, name.lowercased()) }
    }

    func contradiction(in cloud: Cloud, replacing old: Guest?) -> String? {
        if let old, old.zone != zone || old.account != account { return "its zone and account cannot change" }
        if isRunning, destroyed != nil { return "it is destroyed, and running" }
        if isRunning, cloud.nics(ofGuest: id).contains(where: { cloud.networks[$0.network]?.state != .implemented }) {
            return "one of its networks is not implemented"
        }
        if let document = userData?.document, cloud.userDataDocuments[document]?.account != account {
            return "its user data is another account's"
        }
        if let password, (password.secret == nil) != (password.state == .saved) {
            return "it has a password that is saved and kept, or neither"
        }
        return nil
    }
}
