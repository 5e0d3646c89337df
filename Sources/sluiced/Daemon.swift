import CLinux
import CloudStackAPI
import ControlPlane
import Glibc
import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import PacketTrace
import Planner
import Reconciler
import RouterPlan
import SQLiteLedger
import ServiceHosting
import Synchronization

/// The running daemon: its lanes and what ties them together. Wiring only.
final class Daemon: Sendable {
    /// Ephemeral daemons share one identity: what a killed one left behind is recognised, and removed, by the next.
    private static let ephemeralInstallation = ObjectID(random: 0, 0)

    let service: EngineLane
    let features: KernelFeatures
    private let kernel: Mutex<KernelLane?>
    private let lanes: LaneSlot
    private let simulatedHost: SimulatedHost?
    private let services: ServiceDesk
    private let adoptions: Inbox<(verified: Int, failed: Int)>
    private let options: Options
    private let log: Log

    init(_ options: Options, data: String, _ log: Log) throws {
        self.options = options
        self.log = log
        features = try KernelFeatures.probe()
        for feature in KernelFeatures.Feature.allCases {
            guard let text = features.explanation(of: feature) else { continue }
            // Nothing that is served today needs these.
            let isIdle = [.dummy, .flowtable].contains(feature)
            log(
                isIdle ? .debug : .warning, "kernel feature missing",
                ["feature": feature.rawValue, "module": feature.module, "reason": text])
        }
        if !options.isRootless { Self.warnOfBridgeFilter(log) }
        let shared = SharedView(startTime: Self.milliseconds(), features: Self.statuses(features))
        let adoptions = try Inbox<(verified: Int, failed: Int)>()
        let simulatedHost = options.simulatesInternet ? SimulatedHost(log) : nil
        let lane = LaneSlot()
        let services = try ServiceDesk(options, data: data, shared, log)
        self.services = services
        service = try EngineLane(shared) { post in
            let ledger = SQLiteLedger(options.isEphemeral ? .memory : .directory(data)) {
                options.isEphemeral
                    ? Self.ephemeralInstallation
                    : ObjectID(random: .random(in: 0 ... .max), .random(in: 0 ... .max))
            }
            let engine = try Engine(
                ledger, simulatesInternet: options.simulatesInternet,
                surroundings: Engine.Surroundings(
                    now: Self.milliseconds, ids: RandomIDs(SystemRandomNumberGenerator())),
                shared: shared
            ) { order in
                services.follow(order)
                lane.take(order)
            }
            for finding in engine.findings { log(.warning, "ledger repaired", ["reason": finding]) }
            try lane.hold(NamespaceLockHolder(engine.installation))
            try lane.set(
                KernelLane(
                    installation: engine.installation, judge: { FlowAudit($0).revoked(among: $1) }
                ) { report in
                    Self.log(report, log)
                    if case .settled(Planner.internet, _, _) = report { simulatedHost?.serve() }
                    if case .settled(let name, _, _) = report { lane.proxies?.settled(name) }
                    if case .settled(let name, _, _) = report { services.follow(settled: name) }
                    if case .adopted(let verified, let failed) = report {
                        adoptions.send((verified: verified, failed: failed))
                    }
                    post.send(KernelReport(report))
                })
            let installation = engine.installation
            lane.set(
                try ProxyKeeper(home: "/run/sluice-\(installation)") { report in
                    Self.log(report, log)
                    lane.heed(report)
                    Self.pass(report, installation, post)
                })
            lane.set(
                try HealthKeeper { member, isDown in
                    log(.info, "member's health changed", ["member": "\(member)", "down": "\(isDown)"])
                    post.submit(.balancing(.report([.init(member, isDown: isDown)])), installation)
                })
            return engine
        }
        services.connect(service)
        kernel = Mutex(nil)
        lanes = lane
        self.adoptions = adoptions
        self.simulatedHost = simulatedHost
        lane.use { lane in kernel.withLock { $0 = lane } }
    }

    /// Others on the host may need it, so it is theirs to turn off. Without root the namespace is the daemon's alone.
    private static func warnOfBridgeFilter(_ log: Log) {
        let filtered = ["iptables", "ip6tables", "arptables"].map { "net/bridge/bridge-nf-call-\($0)" }
            .filter { (try? Sysctl.read($0)) == "1" }
        guard !filtered.isEmpty else { return }
        log(
            .warning, "guests' frames pass the host's own packet filter",
            ["settings": filtered.map { $0.replacing("/", with: ".") }.joined(separator: " ")])
    }

    var facts: ProcessFacts {
        ProcessFacts(
            id: getpid(), isRootless: options.isRootless, kernelWrites: kernel.withLock { $0 }?.writes ?? 0)
    }

    /// Does what the installation itself asks for, and returns when the kernel has it.
    func perform(_ request: Request, _ what: String) throws {
        let reports = try Inbox<SubmissionReport>()
        let caller = Caller(account: service.view.installation, isRootAdmin: true)
        service.submit(request, caller: caller, dryRun: false) { reports.send($0) }
        while let received = reports.receive(timeout: .seconds(60)), !received.isEmpty {
            for report in received {
                switch report {
                case .durable: continue
                case .realized: return
                case .refused(let error), .failed(let error):
                    throw StartFailure("\(what) was refused: \(error)")
                }
            }
        }
        throw StartFailure("\(what) is not in the kernel after a minute")
    }

    /// Ends the daemon. The kernel keeps what it has, unless nothing was meant to last.
    func stop() {
        if options.isEphemeral {
            simulatedHost?.stop()
            while adoptions.receive(timeout: .zero)?.isEmpty == false {}
            service.dismantle()
            lanes.proxies?.dismantle()
            _ = adoptions.receive(timeout: .seconds(120))
        }
        service.stop()
        services.stop()
        kernel.withLock { $0 }?.stop()
        lanes.proxies?.stop()
        lanes.health?.stop()
        simulatedHost?.stop()
    }

    private static func log(_ report: Reconciler.Report, _ log: Log) {
        switch report {
        case .settled(let name, _, let revoked):
            log(.debug, "node settled", ["router": name.text, "revoked": "\(revoked)"])
        case .ended(let name, let flows):
            log(.info, "late connections ended", ["router": name.text, "flows": "\(flows)"])
        case .measured: break
        case .removed(let name, _): log(.debug, "node removed", ["router": name.text])
        case .repaired(let name, let steps):
            log(
                .warning, "node repaired",
                ["router": name.text, "steps": "\(steps.count)", "first": "\(steps.first.map { "\($0)" } ?? "-")"])
        case .failed(let name, let error, _):
            log(
                .error, "node failed",
                [
                    "router": name.text, "origin": error.origin?.description ?? "-", "errno": "\(error.errno)",
                    "reason": "\(error)",
                ])
        case .adopted(let verified, let failed):
            log(.info, "state verified", ["nodes": "\(verified)", "failed": "\(failed)"])
        }
    }

    private static func pass(_ report: ProxyKeeper.Report, _ installation: ObjectID, _ post: EngineLane.Post) {
        switch report {
        case .ready: break
        case .served(let name, let tickets): post.send(.served(name, tickets: tickets))
        case .failed(let name, let reason, let tickets): post.send(.unserved(name, reason: reason, tickets: tickets))
        case .restarted(let name): post.send(.proxyRestarted(name))
        case .measured(let name, let readings, let times):
            post.send(.measured(name, readings))
            post.send(.answered(name, times))
        case .health(_, let found):
            let health = found.map { BalancingRequest.MemberHealth($0.member, isDown: !$0.isUp) }
            post.submit(.balancing(.report(health)), installation)
        }
    }

    private static func log(_ report: ProxyKeeper.Report, _ log: Log) {
        switch report {
        case .ready, .measured: break
        case .served(let name, _): log(.debug, "proxy serves", ["router": name.text])
        case .failed(let name, let reason, _):
            log(.error, "proxy failed", ["router": name.text, "reason": reason])
        case .restarted(let name): log(.warning, "proxy restarted", ["router": name.text])
        case .health(let name, let found):
            log(.info, "members' health changed", ["router": name.text, "members": "\(found.count)"])
        }
    }

    private static func statuses(_ features: KernelFeatures) -> [KernelFeatureStatus] {
        KernelFeatures.Feature.allCases.map { feature in
            KernelFeatureStatus(
                name: feature.rawValue, isAvailable: features.has(feature),
                missingModule: features.has(feature) ? nil : feature.module)
        }
    }

    static func milliseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}

/// Where the lanes go that do what the engine orders, once the ledger has said whose installation it is.
private final class LaneSlot: Sendable {
    private let lane = Mutex<KernelLane?>(nil)
    private let lock = Mutex<NamespaceLockHolder?>(nil)
    private let proxyKeeper = Mutex<ProxyKeeper?>(nil)
    private let healthKeeper = Mutex<HealthKeeper?>(nil)

    func set(_ new: KernelLane) { lane.withLock { $0 = new } }
    func hold(_ holder: NamespaceLockHolder) { lock.withLock { $0 = holder } }
    func use(_ body: (KernelLane) -> Void) { if let lane = lane.withLock({ $0 }) { body(lane) } }
    func set(_ new: ProxyKeeper) { proxyKeeper.withLock { $0 = new } }
    func set(_ new: HealthKeeper) { healthKeeper.withLock { $0 = new } }
    var proxies: ProxyKeeper? { proxyKeeper.withLock { $0 } }
    var health: HealthKeeper? { healthKeeper.withLock { $0 } }

    /// Hands the engine's orders out. What leads to a proxy waits for it.
    func take(_ order: KernelOrder) {
        if let command = Reconciler.Command(order) { use { $0.send(command) } }
        switch order {
        case .adoptProxies(let plans): proxies?.adopt(plans)
        case .proxy(let name, let plan, let ticket, let drains):
            proxies?.serve(name, plan, ticket: ticket, drains: drains)
        case .check(let name, let rule, let checks): health?.check(name, rule: rule, checks)
        case .measure: proxies?.measure()
        default: break
        }
    }

    func heed(_ report: ProxyKeeper.Report) {
        if case .ready(let name) = report { use { $0.send(.release(name)) } }
    }
}

/// Keeps a second daemon of the same installation out of this network namespace.
private final class NamespaceLockHolder: Sendable {
    private let lock: NamespaceLock

    init(_ installation: ObjectID) throws {
        guard let lock = NamespaceLock("sluice-\(installation)") else {
            throw StartFailure("another sluiced of this installation runs in this network namespace")
        }
        self.lock = lock
    }
}

/// Why the daemon cannot start, for the person who started it.
struct StartFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The host in the simulated internet that answers echo. It follows its namespace: when that is made anew, so are its
/// sockets.
private final class SimulatedHost: Sendable {
    private struct Serving {
        let namespace: NetworkNamespace.Identity
        let server: EchoServer
    }

    private let serving = Mutex<Serving?>(nil)
    private let log: Log

    init(_ log: Log) { self.log = log }

    func serve() {
        do {
            let namespace = try NamespaceDirectory.system.open(Planner.internet.text)
            guard serving.withLock({ $0?.namespace }) != namespace.identity else { return }
            let server = try EchoServer(in: namespace, at: Planner.internetHost)
            serving.withLock { $0 = Serving(namespace: namespace.identity, server: server) }
        } catch {
            log(.error, "simulated internet does not answer", ["reason": "\(error)"])
        }
    }

    func stop() { serving.withLock { $0 = nil } }
}
