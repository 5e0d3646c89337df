public import NetworkVocabulary

/// A closed range of VLAN ids or VNIs.
public struct SegmentRange: Hashable, Comparable, Sendable {
    public let first: UInt32
    public let last: UInt32

    /// Nil when reversed.
    public init?(_ first: UInt32, _ last: UInt32) {
        guard first <= last else { return nil }
        self.first = first
        self.last = last
    }

    public var numbers: ClosedRange<UInt32> { first...last }
    public func contains(_ number: UInt32) -> Bool { numbers.contains(number) }
    public static func < (a: Self, b: Self) -> Bool { (a.first, a.last) < (b.first, b.last) }
}

extension SegmentRange: LosslessStringConvertible, TextCoded {
    /// `100-199`, or `100` for a single number; digits only.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part -> UInt32? in
            let digits = part.utf8
            guard (1...8).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
                digits.count == 1 || digits.first != 48
            else { return nil }
            return UInt32(part)
        }
        guard (1...2).contains(parts.count), numbers.count == parts.count else { return nil }
        self.init(numbers[0], numbers[numbers.count - 1])
    }

    public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}
