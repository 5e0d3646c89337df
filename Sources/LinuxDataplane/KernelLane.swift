public import LinuxKernel
public import NetworkVocabulary
public import Reconciler
public import RouterPlan
import Synchronization

/// The thread that does all kernel work of the daemon, with the monitor that tells it what others do.
///
/// One lane for all nodes: links are made under one lock of the kernel anyway, and two lanes measured slower than one.
public final class KernelLane: Sendable {
    private enum Message: Sendable {
        case command(Reconciler.Command)
        case notice(KernelWatch.Notice, heard: ContinuousClock.Instant)
        case ask(@Sendable (LinuxDataplane) -> Void)
    }

    private let inbox: Inbox<Message>
    private let monitor: KernelMonitor
    private let thread: KernelThread
    private let tally: Tally

    /// Starts the lane in the calling thread's network namespace. `judge` says which connections a plan does not admit;
    /// `report` runs on the lane and must return soon.
    public init(
        installation: ObjectID, directory: NamespaceDirectory = .system,
        judge: @escaping @Sendable (NodePlan, [Flow]) -> [Flow] = { _, _ in [] },
        report: @escaping @Sendable (Reconciler.Report) -> Void
    ) throws {
        let inbox = try Inbox<Message>()
        let watch = KernelWatch { inbox.send(.notice($0, heard: $1)) }
        // Listening begins before the first look, so that nothing falls in between.
        let monitor = try KernelMonitor(directory: directory) { watch.hear($0) }
        let ready = try Inbox<DataplaneError?>()
        let tally = Tally()
        self.tally = tally
        thread = try KernelThread(name: "kernel lane") {
            do throws(DataplaneError) {
                let dataplane = try LinuxDataplane(installation: installation, directory: directory) {
                    watch.track($0, $1, $2)
                }
                ready.send(nil)
                Self.run(
                    Reconciler(dataplane, judge: judge, report: report), dataplane, inbox, tally,
                    Hearing { try monitor.listen(to: $0 ? .standard : .namespaceIDs) })
            } catch {
                ready.send(error)
            }
        }
        self.inbox = inbox
        self.monitor = monitor
        if let failure = ready.receive(timeout: nil)?.first ?? nil { throw failure }
    }

    public func send(_ command: Reconciler.Command) { inbox.send(.command(command)) }

    /// Netlink requests so far, counted between two pieces of work.
    public func counters() -> NetlinkCounters {
        guard let answer = try? Inbox<NetlinkCounters>() else { return NetlinkCounters() }
        inbox.send(.ask { answer.send($0.counters) })
        return answer.receive(timeout: .seconds(60))?.first ?? NetlinkCounters()
    }

    /// What could have changed the kernel so far: netlink requests and settings, as of the end of the last piece of work.
    /// Never waits, unlike `counters`.
    public var writes: Int { tally.writes.withLock { $0 } }

    /// Ends the lane after the piece of work it is at. The kernel keeps what it has: forwarding goes on without us.
    public func stop() {
        monitor.stop()
        inbox.close()
        thread.join()
    }

    /// The lane's figures for others to read.
    private final class Tally: Sendable {
        let writes = Mutex(0)
    }

    private static func run(
        _ reconciler: Reconciler, _ dataplane: LinuxDataplane, _ inbox: Inbox<Message>, _ tally: Tally,
        _ hearing: consuming Hearing
    ) {
        let clock = ContinuousClock()
        let start = clock.now
        var isBusy = false
        while let messages = inbox.receive(timeout: isBusy ? .zero : pause(reconciler, clock.now - start)) {
            for message in messages {
                switch message {
                case .command(let command): reconciler.accept(command)
                case .notice(let notice, let heard): heed(notice, heard, reconciler, dataplane)
                case .ask(let body): body(dataplane)
                }
            }
            let writesBefore = dataplane.writes
            isBusy = reconciler.work(now: clock.now - start)
            let writes = dataplane.writes
            tally.writes.withLock { $0 = writes }
            if hearing.attend(backlog: reconciler.backlog, isBusy: isBusy, hasBuilt: writes - writesBefore > 20) {
                reconciler.accept(.disturbedEverywhere)
            }
        }
    }

    private static func pause(_ reconciler: Reconciler, _ now: Duration) -> Duration? {
        [reconciler.nextRetry, reconciler.nextRecheck].compactMap(\.self).min().map { max(.zero, $0 - now) }
    }

    /// What was heard before the last look at a node is older than the look, which saw it.
    private static func heed(
        _ notice: KernelWatch.Notice, _ heard: ContinuousClock.Instant, _ reconciler: Reconciler,
        _ dataplane: LinuxDataplane
    ) {
        switch notice {
        case .overflow: reconciler.accept(.disturbedEverywhere)
        case .disturbed(let node):
            if dataplane.isNews(heard, of: node) { reconciler.accept(.disturbed(node)) }
        case .queues(let index):
            guard let (node, device) = dataplane.node(ofHostLink: index),
                dataplane.isNews(heard, of: node),
                let plan = reconciler.settledPlan(of: node)
            else { return }
            if !dataplane.isShapedAsPlanned(device, plan) { reconciler.accept(.disturbed(node)) }
        case .link(let place, let link, _):
            // The outer end of a leg belongs to the node at its inner end.
            let node = place.isHost ? dataplane.legOwners[link] ?? place : place
            guard dataplane.isNews(heard, of: node), let plan = reconciler.settledPlan(of: node) else { return }
            if !dataplane.isInOrder(link, seenIn: place, plan) { reconciler.accept(.disturbed(node)) }
        }
    }
}
