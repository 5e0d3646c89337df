/// Numbers kept as the runs they form, so that the lowest number not in the set is found in one step however many
/// are: addresses and segments that were given out in order are one run.
public struct NumberSet: Equatable, Sendable {
    /// First number of a run to its last; runs neither overlap nor touch.
    private var runs = SortedMap<UInt32, UInt32>()
    public private(set) var count = 0

    public init() {}

    public var isEmpty: Bool { count == 0 }
    public var first: UInt32? { runs.first?.key }
    public var last: UInt32? { runs.last?.value }

    public func contains(_ number: UInt32) -> Bool {
        guard let run = runs.last(upTo: number) else { return false }
        return number <= run.value
    }

    /// The lowest number of the range that is not in the set.
    public func lowestMissing(in range: ClosedRange<UInt32>) -> UInt32? {
        guard let run = runs.last(upTo: range.lowerBound), run.value >= range.lowerBound else {
            return range.lowerBound
        }
        return run.value < range.upperBound ? run.value + 1 : nil
    }

    /// Of the range's numbers that are not in the set the one with so many before it.
    func missing(_ position: UInt32, in range: ClosedRange<UInt32>) -> UInt32? {
        var before = position
        var cursor = range.lowerBound
        if let run = runs.last(upTo: cursor), run.value >= cursor {
            guard run.value < range.upperBound else { return nil }
            cursor = run.value + 1
        }
        while let run = runs.first(from: cursor), run.key <= range.upperBound {
            if run.key - cursor > before { return cursor + before }
            before -= run.key - cursor
            guard run.value < range.upperBound else { return nil }
            cursor = run.value + 1
        }
        return range.upperBound - cursor >= before ? cursor + before : nil
    }

    /// The numbers of the set that lie in the range, ascending.
    func members(in range: ClosedRange<UInt32>) -> [UInt32] {
        var found: [UInt32] = []
        var next = runs.last(upTo: range.lowerBound) ?? runs.first(from: range.lowerBound)
        while let run = next, run.key <= range.upperBound {
            if run.value >= range.lowerBound {
                found += max(run.key, range.lowerBound)...min(run.value, range.upperBound)
            }
            guard run.value < range.upperBound else { break }
            next = runs.first(from: run.value + 1)
        }
        return found
    }

    /// How many numbers of the set lie in the range. Grows with the runs in it.
    public func count(in range: ClosedRange<UInt32>) -> Int {
        var total = 0
        var cursor = range.lowerBound
        if let run = runs.last(upTo: cursor), run.value >= cursor {
            total += Int(min(run.value, range.upperBound) - cursor) + 1
            guard run.value < range.upperBound else { return total }
            cursor = run.value + 1
        }
        while let run = runs.first(from: cursor), run.key <= range.upperBound {
            total += Int(min(run.value, range.upperBound) - run.key) + 1
            guard run.value < range.upperBound else { break }
            cursor = run.value + 1
        }
        return total
    }

    /// False when it was there already.
    @discardableResult
    mutating func insert(_ number: UInt32) -> Bool {
        var low = number
        var high = number
        if let run = runs.last(upTo: number) {
            guard run.value < number else { return false }
            if run.value == number - 1 { low = run.key }
        }
        if number < .max, let next = runs[number + 1] {
            high = next
            runs[number + 1] = nil
        }
        runs[low] = high
        count += 1
        return true
    }

    /// False when it was not there.
    @discardableResult
    mutating func remove(_ number: UInt32) -> Bool {
        guard let run = runs.last(upTo: number), number <= run.value else { return false }
        runs[run.key] = run.key < number ? number - 1 : nil
        if number < run.value { runs[number + 1] = run.value }
        count -= 1
        return true
    }
}
