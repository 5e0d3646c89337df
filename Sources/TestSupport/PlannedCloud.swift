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
    public var inOrder: [NodePlan] {
        plans.values.sorted { $0.name.isHost != $1.name.isHost ? $0.name.isHost : $0.name < $1.name }
    }

    /// Plans made from nothing.
    public func whole() throws -> [NodeName: NodePlan] {
        var plans: [NodeName: NodePlan] = [:]
        for name in planner.nodes(in: cloud) { plans[name] = try planner.plan(name, in: cloud) }
        return plans
    }

    /// Throws what the decision refuses and what cannot be planned; nothing has changed then.
    public mutating func take(_ request: Request, ticket: Reconciler.Ticket? = nil) throws -> [Reconciler.Command] {
        var next = self
        let decision = try decide(request, caller: caller, in: cloud, at: 0, ids: &next.ids)
        let commands = try next.follow(decision.changes, ticket)
        self = next
        return commands
    }

    /// The same for changes that nobody decided about.
    public mutating func take(_ changes: [Change], ticket: Reconciler.Ticket? = nil) throws -> [Reconciler.Command] {
        var next = self
        let commands = try next.follow(changes, ticket)
        self = next
        return commands
    }

    private mutating func follow(
        _ changes: [Change], _ ticket: Reconciler.Ticket?
    ) throws -> [Reconciler.Command] {
        let before = cloud
        try cloud.apply(changes, revision: cloud.revision.next)
        var commands: [Reconciler.Command] = []
        var shares: [NodeName: [Origin]] = [:]
        for target in planner.targets(of: changes, from: before, to: cloud) {
            switch target {
            case .node(let name):
                if let command = try follow(name, ticket) { commands.append(command) }
            case .share(let name, let object): shares[name, default: []].append(object)
            }
        }
        for (name, objects) in shares {
            // The host's are ordered apart.
            for objects in name.isHost ? objects.map({ [$0] }) : [objects] {
                if let command = try follow(name, objects, ticket) { commands.append(command) }
            }
        }
        return commands
    }

    private mutating func follow(
        _ name: NodeName, _ ticket: Reconciler.Ticket?
    ) throws(PlanError) -> Reconciler.Command? {
        let old = plans[name]
        plans[name] = try planner.plan(name, in: cloud)
        guard let plan = plans[name] else { return old.map { .withdraw($0.name, ticket) } }
        return plan == old ? nil : .plan(plan, ticket)
    }

    private mutating func follow(
        _ name: NodeName, _ objects: [Origin], _ ticket: Reconciler.Ticket?
    ) throws(PlanError) -> Reconciler.Command? {
        guard var plan = plans[name], let object = objects.first else { return nil }
        let delta = try planner.replan(objects, in: &plan, cloud: cloud)
        plans[name] = plan
        return delta.flatMap { $0.isEmpty ? nil : .change($0, object: object, ticket) }
    }
}
