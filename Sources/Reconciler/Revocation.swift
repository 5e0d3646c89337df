public import NetworkVocabulary
public import RouterPlan
import Ruleset

/// Which of a node's living connections its plan does not admit (any more).
public typealias FlowJudge = (NodePlan, [Flow]) -> [Flow]

// Revoked means revoked: a rule's connections go with it, in the same operation. The kernel lets an established
// connection pass without asking the rules again, so that its entry in the connection table has to go too.
//
// Which connections those are is not remembered anywhere: it is asked of the new plan, flow by flow. So a connection that
// another rule admits lives on, and a crash between the transaction and the connections' end is made good at the next
// start, to which the element in `pending-revocations` testifies.
//
// A packet that the old rules let pass may enter its connection into the table just after we have looked. So a second look
// follows, long after every packet that was on its way then has left; it takes the element away.

extension Reconciler {
    struct Recheck {
        let due: Duration
        let drains: Bool
    }

    /// When `work` should be called again to look through connections once more; nil for never.
    public var nextRecheck: Duration? { rechecks.values.map(\.due).min() }

    private static let patience = Duration.milliseconds(200)

    /// Ends, or marks as left to finish, what the plan does not admit, and sees to it that it is looked at again.
    func revoke(_ plan: NodePlan, drains: Bool, _ now: Duration) throws(DataplaneError) -> Int {
        // Two changes in a row: what one of them ends, the other must not spare.
        let drainsAgain = drains && (rechecks[plan.name]?.drains ?? true)
        let count = try followUp(plan, drains: drains)
        rechecks[plan.name] = Recheck(due: now + Self.patience, drains: drainsAgain)
        return count
    }

    private func followUp(_ plan: NodePlan, drains: Bool) throws(DataplaneError) -> Int {
        let flows = try dataplane.flows(of: plan.name)
        guard !flows.isEmpty else { return 0 }
        let revoked = judge(plan, flows)
        guard !revoked.isEmpty else { return 0 }
        return drains ? try dataplane.drain(revoked, of: plan.name) : try dataplane.end(revoked, of: plan.name)
    }

    /// The second look at one node whose time has come.
    func recheckOne(_ now: Duration) -> Bool {
        guard let (name, recheck) = rechecks.first(where: { $0.value.due <= now }) else { return false }
        rechecks[name] = nil
        // One that is being worked on is looked through at the end of that.
        guard let node = nodes[name], node.isSettled, node.pending.isEmpty, let plan = node.plan else { return true }
        do throws(DataplaneError) {
            let ended = try followUp(plan, drains: recheck.drains)
            var done = PlanDelta(node: name)
            done.removedElements[NodePlan.pendingRevocations] = [NodePlan.revocationKey: Element(origin: plan.owner)]
            try dataplane.perform(steps(for: done, of: plan), on: name)
            if ended > 0 { report(.ended(name, flows: ended)) }
        } catch {
            nodes[name]?.isSettled = false
            schedule(name)
        }
        return true
    }

    /// Whether everybody who waits for the node wants connections left to finish.
    func isLeftToFinish(_ name: NodeName) -> Bool {
        guard let waiting = nodes[name]?.waiting, !waiting.isEmpty else { return false }
        return waiting.allSatisfy(\.drains)
    }
}

extension Step {
    /// Whether a connection may have lived by what it changes.
    var takesSomethingAway: Bool {
        switch self {
        case .ruleset, .remove: true
        default: false
        }
    }
}
