import TestSupport
import Testing

@testable import CloudModel

struct SortedMapTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a sorted map holds what a dictionary holds, in order, and copies stay as they were`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var map = SortedMap<Int, Int>()
        var oracle: [Int: Int] = [:]
        var copies: [(SortedMap<Int, Int>, [Int: Int])] = []
        for step in 0..<20_000 {
            // Grows, shrinks to nothing, grows again.
            let grows = (step / 5_000) % 2 == 0 ? 70 : 20
            let key = Int.random(in: 0..<3_000, using: &random)
            if Int.random(in: 0..<100, using: &random) < grows {
                #expect(map.updateValue(step, forKey: key) == oracle.updateValue(step, forKey: key))
            } else {
                #expect(map.removeValue(forKey: key) == oracle.removeValue(forKey: key))
            }
            #expect(map.count == oracle.count)
            if step % 2_000 == 0 { copies.append((map, oracle)) }
            if step % 100 == 0 {
                let probe = Int.random(in: -10..<3_010, using: &random)
                #expect(map[probe] == oracle[probe])
                #expect(map.last(upTo: probe)?.key == oracle.keys.filter { $0 <= probe }.max())
                #expect(map.first(from: probe)?.key == oracle.keys.filter { $0 >= probe }.min())
                #expect(map.first?.key == oracle.keys.min())
                #expect(map.last?.key == oracle.keys.max())
            }
        }
        for (copy, oracle) in copies + [(map, oracle)] {
            #expect(Array(copy.keys) == oracle.keys.sorted())
            #expect(Array(copy.values) == oracle.sorted { $0.key < $1.key }.map(\.value))
        }
        #expect(copies[1].0 != map)
    }

    @Test func `maps with equal entries are equal whatever their history`() {
        var upwards = SortedMap<Int, Int>()
        var downwards = SortedMap<Int, Int>()
        for key in 0..<1_000 { upwards[key] = key }
        for key in (0..<2_000).reversed() { downwards[key] = key }
        for key in 1_000..<2_000 { downwards[key] = nil }
        #expect(upwards == downwards)
        downwards[5] = 6
        #expect(upwards != downwards)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `a number set holds what a set holds and finds the lowest missing`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var numbers = NumberSet()
        var oracle: Set<UInt32> = []
        for _ in 0..<10_000 {
            let number = UInt32.random(in: 100..<300, using: &random)
            if Bool.random(using: &random) {
                #expect(numbers.insert(number) == oracle.insert(number).inserted)
            } else {
                #expect(numbers.remove(number) == (oracle.remove(number) != nil))
            }
            let low = UInt32.random(in: 90..<310, using: &random)
            let range = low...(low + UInt32.random(in: 0..<50, using: &random))
            #expect(numbers.lowestMissing(in: range) == range.first { !oracle.contains($0) })
            #expect(numbers.count(in: range) == range.count { oracle.contains($0) })
            #expect(numbers.contains(low) == oracle.contains(low))
            #expect(numbers.count == oracle.count)
        }
    }

    @Test func `a number set reaches the ends of the number space`() {
        var numbers = NumberSet()
        for number in [UInt32.max, 0, UInt32.max - 1, 1] as [UInt32] { numbers.insert(number) }
        #expect(numbers.lowestMissing(in: (UInt32.max - 1)...UInt32.max) == nil)
        #expect(numbers.lowestMissing(in: 0...UInt32.max) == 2)
        for number in [UInt32.max, 0, UInt32.max - 1, 1] as [UInt32] { numbers.remove(number) }
        #expect(numbers.isEmpty)
        #expect(numbers == NumberSet())
    }
}
