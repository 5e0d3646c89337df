public import LinuxKernel
public import LoadBalancer
public import NetworkVocabulary
public import RouterPlan
import Synchronization

/// The thread that sees to it that routers have the proxies that their rules need, and no others.
///
/// A proxy is a process of its own in its router's namespace. It goes on without the daemon, and the next daemon takes it
/// over. What a running one can be told, it is told; for everything else a new process takes its listening sockets and the
/// old one finishes what it has. What goes away goes a little later, when the kernel leads nobody there any more.
public final class ProxyKeeper: Sendable {
    public enum Report: Sendable {
        /// The router's proxy does what it was asked for, or cannot: there is no such router yet, or it does not start. Once
        /// for each time that it was asked.
        case ready(NodeName)
        case served(NodeName, tickets: [UInt64])
        case failed(NodeName, reason: String, tickets: [UInt64])
        case restarted(NodeName)
        /// What members have carried since their process began, and how long they took to answer, where that is known.
        case measured(NodeName, [MeterReading], responseTimes: [ObjectID: Int?])
        /// Members that were found to answer, or not to: those that are not as they were.
        case health(NodeName, [(member: ObjectID, isUp: Bool)])
    }

    enum Message: Sendable {
        case serve(NodeName, ProxyPlan?, ticket: UInt64?, drains: Bool)
        case adopt([NodeName: ProxyPlan])
        case settled(NodeName)
        case measure
        case dismantle
    }

    private let inbox: Inbox<Message>
    private let thread: KernelThread

    /// `report` runs on the keeper's thread and must return soon.
    public init(
        home: String, directory: NamespaceDirectory = .system, report: @escaping @Sendable (Report) -> Void
    ) throws {
        let inbox = try Inbox<Message>()
        self.inbox = inbox
        thread = try KernelThread(name: "proxies") {
            let work = ProxyWork(home: home, directory: directory, report: report)
            let clock = ContinuousClock()
            let start = clock.now
            while let messages = inbox.receive(timeout: work.pause) {
                for message in messages { work.take(message, clock.now - start) }
                work.attend(clock.now - start)
            }
        }
    }

    /// What a router's proxy is to do from now on; nil for none. `drains`: connections that its rule lets go may finish.
    public func serve(_ name: NodeName, _ plan: ProxyPlan?, ticket: UInt64?, drains: Bool) {
        inbox.send(.serve(name, plan, ticket: ticket, drains: drains))
    }

    /// What there is to be at the start, and nothing else.
    public func adopt(_ plans: [NodeName: ProxyPlan]) { inbox.send(.adopt(plans)) }

    /// The router is as planned: it may be another one than before under the same name.
    public func settled(_ name: NodeName) { inbox.send(.settled(name)) }
    public func measure() { inbox.send(.measure) }

    /// Ends every proxy: for an installation that is taken down.
    public func dismantle() { inbox.send(.dismantle) }

    /// Ends the thread; the proxies go on.
    public func stop() {
        inbox.close()
        thread.join()
    }
}
