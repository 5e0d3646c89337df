import CloudModel
import LoadBalancer
import NetworkVocabulary
import Planner
import RouterPlan

/// What the proxies of routers were told to do, and which members to check, brought up to date one change at a time.
struct BalancingKeeper {
    private let planner: Planner
    private var proxies: [NodeName: ProxyPlan] = [:]
    private var checks: [NodeName: [MemberCheck]] = [:]

    init(_ planner: Planner) { self.planner = planner }

    /// Everything, at the start.
    mutating func adopt(_ cloud: Cloud) -> [KernelOrder] {
        let nodes = planner.balancingNodes(in: cloud)
        for name in nodes { proxies[name] = planner.proxy(name, in: cloud) }
        return [.adoptProxies(proxies)] + nodes.compactMap { check($0, cloud) }
    }

    /// What proxies have to do for a change, which whoever asked for it waits for. New checks are ordered at once.
    mutating func follow(
        _ changes: [Change], from before: Cloud, to after: Cloud, ticket: UInt64, drains: Bool,
        _ order: (KernelOrder) -> Void
    ) -> [KernelOrder] {
        var orders: [KernelOrder] = []
        for name in planner.balancingTargets(of: changes, from: before, to: after).sorted() {
            if let check = check(name, after) { order(check) }
            let plan = planner.proxy(name, in: after)
            guard plan != proxies[name] else { continue }
            proxies[name] = plan
            orders.append(.proxy(name, plan, ticket: ticket, drains: drains))
        }
        return orders
    }

    private mutating func check(_ name: NodeName, _ cloud: Cloud) -> KernelOrder? {
        let wanted = planner.checks(name, in: cloud)
        guard wanted != checks[name] ?? [] else { return nil }
        checks[name] = wanted.isEmpty ? nil : wanted
        return .check(name, wanted)
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
