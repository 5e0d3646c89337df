import LinuxKernel
import LoadBalancer
import NetworkVocabulary
import RouterPlan

/// What the proxies' thread knows and does. Confined to it.
final class ProxyWork {
    private struct Node {
        /// What is to be once nothing is led to what went.
        var wanted: ProxyPlan?
        var drains = true
        /// When what went may go.
        var trimDue: Duration?
        var tickets: [UInt64] = []
        /// How often somebody asked and waits to hear that it is done.
        var unanswered = 0
        var failures = 0
        var retryDue: Duration?
        var proxy: RunningProxy?
        var health: [ObjectID: Bool] = [:]
    }

    private let home: String
    private let directory: NamespaceDirectory
    private let report: (ProxyKeeper.Report) -> Void
    private var nodes: [NodeName: Node] = [:]
    private var healthDue = Duration.zero
    /// Longer than a change takes to reach the kernel.
    private static let grace = Duration.seconds(1)
    private static let healthPace = Duration.milliseconds(500)

    init(home: String, directory: NamespaceDirectory, report: @escaping (ProxyKeeper.Report) -> Void) {
        self.home = home
        self.directory = directory
        self.report = report
    }

    /// Until there is something to look at: a starting proxy soon, a running one several times a second.
    var pause: Duration? {
        if nodes.values.contains(where: { $0.proxy?.isStarting == true }) { return .milliseconds(3) }
        return nodes.isEmpty ? nil : .milliseconds(200)
    }

    func take(_ message: ProxyKeeper.Message, _ now: Duration) {
        switch message {
        case .serve(let name, let plan, let ticket, let drains):
            var node = nodes[name] ?? Node()
            node.wanted = plan
            node.drains = drains
            node.trimDue = now + Self.grace
            node.unanswered += 1
            node.retryDue = nil
            if let ticket { node.tickets.append(ticket) }
            nodes[name] = node
            advance(name, now)
        case .adopt(let plans):
            for name in PrivateFolder.names(in: home).map({ NodeName($0) }) where plans[name] == nil {
                take(.serve(name, nil, ticket: nil, drains: true), now)
            }
            for (name, plan) in plans { take(.serve(name, plan, ticket: nil, drains: true), now) }
        case .settled(let name):
            guard nodes[name] != nil else { return }
            advance(name, now)
        case .measure:
            for (name, node) in nodes { measure(name, node) }
        case .dismantle:
            for node in nodes.values { node.proxy?.end(drains: false) }
            // Laid to rest by whoever started them.
            let end = ContinuousClock.now + .seconds(2)
            while nodes.values.contains(where: { $0.proxy?.isAlive == true }), ContinuousClock.now < end {
                KernelThread.pause(.milliseconds(2))
            }
            for name in nodes.keys { RunningProxy.forget(home: home, name) }
            nodes = [:]
        }
    }

    func attend(_ now: Duration) {
        for (name, node) in nodes {
            nodes[name]?.proxy?.reap()
            if let proxy = node.proxy, !proxy.isAlive {
                nodes[name]?.proxy = nil
                if proxy.hasServed { report(.restarted(name)) } else { fail(name, "HAProxy ended at once", now) }
            }
            if let due = nodes[name]?.retryDue, due > now { continue }
            advance(name, now)
        }
        guard now >= healthDue else { return }
        healthDue = now + Self.healthPace
        for (name, node) in nodes where node.wanted?.frontends.contains(where: { $0.healthCheck != nil }) == true {
            lookAtHealth(name, node)
        }
    }

    // MARK: One router

    private func advance(_ name: NodeName, _ now: Duration) {
        guard var node = nodes[name] else { return }
        defer { if nodes[name] != nil { nodes[name] = node } }
        do throws(KernelError) {
            guard let namespace = try namespace(name) else {
                // There is no such router, or not yet: its processes ended with it or will not be missed.
                node.proxy?.end(drains: false)
                node.proxy = nil
                announce(name, &node)
                if node.wanted == nil {
                    RunningProxy.forget(home: home, name)
                    leave(name, &node)
                }
                return
            }
            if let proxy = node.proxy, proxy.namespace != namespace.identity {
                proxy.end(drains: false)
                node.proxy = nil
            }
            if node.proxy == nil { node.proxy = try RunningProxy.adopted(home: home, name, namespace) }
            if let proxy = node.proxy, proxy.isStarting, node.proxy?.comeUp() == false {
                if now > proxy.deadline { throw KernelError(operation: "start", object: "HAProxy", errno: 110) }
                return
            }
            if let last = node.proxy?.takeOver(), !last.isEmpty { tell(name, last, areLast: true) }
            let target =
                now >= node.trimDue ?? .zero ? node.wanted : node.proxy?.plan.joined(by: node.wanted) ?? node.wanted
            guard let target, !target.frontends.isEmpty else {
                node.proxy?.end(drains: node.drains)
                node.proxy = nil
                announce(name, &node)
                RunningProxy.forget(home: home, name)
                leave(name, &node)
                return
            }
            if let proxy = node.proxy {
                // What a server that goes has counted goes with it.
                if proxy.plan != target, let statistics = proxy.statistics() { tell(name, statistics, areLast: false) }
                node.proxy = try proxy.become(target, in: namespace, drains: node.drains, now)
            } else {
                node.proxy = try RunningProxy(home: home, name, target, namespace, now)
            }
            guard node.proxy?.isStarting == false else { return }
            node.failures = 0
            node.retryDue = nil
            announce(name, &node)
            answer(name, &node)
        } catch {
            node.proxy?.end(drains: true)
            node.proxy = nil
            nodes[name] = node
            fail(name, "\(error)", now)
            node = nodes[name] ?? node
        }
    }

    private func namespace(_ name: NodeName) throws(KernelError) -> NetworkNamespace? {
        guard try directory.isMounted(name.text) else { return nil }
        return try directory.open(name.text)
    }

    private func announce(_ name: NodeName, _ node: inout Node) {
        for _ in 0..<node.unanswered { report(.ready(name)) }
        node.unanswered = 0
    }

    private func answer(_ name: NodeName, _ node: inout Node) {
        guard !node.tickets.isEmpty else { return }
        report(.served(name, tickets: node.tickets))
        node.tickets = []
    }

    private func leave(_ name: NodeName, _ node: inout Node) {
        answer(name, &node)
        nodes[name] = nil
    }

    private func fail(_ name: NodeName, _ reason: String, _ now: Duration) {
        guard var node = nodes[name] else { return }
        node.failures += 1
        node.retryDue = now + .milliseconds(min(250 << min(node.failures - 1, 7), 30_000))
        let tickets = node.tickets
        node.tickets = []
        announce(name, &node)
        nodes[name] = node
        report(.failed(name, reason: reason, tickets: tickets))
    }

    // MARK: What members do

    private func measure(_ name: NodeName, _ node: Node) {
        guard let proxy = node.proxy, !proxy.isStarting, let statistics = proxy.statistics() else { return }
        tell(name, statistics, areLast: false)
    }

    /// `areLast`: whoever counted them takes nobody new, and another has begun.
    private func tell(_ name: NodeName, _ statistics: [ProxyMemberStatistics], areLast: Bool) {
        let readings = statistics.flatMap { member in
            let origin = Origin("loadBalancerMember", member.member)
            let counts: [(Meter, MeterCount)] = [
                (.received, MeterCount(bytes: member.bytesIn)), (.sent, MeterCount(bytes: member.bytesOut)),
                (.matched, MeterCount(packets: member.connections)), (.failed, MeterCount(packets: member.errors)),
            ]
            return counts.map { meter, count in
                MeterReading(origin, meter, count, leaving: areLast ? count : MeterCount())
            }
        }
        if readings.isEmpty { return }
        let times = statistics.map { ($0.member, $0.responseMilliseconds) }
        report(.measured(name, readings, responseTimes: Dictionary(times) { first, _ in first }))
    }

    private func lookAtHealth(_ name: NodeName, _ node: Node) {
        guard let proxy = node.proxy, !proxy.isStarting, let statistics = proxy.statistics() else { return }
        var changed: [(member: ObjectID, isUp: Bool)] = []
        for member in statistics {
            guard let isUp = member.isUp, nodes[name]?.health[member.member] != isUp else { continue }
            nodes[name]?.health[member.member] = isUp
            changed.append((member.member, isUp))
        }
        if !changed.isEmpty { report(.health(name, changed)) }
    }
}

extension ProxyPlan {
    /// Both: what is to come beside what is to go.
    fileprivate func joined(by other: ProxyPlan?) -> ProxyPlan {
        let new = other?.frontends ?? []
        let ports = Set(new.map(\.listenPort))
        return ProxyPlan(new + frontends.filter { !ports.contains($0.listenPort) })
    }
}
