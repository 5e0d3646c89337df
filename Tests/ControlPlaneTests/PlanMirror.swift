import RouterPlan
import Ruleset

@testable import ControlPlane

/// A kernel that does as it is told and nothing else: what it holds follows from the orders alone.
struct PlanMirror {
    private(set) var plans: [NodeName: NodePlan] = [:]
    /// Rows and elements in all the orders so far.
    private(set) var orderedCount = 0

    mutating func follow(_ orders: [KernelOrder]) {
        for order in orders {
            orderedCount += order.count
            switch order {
            case .adopt(let all, _): plans = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
            case .plan(let plan, _, _): plans[plan.name] = plan
            case .change(let delta, _, _, _): plans[delta.node]?.apply(delta)
            case .withdraw(let name, _): plans[name] = nil
            case .examine, .measure, .adoptProxies, .proxy, .check: break
            }
        }
    }
}

extension KernelOrder {
    /// How many rows and elements it speaks of.
    var count: Int {
        switch self {
        case .adopt(let plans, _): plans.reduce(0) { $0 + $1.count }
        case .plan(let plan, _, _): plan.count
        case .change(let delta, _, _, _):
            delta.removedRows.count + delta.addedRows.count
                + (Array(delta.removedElements.values) + Array(delta.addedElements.values)).reduce(0) { $0 + $1.count }
        case .withdraw: 1
        case .examine, .measure, .adoptProxies, .proxy, .check: 0
        }
    }
}

extension NodePlan {
    var count: Int { rows.count + (table?.elements.values.reduce(0) { $0 + $1.count } ?? 0) }
}
