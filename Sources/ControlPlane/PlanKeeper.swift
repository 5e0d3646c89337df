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
    /// Nodes that could not be planned. The kernel holds what they were before, if anything.
    private(set) var unplanned: Set<NodeName> = []

    init(_ planner: Planner) { self.planner = planner }

    /// Every node's whole plan. Returns the nodes that cannot be planned, with the reason.
    mutating func planAll(_ cloud: Cloud) -> [(NodeName, PlanError)] {
        var failures: [(NodeName, PlanError)] = []
        plans = [:]
        unplanned = []
        for name in planner.nodes(in: cloud) {
            do throws(PlanError) {
                plans[name] = try planner.plan(name, in: cloud)
            } catch {
                failures.append((name, error))
                unplanned.insert(name)
            }
        }
        return failures
    }

    /// In the order in which nodes need each other: the host's bridges first.
    var inOrder: [NodePlan] {
        plans.values.sorted { a, b in a.kind == b.kind ? a.name < b.name : a.kind.rank < b.kind.rank }
    }

    /// What follows from a change: what the kernel must do, and what cannot be planned. A node that cannot does not
    /// keep the others from following: otherwise the kernel would not hear of what the plans say from then on.
    struct Following {
        var orders: [KernelOrder] = []
        var failures: [(NodeName, PlanError)] = []
    }

    /// `drains`: connections that the change takes the way from may finish.
    mutating func follow(
        _ changes: [Change], from before: Cloud, to after: Cloud, ticket: UInt64, drains: Bool = false
    ) -> Following {
        var following = Following()
        var targets = planner.targets(of: changes, from: before, to: after).sorted { $0.rank < $1.rank }[...]
        while let target = targets.popFirst() {
            switch target {
            case .node(let name): replan(name, after, ticket, drains, &following)
            case .share(let name, let object):
                var objects = [object]
                // Objects of a node hand each other elements, which must move in one step. The host is many networks':
                // what one of them cannot have must not keep another from what it needs.
                while !name.isInHostNamespace, case .share(name, let next)? = targets.first {
                    objects.append(next)
                    targets.removeFirst()
                }
                // Taken out while it is changed, so that it is changed in place.
                guard var plan = plans.removeValue(forKey: name) else {
                    // The object may be what stood in the way.
                    if unplanned.contains(name) { replan(name, after, ticket, drains, &following) }
                    continue
                }
                do throws(PlanError) {
                    let delta = try planner.replan(objects, in: &plan, cloud: after)
                    plans[name] = plan
                    if let delta, !delta.isEmpty {
                        following.orders.append(.change(delta, object: object, ticket: ticket, drains: drains))
                    }
                } catch {
                    // What another object still has in this plan it may not have in the whole one.
                    unplanned.insert(name)
                    replan(name, after, ticket, drains, &following)
                }
            }
        }
        return following
    }

    private mutating func replan(
        _ name: NodeName, _ cloud: Cloud, _ ticket: UInt64, _ drains: Bool, _ following: inout Following
    ) {
        let old = plans.removeValue(forKey: name)
        // The kernel has some plan of it, not necessarily the one that was kept.
        let wasUnplanned = unplanned.remove(name) != nil
        do throws(PlanError) {
            guard let plan = try planner.plan(name, in: cloud) else {
                if old != nil || wasUnplanned { following.orders.append(.withdraw(name, ticket: ticket)) }
                return
            }
            plans[name] = plan
            if plan != old { following.orders.append(.plan(plan, ticket: ticket, drains: drains)) }
        } catch {
            unplanned.insert(name)
            // Several objects may lead to the same node; it fails once a change.
            if following.failures.last?.0 != name { following.failures.append((name, error)) }
        }
    }

    /// A look at the nodes that networks are in the kernel: their routers, and the host for their segments.
    func examination(of networks: Set<ObjectID>, in cloud: Cloud, ticket: UInt64) -> [KernelOrder] {
        guard !networks.isEmpty else { return [] }
        let routers = networks.compactMap { cloud.router(ofNetwork: $0)?.name }.sorted().map { NodeName($0) }
        return ([NodeName.host] + routers).filter { plans[$0] != nil }.map { .examine($0, ticket: ticket) }
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
        case .node(let name): (name.isUnderlay ? -2 : name.isHost ? 0 : 2, name.text)
        case .share(let name, let object): (name.isUnderlay ? -1 : name.isHost ? 1 : 2, "\(name) \(object)")
        }
    }
}
