/// The name that somebody gave to a network namespace of the host, as `ip netns` lists it: one plain file name.
public struct NamespaceName: Hashable, Comparable, Sendable {
    public let rawValue: String

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension NamespaceName: LosslessStringConvertible, TextCoded {
    /// 1…64 letters, digits, `-`, `_` and `.`, the first a letter or digit.
    public init?(_ text: String) {
        let isPlain = { (byte: UInt8) in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        }
        guard (1...64).contains(text.utf8.count), text.utf8.first.map(isPlain) == true,
            text.utf8.allSatisfy({ isPlain($0) || "-_.".utf8.contains($0) })
        else { return nil }
        rawValue = text
    }

    public var description: String { rawValue }
}
