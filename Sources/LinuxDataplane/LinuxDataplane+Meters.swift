import LinuxKernel
public import Reconciler
public import RouterPlan
import Ruleset

extension LinuxDataplane {
    /// Few elements are asked for one by one, many by listing their set.
    private static let few = 16

    public func counts(
        of plan: NodePlan, _ elements: [MeteredElement]
    ) throws(DataplaneError) -> [MeteredElement: MeterCount] {
        do {
            guard let node = try node(plan.name), let table = plan.table else { return [:] }
            var counts: [MeteredElement: MeterCount] = [:]
            for (set, elements) in Dictionary(grouping: elements, by: \.set) {
                guard let declaration = table.sets[set] else { continue }
                if elements.count <= Self.few {
                    for element in elements {
                        counts[element] = try node.netfilter.readElementCounters(
                            element.key, of: declaration, in: table.family, table.name
                        ).map(MeterCount.init)
                    }
                } else {
                    let all = try node.netfilter.readElementCounters(table.family, table.name, declaration)
                    for element in elements { counts[element] = all[element.key.normal].map(MeterCount.init) }
                }
            }
            return counts
        } catch {
            throw DataplaneError(operation: "read counters of \(plan.name)", reason: "\(error)")
        }
    }
}

extension MeterCount {
    fileprivate init(_ counters: Counters) { self.init(packets: counters.packets, bytes: counters.bytes) }
}
