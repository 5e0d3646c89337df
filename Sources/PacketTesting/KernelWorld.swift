import CloudTrace
import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import PacketTrace
import Packets
import Reconciler
import RouterPlan
import Ruleset

/// The plans of a cloud on this kernel, brought about as the daemon does it, in the calling thread's namespaces, which
/// are to be fresh.
final class KernelWorld: World {
    let name = "kernel"
    let tellsDecisions = true
    var wiring: Wiring { field.wiring }
    private var cloud: CaseCloud
    private var daemon: Daemon
    private var isKilled = false

    private let field: Field
    private var tracers: [NodeName: (trace: NetfilterTrace, rules: NetfilterSocket)] = [:]
    private var sites: [NodeName: [ChainName: [UInt64: Int]]] = [:]
    /// What elements had counted when they went.
    private var gone: [Origin: [Meter: UInt64]] = [:]

    init(_ cloud: CaseCloud) throws {
        self.cloud = cloud
        try Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1", in: try .current())
        daemon = try Daemon(cloud.installation)
        field = try Field(cloud.wiring)
        try daemon.adopt(cloud)
        try field.plug()
        try watch()
        try field.awaitPaths()
    }

    // MARK: The cloud

    /// What the daemon does for the kernel, in one place and at once: time is ours.
    private final class Daemon {
        let dataplane: LinuxDataplane
        private let reconciler: Reconciler
        private let reports: Reports
        private var now = Duration.zero

        /// What the reconciler said.
        private final class Reports {
            var failures: [String] = []
            var leaving: [MeterReading] = []
        }

        init(_ installation: ObjectID) throws {
            let reports = Reports()
            self.reports = reports
            dataplane = try LinuxDataplane(installation: installation)
            reconciler = Reconciler(dataplane, judge: { FlowAudit($0).revoked(among: $1) }) { report in
                switch report {
                case .failed(let node, let error, _): reports.failures.append("\(node): \(error)")
                case .measured(_, let readings): reports.leaving += readings
                default: break
                }
            }
        }

        /// Brings about the whole, from whatever is there.
        func adopt(_ cloud: CaseCloud) throws { _ = try take([.adopt(cloud.inOrder)]) }

        /// Returns what elements had counted when they went.
        func take(_ commands: [Reconciler.Command]) throws -> [MeterReading] {
            reports.leaving = []
            for command in commands { reconciler.accept(command) }
            for _ in 0..<64 {
                while reconciler.work(now: now) {}
                guard reports.failures.isEmpty else { throw Refusal(description: reports.failures[0]) }
                guard let next = reconciler.nextRetry else { return reports.leaving }
                now = max(now, next)
            }
            throw Refusal(description: "the kernel never comes to rest")
        }
    }

    func follow(_ cloud: CaseCloud, _ following: CaseCloud.Following) throws {
        self.cloud = cloud
        if isKilled {
            isKilled = false
            daemon = try Daemon(cloud.installation)
            try daemon.adopt(cloud)
        } else {
            for reading in try daemon.take(following.commands) {
                gone[reading.object, default: [:]][reading.meter, default: 0] += reading.leaving.packets
            }
        }
        try field.follow(cloud.wiring)
        try watch()
        try field.awaitPaths()
    }

    func kill() { isKilled = true }

    func restart() throws {
        daemon = try Daemon(cloud.installation)
        let before = daemon.dataplane.writes
        try daemon.adopt(cloud)
        let written = daemon.dataplane.writes - before
        guard written == 0 else {
            throw Refusal(description: "a daemon that starts again has written \(written) times")
        }
    }

    func advance(by seconds: Int) throws {
        for plan in cloud.routers {
            let namespace = try NamespaceDirectory.system.open(plan.name.text)
            try ConntrackSocket(in: namespace).age(by: UInt32(clamping: seconds))
        }
    }

    /// Gives the namespace of the ports a name, for who looks into a failure.
    func nameField() throws { try field.name("ports") }

    func counts(of object: Origin) throws -> [Meter: UInt64] {
        var counts = gone[object] ?? [:]
        for plan in cloud.routers {
            for reading in plan.readings(try daemon.dataplane.counts(of: plan, plan.meteredElements(of: [object]))) {
                counts[reading.meter, default: 0] += reading.count.packets
            }
        }
        return counts
    }

    func rulesets() -> String {
        cloud.routers.map { plan in
            let table = try? daemon.dataplane.observe(plan).table
            return "# \(plan.name)\n\(table.map { "\($0)" } ?? "none")\n"
        }.joined(separator: "\n")
    }

    // MARK: Ears

    /// Opens ears in routers that have none yet, and learns where their rules are.
    private func watch() throws {
        var unsettled: [Reconciler.Command] = []
        for plan in cloud.routers {
            let isNew = tracers[plan.name] == nil
            if isNew {
                let namespace = try NamespaceDirectory.system.open(plan.name.text)
                // Connections by their order alone, as the evaluator follows them, and every error is told.
                try Sysctl.write("net/netfilter/nf_conntrack_tcp_be_liberal", "1", in: namespace)
                try Sysctl.write("net/ipv4/icmp_ratemask", "0", in: namespace)
                var opened: Result<(trace: NetfilterTrace, rules: NetfilterSocket), NetfilterError>?
                try namespace.enter { () throws(KernelError) in
                    opened = Result { () throws(NetfilterError) in (try NetfilterTrace(), try NetfilterSocket()) }
                }
                tracers[plan.name] = try opened?.get()
                // Somebody else's table is there now: the next change is to be computed with it in view.
                unsettled.append(.disturbed(plan.name))
            }
        }
        let names = Set(cloud.routers.map(\.name))
        for name in tracers.keys where !names.contains(name) { tracers[name] = nil }
        _ = try daemon.take(unsettled)
        for plan in cloud.routers {
            guard let table = plan.table, let tracer = tracers[plan.name] else { continue }
            sites[plan.name] = try tracer.rules.readRulePlaces(table.family, table.name)
        }
    }

    // MARK: Packets

    func send(_ frames: [Frame], at port: Wiring.Port) throws -> Fate {
        let before = try counters()
        for tracer in tracers.values { _ = try tracer.trace.read() }
        var fate = Fate(arrivals: try field.send(frames, at: port))
        let after = try counters()
        for plan in cloud.routers {
            var passages = try passages(through: plan)
            let moved = (after[plan.name] ?? [:]).filter { $0.value != before[plan.name]?[$0.key] }
            if !passages.isEmpty { passages[passages.count - 1].moved = Set(moved.keys) }
            let judging = Judging(plan.table)
            fate.passages += passages.map { attributed($0, plan, judging) }
        }
        return fate
    }

    private func counters() throws -> [NodeName: [MeteredElement: UInt64]] {
        var counters: [NodeName: [MeteredElement: UInt64]] = [:]
        for plan in cloud.routers {
            counters[plan.name] = try daemon.dataplane.counts(of: plan, plan.meteredElements).mapValues(\.packets)
        }
        return counters
    }

    private func passages(through plan: NodePlan) throws -> [Passage] {
        guard let tracer = tracers[plan.name], let table = plan.table else { return [] }
        var order: [UInt32] = []
        var passages: [UInt32: Passage] = [:]
        for event in try tracer.trace.read() {
            if passages[event.packet] == nil {
                order.append(event.packet)
                passages[event.packet] = Passage(node: plan.name, origin: plan.owner)
            }
            guard event.table == table.name else { continue }
            let rule: Int?
            let verdict: Verdict
            switch event.action {
            case .rule(let handle, .verdict(let found)):
                (rule, verdict) = (sites[plan.name]?[event.chain]?[handle], found)
            case .policy(.drop): (rule, verdict) = (nil, .drop)
            default: continue
            }
            guard verdict == .accept || verdict == .drop else { continue }
            passages[event.packet]?.rulings.append(.init(chain: event.chain, rule: rule, isDrop: verdict == .drop))
        }
        return order.compactMap { passages[$0] }
    }

    /// With the object behind its last word: of the element that counted it, else of the rule.
    private func attributed(_ passage: Passage, _ plan: NodePlan, _ judging: Judging) -> Passage {
        var passage = passage
        passage.lastWord = passage.rulings.last { judging.judges($0.chain) }
        guard let last = passage.lastWord, let rule = plan.rule(behind: last) else { return passage }
        let counting = plan.countingSets(of: rule)
        let element = passage.moved.first { counting.contains($0.set) }
        passage.origin = element.flatMap { plan.table?.elements[$0.set]?[$0.key]?.origin } ?? rule.origin
        return passage
    }
}
