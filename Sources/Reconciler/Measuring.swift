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
        if let counts = try? dataplane.counts(of: plan, plan.meteredElements) { tell(plan.readings(counts), name) }
        return true
    }

    /// Before a change: what the objects that lose elements have counted, those elements included. Told once they are
    /// gone: a transaction that fails leaves them, and they go on counting from where they are.
    func lastReadings(_ plan: NodePlan, before delta: PlanDelta) throws(DataplaneError) -> [MeterReading] {
        let lost = delta.removedElements.filter { plan.meters[$0.key] != nil }
        guard !lost.isEmpty else { return [] }
        let objects = Set(lost.values.flatMap(\.values).map(\.origin.object))
        // The plan is the one after the change; what the kernel holds is the one before.
        // What is yet to come must not be asked for: where sets hold ranges the kernel would answer with what covers it.
        let kept = plan.meteredElements(of: objects).filter { delta.addedElements[$0.set]?[$0.key] == nil }
        let leaving = lost.flatMap { set, elements in elements.keys.map { MeteredElement(set, $0) } }
        let counts = try dataplane.counts(of: plan, kept + leaving)
        return plan.readings(counts, losing: lost)
    }

    /// Before a change of unknown size: all that the kernel has, whosever it is. What the plan does not have in the same
    /// way leaves. Where there is no table yet, everything begins at nothing.
    func lastReadings(_ plan: NodePlan, before observed: Observation) -> [MeterReading] {
        guard !plan.meters.isEmpty else { return [] }
        guard let table = observed.table else {
            return plan.readings(Dictionary(uniqueKeysWithValues: plan.meteredElements.map { ($0, MeterCount()) }))
        }
        var held: [SetName: [ElementKey: Element]] = [:]
        var lost: [SetName: [ElementKey: Element]] = [:]
        for set in plan.meters.keys {
            let planned = plan.table?.elements[set] ?? [:]
            let marks = Dictionary(planned.map { ($0.normal, $1.origin.description) }) { first, _ in first }
            let isSame = table.sets[set]?.shape == plan.table?.sets[set]?.shape
            for (key, entry) in table.sets[set]?.elements ?? [:] {
                guard isSame, let origin = entry.comment.flatMap({ Origin($0) }) else { continue }
                let element = Element(origin: origin)
                held[set, default: [:]][key] = element
                if marks[key] != entry.comment { lost[set, default: [:]][key] = element }
            }
        }
        let before = plan.metering(held)
        guard let counts = try? dataplane.counts(of: before, before.meteredElements) else { return [] }
        return before.readings(counts, losing: lost)
    }

    /// Before a node goes.
    func measureLast(_ name: NodeName, _ plan: NodePlan) {
        guard let counts = try? dataplane.counts(of: plan, plan.meteredElements) else { return }
        tell(plan.readings(counts, losing: plan.table?.elements ?? [:]), name)
    }

    func tell(_ readings: [MeterReading], _ name: NodeName) {
        if !readings.isEmpty { report(.measured(name, readings)) }
    }
}
