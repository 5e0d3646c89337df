public import NetworkVocabulary
public import Reconciler
public import RouterPlan
import Ruleset

// The connections and counters of the fake: nothing is forwarded, so that tests say what there is.
extension FakeDataplane {
    public func flows(of node: NodeName) throws(DataplaneError) -> [Flow] {
        beforeFlows(self)
        try live()
        flowLists += 1
        return open(node).flatMap { kernel.spaces[$0]?.flows } ?? []
    }

    public func end(_ flows: [Flow], of node: NodeName) throws(DataplaneError) -> Int {
        try live()
        guard let place = open(node) else { return 0 }
        let doomed = Set(flows.map(\.key))
        let before = kernel.spaces[place]?.flows ?? []
        kernel.setFlows(before.filter { !doomed.contains($0.key) }, in: place)
        return before.count { doomed.contains($0.key) }
    }

    public func drain(_ flows: [Flow], of node: NodeName) throws(DataplaneError) -> Int {
        try live()
        guard let place = open(node) else { return 0 }
        let marked = Set(flows.map(\.key))
        let before = kernel.spaces[place]?.flows ?? []
        kernel.setFlows(
            before.map { flow in
                var flow = flow
                if marked.contains(flow.key) { flow.mark |= FlowMark.draining }
                return flow
            }, in: place)
        return before.count { marked.contains($0.key) }
    }

    /// What `count` has been told of; the fake forwards nothing.
    public func counts(
        of plan: NodePlan, _ elements: [MeteredElement]
    ) throws(DataplaneError) -> [MeteredElement: MeterCount] {
        try live()
        guard let place = open(plan.name), let table = plan.table,
            let there = kernel.spaces[place]?.ruleset.table(table.family, table.name)
        else { return [:] }
        var counts: [MeteredElement: MeterCount] = [:]
        for element in elements
        where there.elements[element.set]?[element.key.normal] != nil {
            counts[element] = kernel.counts[place]?[element] ?? MeterCount()
        }
        return counts
    }
}
