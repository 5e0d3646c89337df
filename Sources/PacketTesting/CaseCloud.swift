import CloudModel
import CloudTrace
import ControlPlane
import NetworkVocabulary
import Planner
import Reconciler
import RouterPlan

/// The cloud of a case with its plans: requests in, commands for a reconciler out. The same on every run: ids come from
/// a seed, and MAC addresses and names of devices follow from numbers that the model gives out.
struct CaseCloud: Sendable {
    private(set) var cloud = Cloud()
    private(set) var plans: [NodeName: NodePlan] = [:]
    private let planner: Planner
    private let caller: Caller
    private var ids = CountingIDs()

    /// What a change comes to: for the kernel, and for who follows the plans.
    struct Following {
        var commands: [Reconciler.Command] = []
        var drains = false
    }

    init(_ file: CloudFile) throws {
        let installation = ids.next()
        planner = Planner(installation: installation, simulatesInternet: false)
        caller = Caller(account: installation, isRootAdmin: true)
        try apply(file)
    }

    var installation: ObjectID { planner.installation.id }

    /// The host first.
    var inOrder: [NodePlan] {
        plans.values.sorted { $0.name.isHost != $1.name.isHost ? $0.name.isHost : $0.name < $1.name }
    }

    var wiring: Wiring { Wiring(cloud, routers: routers) }
    var routers: [NodePlan] { inOrder.filter { $0.kind == .router } }

    /// Guests are bare ports here, whatever the file says of them.
    @discardableResult
    mutating func apply(_ file: CloudFile) throws -> Following {
        var file = file
        for index in file.guests.indices {
            file.guests[index].port = "none"
            file.guests[index].namespace = nil
            for nic in file.guests[index].nics.indices {
                file.guests[index].nics[nic].port = nil
                file.guests[index].nics[nic].namespace = nil
            }
        }
        return try take(.applyCloud(.init(file: file)))
    }

    /// Throws what the decision refuses; nothing has changed then.
    mutating func take(_ request: Request) throws -> Following {
        var next = self
        let decision = try decide(request, caller: caller, in: cloud, at: 0, ids: &next.ids)
        var following = Following(drains: decision.drains)
        let before = next.cloud
        try next.cloud.apply(decision.changes, revision: before.revision.next)
        let targets = planner.targets(of: decision.changes, from: before, to: next.cloud)
        var shares: [NodeName: [Origin]] = [:]
        for target in targets {
            switch target {
            case .node(let name): try next.replan(name, &following)
            case .share(let name, let object): shares[name, default: []].append(object)
            }
        }
        for (name, objects) in shares {
            // The host's are ordered apart.
            for objects in name.isHost ? objects.map({ [$0] }) : [objects] {
                try next.replan(objects, of: name, &following)
            }
        }
        // The host's bridges before what hangs on them.
        following.commands.sort { $0.isForHost && !$1.isForHost }
        self = next
        return following
    }

    private mutating func replan(_ name: NodeName, _ following: inout Following) throws {
        let old = plans[name]
        plans[name] = try planner.plan(name, in: cloud)
        if let plan = plans[name] {
            if plan != old { following.commands.append(.plan(plan, nil, drains: following.drains)) }
        } else if old != nil {
            following.commands.append(.withdraw(name, nil))
        }
    }

    private mutating func replan(_ objects: [Origin], of name: NodeName, _ following: inout Following) throws {
        guard var plan = plans[name], let object = objects.first else { return }
        guard let delta = try planner.replan(objects, in: &plan, cloud: cloud) else { return }
        plans[name] = plan
        if !delta.isEmpty {
            following.commands.append(.change(delta, object: object, nil, drains: following.drains))
        }
    }

    /// The plans made anew differ from those that changes led to: a defect, whatever the packets did.
    func drift() throws -> [NodeName] {
        var names: [NodeName] = []
        for name in planner.nodes(in: cloud) where try planner.plan(name, in: cloud) != plans[name] {
            names.append(name)
        }
        return names
    }
}

/// Ids from a fixed start.
private struct CountingIDs: IDSource {
    private var numbers = CountingNumbers()

    mutating func next() -> ObjectID { ObjectID(random: numbers.next(), numbers.next()) }
}

/// SplitMix64 from a fixed start.
struct CountingNumbers: RandomNumberGenerator {
    private var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}

extension Reconciler.Command {
    fileprivate var isForHost: Bool {
        switch self {
        case .plan(let plan, _, _): plan.name.isHost
        case .change(let delta, _, _, _): delta.node.isHost
        default: false
        }
    }
}
