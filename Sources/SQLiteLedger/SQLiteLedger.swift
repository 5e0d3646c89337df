public import CloudModel
public import ControlPlane
import FoundationEssentials
import Glibc
public import NetworkVocabulary

/// The ledger in one SQLite file, `ledger.sqlite` in the data directory: no server, one fdatasync per append.
///
/// Entries are chained by checksums, so that what is read back is what was acknowledged, or is noticed. A file found
/// damaged is moved aside whole; a new one takes over all that could be verified.
public final class SQLiteLedger: Ledger {
    public enum Place: Sendable, Hashable {
        case directory(String)
        /// Forgotten at close.
        case memory
    }

    struct Opened {
        let directory: DataDirectory?
        let file: LedgerFile
        let installation: ObjectID
        var revision: UInt64
        var link: AuditChain
    }

    private let place: Place
    private let retention: LedgerRetention
    private let newInstallation: () -> ObjectID
    private(set) var opened: Opened?
    private let encoder = JSONEncoder()
    private let decoder = JSONDecoder()

    /// - Parameter newInstallation: the identity for a ledger that does not exist yet.
    public init(
        _ place: Place, retention: LedgerRetention = LedgerRetention(),
        newInstallation: @escaping () -> ObjectID = {
            ObjectID(random: .random(in: 0 ... .max), .random(in: 0 ... .max))
        }
    ) {
        self.place = place
        self.retention = retention
        self.newInstallation = newInstallation
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    public func open() throws(LedgerError) -> LedgerContents {
        guard opened == nil else { throw .inUse("the ledger is open already") }
        switch place {
        case .memory:
            let installation = newInstallation()
            let file = try translating { () throws(SQLiteFailure) in
                let file = try LedgerFile(path: ":memory:")
                try file.create(installation)
                return file
            }
            opened = Opened(
                directory: nil, file: file, installation: installation, revision: 0,
                link: AuditChain(installation: installation.description))
            return LedgerContents(checkpoint: nil, entries: [], findings: [], installation: installation)
        case .directory(let path):
            return try open(DataDirectory(path))
        }
    }

    public func append(_ entries: [LedgerEntry]) throws(LedgerError) {
        guard var now = opened else { throw .unavailable("the ledger is not open") }
        var rows: [StoredEntry] = []
        for entry in entries {
            guard entry.revision.number == now.revision + 1 else {
                throw .outOfOrder(expected: Revision(now.revision + 1))
            }
            var row = StoredEntry(
                revision: entry.revision.number, time: entry.time, caller: entry.caller?.description,
                command: entry.command, changes: try encode(entry.changes), events: try encode(entry.events),
                link: now.link)
            row.link = now.link.after(row)
            now.revision = row.revision
            now.link = row.link
            rows.append(row)
        }
        guard !rows.isEmpty else { return }
        try writing(now.file) { () throws(SQLiteFailure) in try now.file.insert(rows) }
        opened = now
    }

    public func writeCheckpoint(_ records: [Record], at revision: Revision) throws(LedgerError) {
        guard let now = opened else { throw .unavailable("the ledger is not open") }
        let link: AuditChain
        if revision.number == now.revision {
            link = now.link
        } else if revision.number < now.revision,
            let row = try translating({ () throws(SQLiteFailure) in
                try now.file.entry(revision.number)
            })
        {
            link = row.link
        } else {
            throw .outOfOrder(expected: Revision(now.revision))
        }
        var checkpoint = StoredCheckpoint(
            revision: revision.number, installation: now.installation.description, records: try encode(records),
            link: link, digest: [])
        checkpoint.digest = checkpoint.expectedDigest
        try writing(now.file) { () throws(SQLiteFailure) in
            try now.file.insert(checkpoint)
            let all = try now.file.checkpointRevisions().map { Revision($0) }
            let last = Revision(now.revision)
            let kept = retention.kept(of: all, last: last)
            for old in all where !kept.contains(old) { try now.file.removeCheckpoint(old.number) }
            let pruned = retention.prunedThrough(of: all, last: last)
            if pruned > .zero { try now.file.removeEntries(through: pruned.number) }
        }
    }

    public func events(limit: Int) throws(LedgerError) -> [LedgerEntry] {
        guard let now = opened else { throw .unavailable("the ledger is not open") }
        guard limit > 0 else { return [] }
        var found: [LedgerEntry] = []
        let none = try encode([Event]())
        try translating { () throws(SQLiteFailure) in
            try now.file.forEachEntryBackwards { row in
                guard row.events != none else { return true }
                if let entry = try? self.decode(row) { found.append(entry) }
                return found.count < limit
            }
        }
        return found
    }

    public func history(upTo revision: Revision) throws(LedgerError) -> LedgerContents {
        guard let now = opened else { throw .unavailable("the ledger is not open") }
        guard revision.number <= now.revision else { throw .outOfOrder(expected: Revision(now.revision)) }
        var scan = try translating { () throws(SQLiteFailure) in try now.file.scan() }
        scan.installation = now.installation
        let oldest = scan.entries[1] == nil ? scan.checkpoints.keys.min() ?? 0 : 0
        guard revision.number >= oldest else { throw .outOfOrder(expected: Revision(oldest)) }
        scan.entries = scan.entries.filter { $0.key <= revision.number }
        scan.checkpoints = scan.checkpoints.filter { $0.key <= revision.number }
        let restored: LedgerRestoration
        do { restored = try scan.restored() } catch {
            throw .damaged("the history up to revision \(revision) is not whole")
        }
        guard restored.revision == revision.number else {
            throw .damaged("the history up to revision \(revision) is whole only up to \(restored.revision)")
        }
        return try contents(restored)
    }

    public func close() { opened = nil }

    // MARK: - Opening

    private func open(_ directory: DataDirectory) throws(LedgerError) -> LedgerContents {
        var findings: [String] = []
        directory.remove(directory.rebuilding)
        directory.remove(directory.rebuilding + "-wal")
        directory.remove(directory.rebuilding + "-journal")
        if directory.size(directory.rebuilt) != nil {
            let aside = try directory.installRebuilt(time: Int64(time(nil)))
            findings.append("the repair of a damaged ledger was completed; the damaged file is \(aside)")
        }

        let remembered = try directory.installation()
        if directory.hasInstallationFile(), (directory.size(directory.ledger) ?? 0) == 0 {
            throw .damaged(
                "\(directory.ledger) is gone or empty although this directory has held a ledger: put it back, or remove "
                    + "\(directory.path)/installation to begin anew")
        }
        try directory.createPrivate(directory.ledger)
        let (file, isNew) = try translating { () throws(SQLiteFailure) in
            let file = try LedgerFile(path: directory.ledger)
            let isNew = try file.isEmpty() && !directory.hasInstallationFile()
            if isNew {
                try file.beginWriting()
                try file.create(newInstallation())
            }
            return (file, isNew)
        }
        let version = try translating { () throws(SQLiteFailure) in try file.userVersion() }
        guard version <= LedgerFile.schemaVersion else {
            throw .newerSchema(found: version, known: LedgerFile.schemaVersion)
        }
        guard !file.database.isReadOnly else { throw .unavailable("\(directory.ledger) is read-only") }
        if isNew { try directory.synchronize() }

        var scan = try translating { () throws(SQLiteFailure) in try file.scan() }
        scan.installation =
            scan.installation ?? remembered
            ?? scan.checkpoints.values.first { $0.isWhole }.flatMap { ObjectID($0.installation) }
        var restored: LedgerRestoration
        do { restored = try scan.restored() } catch {
            let reason = scan.complaints.first ?? "no entry can be reached from the beginning or a checkpoint"
            throw .damaged("\(directory.ledger) holds nothing that is whole: \(reason)")
        }
        let contents = try contents(restored)

        if restored.findings.isEmpty {
            try translating { () throws(SQLiteFailure) in try file.beginWriting() }
            // Where the disk is full it is done with the first write that succeeds.
            try? file.migrate()
            finish(directory, file, restored)
        } else {
            let (repaired, aside) = try rebuild(directory, file, restored)
            restored.findings.append("the damaged file was kept as \(aside)")
            finish(directory, repaired, restored)
        }
        if remembered != restored.installation {
            do { try directory.write(installation: restored.installation) } catch {
                opened = nil
                throw error
            }
        }
        var complete = contents
        complete.findings = findings + restored.findings
        return complete
    }

    private func finish(_ directory: DataDirectory, _ file: LedgerFile, _ restored: LedgerRestoration) {
        opened = Opened(
            directory: directory, file: file, installation: restored.installation, revision: restored.revision,
            link: restored.link)
    }

    /// Writes what is whole to a new file and lets it take the damaged one's place.
    private func rebuild(
        _ directory: DataDirectory, _ damaged: LedgerFile, _ restored: LedgerRestoration
    ) throws(LedgerError) -> (LedgerFile, aside: String) {
        try directory.createPrivate(directory.rebuilding)
        try translating { () throws(SQLiteFailure) in
            // No log of its own: what is renamed must be one file. SQLite's rollback journal is gone after commit.
            let file = try LedgerFile(path: directory.rebuilding)
            try file.database.execute("PRAGMA synchronous = FULL")
            try file.create(restored.installation)
            try file.database.transaction { () throws(SQLiteFailure) in
                try file.insert(restored.entries)
                for checkpoint in restored.checkpoints { try file.insert(checkpoint) }
                try file.save((try? damaged.traffic()) ?? [], dropping: [])
            }
        }
        try directory.move(directory.rebuilding, to: directory.rebuilt)
        try directory.synchronize()
        let aside = try directory.installRebuilt(time: Int64(time(nil)))
        let file = try translating { () throws(SQLiteFailure) in
            let file = try LedgerFile(path: directory.ledger)
            try file.beginWriting()
            return file
        }
        return (file, aside)
    }

    private func contents(_ restored: LedgerRestoration) throws(LedgerError) -> LedgerContents {
        var checkpoint: (revision: Revision, records: [Record])?
        if let stored = restored.checkpoints.last {
            guard let records = try? decoder.decode([Record].self, from: Data(stored.records)) else {
                throw .damaged("checkpoint \(stored.revision) is whole but this program cannot read it")
            }
            checkpoint = (Revision(stored.revision), records)
        }
        var entries: [LedgerEntry] = []
        for row in restored.entries where row.revision > checkpoint?.revision.number ?? 0 {
            entries.append(try decode(row))
        }
        return LedgerContents(
            checkpoint: checkpoint, entries: entries, findings: restored.findings, installation: restored.installation)
    }

    // MARK: - Rows

    private func encode(_ value: some Encodable) throws(LedgerError) -> [UInt8] {
        do { return [UInt8](try encoder.encode(value)) } catch { throw .damaged("cannot be written as JSON: \(error)") }
    }

    private func decode(_ row: StoredEntry) throws(LedgerError) -> LedgerEntry {
        do {
            return LedgerEntry(
                revision: Revision(row.revision), time: row.time, caller: row.caller.flatMap { ObjectID($0) },
                command: row.command, changes: try decoder.decode([Change].self, from: Data(row.changes)),
                events: try decoder.decode([Event].self, from: Data(row.events)))
        } catch {
            throw .damaged("entry \(row.revision) is whole but this program cannot read it: \(error)")
        }
    }

    /// One transaction. When it fails although its bytes may be in the log already (an fdatasync that failed), the
    /// log is emptied, so that a crash does not bring back what was refused.
    func writing(
        _ file: LedgerFile, isLasting: Bool = true, _ body: () throws(SQLiteFailure) -> Void
    ) throws(LedgerError) {
        do {
            try file.commitLasting(isLasting)
            try file.database.transaction(body)
        } catch {
            _ = try? file.database.value("PRAGMA wal_checkpoint(TRUNCATE)")
            throw error.ledgerError
        }
    }

    func translating<T>(_ body: () throws(SQLiteFailure) -> T) throws(LedgerError) -> T {
        do { return try body() } catch { throw error.ledgerError }
    }
}
