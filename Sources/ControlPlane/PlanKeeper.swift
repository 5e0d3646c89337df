import CloudModel
import NetworkVocabulary
import Planner
import RouterPlan

/// The plans of all nodes as of the model, brought up to date one change at a time.
///
/// Incremental planning is an optimisation, never the truth: whatever it cannot do is planned whole, and what it did
/// must equal the whole plan (`PlanKeeper.drift`, which tests call at their end).
struct PlanKeeper {
    let planner: Planner
    private(set) var plans: [NodeName: NodePlan] = [:]

    init(_ planner: Planner) { self.planner = planner }

    /// Every node's whole plan. Returns the nodes that cannot be planned, with the reason.
    mutating func planAll(_ cloud: Cloud) -> [(NodeName, PlanError)] {
        var failures: [(NodeName, PlanError)] = []
        plans = [:]
        for name in planner.nodes(in: cloud) {
            do throws(PlanError) {
                plans[name] = try planner.plan(name, in: cloud)
            } catch {
                failures.append((name, error))
            }
        }
        return failures
    }

    /// In the order in which nodes need each other: the host's bridges first.
    var inOrder: [NodePlan] {
        plans.values.sorted { a, b in a.kind == b.kind ? a.name < b.name : a.kind.rank < b.kind.rank }
    }

    /// Follows the model and says what the kernel must do. On an error the plans are those of the new model still, but
    /// for the node that has none.
    mutating func follow(
        _ changes: [Change], from before: Cloud, to after: Cloud, ticket: UInt64
    ) throws(PlanError) -> [KernelOrder] {
        var orders: [KernelOrder] = []
        for target in planner.targets(of: changes, from: before, to: after).sorted(by: { $0.rank < $1.rank }) {
            switch target {
            case .node(let name):
                if let order = try replan(name, after, ticket) { orders.append(order) }
            case .share(let name, let object):
                // Taken out while it is changed, so that it is changed in place.
                guard var plan = plans.removeValue(forKey: name) else { continue }
                do throws(PlanError) {
                    let delta = try planner.replan(object, in: &plan, cloud: after)
                    plans[name] = plan
                    if let delta, !delta.isEmpty { orders.append(.change(delta, object: object, ticket: ticket)) }
                } catch {
                    if let order = try replan(name, after, ticket) { orders.append(order) }
                }
            }
        }
        return orders
    }

    private mutating func replan(_ name: NodeName, _ cloud: Cloud, _ ticket: UInt64) throws(PlanError) -> KernelOrder? {
        let old = plans[name]
        guard let plan = try planner.plan(name, in: cloud) else {
            plans[name] = nil
            return old.map { .withdraw($0.name, ticket: ticket) }
        }
        plans[name] = plan
        return plan == old ? nil : .plan(plan, ticket: ticket)
    }

    /// Nodes whose kept plan is not what planning from scratch gives: none, ever.
    func drift(from cloud: Cloud) -> [NodeName] {
        var fresh = PlanKeeper(planner)
        _ = fresh.planAll(cloud)
        return Set(plans.keys).union(fresh.plans.keys).filter { plans[$0] != fresh.plans[$0] }.sorted()
    }
}

extension NodePlan.Kind {
    fileprivate var rank: Int {
        switch self {
        case .host: 0
        case .internet: 1
        case .router: 2
        case .guest: 3
        }
    }
}

extension PlanTarget {
    /// The host first; the rest in an order that does not depend on hashing.
    fileprivate var rank: (Int, String) {
        switch self {
        case .node(let name): (name.isHost ? 0 : 2, name.text)
        case .share(let name, let object): (name.isHost ? 1 : 2, "\(name) \(object)")
        }
    }
}
