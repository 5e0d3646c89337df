import NetworkVocabulary
import Ruleset

/// A closed range of numbers in each of several dimensions: the packets that one element of a set of concatenated
/// ranges stands for.
struct Box: Hashable, Sendable {
    var ranges: [ClosedRange<UInt128>]

    init(ranges: [ClosedRange<UInt128>]) { self.ranges = ranges }

    func overlaps(_ other: Box) -> Bool {
        for index in ranges.indices where !ranges[index].overlaps(other.ranges[index]) { return false }
        return true
    }

    /// What is in this box and not in the other, as boxes without overlap: at most two for each dimension.
    func subtracting(_ other: Box) -> [Box] {
        guard overlaps(other) else { return [self] }
        var parts: [Box] = []
        // What is left lies within the other box in the dimensions that are done.
        var rest = self
        for index in ranges.indices {
            let (own, taken) = (rest.ranges[index], other.ranges[index])
            if own.lowerBound < taken.lowerBound {
                var part = rest
                part.ranges[index] = own.lowerBound...taken.lowerBound - 1
                parts.append(part)
            }
            if own.upperBound > taken.upperBound {
                var part = rest
                part.ranges[index] = taken.upperBound + 1...own.upperBound
                parts.append(part)
            }
            rest.ranges[index] = own.clamped(to: taken)
        }
        return parts
    }
}

/// Rules of users may overlap; the kernel's sets of concatenated ranges refuse elements that do. So of two rules that
/// speak of the same packets the older one has the elements for them, and the younger one those for what is left.
enum RuleCoverage {
    /// The packets in `boxes` that are in none of `taken`, as boxes that do not overlap. The same for the same arguments;
    /// nil when it takes more than `limit`.
    static func disjoint(_ boxes: [Box], without taken: [Box] = [], limit: Int) -> [Box]? {
        var covered: [Box] = []
        for box in boxes {
            var parts = [box]
            for other in taken + covered where box.overlaps(other) {
                parts = parts.flatMap { $0.subtracting(other) }
                guard covered.count + parts.count <= limit else { return nil }
                if parts.isEmpty { break }
            }
            covered += parts
        }
        return covered.count <= limit ? covered : nil
    }

    static func disjoint(_ boxes: [Box], without taken: [Box] = []) -> [Box] {
        disjoint(boxes, without: taken, limit: .max) ?? []
    }
}

extension Box {
    /// The packets of an element with this key.
    init(_ key: [Value]) {
        ranges = key.map { value in
            let (first, last) = value.bounds
            return Self.number(first)...Self.number(last)
        }
    }

    /// The key of the element for these packets in a set with this key; nil when there is none.
    func values(_ types: [DataType]) -> [Value]? {
        guard types.count == ranges.count else { return nil }
        var values: [Value] = []
        for (type, range) in zip(types, ranges) {
            let bounds = (
                Self.octets(range.lowerBound, type.byteCount), Self.octets(range.upperBound, type.byteCount)
            )
            guard let value = Value(type, first: bounds.0, last: bounds.1) else { return nil }
            values.append(value)
        }
        return values
    }

    private static func number(_ octets: [UInt8]) -> UInt128 { octets.reduce(0) { $0 << 8 | UInt128($1) } }

    private static func octets(_ number: UInt128, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt128(8 * (count - 1 - $0))) }
    }
}
