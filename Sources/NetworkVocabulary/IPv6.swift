/// An IPv6 address as two halves in host order.
public struct IPv6Address: Hashable, Comparable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The sixteen bytes as they travel.
    public var octets: [UInt8] {
        (0..<16).map { index in
            UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - 8 * (index % 8)))
        }
    }

    var groups: [UInt16] {
        (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index % 4)))
        }
    }

    public static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

extension IPv6Address: LosslessStringConvertible, TextCoded {
    /// RFC 4291 section 2.2: groups, `::` at most once, an IPv4 tail; no zone identifier.
    public init?(_ text: String) {
        var head: [UInt16] = []
        var tail: [UInt16]?
        var rest = Substring(text)
        guard rest.utf8.count <= 45 else { return nil }
        if rest.hasPrefix("::") {
            tail = []
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let end = rest.firstIndex(of: ":") ?? rest.endIndex
            let piece = rest[..<end]
            if piece.contains(".") {
                guard end == rest.endIndex, let v4 = IPv4Address(String(piece)) else { return nil }
                let words = [UInt16(v4.bits >> 16), UInt16(v4.bits & 0xffff)]
                if tail == nil { head += words } else { tail?.append(contentsOf: words) }
                rest = rest[end...]
                break
            }
            guard (1...4).contains(piece.utf8.count), piece.utf8.allSatisfy(isHexDigit),
                let word = UInt16(piece, radix: 16)
            else { return nil }
            if tail == nil { head.append(word) } else { tail?.append(word) }
            rest = rest[end...]
            guard !rest.isEmpty else { break }
            rest = rest.dropFirst()
            guard !rest.isEmpty else { return nil }
            if rest.hasPrefix(":") {
                guard tail == nil else { return nil }
                tail = []
                rest = rest.dropFirst()
            }
        }
        let written = head.count + (tail?.count ?? 0)
        guard tail == nil ? written == 8 : written < 8 else { return nil }
        let all = head + Array(repeating: 0, count: 8 - written) + (tail ?? [])
        self.init(
            high: all[0..<4].reduce(0) { $0 << 16 | UInt64($1) }, low: all[4..<8].reduce(0) { $0 << 16 | UInt64($1) })
    }

    /// The canonical form of RFC 5952: lower case, the longest run of two or more zero groups (the first of equals)
    /// shortened, and an IPv4-mapped address with its dotted tail (section 5), as the kernel's tools print it.
    public var description: String {
        if high == 0, low >> 32 == 0xffff {
            return "::ffff:\(IPv4Address(bits: UInt32(truncatingIfNeeded: low)))"
        }
        let groups = groups
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > best.count, end - start > 1 { best = start..<end }
            start = max(end, start + 1)
        }
        let hex = { (part: ArraySlice<UInt16>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
        return best.isEmpty
            ? hex(groups[...]) : hex(groups[..<best.lowerBound]) + "::" + hex(groups[best.upperBound...])
    }
}

/// An IPv6 network: an address without host bits and a length.
public struct IPv6Prefix: Hashable, Comparable, Sendable {
    public let address: IPv6Address
    public let length: Int

    public init?(_ address: IPv6Address, length: Int) {
        guard (0...128).contains(length) else { return nil }
        let (high, low) = Self.mask(length)
        guard address.high & ~high == 0, address.low & ~low == 0 else { return nil }
        self.address = address
        self.length = length
    }

    public init?(containing address: IPv6Address, length: Int) {
        guard (0...128).contains(length) else { return nil }
        let (high, low) = Self.mask(length)
        self.init(IPv6Address(high: address.high & high, low: address.low & low), length: length)
    }

    /// The network of one address.
    public init(host address: IPv6Address) {
        self.address = address
        length = 128
    }

    static func mask(_ length: Int) -> (UInt64, UInt64) {
        let bits = { (count: Int) -> UInt64 in count <= 0 ? 0 : count >= 64 ? ~0 : ~0 << UInt64(64 - count) }
        return (bits(length), bits(length - 64))
    }

    public func contains(_ address: IPv6Address) -> Bool {
        let (high, low) = Self.mask(length)
        return address.high & high == self.address.high && address.low & low == self.address.low
    }

    public var first: IPv6Address { address }
    public var last: IPv6Address {
        let (high, low) = Self.mask(length)
        return IPv6Address(high: address.high | ~high, low: address.low | ~low)
    }

    /// `::/0`.
    public static let everything = IPv6Prefix()

    private init() {
        address = IPv6Address(high: 0, low: 0)
        length = 0
    }

    public func contains(_ other: IPv6Prefix) -> Bool { other.length >= length && contains(other.address) }
    public func overlaps(_ other: IPv6Prefix) -> Bool { contains(other) || other.contains(self) }

    public static func < (a: Self, b: Self) -> Bool { (a.address, a.length) < (b.address, b.length) }
}

extension IPv6Prefix: LosslessStringConvertible, TextCoded {
    public init?(_ text: String) {
        guard let (address, length) = splitPrefix(text, IPv6Address.init) else { return nil }
        self.init(address, length: length)
    }

    public var description: String { "\(address)/\(length)" }
}

func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...70, 97...102: true
    default: false
    }
}

/// A closed range of IPv6 addresses.
public struct IPv6Range: Hashable, Comparable, Sendable {
    public let first: IPv6Address
    public let last: IPv6Address

    /// Nil when reversed.
    public init?(_ first: IPv6Address, _ last: IPv6Address) {
        guard first <= last else { return nil }
        self.first = first
        self.last = last
    }

    public init(_ prefix: IPv6Prefix) {
        first = prefix.first
        last = prefix.last
    }

    public func overlaps(_ other: IPv6Range) -> Bool { first <= other.last && other.first <= last }

    public static func < (a: Self, b: Self) -> Bool { (a.first, a.last) < (b.first, b.last) }
}

extension IPv6Range: LosslessStringConvertible, TextCoded {
    /// `first-last`.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = IPv6Address(String(parts[0])), let last = IPv6Address(String(parts[1]))
        else { return nil }
        self.init(first, last)
    }

    public var description: String { "\(first)-\(last)" }
}
