public import CloudModel
public import ControlPlane
public import NetworkVocabulary

/// A ledger without a disk that obeys the same rules as the real one, and can be told to fail like one.
public final class MemoryLedger: Ledger {
    /// What outlives a crash: hand the same storage to the next ledger to play a restart.
    public final class Storage {
        fileprivate var entries: [LedgerEntry] = []
        fileprivate var checkpoints: [(revision: Revision, records: [Record])] = []
        fileprivate var traffic: [Origin: TrafficRecord] = [:]
        fileprivate var isHeld = false
        public let installation: ObjectID

        public init(installation: ObjectID = ObjectID(random: 1, 1)) { self.installation = installation }
    }

    public enum Failure: Sendable, Hashable {
        /// Nothing is written.
        case full
        /// Everything is written, and the error comes all the same, as when the power fails before the reply. A
        /// ledger that goes on running does not count what it refused; the next start finds it.
        case afterWrite
    }

    /// How the next writes fail, until it is nil again.
    public var failure: Failure?
    public private(set) var appendCount = 0

    private let storage: Storage
    private let retention: LedgerRetention
    private var isOpen = false
    /// Written but refused: a crash would bring it back.
    private var ghosts: [LedgerEntry] = []

    public init(_ storage: Storage = Storage(), retention: LedgerRetention = LedgerRetention()) {
        self.storage = storage
        self.retention = retention
    }

    deinit { close() }

    public func open() throws(LedgerError) -> LedgerContents {
        guard !storage.isHeld else { throw .inUse("the ledger is in use") }
        storage.isHeld = true
        isOpen = true
        return try contents(upTo: last)
    }

    public func append(_ entries: [LedgerEntry]) throws(LedgerError) {
        guard isOpen else { throw .unavailable("the ledger is not open") }
        var expected = last.next
        for entry in entries {
            guard entry.revision == expected else { throw .outOfOrder(expected: expected) }
            expected = expected.next
        }
        switch failure {
        case .full: throw .unavailable("database or disk is full")
        case .afterWrite:
            ghosts = entries
            throw .unavailable("disk I/O error")
        case nil: break
        }
        ghosts = []
        appendCount += entries.isEmpty ? 0 : 1
        storage.entries += entries
    }

    public func writeCheckpoint(_ records: [Record], at revision: Revision) throws(LedgerError) {
        guard isOpen else { throw .unavailable("the ledger is not open") }
        guard revision == last || storage.entries.contains(where: { $0.revision == revision }) else {
            throw .outOfOrder(expected: last)
        }
        if failure != nil { throw .unavailable("database or disk is full") }
        storage.checkpoints.removeAll { $0.revision == revision }
        storage.checkpoints.append((revision, records))
        storage.checkpoints.sort { $0.revision < $1.revision }
        let all = storage.checkpoints.map(\.revision)
        let (kept, pruned) = (retention.kept(of: all, last: last), retention.prunedThrough(of: all, last: last))
        storage.checkpoints.removeAll { !kept.contains($0.revision) }
        storage.entries.removeAll { $0.revision <= pruned }
    }

    public func events(limit: Int) throws(LedgerError) -> [LedgerEntry] {
        guard isOpen else { throw .unavailable("the ledger is not open") }
        return Array(storage.entries.reversed().filter { !$0.events.isEmpty }.prefix(max(0, limit)))
    }

    public func history(upTo revision: Revision) throws(LedgerError) -> LedgerContents {
        guard isOpen else { throw .unavailable("the ledger is not open") }
        guard revision <= last else { throw .outOfOrder(expected: last) }
        return try contents(upTo: revision)
    }

    public func saveTraffic(_ records: [TrafficRecord], dropping objects: [Origin]) throws(LedgerError) {
        guard isOpen else { throw .unavailable("the ledger is not open") }
        if failure != nil { throw .unavailable("database or disk is full") }
        for record in records { storage.traffic[record.object] = record }
        for object in objects { storage.traffic[object] = nil }
    }

    public func traffic() throws(LedgerError) -> [TrafficRecord] {
        guard isOpen else { throw .unavailable("the ledger is not open") }
        return storage.traffic.values.sorted { $0.object < $1.object }
    }

    public func close() {
        guard isOpen else { return }
        isOpen = false
        storage.isHeld = false
    }

    /// The process dies: what was written but refused is there at the next start.
    public func crash() {
        storage.entries += ghosts
        ghosts = []
        close()
    }

    private var last: Revision { storage.entries.last?.revision ?? storage.checkpoints.last?.revision ?? .zero }

    private func contents(upTo revision: Revision) throws(LedgerError) -> LedgerContents {
        let oldest = storage.entries.first?.revision.number == 1 ? .zero : storage.checkpoints.first?.revision ?? .zero
        guard revision >= oldest else { throw .outOfOrder(expected: oldest) }
        let checkpoint = storage.checkpoints.last { $0.revision <= revision }
        let start = checkpoint?.revision ?? .zero
        return LedgerContents(
            checkpoint: checkpoint, entries: storage.entries.filter { $0.revision > start && $0.revision <= revision },
            findings: [], installation: storage.installation)
    }
}
