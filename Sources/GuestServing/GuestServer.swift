internal import CServing
internal import DNSServer
internal import NetworkVocabulary

/// The process that serves all guests of all routers: one thread, one loop. It has no power of its own. What it may use it
/// was given: sockets that the daemon opened inside each router, and tables.
///
/// It goes on when the daemon is gone, and a later daemon finds it by a socket that it listens on.
public final class GuestServer {
    private let poll: Int32
    private var control: ControlChannel?
    private var listener: Int32 = -1
    private var outlivesDaemon = false
    private var isDraining = false
    private var drainDeadline: UInt64 = 0

    private var routers: [ServedRouter?] = []
    private var slots: [String: Int] = [:]
    private var freeSlots: [Int] = []
    private var datagrams: Datagrams
    private let streams: Streams
    private let saved = SavedPasswords()
    private var world = ServingWorld()
    private var lastTick: UInt64 = 0

    /// Milliseconds between looks at what has waited too long.
    private static let tick: UInt64 = 50

    /// Nil when the kernel gives it nothing to work with.
    public init?(control descriptor: Int32) {
        poll = serving_poll_new()
        guard poll >= 0, let datagrams = Datagrams() else { return nil }
        self.datagrams = datagrams
        streams = Streams(poll: poll, saved)
        attach(ControlChannel(owning: descriptor))
    }

    /// Serves until it is drained, or nobody is left to serve for.
    public func run() {
        var events = [serving_event](repeating: serving_event(), count: 256)
        while true {
            let count = serving_poll_wait(poll, &events, 256, Int32(isBusy ? Self.tick : 1000))
            if count < 0 { return }
            world.now = serving_monotonic_ms()
            world.wallSecond = serving_wall_seconds()
            var goesOn = true
            for event in events.prefix(Int(count)) where goesOn { goesOn = handle(event) }
            streams.work(&datagrams, &world)
            if world.now >= lastTick + Self.tick { expire() }
            tellEvents()
            if isDone { return }
        }
    }

    private var isBusy: Bool { isDraining || streams.count > 0 || openQuestions || !world.events.isEmpty }
    private var openQuestions: Bool { routers.contains { ($0?.forwarder?.openQuestions ?? 0) > 0 } }

    private var isDone: Bool {
        if control == nil, !outlivesDaemon { return true }
        guard isDraining else { return false }
        return world.now >= drainDeadline || streams.count == 0 && !openQuestions
    }

    /// False when what follows may be about descriptors that are no more.
    private func handle(_ event: serving_event) -> Bool {
        switch Tag(event.tag) {
        case .control:
            hearControl()
            return false
        case .listener:
            let descriptor = serving_control_accept(listener)
            if descriptor >= 0 { attach(ControlChannel(owning: descriptor)) }
            return false
        case .stream(let number): streams.handle(number, event, &datagrams, &world)
        case .socket(let slot, let kind, let index): serve(slot, kind, index)
        case nil: break
        }
        return true
    }

    private func serve(_ slot: Int, _ kind: ServingSocket, _ index: Int) {
        guard slot < routers.count, let router = routers[slot], let descriptors = router.sockets[kind],
            index < descriptors.count
        else { return }
        switch kind {
        case .dhcp: datagrams.serveDHCP(router, descriptors[index], &world)
        case .dns: datagrams.serveDNS(router, descriptors[index], &world)
        case .resolver: datagrams.hearResolver(router, index, &world)
        case .dnsStream, .metadata, .linkLocalMetadata, .password:
            streams.accept(descriptors[index], kind, router, &world)
        case .resolverStream: break
        }
    }

    private func expire() {
        lastTick = world.now
        for case let router? in routers where (router.forwarder?.openQuestions ?? 0) > 0 {
            router.forwarder?.expire(now: world.now, &router.actions)
            if !router.actions.isEmpty { world.perform(router, &datagrams) }
        }
        streams.expire(&world)
        streams.work(&datagrams, &world)
    }

    // MARK: The daemon

    private func attach(_ channel: ControlChannel) {
        // The newest daemon counts: the one before is gone, or about to be.
        if let control { _ = serving_poll_set(poll, control.descriptor, 0, 0, 0, 0) }
        control = channel
        _ = serving_poll_set(poll, channel.descriptor, 1, 1, 0, Tag.control.word)
    }

    private func hearControl() {
        // So many at a time: guests wait meanwhile.
        for _ in 0..<64 {
            guard let control else { return }
            switch control.receive(wait: false) {
            case .nothing: return
            case .end:
                _ = serving_poll_set(poll, control.descriptor, 0, 0, 0, 0)
                self.control = nil
                return
            case .message(let bytes, let descriptors):
                guard let order = ServingOrder(wire: bytes) else {
                    descriptors.forEach(serving_close)
                    continue
                }
                obey(order, descriptors)
            }
        }
    }

    private func obey(_ order: ServingOrder, _ descriptors: [Int32]) {
        var unused = descriptors
        defer { unused.forEach(serving_close) }
        switch order {
        case .hello(_, let outlives):
            outlivesDaemon = outlives
            tell(.ready(version: servingVersion))
        case .listener:
            guard let descriptor = unused.popLast() else { return }
            if listener >= 0 {
                _ = serving_poll_set(poll, listener, 0, 0, 0, 0)
                serving_close(listener)
            }
            listener = descriptor
            _ = serving_poll_set(poll, listener, 1, 1, 0, Tag.listener.word)
        case .sockets(let name, let kinds):
            guard kinds.count == unused.count else { return }
            take(kinds, unused, for: name)
            unused = []
        case .table(let name, let services): router(name).begin(services)
        case .add(let name, let nics): router(name).add(nics)
        case .commit(let name):
            let router = router(name)
            streams.abandon(router.commit(saved), of: router, &world)
        case .change(let name, let removed, let added):
            let router = router(name)
            streams.abandon(router.change(removed: removed, added: added, saved), of: router, &world)
        case .remove(let name): remove(name)
        case .handOver: handOver()
        case .report: report()
        case .drain: drain()
        }
    }

    private func router(_ name: String) -> ServedRouter {
        if let slot = slots[name], let router = routers[slot] { return router }
        let router = ServedRouter(name)
        if let slot = freeSlots.popLast() {
            routers[slot] = router
            slots[name] = slot
        } else {
            slots[name] = routers.count
            routers.append(router)
        }
        return router
    }

    private func take(_ kinds: [ServingSocket], _ descriptors: [Int32], for name: String) {
        let router = router(name)
        streams.endAll(of: router, &world)
        router.closeSockets()
        guard let slot = slots[name] else { return }
        for (kind, descriptor) in zip(kinds, descriptors) {
            let index = router.sockets[kind, default: []].count
            router.sockets[kind, default: []].append(descriptor)
            if kind == .resolverStream {
                router.freeStreams.append(descriptor)
            } else if !isDraining {
                _ = serving_poll_set(poll, descriptor, 1, 1, 0, Tag.socket(slot: slot, kind, index).word)
            }
        }
        router.resetForwarder()
    }

    private func remove(_ name: String) {
        guard let slot = slots.removeValue(forKey: name), let router = routers[slot] else { return }
        streams.abandon(Set(router.guestsByAddress.keys), of: router, &world)
        streams.endAll(of: router, &world)
        router.closeSockets()
        routers[slot] = nil
        freeSlots.append(slot)
    }

    private func handOver() {
        for case let router? in routers {
            var kinds: [ServingSocket] = []
            var descriptors: [Int32] = []
            for kind in ServingSocket.allCases {
                for descriptor in router.sockets[kind] ?? [] {
                    kinds.append(kind)
                    descriptors.append(descriptor)
                }
            }
            _ = control?.send(ServingNotice.sockets(router: router.name, kinds).wire, descriptors)
        }
        tell(.handedOver)
    }

    /// Nothing that comes from now on is ours: whoever shares the sockets hears it.
    private func drain() {
        isDraining = true
        drainDeadline = world.now + 5_000
        for case let router? in routers {
            for (kind, descriptors) in router.sockets where kind != .resolver && kind != .resolverStream {
                for descriptor in descriptors { _ = serving_poll_set(poll, descriptor, 0, 0, 0, 0) }
            }
        }
        streams.drain(&world)
    }

    private func report() {
        var activities: [ServingReport.Activity] = []
        for case let router? in routers {
            for guest in router.guests.values where guest.isNews {
                guest.isNews = false
                activities.append(guest.activity)
            }
        }
        // Each message is one packet, so that it is sent as a whole or not at all.
        while activities.count > Self.activitiesInPacket {
            tell(.report(ServingReport(activities: Array(activities.suffix(Self.activitiesInPacket)))))
            activities.removeLast(Self.activitiesInPacket)
        }
        var counters = world.counters.all
        counters["connections"] = UInt64(streams.count)
        tell(.report(ServingReport(counters: counters, activities: activities)))
    }

    private static let activitiesInPacket = 200

    @discardableResult
    private func tell(_ notice: ServingNotice) -> Bool { control?.offer(notice.wire) ?? false }

    /// A daemon that does not listen is not waited for: it hears of it later.
    private func tellEvents() {
        while let event = world.events.first, tell(.event(event)) { world.events.removeFirst() }
    }
}
