import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

struct DifferenceTests {
    @Test(arguments: 0..<200)
    func `the difference of two tables turns one into the other`(seed: Int) throws {
        var numbers = SeededGenerator(seed: UInt64(seed))
        let before = RulesetSamples.random(using: &numbers)
        let after = RulesetSamples.mutated(before, using: &numbers)
        try before.validate()
        try after.validate()
        var fake = FakeRuleset()
        try fake.commit(before.difference(from: nil))
        #expect(fake.table(.inet, "sluice")?.comparable == before.comparable)
        try fake.commit(after.difference(from: before))
        #expect(fake.table(.inet, "sluice")?.comparable == after.comparable)
        #expect(after.difference(from: after).isEmpty)
    }

    @Test(arguments: 0..<100)
    func `what a kernel lost and gained is repaired from what it holds`(seed: Int) throws {
        var numbers = SeededGenerator(seed: UInt64(seed))
        let wanted = RulesetSamples.random(using: &numbers)
        let found = RulesetSamples.mutated(wanted, using: &numbers)
        var fake = FakeRuleset()
        try fake.commit(found.difference(from: nil))
        let drift = found.inKernel.drift(from: wanted)
        #expect(drift.repair.isEmpty == drift.findings.isEmpty)
        try fake.commit(drift.repair.transaction(.inet, "sluice"))
        #expect(fake.table(.inet, "sluice")?.inKernel.drift(from: wanted).findings == [])
    }

    @Test(arguments: 0..<100)
    func `changes that are followed one by one are the whole difference`(seed: Int) throws {
        var numbers = SeededGenerator(seed: UInt64(seed))
        let before = RulesetSamples.random(using: &numbers)
        var after = before
        var followed = RulesetDelta()
        for (name, declaration) in before.sets where Bool.random(using: &numbers) {
            var changes = RulesetDelta.ElementChanges(declaration)
            for (key, element) in before.elements[name] ?? [:] {
                switch Int.random(in: 0..<4, using: &numbers) {
                case 0:
                    after.elements[name]?[key] = nil
                    changes.removed.insert(key)
                case 1:
                    let other = Element(element.content, origin: RulesetSamples.origin(7777))
                    after.elements[name]?[key] = other
                    changes.changed[key] = other
                default: break
                }
            }
            if !changes.isEmpty { followed.elements[name] = changes }
        }
        #expect(followed == after.delta(from: before))
        var one = FakeRuleset()
        try one.commit(before.difference(from: nil))
        var other = one
        try one.commit(followed.transaction(.inet, "sluice"))
        try other.commit(.replacingEverything(with: after))
        #expect(one.table(.inet, "sluice")?.comparable == other.table(.inet, "sluice")?.comparable)
    }

    @Test func `one element more is one step`() {
        let before = RulesetSamples.everything
        var after = before
        let key = ElementKey([.ipv4(IPv4Address(203, 0, 113, 9)), .ipProtocol(.tcp), .port(443)])
        let origin = RulesetSamples.origin(99)
        after.elements["dnat-4"]?[key] = Element(
            .values([.ipv4(IPv4Address(10, 1, 1, 9)), .port(443)]), origin: origin)
        let transaction = after.difference(from: before)
        #expect(
            transaction.description == """
                add element inet sluice dnat-4 { 203.0.113.9 . tcp . 443 comment "\(origin)" : 10.1.1.9 . 443 }

                """)
        #expect(transaction.operations.first?.origin == origin)
    }

    @Test func `a changed rule touches its chain alone`() {
        let before = RulesetSamples.everything
        var after = before
        after.chains[0].rules[0].statements = [.counter, .verdict(.drop)]
        let delta = after.delta(from: before)
        #expect(delta.changedChains == [after.chains[0]])
        #expect(delta == RulesetDelta(changedChains: [after.chains[0]]))
        #expect(
            after.difference(from: before).description == """
                flush chain inet sluice from-public
                add rule inet sluice from-public counter drop comment "\(after.chains[0].rules[0].origin)"

                """)
    }

    @Test func `a redeclared set refills the chains that ask it`() throws {
        let before = RulesetSamples.everything
        var after = before
        let old = try #require(before.sets["firewall"])
        after.sets["firewall"] = SetDeclaration(
            "firewall", key: old.key, yield: old.yield, isInterval: true, countsElements: false, origin: old.origin)
        let delta = after.delta(from: before)
        #expect(delta.redeclaredSets.map(\.name) == ["firewall"])
        #expect(delta.changedChains.map(\.name) == ["forward-filter"])
        var fake = FakeRuleset()
        try fake.commit(before.difference(from: nil))
        try fake.commit(delta.transaction(.inet, "sluice"))
        #expect(fake.table(.inet, "sluice")?.comparable == after.comparable)
    }

    @Test func `another hook makes the table anew`() {
        let before = RulesetSamples.bridge
        var after = before
        let chain = before.chains[0]
        after.chains[0] = Chain(
            chain.name, hook: Hook(.filter, .prerouting, priority: -200, policy: .accept), rules: chain.rules)
        #expect(after.delta(from: before).replacement == after)
        #expect(before.inKernel.differs(from: after).replacement == after)
    }
}
