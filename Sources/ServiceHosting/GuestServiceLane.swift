internal import CServing
public import GuestServing
public import LinuxKernel
internal import NetworkVocabulary
public import RouterPlan
internal import Synchronization

/// The daemon's side of what guests are served: keeps the tables of all routers, opens their sockets, and keeps a process
/// running that serves by them. That process may end at any moment, and so may we.
public final class GuestServiceLane: Sendable {
    /// How the process is started, and what becomes of it when the daemon ends.
    public struct Settings: Sendable {
        public let program: String
        /// Who it runs as.
        public let user: String
        /// Where a later daemon finds it; nil when it ends with this one.
        public let controlPath: String?

        public init(program: String, user: String, controlPath: String?) {
            self.program = program
            self.user = user
            self.controlPath = controlPath
        }
    }

    /// What others hear of.
    public enum Finding: Sendable {
        case event(ServingEvent)
        case report(ServingReport)
        /// The process has ended and another was started.
        case restarted(status: Int32?)
        case trouble(String)
    }

    enum Message: Sendable {
        case adopt([NodePlan])
        case plan(NodePlan)
        case change(PlanDelta)
        case withdraw(NodeName)
        case settled(NodeName)
        case heard(ServingNotice, worker: Int)
        case ended(worker: Int)
        case stop
    }

    private let inbox: Inbox<Message>
    private let thread: KernelThread

    /// `find` is told on the lane, and must return soon.
    public init(
        _ settings: Settings, directory: NamespaceDirectory = .system, find: @escaping @Sendable (Finding) -> Void
    ) throws(KernelError) {
        let inbox = try Inbox<Message>()
        self.inbox = inbox
        thread = try KernelThread(name: "guest services") {
            GuestServiceKeeper(settings, directory, inbox, find).run()
        }
    }

    /// The complete state, at the start or to take everything away.
    public func adopt(_ plans: [NodePlan]) { inbox.send(.adopt(plans.filter(\.servesGuests))) }
    public func plan(_ plan: NodePlan) {
        if plan.kind == .router { inbox.send(.plan(plan)) }
    }
    public func change(_ delta: PlanDelta) {
        if !delta.removedServed.isEmpty || !delta.addedServed.isEmpty { inbox.send(.change(delta)) }
    }
    public func withdraw(_ node: NodeName) { inbox.send(.withdraw(node)) }
    /// The node's namespace is there, and as planned.
    public func settled(_ node: NodeName) { inbox.send(.settled(node)) }

    /// Ends the lane. The process goes on, if it was started to outlive us.
    public func stop() {
        inbox.send(.stop)
        inbox.close()
        thread.join()
    }
}

extension NodePlan {
    fileprivate var servesGuests: Bool { kind == .router && services != nil }
}
