public import CloudModel
public import NetworkVocabulary

/// What can be asked of machines and of what they are given, besides deploying, starting, stopping and destroying them.
public enum MachineRequest: Hashable, Sendable {
    case updateGuest(UpdateGuest)
    case rebootGuest(ObjectID)
    case recoverGuest(ObjectID)
    case expungeGuest(ObjectID)
    /// Those that have been destroyed for as long as they are kept.
    case expungeOverdue
    case changeOffering(ChangeOffering)
    case restoreGuest(RestoreGuest)
    case migrateGuest(ObjectID)
    case resetPassword(ObjectID, NewPassword)
    case resetKeys(ResetKeys)
    case resetUserData(ObjectID, UserDataChoice?)
    /// The guest was told its password.
    case passwordServed(ObjectID)
    /// The guest has said that it keeps its password: it is forgotten here.
    case passwordSaved(ObjectID)

    case registerUserData(RegisterUserData)
    case deleteUserData(ObjectID)
    case registerKeyPair(RegisterKeyPair)
    case deleteKeyPair(name: String, account: ObjectID?)

    /// The command as CloudStack's API spells it; our own where CloudStack has none.
    var command: String {
        switch self {
        case .updateGuest: "updateVirtualMachine"
        case .rebootGuest: "rebootVirtualMachine"
        case .recoverGuest: "recoverVirtualMachine"
        case .expungeGuest: "expungeVirtualMachine"
        case .expungeOverdue: "expungeOverdue"
        case .changeOffering(let request): request.isScaling ? "scaleVirtualMachine" : "changeServiceForVirtualMachine"
        case .restoreGuest: "restoreVirtualMachine"
        case .migrateGuest: "migrateVirtualMachine"
        case .resetPassword: "resetPasswordForVirtualMachine"
        case .resetKeys: "resetSSHKeyForVirtualMachine"
        case .resetUserData: "resetUserDataForVirtualMachine"
        case .passwordServed: "passwordServed"
        case .passwordSaved: "passwordSaved"
        case .registerUserData: "registerUserData"
        case .deleteUserData: "deleteUserData"
        case .registerKeyPair(let request): request.privateKey == nil ? "registerSSHKeyPair" : "createSSHKeyPair"
        case .deleteKeyPair: "deleteSSHKeyPair"
        }
    }

    /// In CloudStack's spelling where it has the event; nil for what is no doing of a user's.
    var eventType: String? {
        switch self {
        case .updateGuest: "VM.UPDATE"
        case .rebootGuest: "VM.REBOOT"
        case .recoverGuest: "VM.RECOVER"
        case .expungeGuest, .expungeOverdue: "VM.EXPUNGE"
        case .changeOffering: "VM.UPGRADE"
        case .restoreGuest: "VM.RESTORE"
        case .migrateGuest: "VM.MIGRATE"
        case .resetPassword: "VM.RESETPASSWORD"
        case .resetKeys: "VM.RESETSSHKEY"
        case .resetUserData: "VM.RESETUSERDATA"
        case .passwordServed, .passwordSaved: nil
        case .registerUserData: "REGISTER.USER.DATA"
        case .deleteUserData: "DELETE.USER.DATA"
        case .registerKeyPair: "REGISTER.SSH.KEYPAIR"
        case .deleteKeyPair: "DELETE.SSH.KEYPAIR"
        }
    }
}

/// What a guest is, besides its place and its ports.
public struct GuestFacts: Hashable, Sendable {
    /// The name when absent.
    public var displayName: String?
    public var isDisplayed = true
    public var serviceOffering: ObjectID?
    public var template: ObjectID?
    public var details: [String: String] = [:]
    public var userData: UserDataChoice?
    /// Of the owner's key pairs, by name.
    public var keyPairs: [String] = []
    /// For a template whose guests ask for one.
    public var password: NewPassword?

    public init() {}
}

/// User data as a request brings it.
public struct UserDataChoice: Hashable, Sendable {
    /// Base64; nothing together with `document`.
    public var content: Secret?
    public var document: ObjectID?
    public var details: [String: Secret]

    public init(content: Secret? = nil, document: ObjectID? = nil, details: [String: Secret] = [:]) {
        self.content = content
        self.document = document
        self.details = details
    }
}

/// A password that somebody has thought of, and the same for the owner of a key.
public struct NewPassword: Hashable, Sendable {
    public var secret: Secret
    /// Base64, by the key; of no use to a guest that has other keys by the time that this is decided.
    public var encrypted: String?
    public var key: SSHPublicKey?
    /// Somebody wants this one and no other.
    public var isChosen: Bool

    public init(_ secret: Secret, encrypted: String? = nil, key: SSHPublicKey? = nil, isChosen: Bool = false) {
        self.secret = secret
        self.encrypted = encrypted
        self.key = key
        self.isChosen = isChosen
    }
}

/// What a request says of a port's DHCP options, and in which row of its list: what an error names.
public struct DHCPOptionRow: Hashable, Sendable {
    public var options: [ExtraDHCPOption]
    public var number: Int

    public init(_ options: [ExtraDHCPOption], number: Int = 0) {
        self.options = options
        self.number = number
    }
}

extension MachineRequest {
    /// Fields that are absent stay as they are.
    public struct UpdateGuest: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        public var displayName: String?
        public var isDisplayed: Bool?
        /// All of them, in place of those that were.
        public var details: [String: String]?
        public var userData: UserDataChoice?
        /// By network: all options of the NIC there, in place of those that were.
        public var dhcpOptions: [ObjectID: DHCPOptionRow]

        public init(
            id: ObjectID, name: String? = nil, displayName: String? = nil, isDisplayed: Bool? = nil,
            details: [String: String]? = nil, userData: UserDataChoice? = nil,
            dhcpOptions: [ObjectID: DHCPOptionRow] = [:]
        ) {
            self.dhcpOptions = dhcpOptions
            self.id = id
            self.name = name
            self.displayName = displayName
            self.isDisplayed = isDisplayed
            self.details = details
            self.userData = userData
        }
    }

    public struct ChangeOffering: Hashable, Sendable {
        public var guest: ObjectID
        public var offering: ObjectID
        /// The size, where the offering leaves it open.
        public var details: [String: String]
        /// Asked for as `scaleVirtualMachine`, which may be while the guest runs.
        public var isScaling: Bool

        public init(guest: ObjectID, offering: ObjectID, details: [String: String] = [:], isScaling: Bool = false) {
            self.guest = guest
            self.offering = offering
            self.details = details
            self.isScaling = isScaling
        }
    }

    /// A guest as on its first day.
    public struct RestoreGuest: Hashable, Sendable {
        public var guest: ObjectID
        /// Its own when absent.
        public var template: ObjectID?
        public var password: NewPassword

        public init(guest: ObjectID, template: ObjectID? = nil, password: NewPassword) {
            self.guest = guest
            self.template = template
            self.password = password
        }
    }

    public struct ResetKeys: Hashable, Sendable {
        public var guest: ObjectID
        public var keyPairs: [String]
        /// For a template whose guests ask for one.
        public var password: NewPassword

        public init(guest: ObjectID, keyPairs: [String], password: NewPassword) {
            self.guest = guest
            self.keyPairs = keyPairs
            self.password = password
        }
    }

    public struct RegisterUserData: Hashable, Sendable {
        public var name: String
        /// Base64.
        public var content: Secret
        public var parameters: [String]
        /// The caller's when absent.
        public var account: ObjectID?

        public init(name: String, content: Secret, parameters: [String] = [], account: ObjectID? = nil) {
            self.name = name
            self.content = content
            self.parameters = parameters
            self.account = account
        }
    }

    public struct RegisterKeyPair: Hashable, Sendable {
        public var name: String
        /// A line of `authorized_keys`.
        public var publicKey: String
        /// Of a key that was made for the caller: it is answered with, once, and kept nowhere.
        public var privateKey: Secret?
        /// The caller's when absent.
        public var account: ObjectID?

        public init(name: String, publicKey: String, privateKey: Secret? = nil, account: ObjectID? = nil) {
            self.name = name
            self.publicKey = publicKey
            self.privateKey = privateKey
            self.account = account
        }
    }
}
