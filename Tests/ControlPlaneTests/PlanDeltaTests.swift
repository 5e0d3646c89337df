import NetworkVocabulary
import RouterPlan
import Ruleset
import TestSupport
import Testing

/// One node whose objects change at random: rows and elements come, go, change and move from object to object.
private struct RandomPlan {
    var plan: NodePlan
    private var random: SeededGenerator
    private let objects = (1...4).map { Origin("nic", ObjectID(random: 0, $0)) }
    private let set: SetName = "some-set"

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        plan = NodePlan(
            NodeName("r-1-VM"), .router, owner: Origin("router", ObjectID(random: 0, 9)), table: Table(.inet, "sluice"))
    }

    /// One object asks for something else, and another has none of it.
    mutating func change() -> PlanDelta {
        while true {
            if let delta = attempt() { return delta }
        }
    }

    /// Few enough that objects get in each other's way.
    private mutating func numbers() -> Set<UInt16> {
        Set((0..<Int.random(in: 0..<3, using: &random)).map { _ in UInt16.random(in: 0..<8, using: &random) })
    }

    private mutating func attempt() -> PlanDelta? {
        guard let object = objects.randomElement(using: &random) else { return nil }
        var share = Contribution()
        // In order, because a set's own order is another on every run.
        for path in numbers().sorted() {
            share.add(.sysctl(Sysctl("net/\(path)", "\(Int.random(in: 0..<2, using: &random))")), object)
        }
        for port in numbers().sorted() {
            share.add([.port(port)], .values([.mark(UInt32.random(in: 0..<2, using: &random))]), to: set, object)
        }
        var next = plan
        guard let delta = try? next.replace(object, with: share) else { return nil }
        plan = next
        return delta
    }
}

@Suite struct `Changes of a plan` {
    @Test(arguments: 1...10)
    func `followed by each other are one change with the same end`(seed: UInt64) throws {
        var random = RandomPlan(seed: seed)
        var start = random.plan
        var (stepwise, combined) = (start, PlanDelta(node: start.name))
        for step in 1...1000 {
            let delta = random.change()
            stepwise.apply(delta)
            combined = combined.followed(by: delta)
            var atOnce = start
            atOnce.apply(combined)
            let isSame =
                stepwise == random.plan && atOnce == random.plan && stepwise.objects == random.plan.objects
                && atOnce.objects == random.plan.objects
            guard isSame else {
                Issue.record("seed \(seed), step \(step)")
                return
            }
            // What is back where it began is no change, whatever the way there.
            #expect(combined.isEmpty == (start == random.plan), "seed \(seed), step \(step)")
            if step % 7 == 0 { (start, combined) = (random.plan, PlanDelta(node: start.name)) }
        }
    }

    @Test(arguments: 1...5)
    func `can be put together in any grouping`(seed: UInt64) throws {
        var random = RandomPlan(seed: seed)
        for step in 1...500 {
            let start = random.plan
            let deltas = (0..<3).map { _ in random.change() }
            let left = deltas[0].followed(by: deltas[1]).followed(by: deltas[2])
            let right = deltas[0].followed(by: deltas[1].followed(by: deltas[2]))
            #expect(left == right, "seed \(seed), step \(step)")
            var end = start
            end.apply(right)
            #expect(end == random.plan, "seed \(seed), step \(step)")
        }
    }
}
