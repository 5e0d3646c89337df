import NetworkVocabulary
import Packets

/// Names that are nobody's outside: they are answered here, and no resolver ever hears of them.
enum SpecialNames {
    /// Below each of these nothing is (RFC 6303, 6761, 6762, 7686, 8375), and their addresses say nothing to the world.
    static let zones: [[UInt8]] = (reverseZones + plainZones).compactMap { DNSName($0)?.wire }

    private static let plainZones = ["local", "test", "invalid", "onion", "localhost", "home.arpa", "internal"]

    private static let reverseZones =
        [
            "10", "168.192", "254.169", "127", "0", "2.0.192", "100.51.198", "113.0.203", "255.255.255.255",
        ].map { "\($0).in-addr.arpa" }
        + (16...31).map { "\($0).172.in-addr.arpa" } + (64...127).map { "\($0).100.in-addr.arpa" }
        + ["d.f.ip6.arpa", "8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa", "b.e.f.ip6.arpa"]
        + ["8.b.d.0.1.0.0.2.ip6.arpa"]

    static let localhost: [UInt8] = DNSName("localhost")?.wire ?? []

    private static let table: NameTable = {
        var table = NameTable()
        for (index, zone) in zones.enumerated() { table.set(zone, UInt32(index)) }
        return table
    }()

    /// The special zone that a name is in, itself included.
    static func zone(of name: Range<Int>, _ bytes: RawSpan) -> [UInt8]? {
        var at = name.lowerBound
        while at < name.upperBound {
            if let index = table.find(bytes, at..<name.upperBound) { return zones[Int(index)] }
            at += 1 + Int(bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self))
        }
        return nil
    }
}

extension RawSpan {
    /// Whether a name is another, or below it.
    func isName(_ name: Range<Int>, within parent: [UInt8]) -> Bool {
        var at = name.lowerBound
        while at < name.upperBound {
            if name.upperBound - at == parent.count { return isEqual(at, parent) }
            at += 1 + Int(unsafeLoad(fromByteOffset: at, as: UInt8.self))
        }
        return false
    }

    private func isEqual(_ start: Int, _ other: [UInt8]) -> Bool {
        for offset in other.indices {
            let byte = unsafeLoad(fromByteOffset: start + offset, as: UInt8.self)
            let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
            let wanted = other[offset] &- 0x41 < 26 ? other[offset] | 0x20 : other[offset]
            if lower != wanted { return false }
        }
        return true
    }
}
