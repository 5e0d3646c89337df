import CloudModel
import LoadBalancer
import NetworkVocabulary
import Planner
import RouterPlan

/// What the proxies of routers were told to do, and which members to check, brought up to date one change at a time.
struct BalancingKeeper {
    private let planner: Planner
    private var proxies: [NodeName: ProxyPlan] = [:]
    /// By the rule that they are for.
    private var checks: [NodeName: [ObjectID: [MemberCheck]]] = [:]

    init(_ planner: Planner) { self.planner = planner }

    /// Everything, at the start.
    mutating func adopt(_ cloud: Cloud) -> [KernelOrder] {
        let nodes = planner.balancingNodes(in: cloud)
        for name in nodes { proxies[name] = planner.proxy(name, in: cloud) }
        var orders: [KernelOrder] = [.adoptProxies(proxies)]
        for name in nodes { check(name, planner.balancers(of: name, in: cloud), cloud) { orders.append($0) } }
        return orders
    }

    /// What proxies have to do for a change, which whoever asked for it waits for. New checks are ordered at once. Costs
    /// nothing that grows with the rules that a change is not about.
    mutating func follow(
        _ changes: [Change], from before: Cloud, to after: Cloud, ticket: UInt64, drains: Bool,
        _ order: (KernelOrder) -> Void
    ) -> [KernelOrder] {
        var orders: [KernelOrder] = []
        let targets = planner.balancingTargets(of: changes, from: before, to: after)
        for (name, target) in targets.sorted(by: { $0.key < $1.key }) {
            var rules = target.rules
            if target.isWhole {
                rules.formUnion((checks[name] ?? [:]).keys)
                rules.formUnion(planner.balancers(of: name, in: after))
            }
            check(name, rules.sorted(), after, order)
            guard target.isWhole || target.concernsProxy else { continue }
            let plan = planner.proxy(name, in: after)
            guard plan != proxies[name] else { continue }
            proxies[name] = plan
            orders.append(.proxy(name, plan, ticket: ticket, drains: drains))
        }
        return orders
    }

    private mutating func check(
        _ name: NodeName, _ rules: [ObjectID], _ cloud: Cloud, _ order: (KernelOrder) -> Void
    ) {
        for rule in rules {
            let wanted = planner.checks(of: rule, from: name, in: cloud)
            guard wanted != checks[name]?[rule] ?? [] else { continue }
            checks[name, default: [:]][rule] = wanted.isEmpty ? nil : wanted
            order(.check(name, rule: rule, wanted))
        }
    }
}

extension Event {
    static func proxyFailed(_ name: NodeName, _ router: Origin?, _ reason: String) -> Event {
        Event(
            type: "PROXY.FAIL", level: .error, origin: router, text: "The proxy of \(name) does not run: \(reason)")
    }

    static func proxyRestarted(_ name: NodeName, _ router: Origin?) -> Event {
        Event(
            type: "PROXY.RESTART", level: .warning, origin: router,
            text: "The proxy of \(name) had ended and was started again")
    }
}
