/// An Ethernet address.
public struct MACAddress: Hashable, Comparable, Sendable {
    /// The low 48 bits.
    public let bits: UInt64

    public init?(bits: UInt64) {
        guard bits >> 48 == 0 else { return nil }
        self.bits = bits
    }

    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ e: UInt8, _ f: UInt8) {
        bits = [a, b, c, d, e, f].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// A locally administered unicast address in Sluice's own block (02:…), unique for a number below 2^40.
    public init(locallyAdministered number: UInt64) {
        bits = 0x0200_0000_0000 | number & 0xff_ffff_ffff
    }

    public var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: bits >> UInt64(40 - 8 * $0)) } }
    public var isMulticast: Bool { bits >> 40 & 1 == 1 }

    public static func < (a: Self, b: Self) -> Bool { a.bits < b.bits }
}

extension MACAddress: LosslessStringConvertible, TextCoded {
    /// Six pairs of hexadecimal digits with colons, either case.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6, parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy(isHexDigit) }) else {
            return nil
        }
        bits = parts.reduce(0) { $0 << 8 | (UInt64($1, radix: 16) ?? 0) }
    }

    public var description: String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}

/// An 802.1Q VLAN identifier a network may use: 1…4094 (0 is priority tagging, 4095 is reserved).
public struct VLANID: Hashable, Comparable, Sendable {
    public let rawValue: UInt16

    public init?(_ number: Int) {
        guard (1...4094).contains(number) else { return nil }
        rawValue = UInt16(number)
    }

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension VLANID: LosslessStringConvertible, TextCoded {
    public init?(_ text: String) {
        guard let number = strictDecimal(text[...], max: 4094) else { return nil }
        self.init(number)
    }

    public var description: String { "\(rawValue)" }
}

/// A VXLAN network identifier: 24 bits, not 0.
public struct VNI: Hashable, Comparable, Sendable {
    public let rawValue: UInt32

    /// What the headers of Ethernet, IPv4, UDP and VXLAN take of what the underlay carries (RFC 7348, 5).
    public static let encapsulation = 50

    public init?(_ number: Int) {
        guard (1..<1 << 24).contains(number) else { return nil }
        rawValue = UInt32(number)
    }

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension VNI: LosslessStringConvertible, TextCoded {
    public init?(_ text: String) {
        guard let number = strictDecimal(text[...], max: 1 << 24 - 1) else { return nil }
        self.init(number)
    }

    public var description: String { "\(rawValue)" }
}

/// A network interface's name: what the kernel accepts, and printable.
public struct InterfaceName: Hashable, Comparable, Sendable {
    public let rawValue: String

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension InterfaceName: LosslessStringConvertible, TextCoded {
    /// 1…15 printable ASCII bytes without `/`, `:`, `%` or quotes; not `.` or `..`, and not `all` or `default`, which
    /// the kernel keeps for its sysctls.
    public init?(_ text: String) {
        let allowed = { (byte: UInt8) in
            byte > 0x20 && byte < 0x7f && !"/:%\"'\\".utf8.contains(byte)
        }
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy(allowed),
            ![".", "..", "all", "default"].contains(text)
        else { return nil }
        rawValue = text
    }

    public var description: String { rawValue }
}
