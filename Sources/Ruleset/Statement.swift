public import NetworkVocabulary

/// A property of a packet or its connection that a rule can look at.
public enum Field: Hashable, Sendable {
    // meta
    case inputInterface, outputInterface, packetMark, networkProtocol, transportProtocol
    // connection tracking
    case connectionState, connectionMark, connectionStatus
    /// Which way the packet goes in its connection: as its first packet went, or back.
    case connectionDirection
    /// The connection as its first packet came, before any translation: the same for every packet of the connection, in
    /// either direction and at every hook.
    case ipv4OriginalSource, ipv4OriginalDestination, ipv6OriginalSource, ipv6OriginalDestination
    case originalSourcePort, originalDestinationPort
    /// What answers look like when they come in: the source is who answers, the destination whom they are sent to, which
    /// after source translation is the public address. Settled once the first packet has left `postrouting`.
    case ipv4ReplySource, ipv4ReplyDestination, ipv6ReplySource, ipv6ReplyDestination
    case replySourcePort, replyDestinationPort
    // headers
    case etherSource, etherDestination
    /// `meta protocol`: what a frame carries, in bridge tables. Of a tagged frame it is what the tag is in front of.
    case etherType
    /// The type in the frame's own header, in bridge tables: of a tagged frame that of its outermost tag.
    case frameType
    case ipv4Source, ipv4Destination, ipv6Source, ipv6Destination
    case sourcePort, destinationPort
    case icmpType, icmpCode, icmpv6Type, icmpv6Code
    case arpOperation, arpSenderMAC, arpSenderIPv4, arpTargetIPv4
    /// Bytes of a header, by their place: for what has no name here.
    case bytes(Expression.Header, offset: UInt32, count: UInt32)
}

public enum Comparison: Hashable, Sendable {
    case equal, notEqual
}

/// Bits of `ct state`.
public struct ConnectionStates: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let invalid = Self(rawValue: 1)
    public static let established = Self(rawValue: 2)
    public static let related = Self(rawValue: 4)
    public static let new = Self(rawValue: 8)
    public static let untracked = Self(rawValue: 64)
}

/// Bits of `ct status` that rules use.
public struct ConnectionStatuses: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let sourceNAT = Self(rawValue: 1 << 4)
    public static let destinationNAT = Self(rawValue: 1 << 5)
}

/// Which way a packet goes in its connection.
public enum ConnectionDirection: UInt8, Hashable, Comparable, Sendable {
    case original, reply
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Where a statement takes a value from.
public enum Operand: Hashable, Sendable {
    case value(Value)
    case field(Field)
    /// The value that a map holds for these fields.
    case map(SetName, key: [Field])
}

/// One of several neighbouring slots of a map.
public struct Choice: Hashable, Sendable {
    public enum Way: Hashable, Sendable {
        /// The next one each time that the rule is asked.
        case inTurn
        /// The same one for the same value of the field, as long as there are as many: Jenkins' hash of its bytes.
        case byHash(Field, seed: UInt32)
    }

    public let way: Way
    public let first: UInt32
    public let count: UInt32

    public init(_ way: Way, first: UInt32, count: UInt32) {
        self.way = way
        self.first = first
        self.count = count
    }
}

public struct RateLimit: Hashable, Sendable {
    public enum Unit: String, Hashable, Sendable { case second, minute }
    public let packets: UInt64
    public let per: Unit
    public let burst: UInt32
    public init(packets: UInt64, per: Unit, burst: UInt32) {
        self.packets = packets
        self.per = per
        self.burst = burst
    }
}

public enum Rejection: Hashable, Sendable {
    case adminProhibited, portUnreachable, tcpReset
}

/// One step of a rule. Matching statements end the rule when they do not match.
///
/// A field of a header is readable only after the rule has made sure that the packet has that header: the author
/// writes the family and protocol matches, `Table.validate` refuses rules that forget them.
public enum Statement: Hashable, Sendable {
    case match(Field, Comparison, Value)
    /// Any of these values (an anonymous set).
    case oneOf(Field, Comparison, [Value])
    case connectionState(ConnectionStates)
    case connectionStatus(ConnectionStatuses)
    /// `(field & mask) == value` on a mark.
    case maskedMark(Field, mask: UInt32, Comparison, UInt32)
    /// `(field & mask) == value` on a single byte.
    case maskedByte(Field, mask: UInt8, Comparison, UInt8)
    /// Membership of the concatenated fields in a named set.
    case lookup([Field], in: SetName, Comparison)
    /// The verdict that a named map holds for the fields; no element means no verdict.
    case verdictMap([Field], SetName)
    case setPacketMark(Operand)
    case setConnectionMark(Operand)
    case sourceNAT(AddressFamily, Operand)
    /// Address, or address and port when the map yields both.
    case destinationNAT(AddressFamily, Operand, withPort: Bool)
    /// The address that a map of slots holds for the one that is chosen, at this port.
    case balance(AddressFamily, SetName, Choice, port: UInt16)
    case masquerade
    case counter
    case limit(RateLimit)
    case reject(Rejection)
    case log(prefix: String)
    case verdict(Verdict)
}
