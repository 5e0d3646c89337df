import CloudModel
import NetworkVocabulary
import RouterPlan
import Synchronization
import TestSupport
import Testing

@testable import ControlPlane

/// What happened, in the order in which it did.
final class Journal: Sendable {
    private let lines = Mutex<[String]>([])
    func note(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
    func clear() { lines.withLock { $0 = [] } }
}

/// A ledger that notes when it is written.
final class JournaledLedger: Ledger {
    let base: MemoryLedger
    private let journal: Journal

    init(_ storage: MemoryLedger.Storage, _ journal: Journal) {
        base = MemoryLedger(storage)
        self.journal = journal
    }

    func open() throws(LedgerError) -> LedgerContents { try base.open() }

    func append(_ entries: [LedgerEntry]) throws(LedgerError) {
        try base.append(entries)
        journal.note("append " + entries.map(\.command).joined(separator: ","))
    }

    func writeCheckpoint(_ records: [Record], at revision: Revision) throws(LedgerError) {
        try base.writeCheckpoint(records, at: revision)
        journal.note("checkpoint \(revision)")
    }

    func events(limit: Int) throws(LedgerError) -> [LedgerEntry] { try base.events(limit: limit) }
    func history(upTo revision: Revision) throws(LedgerError) -> LedgerContents { try base.history(upTo: revision) }
    func traffic() throws(LedgerError) -> [TrafficRecord] { try base.traffic() }

    func saveTraffic(_ records: [TrafficRecord], dropping objects: [Origin]) throws(LedgerError) {
        try base.saveTraffic(records, dropping: objects)
        journal.note("traffic of \(records.count), \(objects.count) dropped")
    }

    func close() { base.close() }
}

/// What was reported about one request.
final class Submission: Sendable {
    private let reports = Mutex<[SubmissionReport]>([])
    func add(_ report: SubmissionReport) { reports.withLock { $0.append(report) } }

    var words: [String] {
        reports.withLock { $0 }.map { report in
            switch report {
            case .refused: "refused"
            case .durable: "durable"
            case .realized: "realized"
            case .failed: "failed"
            }
        }
    }

    var outcome: Outcome? {
        reports.withLock { $0 }.compactMap { if case .durable(let outcome) = $0 { outcome } else { nil } }.first
    }

    var object: ObjectID? { outcome?.reply.object?.id }

    var error: String? {
        reports.withLock { $0 }.compactMap { report in
            switch report {
            case .refused(let error), .failed(let error): error.text
            default: nil
            }
        }.first
    }
}

/// An engine between a ledger in memory and a kernel that answers when the test wants it to.
final class EngineFixture {
    let storage: MemoryLedger.Storage
    let ledger: JournaledLedger
    let journal = Journal()
    let shared = SharedView(startTime: 0)
    let engine: Engine
    private let kernel: Kernel

    /// Holds what it is told; `waiting` are the orders that it has not answered.
    private final class Kernel {
        var mirror = PlanMirror()
        var waiting: [KernelOrder] = []
    }

    init(_ storage: MemoryLedger.Storage = MemoryLedger.Storage(), seed: UInt64 = 1) throws {
        self.storage = storage
        let ledger = JournaledLedger(storage, journal)
        let kernel = Kernel()
        self.ledger = ledger
        self.kernel = kernel
        engine = try Engine(
            ledger, simulatesInternet: true,
            surroundings: Engine.Surroundings(now: { 1_700_000_000_000 }, ids: SeededIDs(seed: seed)), shared: shared
        ) { [journal] order in
            if case .adoptProxies = order { return }
            journal.note("order \(order.name)")
            kernel.mirror.follow([order])
            switch order {
            case .adopt, .measure, .adoptProxies, .check: break
            case .plan, .change, .withdraw, .examine, .proxy: kernel.waiting.append(order)
            }
        }
        try engine.start()
    }

    var admin: Caller {
        Caller(account: engine.model.account(named: "admin")?.id ?? engine.installation, isRootAdmin: true)
    }

    /// The requests as one batch.
    @discardableResult
    func submit(_ requests: [Request], dryRun: Bool = false) -> [Submission] {
        let submissions = requests.map { _ in Submission() }
        engine.process(
            zip(requests, submissions).enumerated().map { index, pair in
                let journal = journal
                return .request(pair.0, admin, dryRun: dryRun) { report in
                    pair.1.add(report)
                    journal.note("\(pair.1.words.last ?? "") \(index)")
                }
            })
        return submissions
    }

    func submit(_ request: Request, dryRun: Bool = false) -> Submission { submit([request], dryRun: dryRun)[0] }

    /// Submits, and lets the kernel carry it out.
    @discardableResult
    func make(_ request: Request) throws -> ObjectID {
        let submission = submit(request)
        settle()
        try #require(submission.words == ["durable", "realized"], "\(submission.error ?? "")")
        return try #require(submission.object)
    }

    /// The kernel answers all it was told since: these nodes refuse, the others do it.
    func settle(refusing nodes: Set<NodeName> = [], because reason: String = "No buffer space available") {
        let orders = kernel.waiting
        kernel.waiting = []
        engine.process(
            orders.map { order in
                let tickets = order.ticket.map { [$0] } ?? []
                if nodes.contains(order.node) {
                    return .kernel(.failed(order.node, reason: reason, origin: nil, tickets: tickets))
                }
                if case .proxy = order { return .kernel(.served(order.node, tickets: tickets)) }
                if case .withdraw = order { return .kernel(.removed(order.node, tickets: tickets)) }
                return .kernel(.settled(order.node, tickets: tickets))
            })
    }

    var waitingNodes: [NodeName] { kernel.waiting.map(\.node) }

    /// Everything that the log holds.
    func entries() throws -> [LedgerEntry] { try ledger.history(upTo: engine.model.revision).entries }

    /// Whether the kernel was told what planning from scratch gives.
    func expectToldEverything(sourceLocation: SourceLocation = #_sourceLocation) {
        var fresh = FollowedCloud(simulatesInternet: true).keeper
        let failures = fresh.planAll(engine.model)
        #expect(failures.isEmpty, sourceLocation: sourceLocation)
        let told = kernel.mirror.plans
        let astray = Set(told.keys).union(fresh.plans.keys).filter { told[$0] != fresh.plans[$0] }
        #expect(astray.isEmpty, sourceLocation: sourceLocation)
    }
}

extension KernelOrder {
    var ticket: UInt64? {
        switch self {
        case .adopt, .measure, .adoptProxies, .check: nil
        case .plan(_, let ticket, _), .change(_, _, let ticket, _), .withdraw(_, let ticket), .examine(_, let ticket):
            ticket
        case .proxy(_, _, let ticket, _): ticket
        }
    }

    var node: NodeName {
        switch self {
        case .adopt, .measure, .adoptProxies: .host
        case .check(let name, _, _), .proxy(let name, _, _, _): name
        case .plan(let plan, _, _): plan.name
        case .change(let delta, _, _, _): delta.node
        case .withdraw(let name, _), .examine(let name, _): name
        }
    }

    var name: String {
        switch self {
        case .adopt: "adopt"
        case .measure: "measure"
        case .adoptProxies: "adopt proxies"
        case .check, .proxy: "balancing of \(node.text)"
        case .plan, .change, .withdraw: node.text
        case .examine: "examine \(node)"
        }
    }
}

extension EngineFixture {
    /// A zone with three public ranges, and one network with a router.
    struct Site {
        let zone: ObjectID
        let network: ObjectID
        let guest: ObjectID
    }

    func makeSite(cidr: String = "10.1.1.0/24") throws -> Site {
        var zone = CloudFile.Zone(name: "west", dns1: "198.51.100.1")
        var wire = CloudFile.PhysicalNetwork(name: "wire")
        wire.segments = ["100-199"]
        zone.physicalNetworks = [wire]
        zone.publicRanges = (0..<3).map { index in
            var range = CloudFile.PublicRange(
                subnet: "203.0.\(index).0/24", gateway: "203.0.\(index).1",
                addresses: "203.0.\(index).10-203.0.\(index).19")
            range.segment = "\(50 + index)"
            return range
        }
        var network = CloudFile.Network(name: "web", zone: "west")
        network.cidr = cidr
        var file = CloudFile()
        file.zones = [zone]
        file.networks = [network]
        file.guests = [CloudFile.Guest(name: "first", nics: [CloudFile.NIC(network: "web")])]
        try make(.applyCloud(.init(file: file)))
        let made = try #require(engine.model.networks.values.min { $0.number < $1.number })
        let guest = try #require(engine.model.guests.values.min { $0.number < $1.number })
        return Site(zone: made.zone, network: made.id, guest: guest.id)
    }

    func guest(_ name: String, in site: Site, on network: ObjectID? = nil, port: Guest.Port = .emulated) -> Request {
        .deployGuest(.init(zone: site.zone, name: name, port: port, nics: [.init(network: network ?? site.network)]))
    }
}
