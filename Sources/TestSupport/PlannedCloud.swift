public import CloudModel
public import ControlPlane
public import NetworkVocabulary
public import Planner
public import Reconciler
public import RouterPlan

/// A cloud with its plans and nobody in between: requests in, commands for a reconciler out.
public struct PlannedCloud {
    public private(set) var cloud = Cloud()
    public private(set) var plans: [NodeName: NodePlan] = [:]
    public let planner: Planner
    private var ids: SeededIDs
    private let caller: Caller

    public init(_ file: CloudFile = .demo, seed: UInt64 = 1, simulatesInternet: Bool = true) throws {
        ids = SeededIDs(seed: seed)
        let installation = ids.next()
        planner = Planner(installation: installation, simulatesInternet: simulatesInternet)
        caller = Caller(account: installation, isRootAdmin: true)
        _ = try take(.applyCloud(.init(file: file)))
        plans = try whole()
    }

    public var installation: ObjectID { planner.installation.id }

    /// The host first.
    public var inOrder: [NodePlan] { planner.nodes(in: cloud).compactMap { plans[$0] } }

    /// Plans made from nothing.
    public func whole() throws -> [NodeName: NodePlan] {
        var plans: [NodeName: NodePlan] = [:]
        for name in planner.nodes(in: cloud) { plans[name] = try planner.plan(name, in: cloud) }
        return plans
    }

    /// Throws what the decision refuses; nothing has changed then.
    public mutating func take(_ request: Request, ticket: Reconciler.Ticket? = nil) throws -> [Reconciler.Command] {
        let decision = try decide(request, caller: caller, in: cloud, ids: &ids)
        let before = cloud
        try cloud.apply(decision.changes, revision: cloud.revision.next)
        var commands: [Reconciler.Command] = []
        for target in planner.targets(of: decision.changes, from: before, to: cloud) {
            switch target {
            case .node(let name):
                let old = plans[name]
                plans[name] = try planner.plan(name, in: cloud)
                if let plan = plans[name] {
                    if plan != old { commands.append(.plan(plan, ticket)) }
                } else if old != nil {
                    commands.append(.withdraw(name, ticket))
                }
            case .share(let name, let object):
                guard var plan = plans[name] else { continue }
                let delta = try planner.replan(object, in: &plan, cloud: cloud)
                plans[name] = plan
                if let delta, !delta.isEmpty { commands.append(.change(delta, object: object, ticket)) }
            }
        }
        return commands
    }
}
