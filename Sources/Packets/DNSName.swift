/// A domain name as it travels: labels behind their lengths, the root's empty one last. Names that differ in the case of
/// letters only are equal.
public struct DNSName: Sendable {
    /// With the case that it was given in.
    public let wire: [UInt8]

    public static let root = Self(unchecked: [0])

    init(unchecked wire: [UInt8]) { self.wire = wire }

    /// Nil when the bytes are not exactly one name without pointers.
    public init?(wire: [UInt8]) {
        var copy: [UInt8] = []
        guard DNSWalk.expand(0, in: wire.span.bytes, to: &copy) == wire.count, copy.count == wire.count else {
            return nil
        }
        self.wire = copy
    }

    public init?(labels: [[UInt8]]) {
        var wire: [UInt8] = []
        for label in labels {
            guard (1...63).contains(label.count) else { return nil }
            wire.append(UInt8(label.count))
            wire += label
        }
        wire.append(0)
        guard wire.count <= DNSWalk.longestName else { return nil }
        self.wire = wire
    }

    /// Labels of letters, digits, hyphens and underscores with dots between them; a dot at the end makes no difference.
    public init?(_ text: String) {
        if text == "." { self = .root; return }
        let body = text.hasSuffix(".") ? text.dropLast() : text[...]
        let labels = body.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for label in labels {
            guard label.allSatisfy({ Self.isOrdinary($0) }) else { return nil }
        }
        self.init(labels: labels.map(Array.init))
    }

    private static func isOrdinary(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f: true
        default: false
        }
    }

    public var lowercased: DNSName { DNSName(unchecked: wire.map(DNSWalk.lowercased)) }

    public var labels: [ArraySlice<UInt8>] {
        var labels: [ArraySlice<UInt8>] = []
        var at = 0
        while wire[at] != 0 {
            let end = at + 1 + Int(wire[at])
            labels.append(wire[at + 1..<end])
            at = end
        }
        return labels
    }

    /// This name below another.
    public func below(_ parent: DNSName) -> DNSName? {
        let joined = wire.dropLast() + parent.wire
        return joined.count <= DNSWalk.longestName ? DNSName(unchecked: Array(joined)) : nil
    }
}

extension DNSName: Hashable {
    public static func == (a: Self, b: Self) -> Bool {
        a.wire.count == b.wire.count
            && zip(a.wire, b.wire).allSatisfy { DNSWalk.lowercased($0) == DNSWalk.lowercased($1) }
    }

    public func hash(into hasher: inout Hasher) {
        for byte in wire { hasher.combine(DNSWalk.lowercased(byte)) }
    }
}

extension DNSName: CustomStringConvertible {
    /// As master files have it: what is not ordinary stands as a backslash and three digits (RFC 1035 section 5.1).
    public var description: String {
        if wire == [0] { return "." }
        return labels.map { label in
            label.map { byte in
                if Self.isOrdinary(byte) { return String(UnicodeScalar(byte)) }
                let digits = String(byte)
                return "\\" + String(repeating: "0", count: 3 - digits.utf8.count) + digits
            }.joined()
        }.joined(separator: ".") + "."
    }
}
