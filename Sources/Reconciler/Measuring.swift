import NetworkVocabulary
import RouterPlan
import Ruleset

// What nodes count. An element's counter dies with the element, so it is read before anything takes the element away;
// what passes between that reading and the transaction, some microseconds' worth, is not counted.

extension Reconciler {
    func measureAll() {
        guard unmeasured.isEmpty else { return }
        for (name, node) in nodes where node.plan?.meters.isEmpty == false { unmeasured.append(name) }
    }

    /// Reads one node, when nothing else is to be done.
    func measureOne() -> Bool {
        guard let name = unmeasured.popFirst() else { return false }
        guard let node = nodes[name], node.isSettled, node.pending.isEmpty, let plan = node.plan else { return true }
        if let counts = try? dataplane.counts(of: plan, objects: nil) { tell(plan.readings(counts), name) }
        return true
    }

    /// Before a change: the objects that lose elements, while the plan still has them.
    func measure(_ plan: NodePlan, before delta: PlanDelta) throws(DataplaneError) {
        let lost = delta.removedElements.filter { plan.meters[$0.key] != nil }
        guard !lost.isEmpty else { return }
        let objects = Set(lost.values.flatMap(\.values).map(\.origin.object))
        // The plan is the one after the change; what the kernel holds is the one before.
        var before = plan
        before.restore(lost)
        let counts = try dataplane.counts(of: before, objects: objects)
        tell(before.readings(counts) { lost[$0.set]?[$0.key] != nil }, delta.node)
    }

    /// Before a change of unknown size: all of it, and all of it leaves.
    func measure(_ plan: NodePlan, holding observed: Observation) {
        guard observed.table != nil, let counts = try? dataplane.counts(of: plan, objects: nil) else { return }
        tell(plan.readings(counts), plan.name)
    }

    /// Before a node goes.
    func measureLast(_ name: NodeName, _ plan: NodePlan) {
        guard let counts = try? dataplane.counts(of: plan, objects: nil) else { return }
        tell(plan.readings(counts) { _ in true }, name)
    }

    private func tell(_ readings: [MeterReading], _ name: NodeName) {
        if !readings.isEmpty { report(.measured(name, readings)) }
    }
}
