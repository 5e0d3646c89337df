import CloudModel
import ControlPlane
import Glibc
import GuestServing
import LinuxKernel
import NetworkVocabulary
import RouterPlan
import ServiceHosting
import Synchronization

/// What guests are served, between the engine's orders, the kernel's reports and the process that serves.
final class ServiceDesk: Sendable {
    private let lane: GuestServiceLane
    private let book: ServiceBook

    init(_ options: Options, data: String, _ shared: SharedView, _ log: Log) throws {
        let book = ServiceBook(shared, log)
        self.book = book
        lane = try GuestServiceLane(
            GuestServiceLane.Settings(
                program: try Self.program(), user: options.serviceUser,
                controlPath: options.isEphemeral ? nil : "\(data)/services.sock")
        ) { book.take($0) }
    }

    /// Beside this program, as they are built and installed together.
    private static func program() throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer.prefix(max(0, length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        let folder = own.split(separator: "/").dropLast().joined(separator: "/")
        let places = ["/\(folder)/sluice-worker", "/\(folder)/../lib/sluice/sluice-worker"]
        guard let found = places.first(where: { access($0, X_OK) == 0 }) else {
            throw StartFailure("there is no sluice-worker beside this program, which serves guests DHCP and names")
        }
        return found
    }

    /// Where what happens to guests is written down.
    func connect(_ service: EngineLane) { book.connect(service) }

    func follow(_ order: KernelOrder) {
        switch order {
        case .adopt(let plans, _): lane.adopt(plans)
        case .plan(let plan, _, _): lane.plan(plan)
        case .change(let delta, _, _, _): lane.change(delta)
        case .withdraw(let name, _): lane.withdraw(name)
        case .measure, .examine, .proxy, .adoptProxies, .check: break
        }
    }

    func follow(settled name: NodeName) { lane.settled(name) }
    func stop() { lane.stop() }
}

/// What is heard of guests: events for the ledger, figures for who looks.
private final class ServiceBook: Sendable {
    private struct State {
        var activity = ServiceActivity()
        var updated: [ObjectID: ContinuousClock.Instant] = [:]
        var service: EngineLane?
    }

    private let state = Mutex(State())
    private let shared: SharedView
    private let log: Log

    init(_ shared: SharedView, _ log: Log) {
        self.shared = shared
        self.log = log
    }

    func connect(_ service: EngineLane) { state.withLock { $0.service = service } }

    func take(_ finding: GuestServiceLane.Finding) {
        switch finding {
        case .event(let event): tell(event)
        case .report(let report): shared.publish(update(report))
        case .restarted(let status):
            log(.warning, "guest services restarted", ["status": status.map { "\($0)" } ?? "unknown"])
            shared.publish(
                state.withLock { state in
                    state.activity.restarts += 1
                    return state.activity
                })
        case .trouble(let text): log(.error, "guest services", ["reason": text])
        }
    }

    private func tell(_ event: ServingEvent) {
        guard let service = state.withLock({ $0.service }) else { return }
        switch event {
        case .passwordServed(let guest): service.note(.passwordServed(guest))
        case .passwordSaved(let guest): service.note(.passwordSaved(guest))
        case .declined(let nic, let address):
            service.remember(
                Event(
                    type: "DHCP.DECLINE", level: .warning, origin: nic,
                    text: "A guest says that its address \(address) is in use by somebody else"))
        }
    }

    private static let answers: [UInt8: String] = [
        0: "BOOTP", 2: "OFFER", 4: "DECLINE", 5: "ACK", 6: "NAK", 7: "RELEASE",
    ]

    private func update(_ report: ServingReport) -> ServiceActivity {
        let now = ContinuousClock.now
        return state.withLock { state in
            if !report.counters.isEmpty { state.activity.counters = report.counters }
            for news in report.activities {
                var nic = state.activity.nics[news.nic] ?? ServiceActivity.OfNIC()
                if let before = state.updated[news.nic], news.queries >= nic.queries {
                    let (seconds, attoseconds) = (now - before).components
                    let passed = Double(seconds) + Double(attoseconds) / 1e18
                    nic.queryRate = passed > 0 ? Double(news.queries - nic.queries) / passed : 0
                }
                nic.queries = news.queries
                nic.dhcp =
                    news.dhcp.map {
                        ServiceActivity.Exchange(answer: Self.answers[$0.kind] ?? "?", time: Int64($0.second) * 1000)
                    } ?? nic.dhcp
                nic.metadata = news.metadata.map { Int64($0) * 1000 } ?? nic.metadata
                state.activity.nics[news.nic] = nic
                state.updated[news.nic] = now
            }
            return state.activity
        }
    }
}
