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

    /// Before a change: what the objects that lose elements have counted, those elements included. Told once they are
    /// gone: a transaction that fails leaves them, and they go on counting from where they are.
    func lastReadings(_ plan: NodePlan, before delta: PlanDelta) throws(DataplaneError) -> [MeterReading] {
        let lost = delta.removedElements.filter { plan.meters[$0.key] != nil }
        guard !lost.isEmpty else { return [] }
        let objects = Set(lost.values.flatMap(\.values).map(\.origin.object))
        // The plan is the one after the change; what the kernel holds is the one before.
        var before = plan
        // What is yet to come must not be asked for: where sets hold ranges the kernel would answer with what covers it.
        before.restore(lost, without: delta.addedElements.filter { plan.meters[$0.key] != nil })
        let counts = try dataplane.counts(of: before, objects: objects)
        return before.readings(counts) { lost[$0.set]?[$0.key] != nil }
    }

    /// Before a change of unknown size: all that the kernel has, whosever it is. What the plan does not have in the same
    /// way leaves. Where there is no table yet, everything begins at nothing.
    func lastReadings(_ plan: NodePlan, before observed: Observation) -> [MeterReading] {
        guard !plan.meters.isEmpty else { return [] }
        guard let table = observed.table else {
            let all = plan.meteredElements(of: nil)
            return plan.readings(Dictionary(uniqueKeysWithValues: all.map { ($0, MeterCount()) }))
        }
        var held: [SetName: [ElementKey: Element]] = [:]
        var stays: Set<MeteredElement> = []
        for set in plan.meters.keys {
            let planned = plan.table?.elements[set] ?? [:]
            let marks = Dictionary(planned.map { ($0.normal, $1.origin.description) }) { first, _ in first }
            let isSame = table.sets[set]?.shape == plan.table?.sets[set]?.shape
            for (key, entry) in table.sets[set]?.elements ?? [:] {
                guard isSame, let origin = entry.comment.flatMap({ Origin($0) }) else { continue }
                held[set, default: [:]][key] = Element(origin: origin)
                if marks[key] == entry.comment { stays.insert(MeteredElement(set, key)) }
            }
        }
        let before = plan.metering(held)
        guard let counts = try? dataplane.counts(of: before, objects: nil) else { return [] }
        return before.readings(counts) { !stays.contains($0) }
    }

    /// Before a node goes.
    func measureLast(_ name: NodeName, _ plan: NodePlan) {
        guard let counts = try? dataplane.counts(of: plan, objects: nil) else { return }
        tell(plan.readings(counts) { _ in true }, name)
    }

    func tell(_ readings: [MeterReading], _ name: NodeName) {
        if !readings.isEmpty { report(.measured(name, readings)) }
    }
}
