import NetworkVocabulary
public import RouterPlan
import Ruleset

/// Brings nodes to their plans and keeps them there.
///
/// It is confined to one lane and does one piece of work a call, so that a small change to a living router never waits
/// for more than one piece of somebody else's large one. Desired and actual are two views of each node: a node is
/// *settled* when the kernel is known to hold its plan. A change to a settled node is applied alone; every other case,
/// and any failure, goes the long way: observe, compare the whole, apply the difference, observe again.
///
/// Races it lives with:
/// - A change arrives while the node waits for the long way: it joins the plan, the long way covers it.
/// - Somebody changes the kernel between our observation and our write: the write fails or the second observation
///   differs; either way the node stays unsettled and is tried again.
/// - Somebody undoes our work just after it was read back: the kernel's event for it makes the node unsettled.
/// - A node needs the host's bridge before the host has it: the host always goes first.
public final class Reconciler {
    /// Ties a piece of desired state to whoever waits for it; given out by the caller.
    public typealias Ticket = UInt64

    let dataplane: any Dataplane
    let report: (Report) -> Void
    let judge: FlowJudge
    var nodes: [NodeName: Node] = [:]
    /// Nodes whose connections are looked through once more, and when.
    var rechecks: [NodeName: Recheck] = [:]
    /// Nodes whose counters are to be read.
    var unmeasured = Queue<NodeName>()
    /// Small changes to settled nodes.
    private var urgent = Queue<NodeName>()
    private var ordinary = Queue<NodeName>()
    private var retries: [NodeName: Duration] = [:]
    /// What others keep still: such a node is not worked on, unless it is to go.
    private var held: [NodeName: Int] = [:]
    /// Nodes to be removed whose turn has not come, and nodes whose removal is begun and not complete.
    private var withdrawn: Set<NodeName> = []
    private var leaving: [NodeName] = []
    private static let crowd = 256
    /// Whether the host's table was seen to be as planned.
    var isGuardStanding = false
    /// Nodes that the last adoption left alone.
    private var kept: Set<NodeName> = []
    private var adopting: (remaining: Set<NodeName>, verified: Int, failed: Int)?
    /// When to ask the kernel which nodes there are; nil when it has answered.
    private var inventoryDue: Duration?
    private var inventoryFailures = 0

    /// `judge` says which living connections a plan does not admit.
    public init(
        _ dataplane: any Dataplane, judge: @escaping FlowJudge = { _, _ in [] }, report: @escaping (Report) -> Void
    ) {
        self.dataplane = dataplane
        self.judge = judge
        self.report = report
    }

    /// The plan of a node that is taken to be as planned; nil while it is being worked on, since then it will be looked
    /// at anyway.
    public func settledPlan(of name: NodeName) -> NodePlan? {
        guard let node = nodes[name], node.isSettled, node.pending.isEmpty, !node.isQueued else { return nil }
        return node.plan
    }

    /// How many nodes wait to be looked at whole.
    public var backlog: Int { ordinary.count }

    /// Takes in what is wanted. Touches no kernel.
    public func accept(_ command: Command) {
        switch command {
        case .adopt(let plans, let keeping): adopt(plans, keeping)
        case .plan(let plan, let ticket, let drains): accept(plan, ticket, drains)
        case .change(let delta, let object, let ticket, let drains): accept(delta, object, ticket, drains)
        case .withdraw(let name, let ticket):
            withdrawn.insert(name)
            nodes[name, default: Node()].lastPlan = nodes[name]?.plan
            nodes[name]?.plan = nil
            nodes[name]?.isSettled = false
            nodes[name]?.pending = []
            rechecks[name] = nil
            wait(for: name, object: nil, ticket)
            schedule(name)
        case .examine(let name, let ticket):
            guard nodes[name]?.plan != nil else {
                if let ticket { report(.settled(name, tickets: [ticket])) }
                return
            }
            wait(for: name, object: nil, ticket)
            disturb(name)
        case .disturbed(let name):
            guard nodes[name]?.plan != nil else { return }
            disturb(name)
        case .disturbedEverywhere:
            for (name, node) in nodes where node.plan != nil { disturb(name) }
        case .measure: measureAll()
        case .hold(let name): held[name, default: 0] += 1
        case .release(let name):
            held[name] = held[name].flatMap { $0 > 1 ? $0 - 1 : nil }
            if held[name] == nil, let node = nodes[name], !node.isSettled || !node.pending.isEmpty { schedule(name) }
        }
    }

    /// One piece of work. Returns false when there is none left that could be done now.
    public func work(now: Duration) -> Bool {
        wakeRetries(now)
        if let due = inventoryDue, due <= now {
            takeInventory(now)
            return true
        }
        guard let name = nextNode() else { return recheckOne(now) || measureOne() }
        nodes[name]?.isQueued = false
        guard let node = nodes[name] else { return true }
        guard let plan = node.plan else {
            remove(name, now)
            return true
        }
        // Whatever comes back under the same name must not meet what is still going.
        finishLeaving(now)
        if node.isSettled, !node.pending.isEmpty {
            changeOne(name, now)
        } else if !node.isSettled {
            reach(plan, now)
        }
        return true
    }

    /// When `work` should be called again because something failed; nil for never.
    public var nextRetry: Duration? { [inventoryDue, retries.values.min()].compactMap(\.self).min() }

    // MARK: Taking in

    private func adopt(_ plans: [NodePlan], _ keeping: Set<NodeName>) {
        let wanted = Set(plans.map(\.name))
        kept = keeping
        let surplus = Set(nodes.filter { $0.value.plan != nil }.keys).subtracting(wanted).subtracting(keeping)
        adopting = (wanted.union(surplus), 0, 0)
        inventoryDue = .zero
        inventoryFailures = 0
        for name in surplus { accept(.withdraw(name, nil)) }
        for plan in plans {
            // Whatever was true of it before is looked at anew.
            nodes[plan.name]?.isSettled = false
            accept(plan, nil, false)
        }
    }

    private func accept(_ plan: NodePlan, _ ticket: Ticket?, _ drains: Bool) {
        var node = nodes[plan.name] ?? Node()
        if node.isSettled, node.pending.isEmpty, node.plan == plan {
            // The new plan says nothing new; whoever waits need not.
            if let ticket { report(.settled(plan.name, tickets: [ticket])) }
            return
        }
        withdrawn.remove(plan.name)
        node.plan = plan
        node.isSettled = false
        node.pending = []
        nodes[plan.name] = node
        wait(for: plan.name, object: nil, ticket, drains: drains)
        schedule(plan.name)
    }

    private func accept(_ delta: PlanDelta, _ object: Origin, _ ticket: Ticket?, _ drains: Bool) {
        guard let plan = nodes[delta.node]?.plan else {
            // A change to a node that was withdrawn meanwhile has nothing to wait for.
            if let ticket { report(.settled(delta.node, tickets: [ticket])) }
            return
        }
        if nodes[delta.node]?.isSettled == true {
            nodes[delta.node]?.pending.append(
                Piece(delta, ticket, drains: drains, revokes: plan.revokes(delta)))
        } else {
            nodes[delta.node]?.plan?.apply(delta)
        }
        wait(for: delta.node, object: object, ticket, drains: drains)
        schedule(delta.node)
    }

    private func disturb(_ name: NodeName) {
        nodes[name]?.isSettled = false
        nodes[name]?.isDisturbed = true
        nodes[name]?.takePending()
        schedule(name)
    }

    private func wait(for name: NodeName, object: Origin?, _ ticket: Ticket?, drains: Bool = false) {
        if let ticket { nodes[name]?.waiting.append(Waiting(ticket: ticket, object: object, drains: drains)) }
    }

    func schedule(_ name: NodeName) {
        guard let node = nodes[name], !node.isQueued, held[name] == nil || node.plan == nil else { return }
        nodes[name]?.isQueued = true
        retries[name] = nil
        if node.isSettled { urgent.append(name) } else { ordinary.append(name) }
    }

    private func nextNode() -> NodeName? {
        // Others hang on the host's bridges, and its devices on the underlay's rules, which go after them.
        if let node = nodes[.underlay], node.isQueued, node.plan != nil { return .underlay }
        if nodes[.host]?.isQueued == true { return .host }
        while let name = urgent.popFirst() ?? ordinary.popFirst() {
            if nodes[name]?.isQueued == true { return name }
        }
        return nil
    }

    private func wakeRetries(_ now: Duration) {
        for (name, time) in retries where time <= now { schedule(name) }
    }

    // MARK: Doing

    /// Finds what is ours and not wanted. Until the kernel has answered, the adoption is not over.
    private func takeInventory(_ now: Duration) {
        do throws(DataplaneError) {
            let found = try dataplane.inventory().keys.filter { nodes[$0]?.plan == nil && !kept.contains($0) }
            inventoryDue = nil
            inventoryFailures = 0
            for name in found.sorted() {
                adopting?.remaining.insert(name)
                accept(.withdraw(name, nil))
            }
            finishAdoptionIfDone()
        } catch {
            inventoryFailures += 1
            inventoryDue = now + Self.pause(afterFailures: inventoryFailures)
            report(.failed(.host, error, tickets: []))
        }
    }

    /// Makes the first of the pending changes, alone. Whatever goes wrong, the long way finds out what is true now.
    private func changeOne(_ name: NodeName, _ now: Duration) {
        guard let piece = nodes[name]?.takePiece(), let plan = nodes[name]?.plan else { return }
        do throws(DataplaneError) {
            if !piece.delta.takesOthersAlong, isGuarded(plan) {
                let readings = try lastReadings(plan, before: piece.delta)
                let isNoted = rechecks[name] != nil
                try dataplane.perform(steps(for: piece, of: plan, isNoted: isNoted), on: name)
                tell(readings, name)
                if try dataplane.holds(piece.delta, of: plan) {
                    let revoked = piece.revokes ? try revoke(plan, drains: piece.drains, now) : 0
                    settle(name, piece.tickets, revoked)
                    return
                }
            }
        } catch {
            // Told when the long way has failed too.
        }
        nodes[name]?.isSettled = false
        nodes[name]?.takePending()
        if let plan = nodes[name]?.plan { reach(plan, now) }
    }

    private func reach(_ plan: NodePlan, _ now: Duration) {
        do throws(DataplaneError) {
            if plan.name.isHost { isGuardStanding = false }
            guard plan.name.isHost || isGuarded(plan) else {
                throw DataplaneError(
                    operation: "open the ports of \(plan.name)",
                    reason: "the rules that guard them are not in the kernel")
            }
            let observed = try dataplane.observe(plan)
            var todo = steps(toReach: plan, from: observed)
            noteGuard(plan, todo)
            guard !todo.isEmpty else {
                settle(plan.name)
                return
            }
            // A namespace that is yet to be made has no connections.
            let revokes =
                plan.tracksRevocations && observed.exists && observed.owner == plan.owner
                && todo.contains(where: \.takesSomethingAway)
            let goal = revokes ? plan.withPendingRevocation : plan
            if revokes {
                todo = steps(toReach: goal, from: observed)
            }
            let readings = lastReadings(plan, before: observed)
            var taken: [Step] = []
            var failures: [DataplaneError] = []
            var failed: Set<Origin> = []
            // What the kernel takes along with a thing that goes (other addresses with a primary one, routes with a
            // link's last address) shows at the second look only.
            for look in 1...2 where !todo.isEmpty {
                failures +=
                    plan.name.isHost
                    ? performApart(todo, of: plan, without: failed) : try performTogether(todo, plan.name)
                failed.formUnion(failures.compactMap { $0.origin?.object })
                taken += todo
                // Read-back: nothing may be left to do but what failed.
                let missing = steps(toReach: goal, from: try dataplane.observe(plan))
                noteGuard(plan, missing)
                todo = missing.filter { step in
                    step.origin.map { !failed.contains($0.object) } ?? failures.allSatisfy { $0.origin != nil }
                }
                if look == 2, let surprise = todo.first {
                    throw DataplaneError(
                        operation: "\(surprise)", origin: surprise.origin,
                        reason: "the kernel took it and does not show it")
                }
            }
            tell(readings, plan.name)
            // What failed was not set right, and is not told again with every attempt; what somebody waits for is new.
            let others = failed.union(nodes[plan.name]?.awaited ?? [])
            let done = taken.filter { step in step.origin.map { !others.contains($0.object) } ?? true }
            if nodes[plan.name]?.isDisturbed == true, !done.isEmpty { report(.repaired(plan.name, done)) }
            let revoked = revokes ? try revoke(plan, drains: isLeftToFinish(plan.name), now) : 0
            if let failure = failures.first {
                answer(plan.name) { waiting in waiting.object.map { !failed.contains($0) } ?? false }
                throw failure
            }
            settle(plan.name, nil, revoked)
        } catch {
            fail(plan.name, error, now)
        }
    }

    /// Tells those who wait for something that is in place, although not all of the node is.
    private func answer(_ name: NodeName, where isDone: (Waiting) -> Bool) {
        guard let waiting = nodes[name]?.waiting else { return }
        let done = waiting.filter(isDone)
        nodes[name]?.waiting.removeAll(where: isDone)
        if !done.isEmpty { report(.settled(name, tickets: done.map(\.ticket))) }
    }

    private func remove(_ name: NodeName, _ now: Duration) {
        do {
            withdrawn.remove(name)
            if let plan = nodes[name]?.lastPlan, !plan.meters.isEmpty { measureLast(name, plan) }
            nodes[name]?.lastPlan = nil
            try dataplane.perform([.removeNamespace], on: name)
            leaving.append(name)
            if withdrawn.isEmpty || leaving.count >= Self.crowd { finishLeaving(now) }
        } catch {
            fail(name, error, now)
        }
    }

    /// Completes the removals that were begun, all at the price of one.
    private func finishLeaving(_ now: Duration) {
        guard !leaving.isEmpty else { return }
        let names = leaving
        leaving = []
        do {
            try dataplane.finishRemovals()
            // One that was planned again meanwhile answers when it stands.
            for name in names where nodes[name]?.plan == nil {
                let waiting = nodes.removeValue(forKey: name)?.waiting ?? []
                retries[name] = nil
                report(.removed(name, tickets: waiting.map(\.ticket)))
                noteAdopted(name, failed: false)
            }
        } catch {
            for name in names where nodes[name]?.plan == nil { fail(name, error, now) }
        }
    }

    /// Answers those whose change was made, or all where the whole node is as planned.
    private func settle(_ name: NodeName, _ tickets: [Ticket]? = nil, _ revoked: Int = 0) {
        guard var node = nodes[name] else { return }
        let tickets = tickets ?? node.waiting.map(\.ticket)
        // Nodes that failed for want of a bridge need not wait out their pause.
        if name.isInHostNamespace, !node.isSettled { for other in retries.keys { schedule(other) } }
        node.answer(tickets)
        node.isSettled = true
        node.isDisturbed = false
        node.failures = 0
        nodes[name] = node
        retries[name] = nil
        report(.settled(name, tickets: tickets, revoked: revoked))
        if !node.pending.isEmpty { schedule(name) }
        noteAdopted(name, failed: false)
    }

    /// The old state stays as it was; the attempt is repeated with growing pauses, and whoever waits is told now.
    private func fail(_ name: NodeName, _ error: DataplaneError, _ now: Duration) {
        guard var node = nodes[name] else { return }
        let tickets = node.waiting.map(\.ticket)
        node.waiting = []
        node.isSettled = false
        node.takePending()
        node.failures += 1
        nodes[name] = node
        retries[name] = now + Self.pause(afterFailures: node.failures)
        report(.failed(name, error, tickets: tickets))
        noteAdopted(name, failed: true)
    }

    private func noteAdopted(_ name: NodeName, failed: Bool) {
        guard adopting?.remaining.remove(name) != nil else { return }
        if failed { adopting?.failed += 1 } else if nodes[name]?.plan != nil { adopting?.verified += 1 }
        finishAdoptionIfDone()
    }

    private func finishAdoptionIfDone() {
        guard let adoption = adopting, adoption.remaining.isEmpty, inventoryDue == nil else { return }
        adopting = nil
        report(.adopted(verified: adoption.verified, failed: adoption.failed))
    }
}
