/// How often values were how large, to within a sixteenth, in memory that does not grow.
public struct Histogram: Sendable {
    private var counts = [Int](repeating: 0, count: 64 * 16)
    public private(set) var count = 0
    public private(set) var largest: Int64 = 0

    public init() {}

    public mutating func add(_ value: Int64) {
        let value = max(0, value)
        counts[Self.place(value)] += 1
        count += 1
        largest = max(largest, value)
    }

    /// The value that this share of all is not above.
    public func quantile(_ share: Double) -> Int64 {
        var left = Int((Double(count) * share).rounded(.up))
        for (place, count) in counts.enumerated() where count > 0 {
            left -= count
            if left <= 0 { return min(largest, Self.top(place)) }
        }
        return largest
    }

    private static func place(_ value: Int64) -> Int {
        guard value >= 16 else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 3) * 16 + Int(value >> Int64(exponent - 4)) - 16
    }

    private static func top(_ place: Int) -> Int64 {
        guard place >= 16 else { return Int64(place) }
        let exponent = place / 16 + 3
        return (Int64(place % 16 + 17) << Int64(exponent - 4)) - 1
    }
}
