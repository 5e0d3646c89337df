public import CloudModel
public import NetworkVocabulary

extension Request {
    /// A tenant.
    public struct CreateAccount: Hashable, Sendable {
        public var name: String
        /// The caller's when absent.
        public var domain: ObjectID?
        /// Says more than the type, where it is given.
        public var role: ObjectID?
        public var type: Account.Kind
        public var networkDomain: String?
        /// Its first user; nobody signs in for an account without users.
        public var user: IdentityRequest.NewUser?

        public init(
            name: String, domain: ObjectID? = nil, role: ObjectID? = nil, type: Account.Kind = .user,
            networkDomain: String? = nil, user: IdentityRequest.NewUser? = nil
        ) {
            self.name = name
            self.domain = domain
            self.role = role
            self.type = type
            self.networkDomain = networkDomain
            self.user = user
        }
    }

    /// A data centre.
    public struct CreateZone: Hashable, Sendable {
        public var name: String
        public var dns1: String
        public var dns2: String?
        /// The first resolver when absent.
        public var internalDNS1: String?
        /// `10.1.1.0/24` when absent.
        public var guestCIDR: String?
        public var networkDomain: String?
        public var isEnabled: Bool
        /// `Advanced` or `Basic`.
        public var networkType = "Advanced"
        public var more = ZoneFields()

        public init(
            name: String, dns1: String, dns2: String? = nil, internalDNS1: String? = nil, guestCIDR: String? = nil,
            networkDomain: String? = nil, isEnabled: Bool = true
        ) {
            self.name = name
            self.dns1 = dns1
            self.dns2 = dns2
            self.internalDNS1 = internalDNS1
            self.guestCIDR = guestCIDR
            self.networkDomain = networkDomain
            self.isEnabled = isEnabled
        }
    }

    /// What a zone need not say. An empty text is none.
    public struct ZoneFields: Hashable, Sendable {
        public var internalDNS2: String?
        public var ipv6DNS1: String?
        public var ipv6DNS2: String?
        public var hasSecurityGroups: Bool?
        public var hasLocalStorage: Bool?
        public var dhcpProvider: String?
        public var details: [String: String]?
        public var sortKey: Int?

        public init() {}
    }

    /// Fields that are absent stay as they are.
    public struct UpdateZone: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        public var dns1: String?
        /// Empty: none.
        public var dns2: String?
        public var internalDNS1: String?
        public var guestCIDR: String?
        /// Empty: none.
        public var networkDomain: String?
        public var isEnabled: Bool?
        public var more = ZoneFields()

        public init(
            id: ObjectID, name: String? = nil, dns1: String? = nil, dns2: String? = nil,
            internalDNS1: String? = nil, guestCIDR: String? = nil, networkDomain: String? = nil,
            isEnabled: Bool? = nil
        ) {
            self.id = id
            self.name = name
            self.dns1 = dns1
            self.dns2 = dns2
            self.internalDNS1 = internalDNS1
            self.guestCIDR = guestCIDR
            self.networkDomain = networkDomain
            self.isEnabled = isEnabled
        }
    }

    /// A wire with a pool of segments.
    public struct CreatePhysicalNetwork: Hashable, Sendable {
        public var zone: ObjectID
        public var name: String
        /// `VLAN`, `VXLAN` or, in Basic zones, `L3`.
        public var isolation: String
        /// VLAN ids or VNIs: `100-199,300`.
        public var segments: String?
        /// The host interface of guest and public traffic; without one segments are local to the host.
        public var trunk: String?
        /// Of VXLAN: the hosts that segments go to; without any, multicast groups.
        public var peers: [String] = []
        /// Whether it is enabled with guest and public traffic and all providers, as a cloud file wants it. Clients of
        /// the API bring it to that step by step.
        public var isReady = true
        public var tags: [String]?
        public var speed: String?
        public var broadcastDomainRange: String?

        public init(
            zone: ObjectID, name: String, isolation: String = "VLAN", segments: String? = nil, trunk: String? = nil
        ) {
            self.zone = zone
            self.name = name
            self.isolation = isolation
            self.segments = segments
            self.trunk = trunk
        }
    }

    /// Fields that are absent stay as they are.
    public struct UpdatePhysicalNetwork: Hashable, Sendable {
        public var id: ObjectID
        /// All ranges, not only new ones. What networks hold must stay in them.
        public var segments: String?
        /// Of guest and public traffic. Empty: none.
        public var trunk: String?
        /// All of them. Empty: multicast groups.
        public var peers: [String]?
        public var isEnabled: Bool?
        public var tags: [String]?
        public var speed: String?

        public init(
            id: ObjectID, segments: String? = nil, trunk: String? = nil
        ) {
            self.id = id
            self.segments = segments
            self.trunk = trunk
        }
    }

    /// Public addresses of one subnet.
    public struct CreatePublicRange: Hashable, Sendable {
        public var physicalNetwork: ObjectID
        public var gateway: String
        public var netmask: String
        public var first: String
        /// The first when absent.
        public var last: String?
        /// `50`, `vlan://50`, `vxlan://5000` or `untagged`, which it is when absent.
        public var vlan: String?
        public var dedication: Dedication?
        public var isForSystem: Bool
        public var ipv6: IPv6Text?

        /// The IPv6 addresses of a range.
        public struct IPv6Text: Hashable, Sendable {
            public var cidr: String
            public var gateway: String
            /// All of the CIDR when absent.
            public var first: String?
            /// The first when absent.
            public var last: String?

            public init(cidr: String, gateway: String, first: String? = nil, last: String? = nil) {
                self.cidr = cidr
                self.gateway = gateway
                self.first = first
                self.last = last
            }
        }

        public init(
            physicalNetwork: ObjectID, gateway: String, netmask: String, first: String, last: String? = nil,
            vlan: String? = nil, dedication: Dedication? = nil, isForSystem: Bool = false, ipv6: IPv6Text? = nil
        ) {
            self.dedication = dedication
            self.isForSystem = isForSystem
            self.ipv6 = ipv6
            self.physicalNetwork = physicalNetwork
            self.gateway = gateway
            self.netmask = netmask
            self.first = first
            self.last = last
            self.vlan = vlan
        }
    }

    /// Moves the ends of a range.
    public struct UpdatePublicRange: Hashable, Sendable {
        public var id: ObjectID
        public var first: String?
        public var last: String?
        /// Another gateway, or netmask, while nobody has an address of it.
        public var gateway: String?
        public var netmask: String?
        public var isForSystem: Bool?

        public init(
            id: ObjectID, first: String? = nil, last: String? = nil, gateway: String? = nil, netmask: String? = nil,
            isForSystem: Bool? = nil
        ) {
            self.gateway = gateway
            self.netmask = netmask
            self.isForSystem = isForSystem
            self.id = id
            self.first = first
            self.last = last
        }
    }

    /// What networks can be made from.
    public struct CreateNetworkOffering: Hashable, Sendable {
        public var name: String
        /// The name when absent.
        public var displayText: String?
        public var guestType: String
        /// CloudStack's names, as `NetworkService.all` has them.
        public var services: [String]
        /// By service; the virtual router for those not named.
        public var providers: [String: String]
        public var egressDefaultAllow: Bool
        /// Conserve mode: one public address may serve several kinds of rules.
        public var conservesAddresses: Bool
        public var isPersistent: Bool
        public var specifiesVLAN: Bool
        public var isEnabled: Bool
        /// Megabits a second for each NIC, each way; nil, 0 and -1 are unlimited.
        public var rate: Int?
        public var capabilities: [CapabilityRow] = []
        public var specifiesIPRanges = false
        public var isForVPC = false
        public var keepsAlive = false
        /// `Optional`, `Required` or `Unavailable`.
        public var availability: String?
        public var tags: [String]?
        public var maxConnections: Int?
        public var serviceOffering: ObjectID?
        public var scope = OfferingScope()
        public var details: [String: String] = [:]

        public init(
            name: String, displayText: String? = nil, guestType: String = "Isolated", services: [String],
            providers: [String: String] = [:], egressDefaultAllow: Bool = false, conservesAddresses: Bool = true,
            isPersistent: Bool = false, specifiesVLAN: Bool = false, isEnabled: Bool = false, rate: Int? = nil
        ) {
            self.name = name
            self.displayText = displayText
            self.guestType = guestType
            self.services = services
            self.providers = providers
            self.egressDefaultAllow = egressDefaultAllow
            self.conservesAddresses = conservesAddresses
            self.isPersistent = isPersistent
            self.specifiesVLAN = specifiesVLAN
            self.isEnabled = isEnabled
            self.rate = rate
        }
    }

    /// Fields that are absent stay as they are.
    public struct UpdateNetworkOffering: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        public var displayText: String?
        public var isEnabled: Bool?
        public var availability: String?
        public var tags: [String]?
        public var maxConnections: Int?
        public var keepsAlive: Bool?
        public var sortKey: Int?
        public var scope = OfferingScope()

        public init(
            id: ObjectID, name: String? = nil, displayText: String? = nil, isEnabled: Bool? = nil
        ) {
            self.id = id
            self.name = name
            self.displayText = displayText
            self.isEnabled = isEnabled
        }
    }
}
