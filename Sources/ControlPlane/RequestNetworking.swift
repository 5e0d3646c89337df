import CloudModel
public import NetworkVocabulary

/// What may be asked of the ports of guests, and of what they hang on, besides its creation.
public enum NetworkingRequest: Hashable, Sendable {
    case addNIC(AddNIC)
    case removeNIC(GuestNIC)
    case makeNICDefault(GuestNIC)
    case changeNICAddress(ChangeNICAddress)

    /// A port that a guest is to have.
    public struct AddNIC: Hashable, Sendable {
        public var guest: ObjectID
        public var network: ObjectID
        /// The lowest free one when absent.
        public var address: String?
        /// One that nobody has; a new one when absent.
        public var mac: String?

        public init(guest: ObjectID, network: ObjectID, address: String? = nil, mac: String? = nil) {
            self.guest = guest
            self.network = network
            self.address = address
            self.mac = mac
        }
    }

    /// A port of a guest.
    public struct GuestNIC: Hashable, Sendable {
        public var guest: ObjectID
        public var nic: ObjectID

        public init(guest: ObjectID, nic: ObjectID) {
            self.guest = guest
            self.nic = nic
        }
    }

    /// Another primary address for a port.
    public struct ChangeNICAddress: Hashable, Sendable {
        public var nic: ObjectID
        /// The lowest free one when absent.
        public var address: String?

        public init(nic: ObjectID, address: String? = nil) {
            self.nic = nic
            self.address = address
        }
    }

    /// The command as CloudStack's API spells it.
    var command: String {
        switch self {
        case .addNIC: "addNicToVirtualMachine"
        case .removeNIC: "removeNicFromVirtualMachine"
        case .makeNICDefault: "updateDefaultNicForVirtualMachine"
        case .changeNICAddress: "updateVmNicIp"
        }
    }

    /// In CloudStack's spelling.
    var eventType: String {
        switch self {
        case .addNIC: "NIC.CREATE"
        case .removeNIC: "NIC.DELETE"
        case .makeNICDefault, .changeNICAddress: "NIC.UPDATE"
        }
    }
}

extension Draft {
    mutating func take(_ request: NetworkingRequest) throws(RequestError) -> [Reference] {
        switch request {
        case .addNIC(let request): try addNIC(request)
        case .removeNIC(let request): try removeNIC(request)
        case .makeNICDefault(let request): try makeNICDefault(request)
        case .changeNICAddress(let request): try changeNICAddress(request)
        }
    }
}
