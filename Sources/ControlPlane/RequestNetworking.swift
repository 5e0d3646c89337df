public import CloudModel
public import NetworkVocabulary

/// What may be asked of the ports of guests, and of what they hang on, besides its creation.
public enum NetworkingRequest: Hashable, Sendable {
    case addNIC(AddNIC)
    case removeNIC(GuestNIC)
    case makeNICDefault(GuestNIC)
    case changeNICAddress(ChangeNICAddress)

    case restartNetwork(RestartNetwork)
    /// Takes down a network that nobody uses; nothing when somebody does.
    case shutDownNetwork(ObjectID)
    case rebootRouter(ObjectID)
    case destroyRouter(ObjectID)
    case changeRouterOffering(ChangeRouterOffering)

    case createGuestRange(CreateGuestRange)
    case updateGuestRange(UpdateGuestRange)
    case deleteGuestRange(ObjectID)

    case dedicateVLANs(DedicateVLANs)
    case releaseVLANs(ObjectID)
    case dedicatePublicRange(DedicatePublicRange)
    case releasePublicRange(ObjectID)
    case reserveAddress(ReserveAddress)
    case releaseReservedAddress(ObjectID)
    case updateAddress(UpdateAddress)

    /// A port that a guest is to have.
    public struct AddNIC: Hashable, Sendable {
        public var guest: ObjectID
        public var network: ObjectID
        /// The lowest free one when absent.
        public var address: String?
        /// One that nobody has; a new one when absent.
        public var mac: String?
        public var dhcpOptions: DHCPOptionRow
        /// Absent: as the guest's other ports.
        public var delivery: Request.Delivery?

        public init(
            guest: ObjectID, network: ObjectID, address: String? = nil, mac: String? = nil,
            dhcpOptions: DHCPOptionRow = .init([]), delivery: Request.Delivery? = nil
        ) {
            self.delivery = delivery
            self.dhcpOptions = dhcpOptions
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

    /// A look at all that a network is in the kernel.
    public struct RestartNetwork: Hashable, Sendable {
        public var id: ObjectID
        /// CloudStack makes the router anew. Here it is compared with its plan either way, so that connections go on.
        public var cleanup: Bool

        public init(id: ObjectID, cleanup: Bool = false) {
            self.id = id
            self.cleanup = cleanup
        }
    }

    /// Another size for a router.
    public struct ChangeRouterOffering: Hashable, Sendable {
        public var id: ObjectID
        public var serviceOffering: ObjectID

        public init(id: ObjectID, serviceOffering: ObjectID) {
            self.id = id
            self.serviceOffering = serviceOffering
        }
    }

    /// Addresses for the guests of a shared network.
    public struct CreateGuestRange: Hashable, Sendable {
        public var network: ObjectID
        public var first: String
        /// The first when absent.
        public var last: String?
        /// The network's, if they are named.
        public var gateway: String?
        public var netmask: String?
        public var vlan: String?
        public var ipv6: Request.CreatePublicRange.IPv6Text?

        public init(
            network: ObjectID, first: String, last: String? = nil, gateway: String? = nil, netmask: String? = nil,
            vlan: String? = nil, ipv6: Request.CreatePublicRange.IPv6Text? = nil
        ) {
            self.ipv6 = ipv6
            self.network = network
            self.first = first
            self.last = last
            self.gateway = gateway
            self.netmask = netmask
            self.vlan = vlan
        }
    }

    /// Moves the ends of a range.
    public struct UpdateGuestRange: Hashable, Sendable {
        public var id: ObjectID
        public var first: String?
        public var last: String?

        public init(id: ObjectID, first: String? = nil, last: String? = nil) {
            self.id = id
            self.first = first
            self.last = last
        }
    }

    /// Segments for the networks of one account, or of one domain, alone.
    public struct DedicateVLANs: Hashable, Sendable {
        public var physicalNetwork: ObjectID
        /// `120-129`.
        public var segments: String
        public var dedication: Dedication

        public init(physicalNetwork: ObjectID, segments: String, dedication: Dedication) {
            self.physicalNetwork = physicalNetwork
            self.segments = segments
            self.dedication = dedication
        }
    }

    /// Public addresses for one account, or for one domain, alone.
    public struct DedicatePublicRange: Hashable, Sendable {
        public var id: ObjectID
        public var dedication: Dedication

        public init(id: ObjectID, dedication: Dedication) {
            self.id = id
            self.dedication = dedication
        }
    }

    /// A free address, to be kept for an account.
    public struct ReserveAddress: Hashable, Sendable {
        /// As `FreePublicAddress` has it.
        public var id: ObjectID
        /// The caller's when absent.
        public var account: ObjectID?
        public var isDisplayed: Bool?

        public init(id: ObjectID, account: ObjectID? = nil, isDisplayed: Bool? = nil) {
            self.id = id
            self.account = account
            self.isDisplayed = isDisplayed
        }
    }

    /// Fields that are absent stay as they are.
    public struct UpdateAddress: Hashable, Sendable {
        public var id: ObjectID
        public var isDisplayed: Bool?

        public init(id: ObjectID, isDisplayed: Bool? = nil) {
            self.id = id
            self.isDisplayed = isDisplayed
        }
    }

    /// The command as CloudStack's API spells it.
    var command: String {
        switch self {
        case .addNIC: "addNicToVirtualMachine"
        case .removeNIC: "removeNicFromVirtualMachine"
        case .makeNICDefault: "updateDefaultNicForVirtualMachine"
        case .changeNICAddress: "updateVmNicIp"
        case .restartNetwork: "restartNetwork"
        case .shutDownNetwork: "shutdownNetwork"
        case .rebootRouter: "rebootRouter"
        case .destroyRouter: "destroyRouter"
        case .changeRouterOffering: "changeServiceForRouter"
        case .createGuestRange: "createVlanIpRange"
        case .updateGuestRange: "updateVlanIpRange"
        case .deleteGuestRange: "deleteVlanIpRange"
        case .dedicateVLANs: "dedicateGuestVlanRange"
        case .releaseVLANs: "releaseDedicatedGuestVlanRange"
        case .dedicatePublicRange: "dedicatePublicIpRange"
        case .releasePublicRange: "releasePublicIpRange"
        case .reserveAddress: "reserveIpAddress"
        case .releaseReservedAddress: "releaseIpAddress"
        case .updateAddress: "updateIpAddress"
        }
    }

    /// In CloudStack's spelling.
    var eventType: String {
        switch self {
        case .addNIC: "NIC.CREATE"
        case .removeNIC: "NIC.DELETE"
        case .makeNICDefault, .changeNICAddress: "NIC.UPDATE"
        case .restartNetwork: "NETWORK.RESTART"
        case .shutDownNetwork: "NETWORK.SHUTDOWN"
        case .rebootRouter: "ROUTER.REBOOT"
        case .destroyRouter: "ROUTER.DESTROY"
        case .changeRouterOffering: "ROUTER.UPGRADE"
        case .createGuestRange: "VLAN.IP.RANGE.CREATE"
        case .updateGuestRange: "VLAN.IP.RANGE.UPDATE"
        case .deleteGuestRange: "VLAN.IP.RANGE.DELETE"
        case .dedicateVLANs: "GUESTVLANRANGE.DEDICATE"
        case .releaseVLANs: "GUESTVLANRANGE.RELEASE"
        case .dedicatePublicRange: "VLAN.IP.RANGE.DEDICATE"
        case .releasePublicRange: "VLAN.IP.RANGE.RELEASE"
        case .reserveAddress: "NET.IPRESERVE"
        case .releaseReservedAddress: "NET.IPRELEASE"
        case .updateAddress: "NET.IPUPDATE"
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
        case .restartNetwork(let request): try restartNetwork(request)
        case .shutDownNetwork(let id): try shutDownNetwork(id)
        case .rebootRouter(let id): try rebootRouter(id)
        case .destroyRouter(let id): try destroyRouter(id)
        case .changeRouterOffering(let request): try changeRouterOffering(request)
        case .createGuestRange(let request): try createGuestRange(request)
        case .updateGuestRange(let request): try updateGuestRange(request)
        case .deleteGuestRange(let id): try deleteGuestRange(id)
        case .dedicateVLANs(let request): try dedicateVLANs(request)
        case .releaseVLANs(let id): try releaseVLANs(id)
        case .dedicatePublicRange(let request): try dedicatePublicRange(request)
        case .releasePublicRange(let id): try releasePublicRange(id)
        case .reserveAddress(let request): try reserveAddress(request)
        case .releaseReservedAddress(let id): try releaseReservedAddress(id)
        case .updateAddress(let request): try updateAddress(request)
        }
    }
}
