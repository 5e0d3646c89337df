import CloudModel
import NetworkVocabulary
import Ruleset
import Testing

@testable import Planner

@Suite struct `Slots of a load balancer rule` {
    private func rule(_ algorithm: LoadBalancerRule.Algorithm) -> LoadBalancerRule {
        LoadBalancerRule(
            id: ObjectID(random: 1, 2), number: 1, slot: 7, publicAddress: ObjectID(random: 3, 4), name: "r",
            transport: .tcp, algorithm: algorithm, publicPort: 80, privatePort: 80)
    }

    private func members(_ count: Int, down: Set<Int> = []) -> [LoadBalancerMember] {
        var ids = RandomIDs(Numbers(state: 5))
        return (0..<count).map { number in
            LoadBalancerMember(
                id: ids.next(), number: UInt64(number), rule: rule(.source).id, nic: ids.next(),
                guestAddress: IPv4Address(10, 1, UInt8(number >> 8), UInt8(number & 0xff)),
                isDown: down.contains(number))
        }
    }

    private struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    @Test func `in turn are one for each that answers, from the rule's first on`() {
        let slots = BalancerSlots(rule(.roundRobin), members(5, down: [1]))
        #expect(slots.choice?.count == 4 && slots.choice?.first == 7 << 12)
        #expect(slots.slots.values.flatMap(\.self).sorted() == (0..<4).map { 7 << 12 + UInt32($0) })
        #expect(BalancerSlots(rule(.roundRobin), members(2, down: [0, 1])).choice == nil)
    }

    @Test(arguments: [1, 2, 3, 4, 10, 16, 64, 256])
    func `by source are even, and within the rule's own`(count: Int) {
        let all = members(count)
        let slots = BalancerSlots(rule(.source), all)
        let shares = all.map { slots.slots[$0.id]?.count ?? 0 }
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
        let numbers = slots.slots.values.flatMap(\.self)
        #expect(numbers.count == Int(slots.choice?.count ?? 0) && Set(numbers).count == numbers.count)
        #expect(numbers.allSatisfy { $0 >> 12 == 7 })
        #expect(numbers.count >= 15 * count)
    }

    /// Who goes takes its clients' member away, and few others': hashing without tables would move nine of ten.
    @Test func `by source move few clients when somebody falls ill`() {
        let before = BalancerSlots(rule(.source), members(10))
        let after = BalancerSlots(rule(.source), members(10, down: [4]))
        #expect(before.choice == after.choice)
        func owners(_ slots: BalancerSlots) -> [UInt32: ObjectID] {
            Dictionary(slots.slots.flatMap { id, list in list.map { ($0, id) } }) { first, _ in first }
        }
        let (old, new) = (owners(before), owners(after))
        let gone = members(10)[4].id
        let moved = old.filter { slot, owner in owner != gone && new[slot] != owner }
        #expect(moved.count * 10 < old.count * 2, "\(moved.count) of \(old.count)")
    }
}
