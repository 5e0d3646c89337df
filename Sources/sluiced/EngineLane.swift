import CloudModel
import ControlPlane
import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import Reconciler

/// The control lane: a thread that runs the engine, and the cloud service in front of it.
final class EngineLane: CloudService {
    private enum Message: Sendable {
        case engine(Engine.Message)
        /// Take everything out of the kernel.
        case dismantle
        case watchTraffic
    }

    private let inbox: Inbox<Message>
    private let shared: SharedView
    private let thread: KernelThread

    /// Starts the lane. `makeEngine` runs on it, so that the engine and its ledger never leave their thread; what it
    /// throws, this throws.
    init(_ shared: SharedView, _ makeEngine: @escaping @Sendable (EngineLane.Post) throws -> Engine) throws {
        let inbox = try Inbox<Message>()
        let ready = try Inbox<(any Error)?>()
        self.inbox = inbox
        self.shared = shared
        let post = Post {
            inbox.send(.engine(.kernel($0)))
        } submit: {
            inbox.send(.engine(.request($0, Caller(account: $1, isRootAdmin: true), dryRun: false) { _ in }))
        }
        thread = try KernelThread(name: "control lane") {
            do {
                let engine = try makeEngine(post)
                try engine.start()
                ready.send(nil)
                Self.run(engine, inbox)
            } catch {
                ready.send(error)
            }
        }
        if let failure = ready.receive(timeout: nil)?.first ?? nil {
            thread.join()
            throw failure
        }
    }

    /// How the kernel's answers come back to the lane.
    struct Post: Sendable {
        let send: @Sendable (KernelReport) -> Void
        /// What the installation itself asks for.
        let submit: @Sendable (Request, ObjectID) -> Void
    }

    private static func run(_ engine: Engine, _ inbox: Inbox<Message>) {
        let clock = ContinuousClock()
        let start = clock.now
        var pause = Duration.zero
        while let messages = inbox.receive(timeout: pause) {
            // Everything that waits is decided in order and made durable together.
            let work = messages.compactMap { if case .engine(let message) = $0 { message } else { nil } }
            if !work.isEmpty { engine.process(work) }
            if messages.contains(where: { if case .dismantle = $0 { true } else { false } }) { engine.dismantle() }
            let isWatched = messages.contains { if case .watchTraffic = $0 { true } else { false } }
            pause = engine.attend(now: clock.now - start, isTrafficWatched: isWatched)
        }
        engine.finish()
    }

    func submit(
        _ request: Request, caller: Caller, dryRun: Bool, report: @escaping @Sendable (SubmissionReport) -> Void
    ) {
        inbox.send(.engine(.request(request, caller, dryRun: dryRun, report)))
    }

    /// Waits until the change is durable; for the start, when nobody else asks for anything.
    func perform(_ request: Request, caller: Caller) throws {
        let done = try Inbox<RequestError?>()
        submit(request, caller: caller, dryRun: false) { report in
            switch report {
            case .refused(let error), .failed(let error): done.send(error)
            case .durable: done.send(nil)
            case .realized: break
            }
        }
        if let error = done.receive(timeout: nil)?.first ?? nil { throw StartFailure("\(error)") }
    }

    /// Something that happened to a guest, by nobody's request.
    func note(_ happening: MachineRequest) {
        submit(.machine(happening), caller: Caller(account: view.installation, isRootAdmin: true), dryRun: false) { _ in
        }
    }

    func remember(_ event: Event) { inbox.send(.engine(.event(event))) }

    /// The account that `admin.json` speaks for.
    var administrator: ObjectID {
        let view = view
        return view.cloud.account(named: "admin")?.id ?? view.installation
    }

    func dismantle() { inbox.send(.dismantle) }

    var view: CloudView { shared.view }
    func watchTraffic() { inbox.send(.watchTraffic) }
    func recentEvents(limit: Int) -> [LedgerEntry] { shared.recentEvents(limit: limit) }
    func planText(ofNode name: String) -> String? { shared.planText(ofNode: name) }

    /// Ends the lane after what it has taken in.
    func stop() {
        inbox.close()
        thread.join()
    }
}

extension Reconciler.Command {
    /// Nil for what is not the kernel's to do.
    init?(_ order: KernelOrder) {
        switch order {
        case .adoptProxies, .check: return nil
        case .proxy(let name, _, _, _): self = .hold(name)
        case .adopt(let plans, let keeping): self = .adopt(plans, keeping: keeping)
        case .plan(let plan, let ticket, let drains): self = .plan(plan, ticket, drains: drains)
        case .change(let delta, let object, let ticket, let drains):
            self = .change(delta, object: object, ticket, drains: drains)
        case .withdraw(let name, let ticket): self = .withdraw(name, ticket)
        case .examine(let name, let ticket): self = .examine(name, ticket)
        case .measure: self = .measure
        }
    }
}

extension KernelReport {
    init(_ report: Reconciler.Report) {
        switch report {
        case .settled(let name, let tickets, let revoked): self = .settled(name, tickets: tickets, revoked: revoked)
        case .ended(let name, let flows): self = .ended(name, flows: flows)
        case .measured(let name, let readings): self = .measured(name, readings)
        case .failed(let name, let error, let tickets):
            self = .failed(name, reason: "\(error)", origin: error.origin, tickets: tickets)
        case .repaired(let name, let steps): self = .repaired(name, steps: steps.map(\.description))
        case .removed(let name, let tickets): self = .removed(name, tickets: tickets)
        case .adopted(let verified, let failed): self = .adopted(verified: verified, failed: failed)
        }
    }
}
