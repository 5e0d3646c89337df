internal import CServing
internal import GuestServing
internal import LinuxKernel
internal import NetworkVocabulary
internal import RouterPlan

/// The work of the lane, on its thread.
final class GuestServiceKeeper {
    private final class Router {
        var services: GuestServices?
        var nics: [ObjectID: ServedNIC] = [:]
        var sockets: RouterSockets?

        init() {}
    }

    private let settings: GuestServiceLane.Settings
    private let directory: NamespaceDirectory
    private let inbox: Inbox<GuestServiceLane.Message>
    private let find: @Sendable (GuestServiceLane.Finding) -> Void
    private var routers: [NodeName: Router] = [:]
    private var worker: WorkerProcess?
    /// The process of an earlier daemon. It serves until ours does.
    private var predecessor: ControlChannel?
    private var workerNumber = 0
    private var listener: Int32 = -1
    private var starts: [ContinuousClock.Instant] = []
    private var lastReport = ContinuousClock.now

    /// How often it is asked what it has counted.
    private static let reportInterval = Duration.seconds(2)
    /// Processes that end at once are not started again and again without a pause.
    private static let startsInRow = 5
    private static let pause = Duration.seconds(1)

    init(
        _ settings: GuestServiceLane.Settings, _ directory: NamespaceDirectory,
        _ inbox: Inbox<GuestServiceLane.Message>, _ find: @escaping @Sendable (GuestServiceLane.Finding) -> Void
    ) {
        self.settings = settings
        self.directory = directory
        self.inbox = inbox
        self.find = find
    }

    func run() {
        takeOver()
        while let messages = inbox.receive(timeout: Self.reportInterval) {
            for message in messages {
                if case .stop = message { return stop() }
                take(message)
            }
            if worker == nil { start() }
            if ContinuousClock.now - lastReport >= Self.reportInterval {
                lastReport = .now
                tell(.report)
            }
        }
        stop()
    }

    private func stop() {
        if let worker, settings.controlPath == nil {
            worker.end()
        }
        if listener >= 0 { serving_close(listener) }
    }

    private func take(_ message: GuestServiceLane.Message) {
        switch message {
        case .adopt(let plans): adopt(plans)
        case .plan(let plan): take(plan)
        case .change(let delta): change(delta)
        case .withdraw(let name): withdraw(name)
        case .settled(let name): settle(name)
        case .heard(let notice, let number): if number == workerNumber { hear(notice) }
        case .ended(let number): if number == workerNumber { replaceEnded() }
        case .stop: break
        }
    }

    // MARK: Tables

    private func adopt(_ plans: [NodePlan]) {
        let wanted = Set(plans.map(\.name))
        for name in routers.keys where !wanted.contains(name) { withdraw(name) }
        for plan in plans { take(plan) }
        // Everything that was there is served by ours now, or by nobody.
        retirePredecessor()
    }

    private func take(_ plan: NodePlan) {
        guard let services = plan.services else { return withdraw(plan.name) }
        let router = routers[plan.name] ?? Router()
        routers[plan.name] = router
        router.services = services
        router.nics = plan.served
        guard worker != nil else { return start() }
        sendTable(plan.name, router)
        // Sockets of an earlier process are used before the kernel has been looked at: guests do not wait for that.
        if router.sockets?.isInherited == true { sendSockets(plan.name, router) }
    }

    private func change(_ delta: PlanDelta) {
        guard let router = routers[delta.node] else { return }
        for id in delta.removedServed.keys { router.nics[id] = nil }
        for (id, nic) in delta.addedServed { router.nics[id] = nic }
        let added = Array(delta.addedServed.values)
        tell(.change(router: delta.node.text, removed: Array(delta.removedServed.keys), added: added))
    }

    private func withdraw(_ name: NodeName) {
        guard routers.removeValue(forKey: name) != nil else { return }
        tell(.remove(router: name.text))
    }

    private func sendTable(_ name: NodeName, _ router: Router) {
        guard let services = router.services else { return }
        tell(.table(router: name.text, services))
        // A thousand at a time: what is encoded at once stays small.
        var rest = Array(router.nics.values)[...]
        while !rest.isEmpty {
            tell(.add(router: name.text, Array(rest.prefix(1000))))
            rest = rest.dropFirst(1000)
        }
        tell(.commit(router: name.text))
    }

    // MARK: Sockets

    /// The namespace is there: the sockets in it, if they are not yet, or are those of another that had its name.
    private func settle(_ name: NodeName) {
        guard let router = routers[name], let services = router.services else { return }
        do throws(KernelError) {
            let namespace = try directory.open(name.text)
            if router.sockets?.isFor(services, namespace.inode) == true { return }
            // Their place is free only when nobody holds the old ones any more.
            if router.sockets != nil { tell(.sockets(router: name.text, [])) }
            router.sockets = nil
            router.sockets = try RouterSockets.open(services, in: namespace)
            sendSockets(name, router)
        } catch {
            find(.trouble("\(name): \(error)"))
        }
    }

    private func sendSockets(_ name: NodeName, _ router: Router) {
        guard let kinds = router.sockets?.kinds, let descriptors = router.sockets?.descriptors else { return }
        tell(.sockets(router: name.text, kinds), descriptors)
    }

    // MARK: The process

    private func tell(_ order: ServingOrder, _ descriptors: [Int32] = []) {
        guard let worker, !worker.send(order, descriptors) else { return }
        replaceEnded()
    }

    private func start() {
        let now = ContinuousClock.now
        starts = starts.filter { now - $0 < .seconds(10) }
        if starts.count >= Self.startsInRow, let last = starts.last, now - last < Self.pause { return }
        starts.append(now)
        workerNumber += 1
        let number = workerNumber
        do throws(KernelError) {
            let process = try WorkerProcess.start(settings) { [inbox] heard in
                inbox.send(heard.map { .heard($0, worker: number) } ?? .ended(worker: number))
            }
            worker = process
            _ = process.send(.hello(version: servingVersion, outlivesDaemon: settings.controlPath != nil), [])
            if let path = settings.controlPath {
                if listener < 0 { listener = serving_control_listen(path) }
                if listener >= 0 { _ = process.send(.listener, [listener]) }
            }
            // Never sockets before their table: what is heard without one is lost.
            for (name, router) in routers where router.services != nil {
                sendTable(name, router)
                sendSockets(name, router)
            }
        } catch {
            find(.trouble("\(error)"))
        }
    }

    private func replaceEnded() {
        guard let ended = worker else { return }
        worker = nil
        let status = ended.reap()
        find(.restarted(status: status))
        start()
    }

    private func hear(_ notice: ServingNotice) {
        switch notice {
        case .ready, .sockets, .handedOver: break
        case .event(let event): find(.event(event))
        case .report(let report): find(.report(report))
        }
    }

    // MARK: An earlier daemon's process

    /// Its sockets, for ours: both have them until it has finished what it is at, and nothing that arrives is lost.
    private func takeOver() {
        guard let path = settings.controlPath else { return }
        let descriptor = serving_control_connect(path)
        guard descriptor >= 0 else { return }
        let channel = ControlChannel(owning: descriptor)
        guard channel.send(ServingOrder.hello(version: servingVersion, outlivesDaemon: true).wire),
            channel.send(ServingOrder.handOver.wire)
        else { return }
        predecessor = channel
        while case .message(let bytes, let descriptors) = channel.receive(wait: true) {
            switch ServingNotice(wire: bytes) {
            case .sockets(let name, let kinds) where kinds.count == descriptors.count:
                let router = Router()
                router.sockets = RouterSockets(owning: descriptors, kinds, place: nil)
                routers[NodeName(name)] = router
            case .event(let event):
                descriptors.forEach(serving_close)
                find(.event(event))
            case .handedOver: return
            default: descriptors.forEach(serving_close)
            }
        }
    }

    private func retirePredecessor() {
        guard let channel = predecessor else { return }
        predecessor = nil
        if let worker { worker.waitUntilIdle() }
        _ = channel.send(ServingOrder.drain.wire)
        // What happens to its last guests is still told; a thread listens until it ends.
        _ = try? KernelThread(name: "earlier services") { [find] in
            while case .message(let bytes, let descriptors) = channel.receive(wait: true) {
                descriptors.forEach(serving_close)
                if case .event(let event) = ServingNotice(wire: bytes) { find(.event(event)) }
            }
        }
    }
}
