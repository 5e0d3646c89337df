public import NetworkVocabulary

/// What a pattern says about one field.
public enum Wanted<Value: Hashable & Sendable>: Hashable, Sendable {
    /// Left out, or `*`: anything matches; when sending it is filled in.
    case any
    case exactly(Value)
    /// `$name`: the first match binds it, every later one must be equal; when sending it must be bound.
    case variable(String)
}

/// What a variable of a packet line holds.
public enum PacketValue: Hashable, Sendable {
    case number(UInt32)
    case address(IPAddress)
    case mac(MACAddress)
}

/// A packet as a line of text says it (`docs/packet-lines.md`): what is written is compared, what is left out is
/// ignored when matching and filled in when sending.
///
/// One exception: a pattern without tags matches frames without tags. A packet that leaves on the wrong VLAN is never
/// the right one.
public struct PacketPattern: Hashable, Sendable {
    public struct Tag: Hashable, Sendable {
        /// 0x8100, or the service tag's 0x88a8.
        public var isService = false
        public var id = Wanted<UInt32>.any
        public var priority = Wanted<UInt32>.any

        public init() {}
    }

    public enum ARP: Hashable, Sendable {
        case request(target: Wanted<IPAddress>, sender: Wanted<IPAddress>)
        case reply(sender: Wanted<IPAddress>, mac: Wanted<MACAddress>, target: Wanted<IPAddress>)
    }

    public struct TCP: Hashable, Sendable {
        public var source = Wanted<UInt32>.any
        public var destination = Wanted<UInt32>.any
        public var flags: TCPSegment.Flags?
        public var sequence = Wanted<UInt32>.any
        public var acknowledgment = Wanted<UInt32>.any
        public var window = Wanted<UInt32>.any
        public var maximumSegment = Wanted<UInt32>.any

        public init() {}
    }

    public struct UDP: Hashable, Sendable {
        public var source = Wanted<UInt32>.any
        public var destination = Wanted<UInt32>.any
        public var vxlan: VXLAN?

        public init() {}
    }

    public struct VXLAN: Hashable, Sendable {
        public var identifier: Wanted<UInt32>
        public var inner: PacketPattern
    }

    public struct ICMP: Hashable, Sendable {
        public var family: AddressFamily
        public var type = Wanted<UInt32>.any
        public var code = Wanted<UInt32>.any
        /// Of an echo.
        public var identifier = Wanted<UInt32>.any
        public var sequence = Wanted<UInt32>.any
        /// Of "packet too big" and "fragmentation needed".
        public var mtu = Wanted<UInt32>.any
        /// Of neighbour discovery.
        public var target = Wanted<IPAddress>.any
        public var linkAddress = Wanted<MACAddress>.any
        /// The packet an error is about.
        public var quoted: PacketPattern?

        public init(_ family: AddressFamily) { self.family = family }
    }

    public enum Transport: Hashable, Sendable {
        case any(number: Wanted<UInt32>)
        case tcp(TCP)
        case udp(UDP)
        case icmp(ICMP)
    }

    public struct Fragment: Hashable, Sendable {
        /// In bytes.
        public var offset: UInt32
        public var more: Bool
    }

    public struct IP: Hashable, Sendable {
        public var source = Wanted<IPAddress>.any
        public var destination = Wanted<IPAddress>.any
        /// Or the hop limit.
        public var ttl = Wanted<UInt32>.any
        /// Or the traffic class.
        public var tos = Wanted<UInt32>.any
        /// Of IPv4, or of a fragment of IPv6.
        public var identification = Wanted<UInt32>.any
        public var dontFragment: Bool?
        public var fragment: Fragment?
        public var hasBadHeaderChecksum = false
        public var hasBadChecksum = false
        public var transport: Transport

        public init(_ transport: Transport) { self.transport = transport }
    }

    public indirect enum Packet: Hashable, Sendable {
        /// Any frame at all, whatever its tags.
        case any
        case arp(ARP)
        case ip(IP)
        case other(etherType: Wanted<UInt32>)
    }

    public var tags: [Tag] = []
    public var source = Wanted<MACAddress>.any
    public var destination = Wanted<MACAddress>.any
    public var packet: Packet
    /// The bytes behind the innermost header that is read, all of them.
    public var payload: [UInt8]?
    /// How many they are.
    public var length = Wanted<UInt32>.any
    /// Cut off or contradictory (`Frame.fault`).
    public var isMalformed = false

    public init(_ packet: Packet) { self.packet = packet }
}
