import CloudModel
import NetworkVocabulary
import Planner
import RouterPlan
import TestSupport
import Testing

@testable import ControlPlane

/// A model under change with its plans, and a mirror of what the kernel was told.
struct FollowedCloud {
    static let installation = ObjectID(random: 1, 1)
    static let admin = Caller(account: installation, isRootAdmin: true)

    var cloud = Cloud()
    var keeper: PlanKeeper
    var mirror = PlanMirror()
    private var ids: SeededIDs
    /// What the last request came to.
    private(set) var orders: [KernelOrder] = []

    init(simulatesInternet: Bool = true, seed: UInt64 = 1) {
        keeper = PlanKeeper(Planner(installation: Self.installation, simulatesInternet: simulatesInternet))
        ids = SeededIDs(seed: seed)
        _ = keeper.planAll(cloud)
        mirror.follow([.adopt(keeper.inOrder)])
    }

    @discardableResult
    mutating func take(_ request: Request) throws -> Reply {
        let decision = try decide(request, caller: Self.admin, in: cloud, ids: &ids)
        let before = cloud
        try cloud.apply(decision.changes, revision: cloud.revision.next)
        let following = keeper.follow(decision.changes, from: before, to: cloud, ticket: cloud.revision.number)
        orders = following.orders
        mirror.follow(orders)
        for (name, error) in following.failures { Issue.record("\(name) cannot be planned: \(error)") }
        return decision.reply
    }
}

@Suite struct `Incremental plans` {
    @Test(arguments: 1...8)
    func `equal full plans after every request, and so does what the kernel was told`(seed: UInt64) throws {
        var followed = FollowedCloud(simulatesInternet: seed % 2 == 0, seed: seed)
        var requests = RandomRequests(seed: seed)
        try followed.take(.bootstrap)
        var taken = 0
        for step in 0..<1000 {
            let request = requests.next(in: followed.cloud)
            do {
                try followed.take(request)
                taken += 1
            } catch is RequestError {
                continue
            }
            let drift = followed.keeper.drift(from: followed.cloud)
            let astray = followed.keeper.plans.filter { name, plan in
                followed.mirror.plans[name] != plan || followed.mirror.plans[name]?.objects != plan.objects
            }
            guard drift.isEmpty, astray.isEmpty, followed.mirror.plans.count == followed.keeper.plans.count else {
                Issue.record("seed \(seed), step \(step), \(request): drift \(drift), astray \(astray.keys.sorted())")
                return
            }
        }
        #expect(taken > 200)
    }
}
