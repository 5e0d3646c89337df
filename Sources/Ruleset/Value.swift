public import NetworkVocabulary

/// The type of one component of a set key, a map value or a register.
public enum DataType: Hashable, Sendable {
    case ipv4, ipv6, etherAddress, interfaceName, ipProtocol, port, mark, connectionState, networkProtocol, icmpType,
        icmpv6Type, icmpCode, icmpv6Code
    /// Six, sixteen or three bytes of a header that have no name (`Field.bytes`).
    case rawEther, rawIPv6, rawVNI
    /// Keys of maps that are asked by number: see `Choice`.
    case slot
}

/// A value that a packet's field is compared with, or that a map yields.
public enum Value: Hashable, Comparable, Sendable {
    case ipv4(IPv4Address)
    case ipv6(IPv6Address)
    case mac(MACAddress)
    case interface(InterfaceName)
    /// Every name that begins so. Only in matches.
    case interfacePrefix(String)
    case ipProtocol(IPProtocol)
    case port(UInt16)
    case mark(UInt32)
    /// `meta nfproto`: the family of a packet in an `inet` table.
    case family(AddressFamily)
    /// ICMP or ICMPv6: the field says which.
    case icmpType(UInt8)
    case icmpCode(UInt8)
    /// `meta protocol`: what a frame on a bridge carries.
    case etherType(EtherType)
    case arpOperation(UInt16)
    case rawEther(MACAddress)
    case rawIPv6(IPv6Address)
    case rawVNI(VNI)
    /// Only in matches of `Field.bytes`.
    case bytes([UInt8])
    /// Only in matches.
    case macRange(MACRange)
    /// Only in interval sets and matches.
    case ipv4Prefix(IPv4Prefix)
    case ipv6Prefix(IPv6Prefix)
    case ipv4Range(IPv4Range)
    case ipv6Range(IPv6Range)
    case portRange(PortRange)
    case ipProtocolRange(ClosedRange<UInt8>)
    case icmpTypeRange(ClosedRange<UInt8>)
    case icmpCodeRange(ClosedRange<UInt8>)
    /// `ct direction`: only in matches.
    case direction(ConnectionDirection)
    /// Only in keys.
    case slot(UInt32)

    /// Any total order does; this one keeps addresses in numeric order, as people expect in a listing.
    public static func < (a: Self, b: Self) -> Bool {
        switch (a, b) {
        case (.ipv4(let a), .ipv4(let b)): a < b
        case (.ipv6(let a), .ipv6(let b)): a < b
        case (.mac(let a), .mac(let b)): a < b
        case (.interface(let a), .interface(let b)): a < b
        case (.ipProtocol(let a), .ipProtocol(let b)): a < b
        case (.port(let a), .port(let b)): a < b
        case (.mark(let a), .mark(let b)): a < b
        case (.family(let a), .family(let b)): a.rawValue < b.rawValue
        case (.icmpType(let a), .icmpType(let b)): a < b
        case (.icmpCode(let a), .icmpCode(let b)): a < b
        case (.etherType(let a), .etherType(let b)): a.rawValue < b.rawValue
        case (.arpOperation(let a), .arpOperation(let b)): a < b
        case (.interfacePrefix(let a), .interfacePrefix(let b)): a < b
        case (.rawEther(let a), .rawEther(let b)): a < b
        case (.rawIPv6(let a), .rawIPv6(let b)): a < b
        case (.rawVNI(let a), .rawVNI(let b)): a < b
        case (.bytes(let a), .bytes(let b)): a.lexicographicallyPrecedes(b)
        case (.macRange(let a), .macRange(let b)): (a.first, a.last) < (b.first, b.last)
        case (.ipv4Prefix(let a), .ipv4Prefix(let b)): a < b
        case (.ipv6Prefix(let a), .ipv6Prefix(let b)): a < b
        case (.ipv4Range(let a), .ipv4Range(let b)): a < b
        case (.ipv6Range(let a), .ipv6Range(let b)): a < b
        case (.portRange(let a), .portRange(let b)): a < b
        case (.ipProtocolRange(let a), .ipProtocolRange(let b)), (.icmpTypeRange(let a), .icmpTypeRange(let b)),
            (.icmpCodeRange(let a), .icmpCodeRange(let b)):
            (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound)
        case (.direction(let a), .direction(let b)): a < b
        case (.slot(let a), .slot(let b)): a < b
        default: a.rank < b.rank
        }
    }

    private var rank: Int {
        switch self {
        case .ipv4: 0
        case .ipv4Prefix: 1
        case .ipv4Range: 2
        case .ipv6: 3
        case .ipv6Prefix: 4
        case .mac: 5
        case .interface: 6
        case .family: 7
        case .ipProtocol: 8
        case .port: 9
        case .portRange: 10
        case .icmpType: 11
        case .mark: 12
        case .icmpCode: 13
        case .etherType: 14
        case .arpOperation: 15
        case .ipv6Range: 16
        case .ipProtocolRange: 17
        case .icmpTypeRange: 18
        case .icmpCodeRange: 19
        case .direction: 20
        case .interfacePrefix: 21
        case .rawEther: 22
        case .rawIPv6: 23
        case .bytes: 24
        case .macRange: 25
        case .slot: 26
        case .rawVNI: 27
        }
    }
}

/// The protocols that rules tell apart in a frame.
public enum EtherType: UInt16, Hashable, Sendable {
    case ipv4 = 0x0800
    case arp = 0x0806
    case ipv6 = 0x86dd
    case vlan = 0x8100
    /// 802.1ad, and what was used before there was a standard.
    case serviceVLAN = 0x88a8
    case oldServiceVLAN = 0x9100
}

/// Link addresses from one to another, both included.
public struct MACRange: Hashable, Sendable {
    public let first: MACAddress
    public let last: MACAddress

    public init?(_ first: MACAddress, _ last: MACAddress) {
        guard first <= last else { return nil }
        self.first = first
        self.last = last
    }
}

/// What a verdict says about a packet.
public enum Verdict: Hashable, Sendable {
    case accept, drop, `return`
    case jump(ChainName)
    case goto(ChainName)
}

/// A chain's name. Names are ours, never user text; they carry a hyphen so that none is a reserved word of nft.
public struct ChainName: Hashable, Comparable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public init(stringLiteral text: StaticString) { self.text = text.description }
    public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
    public var description: String { text }
}

/// A set's or map's name, under the same rule as chain names.
public struct SetName: Hashable, Comparable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public init(stringLiteral text: StaticString) { self.text = text.description }
    public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
    public var description: String { text }
}
