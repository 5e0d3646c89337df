/// One direction of a tracked connection, as its packets carry it.
public struct FlowTuple: Hashable, Sendable {
    /// What tells two connections between the same addresses apart.
    public enum Selector: Hashable, Sendable {
        /// TCP, UDP, SCTP, DCCP, and whatever else the kernel tells apart by ports.
        case ports(source: UInt16, destination: UInt16)
        /// ICMP and ICMPv6: a question or an answer, by the number that both carry.
        case icmp(type: UInt8, code: UInt8, id: UInt16)
        /// A protocol of which the kernel knows nothing but the number.
        case none
    }

    public let source: IPAddress
    public let destination: IPAddress
    public let ipProtocol: IPProtocol
    public let selector: Selector

    public init(_ ipProtocol: IPProtocol, from source: IPAddress, to destination: IPAddress, _ selector: Selector) {
        self.source = source
        self.destination = destination
        self.ipProtocol = ipProtocol
        self.selector = selector
    }

    public var family: AddressFamily { source.family }

    /// Nil where there are no ports.
    public var sourcePort: UInt16? {
        if case .ports(let source, _) = selector { source } else { nil }
    }

    /// Nil where there are no ports.
    public var destinationPort: UInt16? {
        if case .ports(_, let destination) = selector { destination } else { nil }
    }
}

/// A connection that the kernel tracks: what began it, what its answers look like, and what is known of it.
///
/// Without address translation the reply is the original turned round; where they differ, they say who was translated to
/// whom.
public struct Flow: Hashable, Sendable {
    /// What the kernel has found out or decided about a connection.
    public struct Status: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32

        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// A helper announced it, as FTP its data connection.
        public static let expected = Self(rawValue: 1 << 0)
        public static let seenReply = Self(rawValue: 1 << 1)
        /// Not given up early when the table is full.
        public static let assured = Self(rawValue: 1 << 2)
        /// Its first packet has left.
        public static let confirmed = Self(rawValue: 1 << 3)
        public static let sourceTranslated = Self(rawValue: 1 << 4)
        public static let destinationTranslated = Self(rawValue: 1 << 5)
        /// Already out of the table, and still used by a packet.
        public static let dying = Self(rawValue: 1 << 9)
        /// Carried by a flowtable, past the rules.
        public static let offloaded = Self(rawValue: 1 << 14)
    }

    /// What one direction has carried; the kernel counts only where it is told to (`nf_conntrack_acct`).
    public struct Counters: Hashable, Sendable {
        public var packets: UInt64
        public var bytes: UInt64

        public init(packets: UInt64, bytes: UInt64) {
            self.packets = packets
            self.bytes = bytes
        }
    }

    /// Which entry of the table it is.
    ///
    /// The id is the kernel's, made from where the entry lies in its memory and from the tuple: a later connection with
    /// the same tuple has another, unless it was given the very memory that the earlier one left.
    public struct Key: Hashable, Sendable {
        public let original: FlowTuple
        public let zone: UInt16
        /// Nil: whichever entry has the tuple.
        public let id: UInt32?

        public init(_ original: FlowTuple, zone: UInt16 = 0, id: UInt32?) {
            self.original = original
            self.zone = zone
            self.id = id
        }
    }

    public let original: FlowTuple
    public let reply: FlowTuple
    public var mark: UInt32
    public var status: Status
    public var zone: UInt16
    public var id: UInt32
    public var originalCounters: Counters?
    public var replyCounters: Counters?
    /// Seconds until the kernel forgets it if it stays silent; nil where a flowtable keeps it.
    public var timeout: UInt32?

    public init(
        _ original: FlowTuple, reply: FlowTuple, mark: UInt32 = 0, status: Status = [], zone: UInt16 = 0,
        id: UInt32 = 0, originalCounters: Counters? = nil, replyCounters: Counters? = nil, timeout: UInt32? = nil
    ) {
        self.original = original
        self.reply = reply
        self.mark = mark
        self.status = status
        self.zone = zone
        self.id = id
        self.originalCounters = originalCounters
        self.replyCounters = replyCounters
        self.timeout = timeout
    }

    public var key: Key { Key(original, zone: zone, id: id) }

    public var isSourceTranslated: Bool { status.contains(.sourceTranslated) }
    public var isDestinationTranslated: Bool { status.contains(.destinationTranslated) }
    public var isAssured: Bool { status.contains(.assured) }
    public var isConfirmed: Bool { status.contains(.confirmed) }
    public var isDying: Bool { status.contains(.dying) }
    public var hasSeenReply: Bool { status.contains(.seenReply) }
    public var isOffloaded: Bool { status.contains(.offloaded) }
}

extension FlowTuple: CustomStringConvertible {
    /// `tcp 10.1.1.10:40000 > 203.0.113.5:80`, `icmp 10.1.1.10 > 203.0.113.5 type 8 code 0 id 77`.
    public var description: String { "\(ipProtocol) \(ends)" }

    fileprivate var ends: String {
        switch selector {
        case .ports(let from, let to): "\(source.text(withPort: from)) > \(destination.text(withPort: to))"
        case .icmp(let type, let code, let id): "\(source) > \(destination) type \(type) code \(code) id \(id)"
        case .none: "\(source) > \(destination)"
        }
    }
}

extension Flow: CustomStringConvertible {
    /// `tcp 10.1.1.10:40000 > 203.0.113.5:80 → 10.1.2.20:8080 > 10.1.1.10:40000`: after the arrow the answers' direction.
    public var description: String { "\(original) → \(reply.ends)" }
}

extension IPAddress {
    fileprivate func text(withPort port: UInt16) -> String {
        switch self {
        case .v4: "\(self):\(port)"
        case .v6: "[\(self)]:\(port)"
        }
    }
}
