import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

@testable import Planner

@Suite struct `Boxes of packets` {
    /// So small a world that every packet in it can be asked about.
    private static let width: UInt128 = 7

    private func randomBox(using numbers: inout SeededGenerator) -> Box {
        Box(
            ranges: (0..<3).map { _ in
                let ends = [
                    UInt128.random(in: 0..<Self.width, using: &numbers),
                    UInt128.random(in: 0..<Self.width, using: &numbers),
                ].sorted()
                return ends[0]...ends[1]
            })
    }

    private var packets: [[UInt128]] {
        let line = Array(0..<Self.width)
        return line.flatMap { a in line.flatMap { b in line.map { [a, b, $0] } } }
    }

    private func contains(_ box: Box, _ packet: [UInt128]) -> Bool {
        zip(box.ranges, packet).allSatisfy { $0.contains($1) }
    }

    @Test(arguments: 0..<60)
    func `that are cut hold each packet once, and none that was taken`(seed: Int) {
        var numbers = SeededGenerator(seed: UInt64(seed) + 1)
        let boxes = (0..<Int.random(in: 1...6, using: &numbers)).map { _ in randomBox(using: &numbers) }
        let taken = (0..<Int.random(in: 0...4, using: &numbers)).map { _ in randomBox(using: &numbers) }
        let cut = RuleCoverage.disjoint(boxes, without: taken)
        for packet in packets {
            let isWanted =
                boxes.contains { contains($0, packet) } && !taken.contains { contains($0, packet) }
            #expect(cut.filter { contains($0, packet) }.count == (isWanted ? 1 : 0), "\(packet)")
        }
        #expect(RuleCoverage.disjoint(boxes, without: taken) == cut)
    }

    @Test func `are as wide as an address of either family, and no number overflows at the ends`() throws {
        let everything = try #require(IPPrefix("::/0"))
        let one = try #require(IPPrefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"))
        let rest = RuleCoverage.disjoint([Box([everything.value])], without: [Box([one.value])])
        let keys = rest.compactMap { $0.values([.ipv6]) }.map { ElementKey($0).description }
        #expect(keys == ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"])
        let none = RuleCoverage.disjoint([Box([one.value])], without: [Box([everything.value])])
        #expect(none.isEmpty)
        let four = try #require(IPPrefix("0.0.0.0/0"))
        let half = try #require(IPPrefix("128.0.0.0/1"))
        let left = RuleCoverage.disjoint([Box([four.value, .port(80)])], without: [Box([half.value, .port(80)])])
        #expect(
            left.compactMap { $0.values([.ipv4, .port]) } == [
                [.ipv4Prefix(try #require(IPv4Prefix("0.0.0.0/1"))), .port(80)]
            ])
    }

    @Test func `that need too many pieces are none`() {
        let whole = Box(ranges: [0...1000, 0...1000])
        let holes = (0..<20).map { Box(ranges: [UInt128($0 * 10)...UInt128($0 * 10), 5...5]) }
        #expect(RuleCoverage.disjoint([whole], without: holes, limit: 10) == nil)
        #expect(RuleCoverage.disjoint([whole], without: holes, limit: 4096)?.isEmpty == false)
    }
}
