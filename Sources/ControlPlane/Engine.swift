public import CloudModel
public import NetworkVocabulary
import Planner
import RouterPlan

/// The control lane's work: decides requests in the order they came, makes them durable together, follows with the
/// plans, and answers when the kernel holds them.
///
/// Confined to one lane. All that happens between taking in a request and handing its orders to the kernel happens in
/// one call, so there is no moment at which a decision could rest on a model that somebody else is changing: that is
/// what makes allocation race-free.
///
/// Orders of a failure: what cannot be decided changes nothing; what cannot be made durable changes nothing; what the
/// kernel refuses is taken back by an entry of its own, unless later changes rest on it.
public final class Engine {
    private let ledger: any Ledger
    private var surroundings: Surroundings
    private let order: (KernelOrder) -> Void
    private let shared: SharedView
    private var cloud: Cloud
    private var keeper: PlanKeeper
    private var balancing: BalancingKeeper
    private var pending = PendingChanges()
    private var traffic: TrafficKeeper
    private var idleNetworks = IdleNetworks()
    private var housekeeping = Housekeeping()
    private var capacity: CapacityWatch
    private var entriesSinceCheckpoint = 0
    /// Events that the ledger did not take, for its next entry.
    private var unwritten: [Event] = []
    private static let unwrittenLimit = 1000

    /// Opens the ledger and comes up to where it ends. `findings` says what was repaired on the way.
    public init(
        _ ledger: any Ledger, simulatesInternet: Bool, surroundings: Surroundings, shared: SharedView,
        order: @escaping (KernelOrder) -> Void
    ) throws(LedgerError) {
        self.ledger = ledger
        self.surroundings = surroundings
        self.shared = shared
        self.order = order
        let contents = try ledger.open()
        cloud = try contents.folded()
        installation = contents.installation
        findings = contents.findings
        entriesSinceCheckpoint = contents.entries.count
        keeper = PlanKeeper(Planner(installation: contents.installation, simulatesInternet: simulatesInternet))
        balancing = BalancingKeeper(keeper.planner)
        traffic = try TrafficKeeper(ledger, cloud)
        shared.publish(traffic.book.totals)
        let told = try ledger.events(limit: SharedView.eventLimit)
        shared.note(told.reversed())
        capacity = CapacityWatch(told)
        shared.publish(cloud, keeper.planner)
    }

    public let installation: ObjectID
    public private(set) var findings: [String]
    /// Who asks for what the system does by itself.
    private var system: Caller { Caller(account: installation, isRootAdmin: true) }
    public var model: Cloud { cloud }

    /// Begins: the objects that every installation has, and the complete desired state for the kernel.
    public func start() throws(LedgerError) {
        do throws(RequestError) {
            var ids = surroundings.ids
            let decision = try decideAny(.bootstrap, system, &ids)
            surroundings.ids = ids
            if !decision.changes.isEmpty { try commitBootstrap(decision) }
        } catch {
            throw .unavailable("\(error)")
        }
        let violations = cloud.violations()
        guard violations.isEmpty else {
            throw .damaged("the model contradicts itself: \(violations.prefix(3).joined(separator: "; "))")
        }
        for (name, error) in keeper.planAll(cloud) {
            remember(Event(type: "PLAN.FAIL", level: .error, text: "\(name) cannot be planned: \(error)"))
        }
        shared.publish(cloud, keeper.planner)
        balancing.adopt(cloud).forEach(order)
        order(.adopt(keeper.inOrder, keeping: keeper.unplanned))
    }

    private func commitBootstrap(_ decision: Decision) throws(RequestError) {
        do {
            try append([entry(nil, "bootstrap", decision.changes, cloud.revision.next)])
            try cloud.apply(decision.changes, revision: cloud.revision.next)
        } catch {
            throw RequestError(.internal, exceptionCode: 4250, "\(error)")
        }
    }

    /// Everything that came since the last call, in order: one append for all of it.
    public func process(_ messages: [Message]) {
        var batch = EngineBatch(cloud: cloud, events: unwritten)
        unwritten = []
        for message in messages {
            switch message {
            case .request(let request, let caller, let dryRun, let report):
                decideInto(&batch, request, caller, dryRun, report)
            case .kernel(let report): take(report, &batch.events)
            case .event(let event): batch.events.append(event)
            }
        }
        commit(batch)
        revertRefused()
        checkpointIfDue()
    }

    /// What is due by the clock, and not because of a message; how long until there is more of it.
    public func attend(now: Duration, isTrafficWatched: Bool = false) -> Duration {
        if traffic.isReadingDue(now, isWatched: isTrafficWatched) { order(.measure) }
        traffic.writeIfDue(now, cloud, to: ledger)
        let pace = IdleNetworks.Pace(cloud)
        let idle = idleNetworks.due(now, in: cloud, pace)
        let chores = housekeeping.due(now, in: cloud) + idle.map { .networking(.shutDownNetwork($0)) }
        let work = chores.map { Message.request($0, system, dryRun: false) { _ in } }
        let news = capacity.news(in: cloud).map(Message.event)
        if !work.isEmpty || !news.isEmpty { process(work + news) }
        return min(traffic.pause(now), housekeeping.pause(now, in: cloud), idleNetworks.pause(now, pace))
    }

    /// Takes everything of this installation out of the kernel. The model stays as it is.
    public func dismantle() {
        let owner = keeper.planner.installation
        order(.adopt([NodePlan(.host, .host, owner: owner)]))
    }

    /// Stores the whole model, so that the next start is quick. For an orderly end.
    public func finish() {
        traffic.write(to: ledger)
        if entriesSinceCheckpoint > 0 { writeCheckpoint() }
        ledger.close()
    }

    // MARK: Deciding

    private func decideInto(
        _ batch: inout EngineBatch, _ request: Request, _ caller: Caller, _ dryRun: Bool,
        _ report: @escaping @Sendable (SubmissionReport) -> Void
    ) {
        do throws(RequestError) {
            var ids = surroundings.ids
            let decision = try decideAny(request, caller, &ids, in: batch.cloud)
            if !dryRun { surroundings.ids = ids }
            let before = batch.cloud
            var after = before
            let inverse = try apply(decision.changes, to: &after)
            // What is as requested only because of a decision that is not durable yet waits for that one.
            if dryRun || decision.changes.isEmpty && batch.items.isEmpty {
                let difference =
                    dryRun ? try keeper.planner.difference(decision.changes, from: before, to: after) : nil
                report(
                    .durable(
                        Outcome(
                            reply: decision.reply, changes: decision.changes, cloud: after, planDifference: difference))
                )
                report(.realized(flowsEnded: 0))
                return
            }
            if !decision.changes.isEmpty { after.revision = before.revision.next }
            batch.cloud = after
            batch.items.append(
                EngineBatch.Item(
                    caller: caller, command: request.command, decision: decision, before: before, after: after,
                    inverse: inverse, event: request.event(decision, before, after), report: report))
        } catch {
            report(.refused(error))
        }
    }

    private func decideAny(
        _ request: Request, _ caller: Caller, _ ids: inout any IDSource, in model: Cloud? = nil
    ) throws(RequestError) -> Decision {
        var source = AnyIDs(ids)
        defer { ids = source.base }
        return try decide(request, caller: caller, in: model ?? cloud, at: surroundings.now(), ids: &source)
    }

    /// Applies what was decided; the way back, last step first. Series have none: a number that was given to an
    /// object is not given to another, whatever became of the first.
    private func apply(_ changes: [Change], to cloud: inout Cloud) throws(RequestError) -> [Change] {
        do throws(ModelError) {
            var inverse: [Change] = []
            for change in changes {
                let step = try cloud.apply(change)
                if case .put(.series) = step { continue }
                inverse.append(step)
            }
            return inverse.reversed()
        } catch {
            throw RequestError(.internal, exceptionCode: 4250, "The model refused what was decided: \(error)")
        }
    }

    // MARK: Committing

    /// False when it could not be made durable; then nothing has happened.
    @discardableResult
    private func commit(_ batch: EngineBatch) -> Bool {
        guard !batch.items.isEmpty || !batch.events.isEmpty else { return true }
        var entries = batch.items.filter { !$0.decision.changes.isEmpty }.map { item in
            entry(
                item.caller?.account, item.command, item.decision.changes, item.after.revision,
                item.event.map { [$0] } ?? [])
        }
        var last = batch.cloud.revision
        for event in batch.events {
            last = last.next
            entries.append(entry(nil, "event", [], last, [event]))
        }
        do throws(LedgerError) {
            try append(entries)
        } catch {
            let refusal = RequestError(
                .internal, exceptionCode: 4250,
                "The change could not be made durable, and nothing was changed: \(error)")
            for item in batch.items { item.report?(.refused(refusal)) }
            unwritten = batch.events.suffix(Self.unwrittenLimit)
            return false
        }
        cloud = batch.cloud
        cloud.revision = last
        // Published before anybody is told, so that whoever is told finds it.
        shared.publish(cloud, keeper.planner)
        shared.note(entries)
        for item in batch.items {
            item.report?(
                .durable(Outcome(reply: item.decision.reply, changes: item.decision.changes, cloud: item.after)))
            follow(item)
        }
        return true
    }

    private func follow(_ item: EngineBatch.Item) {
        traffic.follow(item.decision.changes, from: item.before)
        capacity.follow(item.decision.changes, from: item.before, to: item.after)
        let ticket = item.after.revision.number
        let (changes, drains) = (item.decision.changes, item.decision.drains)
        var following = keeper.follow(changes, from: item.before, to: item.after, ticket: ticket, drains: drains)
        following.orders += keeper.examination(of: item.decision.examined, in: item.after, ticket: ticket)
        let orders =
            balancing.follow(changes, from: item.before, to: item.after, ticket: ticket, drains: drains, order)
            + following.orders
        guard !orders.isEmpty || !following.failures.isEmpty else {
            item.report?(.realized(flowsEnded: 0))
            return
        }
        let failure = following.failures.first.map { name, error in "\(name) cannot be planned: \(error)" }
        pending.add(
            ticket,
            PendingChanges.Change(
                remaining: orders.count, changes: item.decision.changes, inverse: item.inverse,
                report: item.report, command: item.command, object: item.event?.origin, drains: item.decision.drains,
                failure: failure))
        orders.forEach(order)
    }

    private func entry(
        _ caller: ObjectID?, _ command: String, _ changes: [Change], _ revision: Revision, _ events: [Event] = []
    ) -> LedgerEntry {
        LedgerEntry(
            revision: revision, time: surroundings.now(), caller: caller, command: command, changes: changes,
            events: events)
    }

    private func append(_ entries: [LedgerEntry]) throws(LedgerError) {
        do throws(LedgerError) {
            try ledger.append(entries)
        } catch {
            shared.setLedgerTrouble("\(error)")
            throw error
        }
        entriesSinceCheckpoint += entries.count
        shared.setLedgerTrouble(nil)
    }

    // MARK: The kernel's answers

    private func take(_ report: KernelReport, _ events: inout [Event]) {
        switch report {
        case .settled(let name, let tickets, let revoked):
            shared.settle(name, at: tickets.max().map { Revision($0) })
            pending.count(revoked, for: tickets)
            if tickets.isEmpty, revoked > 0 {
                // Let in by somebody's own doing, or by rules that went while nobody was there to end them.
                events.append(Self.flowsEnded(revoked, on: keeper.plans[name]?.owner, "that \(name) had no rule for"))
            }
            finish(tickets, &events)
        case .removed(let name, let tickets):
            shared.forget(name)
            finish(tickets, &events)
        case .ended(let name, let flows):
            events.append(Self.flowsEnded(flows, on: keeper.plans[name]?.owner, "begun while \(name) changed"))
        case .measured(_, let readings):
            traffic.take(readings, at: surroundings.now(), in: cloud)
            shared.publish(traffic.book.totals)
        case .answered(_, let times):
            let members = Set(times.keys.filter { cloud.loadBalancerMembers[$0] != nil })
            traffic.take(responseTimes: times.compactMapValues(\.self), of: members)
            shared.publish(traffic.book.totals)
        case .failed(let name, let reason, let origin, let tickets):
            if shared.fail(name, reason) {
                events.append(Event(type: "NODE.FAIL", level: .error, origin: origin, text: "\(name): \(reason)"))
            }
            for ticket in tickets { pending.fail(ticket, "\(name): \(reason)") }
        case .served(_, let tickets): finish(tickets, &events)
        case .unserved(let name, let reason, let tickets):
            events.append(.proxyFailed(name, keeper.plans[name]?.owner, reason))
            for ticket in tickets { pending.fail(ticket, "\(name): \(reason)") }
        case .proxyRestarted(let name): events.append(.proxyRestarted(name, keeper.plans[name]?.owner))
        case .repaired(let name, let steps):
            events.append(
                Event(
                    type: "NODE.REPAIR", level: .warning, origin: keeper.plans[name]?.owner,
                    text:
                        "\(name) had been changed from outside and was repaired: \(steps.prefix(8).joined(separator: "; "))"
                ))
        case .adopted(let verified, let failed):
            shared.setVerified()
            // What passed while nobody read it.
            traffic.hasten()
            events.append(
                Event(
                    type: "DAEMON.ADOPT", level: failed == 0 ? .info : .warning,
                    text: "\(verified) nodes are as planned, \(failed) are not"))
        }
    }

    private func finish(_ tickets: [UInt64], _ events: inout [Event]) {
        for ticket in tickets {
            guard let done = pending.finish(ticket) else { continue }
            done.report?(.realized(flowsEnded: done.flowsEnded))
            guard done.flowsEnded > 0 else { continue }
            let verb = done.drains ? "left to finish by" : "ended by"
            events.append(Self.flowsEnded(done.flowsEnded, on: done.object, "\(verb) \(done.command)"))
        }
    }

    private static func flowsEnded(_ count: Int, on object: Origin?, _ how: String) -> Event {
        Event(type: "FLOW.END", origin: object, text: "\(count) connection\(count == 1 ? "" : "s") \(how)")
    }

    /// Takes back what the kernel refused, so that an error means no effect. Where later changes rest on it that cannot
    /// be; then it stays, is tried again, and the error says so.
    private func revertRefused() {
        for refused in pending.takeRefused() {
            guard let inverse = refused.inverse else { continue }
            let reason = refused.failure ?? ""
            var text = "The change is recorded but not yet in the kernel, which is being tried again: \(reason)"
            var after = cloud
            if refused.isUntouched(in: cloud), (try? apply(inverse, to: &after)) != nil {
                after.revision = cloud.revision.next
                let item = EngineBatch.Item(
                    caller: nil, command: "revert", decision: Decision(changes: inverse, reply: Reply()),
                    before: cloud, after: after, inverse: nil,
                    event: Event(type: "CHANGE.REVERT", level: .error, text: "Taken back: \(reason)"), report: nil)
                if commit(EngineBatch(cloud: after, items: [item])) {
                    text = "The kernel refused the change and it was taken back: \(reason)"
                }
            }
            refused.report?(.failed(RequestError(.internal, exceptionCode: 4250, text)))
        }
    }

    // MARK: Memory

    /// An event that cannot be made durable is still shown until the next start.
    private func remember(_ event: Event) {
        let entry = entry(nil, "event", [], cloud.revision.next, [event])
        do throws(LedgerError) {
            try append([entry])
            cloud.revision = entry.revision
            shared.publish(cloud, keeper.planner)
        } catch {
            findings.append("\(error)")
        }
        shared.note([entry])
    }

    private func checkpointIfDue() {
        guard entriesSinceCheckpoint >= max(1000, cloud.objectCount) else { return }
        writeCheckpoint()
    }

    private func writeCheckpoint() {
        // A checkpoint that fails is no loss: the log has everything.
        guard (try? ledger.writeCheckpoint(cloud.checkpoint(), at: cloud.revision)) != nil else { return }
        entriesSinceCheckpoint = 0
    }
}
