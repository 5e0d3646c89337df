/// An IPv4 address as a number in host order, so that ranges are ranges of numbers.
public struct IPv4Address: Hashable, Comparable, Sendable {
    public let bits: UInt32

    public init(bits: UInt32) { self.bits = bits }

    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// The four bytes as they travel.
    public var octets: [UInt8] {
        [UInt8(bits >> 24), UInt8(bits >> 16 & 0xff), UInt8(bits >> 8 & 0xff), UInt8(bits & 0xff)]
    }

    public static func < (a: Self, b: Self) -> Bool { a.bits < b.bits }

    /// Of 169.254.0.0/16, which no router passes on (RFC 3927).
    public var isLinkLocal: Bool { bits >> 16 == 0xa9fe }

    /// The address `count` further on, or nil past either end of the address space.
    public func advanced(by count: Int64) -> IPv4Address? {
        let (moved, overflow) = Int64(bits).addingReportingOverflow(count)
        guard !overflow, let bits = UInt32(exactly: moved) else { return nil }
        return IPv4Address(bits: bits)
    }
}

extension IPv4Address: LosslessStringConvertible, TextCoded {
    /// Strict dotted quad: four decimal numbers, no leading zeros (which some parsers read as octal), no spaces.
    public init?(_ text: String) {
        var value: UInt32 = 0
        var digits = 0
        var octet: UInt32 = 0
        var dots = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard digits < 3, !(digits == 1 && octet == 0) else { return nil }
                octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
                guard octet <= 255 else { return nil }
                digits += 1
            case UInt8(ascii: "."):
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | octet
                (digits, octet) = (0, 0)
                dots += 1
            default: return nil
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        self.init(bits: value << 8 | octet)
    }

    public var description: String {
        "\(bits >> 24).\(bits >> 16 & 0xff).\(bits >> 8 & 0xff).\(bits & 0xff)"
    }
}

/// An IPv4 network: an address without host bits and a length.
public struct IPv4Prefix: Hashable, Comparable, Sendable {
    public let address: IPv4Address
    public let length: Int

    /// Nil when the length is out of range or host bits are set.
    public init?(_ address: IPv4Address, length: Int) {
        guard (0...32).contains(length), address.bits & ~Self.mask(length) == 0 else { return nil }
        self.address = address
        self.length = length
    }

    /// The network that contains `address`: host bits are cleared.
    public init?(containing address: IPv4Address, length: Int) {
        guard (0...32).contains(length) else { return nil }
        self.init(IPv4Address(bits: address.bits & Self.mask(length)), length: length)
    }

    /// The network of one address.
    public init(host address: IPv4Address) {
        self.address = address
        length = 32
    }

    /// `0.0.0.0/0`.
    public static let everything = IPv4Prefix()

    private init() {
        address = IPv4Address(bits: 0)
        length = 0
    }

    static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : ~0 << UInt32(32 - length) }

    public var netmask: IPv4Address { IPv4Address(bits: Self.mask(length)) }
    public var first: IPv4Address { address }
    public var last: IPv4Address { IPv4Address(bits: address.bits | ~Self.mask(length)) }
    public var range: IPv4Range { IPv4Range(unchecked: first, last) }

    /// The addresses a host may have: all but network and broadcast address where those exist (RFC 3021 for /31).
    public var hosts: IPv4Range {
        guard length < 31, let low = first.advanced(by: 1), let high = last.advanced(by: -1) else { return range }
        return IPv4Range(unchecked: low, high)
    }

    public func contains(_ address: IPv4Address) -> Bool { address.bits & Self.mask(length) == self.address.bits }
    public func contains(_ other: IPv4Prefix) -> Bool { other.length >= length && contains(other.address) }
    public func overlaps(_ other: IPv4Prefix) -> Bool { contains(other) || other.contains(self) }

    public static func < (a: Self, b: Self) -> Bool { (a.address, a.length) < (b.address, b.length) }
}

extension IPv4Prefix: LosslessStringConvertible, TextCoded {
    /// `a.b.c.d/len`; host bits are refused, not cleared.
    public init?(_ text: String) {
        guard let (address, length) = splitPrefix(text, IPv4Address.init) else { return nil }
        self.init(address, length: length)
    }

    /// The length of a netmask such as 255.255.255.0, or nil when it has holes.
    public static func length(ofNetmask mask: IPv4Address) -> Int? {
        let length = (~mask.bits).leadingZeroBitCount
        return self.mask(length) == mask.bits ? length : nil
    }

    public var description: String { "\(address)/\(length)" }
}

/// A closed range of IPv4 addresses.
public struct IPv4Range: Hashable, Comparable, Sendable {
    public let first: IPv4Address
    public let last: IPv4Address

    /// Nil when reversed.
    public init?(_ first: IPv4Address, _ last: IPv4Address) {
        guard first <= last else { return nil }
        self.init(unchecked: first, last)
    }

    init(unchecked first: IPv4Address, _ last: IPv4Address) {
        self.first = first
        self.last = last
    }

    public var count: Int { Int(last.bits - first.bits) + 1 }
    public func contains(_ address: IPv4Address) -> Bool { (first...last).contains(address) }
    public func contains(_ other: IPv4Range) -> Bool { contains(other.first) && contains(other.last) }
    public func overlaps(_ other: IPv4Range) -> Bool { first <= other.last && other.first <= last }

    public static func < (a: Self, b: Self) -> Bool { (a.first, a.last) < (b.first, b.last) }
}

extension IPv4Range: LosslessStringConvertible, TextCoded {
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = IPv4Address(String(parts[0])), let last = IPv4Address(String(parts[1]))
        else { return nil }
        self.init(first, last)
    }

    public var description: String { "\(first)-\(last)" }
}

/// Splits `address/length` where the length is plain decimal without sign or leading zero.
func splitPrefix<Address>(_ text: String, _ parse: (String) -> Address?) -> (Address, Int)? {
    guard let slash = text.lastIndex(of: "/"), let address = parse(String(text[..<slash])),
        let length = strictDecimal(text[text.index(after: slash)...], max: 128)
    else { return nil }
    return (address, length)
}

/// Digits only, no sign, no leading zero, at most `max`.
func strictDecimal(_ text: Substring, max: Int) -> Int? {
    guard !text.isEmpty, text.utf8.count <= 10, text.utf8.allSatisfy({ (48...57).contains($0) }),
        text.utf8.count == 1 || text.utf8.first != 48, let value = Int(text), value <= max
    else { return nil }
    return value
}
