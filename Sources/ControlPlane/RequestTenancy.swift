public import CloudModel
public import NetworkVocabulary

extension Request {
    /// A network of a tenant, isolated from all others.
    public struct CreateNetwork: Hashable, Sendable {
        public var name: String
        /// The name when absent.
        public var displayText: String?
        public var zone: ObjectID
        public var offering: ObjectID
        /// The caller's when absent.
        public var account: ObjectID?
        /// Needed only where the zone has several.
        public var physicalNetwork: ObjectID?
        /// Instead of gateway and netmask; with neither it is the zone's guest network.
        public var cidr: String?
        /// The first host of `cidr` when absent.
        public var gateway: String?
        public var netmask: String?
        /// The part that guests get addresses from.
        public var guestCIDR: String?
        /// The zone's when absent.
        public var networkDomain: String?
        public var kind: Kind

        /// What networks of some kinds have, and others have not.
        public struct Kind: Hashable, Sendable {
            /// `98`, `vlan://98`, `vxlan://5000` or `untagged`, for offerings that leave it to the caller.
            public var segment: String?
            /// Shared networks: the addresses of guests.
            public var first: String?
            /// The first when absent.
            public var last: String?
            /// Shared networks: `Account` or `Domain`, which it is when absent.
            public var access: String?
            /// The domain whose accounts may use it; ROOT when absent.
            public var domain: ObjectID?
            /// Whether accounts of domains below may, too; they may when absent.
            public var includesSubdomains: Bool?
            public var isolatesPorts: Bool
            /// The zone's when absent.
            public var dns1: String?
            public var dns2: String?
            /// The largest that the wire carries when absent.
            public var privateMTU: Int?
            public var publicMTU: Int?

            public init(
                segment: String? = nil, first: String? = nil, last: String? = nil, access: String? = nil,
                domain: ObjectID? = nil, includesSubdomains: Bool? = nil, isolatesPorts: Bool = false,
                dns1: String? = nil, dns2: String? = nil
            ) {
                self.segment = segment
                self.first = first
                self.last = last
                self.access = access
                self.domain = domain
                self.includesSubdomains = includesSubdomains
                self.isolatesPorts = isolatesPorts
                self.dns1 = dns1
                self.dns2 = dns2
            }
        }

        public init(
            name: String, displayText: String? = nil, zone: ObjectID, offering: ObjectID, account: ObjectID? = nil,
            physicalNetwork: ObjectID? = nil, cidr: String? = nil, gateway: String? = nil, netmask: String? = nil,
            guestCIDR: String? = nil, networkDomain: String? = nil, kind: Kind = Kind()
        ) {
            self.kind = kind
            self.name = name
            self.displayText = displayText
            self.zone = zone
            self.offering = offering
            self.account = account
            self.physicalNetwork = physicalNetwork
            self.cidr = cidr
            self.gateway = gateway
            self.netmask = netmask
            self.guestCIDR = guestCIDR
            self.networkDomain = networkDomain
        }
    }

    /// Fields that are absent stay as they are.
    public struct UpdateNetwork: Hashable, Sendable {
        public var id: ObjectID
        public var name: String?
        public var displayText: String?
        /// Empty: none.
        public var networkDomain: String?
        /// One of the network's other addresses, or a free one: guests are seen by it from then on.
        public var sourceNATAddress: String?
        /// Another offering, to which the network is converted as it stands.
        public var offering: ObjectID?
        /// The part that guests get addresses from; the whole network: no part any more.
        public var guestCIDR: String?
        /// Empty: the zone's.
        public var dns1: String?
        public var dns2: String?
        public var privateMTU: Int?
        public var publicMTU: Int?

        public init(
            id: ObjectID, name: String? = nil, displayText: String? = nil, networkDomain: String? = nil,
            sourceNATAddress: String? = nil, offering: ObjectID? = nil, guestCIDR: String? = nil, dns1: String? = nil,
            dns2: String? = nil
        ) {
            self.offering = offering
            self.guestCIDR = guestCIDR
            self.dns1 = dns1
            self.dns2 = dns2
            self.sourceNATAddress = sourceNATAddress
            self.id = id
            self.name = name
            self.displayText = displayText
            self.networkDomain = networkDomain
        }
    }

    /// A public address for a network, or for an account to use later.
    public struct AcquirePublicAddress: Hashable, Sendable {
        public var network: ObjectID?
        /// Needed without a network.
        public var zone: ObjectID?
        /// The caller's when absent.
        public var account: ObjectID?
        /// This one, and no other.
        public var address: String?
        /// Whether lists show it without being asked.
        public var isDisplayed: Bool?

        public init(
            network: ObjectID? = nil, zone: ObjectID? = nil, account: ObjectID? = nil, address: String? = nil,
            isDisplayed: Bool? = nil
        ) {
            self.isDisplayed = isDisplayed
            self.network = network
            self.zone = zone
            self.account = account
            self.address = address
        }
    }

    /// A machine with its ports.
    public struct DeployGuest: Hashable, Sendable {
        /// A port on a network.
        public struct NIC: Hashable, Sendable {
            public var network: ObjectID
            /// The lowest free one when absent.
            public var address: String?
            /// The first NIC when none says so.
            public var isDefault: Bool
            /// One that nobody has; a new one when absent.
            public var mac: String?
            public var dhcpOptions: DHCPOptionRow
            /// Absent: as the guest's other ports.
            public var delivery: Delivery?
            /// Whether it was asked for in a list of ports: what an error names. Else it was by `networkids` and
            /// `ipaddress`.
            public var isListed: Bool
            /// Its number in that list, where that is not its place.
            public var row: Int?

            public init(
                network: ObjectID, address: String? = nil, isDefault: Bool = false, mac: String? = nil,
                dhcpOptions: DHCPOptionRow = .init([]), delivery: Delivery? = nil, isListed: Bool = true,
                row: Int? = nil
            ) {
                self.row = row
                self.isListed = isListed
                self.delivery = delivery
                self.dhcpOptions = dhcpOptions
                self.mac = mac
                self.network = network
                self.address = address
                self.isDefault = isDefault
            }
        }

        public var zone: ObjectID
        /// The id when absent.
        public var name: String?
        /// The caller's when absent.
        public var account: ObjectID?
        public var port: Guest.Port
        /// The namespace of somebody else's that a container's ports go into.
        public var namespace: String?
        /// `eth0` and on; a network of the owner's, or a new one, when there are none.
        public var nics: [NIC]
        public var starts: Bool
        public var facts: GuestFacts

        public init(
            zone: ObjectID, name: String? = nil, account: ObjectID? = nil, port: Guest.Port = .emulated,
            namespace: String? = nil, nics: [NIC], starts: Bool = true, facts: GuestFacts = GuestFacts()
        ) {
            self.namespace = namespace
            self.facts = facts
            self.zone = zone
            self.name = name
            self.account = account
            self.port = port
            self.nics = nics
            self.starts = starts
        }
    }

    /// To whom a port is handed over.
    public struct Delivery: Hashable, Sendable {
        public var port: Guest.Port
        /// The namespace of somebody else's that a container's port goes into.
        public var namespace: String?

        public init(_ port: Guest.Port, namespace: String? = nil) {
            self.port = port
            self.namespace = namespace
        }
    }

    /// A cloud file to bring about.
    public struct ApplyCloud: Hashable, Sendable {
        public var file: CloudFile
        /// Whether what the file does not name is removed.
        public var prunes: Bool

        public init(
            file: CloudFile, prunes: Bool = false
        ) {
            self.file = file
            self.prunes = prunes
        }
    }
}
