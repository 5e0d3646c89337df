import CloudModel
import NetworkVocabulary
import Ruleset

/// How a rule's connections are dealt out: which slots are whose.
///
/// In turn, every member that answers has one slot, so that shares differ by one connection at most. By source there are
/// many more slots than members, dealt out so that a member that comes or goes moves hardly any others: Maglev's tables,
/// where every member has its own order of preference among the slots and takes its turn to get the next free one.
struct BalancerSlots {
    /// Nil when no member answers.
    private(set) var choice: Choice?
    private(set) var slots: [ObjectID: [UInt32]] = [:]

    init(_ rule: LoadBalancerRule, _ members: [LoadBalancerMember]) {
        let first = UInt32(rule.slot) << 12
        let living = members.filter { !$0.isDown }
        guard !living.isEmpty else { return }
        switch rule.algorithm {
        case .roundRobin, .leastConnections:
            for (place, member) in living.enumerated() { slots[member.id] = [first + UInt32(place)] }
            choice = Choice(.inTurn, first: first, count: UInt32(living.count))
        case .source:
            // By all members: one that does not answer for a while does not change the number.
            let count = Self.tableSize(members.count)
            for (slot, member) in Self.table(living.map(\.id), count).enumerated() {
                slots[member, default: []].append(first + UInt32(slot))
            }
            choice = Choice(
                .byHash(.ipv4Source, seed: UInt32(truncatingIfNeeded: rule.id.low)), first: first,
                count: UInt32(count))
        }
    }

    /// A prime, so that every preference visits every slot, and sixteen times the members or more.
    private static func tableSize(_ members: Int) -> Int {
        [61, 251, 1021, 4093].first { members * 16 <= $0 + 16 } ?? 4093
    }

    private static func table(_ members: [ObjectID], _ size: Int) -> [ObjectID] {
        var table = [ObjectID?](repeating: nil, count: size)
        var places = members.map { Int(truncatingIfNeeded: $0.low % UInt64(size)) }
        let steps = members.map { 1 + Int(truncatingIfNeeded: $0.high % UInt64(size - 1)) }
        for turn in 0..<size {
            let index = turn % members.count
            while table[places[index]] != nil { places[index] = (places[index] + steps[index]) % size }
            table[places[index]] = members[index]
        }
        return table.compactMap { $0 }
    }
}
