import Ruleset

/// The elements of one set, found by the numbers of a packet without looking at all of them.
///
/// Where elements are single values the plan's own dictionary is the index, so that a large table costs nothing to judge
/// few packets by. In sets of ranges, components that are single values or aligned blocks are looked up by hash, one lookup
/// for every combination of block sizes that occurs; ranges that are no blocks are sorted inside the few elements that
/// share the rest.
struct SetIndex: Sendable {
    struct Entry: Sendable {
        let key: ElementKey
        let element: Element
        /// Of the components that are no blocks.
        fileprivate let ranges: [ClosedRange<Number>]
    }

    private struct Shape: Sendable {
        /// For each component the bits that count; nil for a range.
        let masks: [Number?]
        var buckets: [[Number]: [Entry]] = [:]
    }

    private var shapes: [Shape] = []
    /// The elements of a set without ranges, with the types of their keys.
    private var single: (types: [DataType], elements: [ElementKey: Element])?

    init(_ declaration: SetDeclaration, _ elements: [ElementKey: Element]) {
        if !declaration.isInterval, !declaration.key.contains(where: \.isAmbiguous) {
            single = (declaration.key, elements)
            return
        }
        let widths = declaration.key.map(\.bitCount)
        var places: [[Number?]: Int] = [:]
        for (key, element) in elements where key.values.count == widths.count {
            let ranges = key.values.map(\.numbers)
            let masks = zip(ranges, widths).map(blockMask)
            let place = places[masks] ?? shapes.count
            if place == shapes.count {
                shapes.append(Shape(masks: masks))
                places[masks] = place
            }
            let blocks = zip(ranges, masks).compactMap { range, mask in mask.map { range.lowerBound & $0 } }
            let rest = zip(ranges, masks).compactMap { range, mask in mask == nil ? range : nil }
            shapes[place].buckets[blocks, default: []].append(Entry(key: key, element: element, ranges: rest))
        }
        for place in shapes.indices where shapes[place].masks.contains(nil) {
            for key in shapes[place].buckets.keys {
                shapes[place].buckets[key]?.sort { $0.ranges[0].lowerBound < $1.ranges[0].lowerBound }
            }
        }
    }

    func entry(for numbers: [Number]) -> Entry? {
        if let single {
            guard numbers.count == single.types.count else { return nil }
            var values: [Value] = []
            values.reserveCapacity(numbers.count)
            for (number, type) in zip(numbers, single.types) {
                guard let value = Value(number, type) else { return nil }
                values.append(value)
            }
            let key = ElementKey(values)
            return single.elements[key].map { Entry(key: key, element: $0, ranges: []) }
        }
        for shape in shapes {
            guard shape.masks.count == numbers.count else { continue }
            var blocks: [Number] = []
            var rest: [Number] = []
            blocks.reserveCapacity(numbers.count)
            for (number, mask) in zip(numbers, shape.masks) {
                if let mask { blocks.append(number & mask) } else { rest.append(number) }
            }
            guard let bucket = shape.buckets[blocks] else { continue }
            guard let first = rest.first else { return bucket.first }
            // Elements do not overlap: with one range left, only the last one that begins early enough can hold it.
            var at = bucket.partitioningIndex { $0.ranges[0].lowerBound > first }
            while at > 0 {
                at -= 1
                if zip(bucket[at].ranges, rest).allSatisfy({ $0.contains($1) }) { return bucket[at] }
                if rest.count == 1 { break }
            }
        }
        return nil
    }
}

/// The bits that all numbers of a range share, if the range is everything that shares them.
private func blockMask(_ range: ClosedRange<Number>, bitCount: Int) -> Number? {
    let free = range.lowerBound ^ range.upperBound
    guard free & (free &+ 1) == 0, range.lowerBound & free == 0 else { return nil }
    let all: Number = bitCount == 128 ? .max : (1 << Number(bitCount)) - 1
    return all & ~free
}

extension Array {
    /// The first index whose element satisfies the condition, in an array where all later ones do too.
    fileprivate func partitioningIndex(where isPast: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isPast(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
