/// A closed range of ports, 1…65535.
public struct PortRange: Hashable, Comparable, Sendable {
    public let first: UInt16
    public let last: UInt16

    public init?(_ first: Int, _ last: Int) {
        guard (1...65535).contains(first), (1...65535).contains(last), first <= last else { return nil }
        self.first = UInt16(first)
        self.last = UInt16(last)
    }

    public var count: Int { Int(last - first) + 1 }
    public func contains(_ port: UInt16) -> Bool { (first...last).contains(port) }
    public func overlaps(_ other: PortRange) -> Bool { first <= other.last && other.first <= last }

    public static func < (a: Self, b: Self) -> Bool { (a.first, a.last) < (b.first, b.last) }
}

extension PortRange: LosslessStringConvertible, TextCoded {
    /// `80` or `8000-8010`.
    public init?(_ text: String) {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { strictDecimal($0, max: 65535) }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else { return nil }
        self.init(first, last)
    }

    public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}

/// An IP protocol number, with the names people use.
public struct IPProtocol: Hashable, Comparable, Sendable {
    public let number: UInt8

    public init(number: UInt8) { self.number = number }

    public static let icmp = Self(number: 1)
    public static let tcp = Self(number: 6)
    public static let udp = Self(number: 17)
    public static let icmpv6 = Self(number: 58)

    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

extension IPProtocol: LosslessStringConvertible, TextCoded {
    public init?(_ text: String) {
        switch text {
        case "icmp": self = .icmp
        case "tcp": self = .tcp
        case "udp": self = .udp
        case "ipv6-icmp": self = .icmpv6
        default:
            guard let number = strictDecimal(text[...], max: 255) else { return nil }
            self.init(number: UInt8(number))
        }
    }

    public var description: String {
        switch self {
        case .icmp: "icmp"
        case .tcp: "tcp"
        case .udp: "udp"
        case .icmpv6: "ipv6-icmp"
        default: "\(number)"
        }
    }
}
