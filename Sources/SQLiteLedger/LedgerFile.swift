import CLinux
import NetworkVocabulary

/// The tables of a ledger and the statements on them.
///
/// Every row carries its own check: SQLite notices a file whose structure is broken, not one whose bytes are.
final class LedgerFile {
    /// `user_version` of files that this program writes.
    static let schemaVersion = 2

    /// The tables of a file of that version. A version adds to what was there.
    static func tables(ofVersion version: Int) -> [String] { tables + (version >= 2 ? [traffic] : []) }

    private static let tables: [String] = [
        "CREATE TABLE installation (id TEXT NOT NULL, digest BLOB NOT NULL)",
        """
        CREATE TABLE entries (revision INTEGER PRIMARY KEY, time INTEGER NOT NULL, caller TEXT, \
        command TEXT NOT NULL, changes BLOB NOT NULL, events BLOB NOT NULL, link BLOB NOT NULL)
        """,
        """
        CREATE TABLE checkpoints (revision INTEGER PRIMARY KEY, installation TEXT NOT NULL, records BLOB NOT NULL, \
        link BLOB NOT NULL, digest BLOB NOT NULL)
        """,
    ]

    /// What objects have counted; no history. A primary key without a row id of its own, so that there is no index
    /// beside it.
    private static let traffic = """
        CREATE TABLE traffic (object TEXT NOT NULL, meter TEXT NOT NULL, packets INTEGER NOT NULL, \
        bytes INTEGER NOT NULL, lastpackets INTEGER NOT NULL, lastbytes INTEGER NOT NULL, lasthit INTEGER, \
        PRIMARY KEY (object, meter)) WITHOUT ROWID
        """

    private static let columns = "revision, time, caller, command, changes, events, link"

    let database: Database
    private var insertEntry: Statement?
    /// What a commit waits for.
    private var isLasting = true

    /// Opens a connection and writes nothing. Until `beginWriting`, closing leaves every byte as it was found.
    init(path: String) throws(SQLiteFailure) {
        database = try Database(path: path)
        database.keepLogOnClose(true)
        // No other connection may read or write beside ours; and no shared memory file, whose pages could be missing
        // on a full disk.
        try database.execute("PRAGMA locking_mode = EXCLUSIVE")
    }

    func userVersion() throws(SQLiteFailure) -> Int {
        try database.value("PRAGMA user_version").flatMap { Int($0) } ?? 0
    }

    func isEmpty() throws(SQLiteFailure) -> Bool {
        try database.value("SELECT count(*) FROM sqlite_schema") == "0"
    }

    /// Durable at commit: one write to the log, one fdatasync.
    func beginWriting() throws(SQLiteFailure) {
        _ = try database.value("PRAGMA journal_mode = WAL")
        try database.execute("PRAGMA synchronous = FULL")
        // The log is reused from its start; after a burst it shrinks to this.
        try database.execute("PRAGMA journal_size_limit = 16777216")
        database.keepLogOnClose(false)
    }

    /// Whether commits from now on survive power loss, or only the end of the process. What is committed in the one way
    /// becomes lasting with the next commit in the other: it lies before it in the same log.
    func commitLasting(_ lasting: Bool) throws(SQLiteFailure) {
        guard lasting != isLasting else { return }
        try database.execute("PRAGMA synchronous = \(lasting ? "FULL" : "NORMAL")")
        isLasting = lasting
    }

    /// Brings a whole file of an older version up to this one.
    func migrate() throws(SQLiteFailure) {
        let version = try userVersion()
        guard version < Self.schemaVersion else { return }
        let missing = Self.tables(ofVersion: Self.schemaVersion).dropFirst(Self.tables(ofVersion: version).count)
        try database.transaction { () throws(SQLiteFailure) in
            for table in missing { try database.execute(table) }
            try database.execute("PRAGMA user_version = \(Self.schemaVersion)")
        }
    }

    func create(_ installation: ObjectID) throws(SQLiteFailure) {
        try database.transaction { () throws(SQLiteFailure) in
            for table in Self.tables(ofVersion: Self.schemaVersion) { try database.execute(table) }
            let statement = try database.prepare("INSERT INTO installation (id, digest) VALUES (?, ?)")
            try statement.bind(1, installation.description)
            try statement.bind(2, Self.digest(of: installation.description))
            try statement.run()
            try database.execute("PRAGMA user_version = \(Self.schemaVersion)")
        }
    }

    func insert(_ entries: [StoredEntry]) throws(SQLiteFailure) {
        if insertEntry == nil {
            insertEntry = try database.prepare("INSERT INTO entries (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?)")
        }
        guard let statement = insertEntry else { return }
        for entry in entries {
            try statement.bind(1, Int64(bitPattern: entry.revision))
            try statement.bind(2, entry.time)
            try statement.bind(3, entry.caller)
            try statement.bind(4, entry.command)
            try statement.bind(5, entry.changes)
            try statement.bind(6, entry.events)
            try statement.bind(7, entry.link.digest)
            try statement.run()
        }
    }

    func insert(_ checkpoint: StoredCheckpoint) throws(SQLiteFailure) {
        let statement = try database.prepare(
            "INSERT OR REPLACE INTO checkpoints (revision, installation, records, link, digest) VALUES (?, ?, ?, ?, ?)")
        try statement.bind(1, Int64(bitPattern: checkpoint.revision))
        try statement.bind(2, checkpoint.installation)
        try statement.bind(3, checkpoint.records)
        try statement.bind(4, checkpoint.link.digest)
        try statement.bind(5, checkpoint.digest)
        try statement.run()
    }

    func removeEntries(through revision: UInt64) throws(SQLiteFailure) {
        let statement = try database.prepare("DELETE FROM entries WHERE revision <= ?")
        try statement.bind(1, Int64(bitPattern: revision))
        try statement.run()
    }

    func removeCheckpoint(_ revision: UInt64) throws(SQLiteFailure) {
        let statement = try database.prepare("DELETE FROM checkpoints WHERE revision = ?")
        try statement.bind(1, Int64(bitPattern: revision))
        try statement.run()
    }

    func checkpointRevisions() throws(SQLiteFailure) -> [UInt64] {
        let statement = try database.prepare("SELECT revision FROM checkpoints ORDER BY revision")
        var found: [UInt64] = []
        while try statement.step() { found.append(UInt64(bitPattern: statement.number(0))) }
        return found
    }

    func entry(_ revision: UInt64) throws(SQLiteFailure) -> StoredEntry? {
        let statement = try database.prepare("SELECT \(Self.columns) FROM entries WHERE revision = ?")
        try statement.bind(1, Int64(bitPattern: revision))
        return try statement.step() ? Self.entry(statement) : nil
    }

    /// Newest first, until the body has had enough.
    func forEachEntryBackwards(_ body: (StoredEntry) -> Bool) throws(SQLiteFailure) {
        let statement = try database.prepare("SELECT \(Self.columns) FROM entries ORDER BY revision DESC")
        while try statement.step() {
            if !body(Self.entry(statement)) { return }
        }
    }

    /// Reads whatever can be read. Rows are taken from both ends, so that one unreadable page hides only what lies
    /// on it. Throws only what may pass, such as an I/O error.
    func scan() throws(SQLiteFailure) -> LedgerScan {
        var scan = LedgerScan()
        var isReadable = true
        func tolerating(_ body: () throws(SQLiteFailure) -> Void) throws(SQLiteFailure) {
            do { try body() } catch {
                guard error.isCorruption else { throw error }
                isReadable = false
                let complaint = "the database file is damaged: \(error.text)"
                if !scan.complaints.contains(complaint) { scan.complaints.append(complaint) }
            }
        }
        try tolerating { () throws(SQLiteFailure) in
            if let verdict = try database.value("PRAGMA quick_check(1)"), verdict != "ok" {
                scan.complaints.append("the database file is damaged: \(verdict)")
            }
            let schema = try database.prepare("SELECT sql FROM sqlite_schema ORDER BY rowid")
            var found: [String] = []
            while try schema.step() { found.append(schema.text(0) ?? "") }
            let version = try userVersion()
            if found != Self.tables(ofVersion: version) || !(1...Self.schemaVersion).contains(version) {
                scan.complaints.append("the database's schema was altered")
            }
        }
        try tolerating { () throws(SQLiteFailure) in
            let statement = try database.prepare("SELECT id, digest FROM installation")
            while try statement.step() {
                guard let text = statement.text(0), let id = ObjectID(text), text == id.description,
                    statement.bytes(1) == Self.digest(of: text)
                else {
                    scan.complaints.append("the installation's identity is damaged")
                    continue
                }
                scan.installation = id
            }
        }
        for order in ["ASC", "DESC"] {
            isReadable = true
            try tolerating { () throws(SQLiteFailure) in
                let statement = try database.prepare("SELECT \(Self.columns) FROM entries ORDER BY revision \(order)")
                while try statement.step() {
                    let entry = Self.entry(statement)
                    if scan.entries[entry.revision] == nil { scan.entries[entry.revision] = entry }
                }
            }
            try tolerating { () throws(SQLiteFailure) in
                let statement = try database.prepare(
                    "SELECT revision, installation, records, link, digest FROM checkpoints ORDER BY revision \(order)")
                while try statement.step() {
                    let checkpoint = StoredCheckpoint(
                        revision: UInt64(bitPattern: statement.number(0)), installation: statement.text(1) ?? "",
                        records: statement.bytes(2), link: AuditChain(digest: statement.bytes(3)),
                        digest: statement.bytes(4))
                    if scan.checkpoints[checkpoint.revision] == nil {
                        scan.checkpoints[checkpoint.revision] = checkpoint
                    }
                }
            }
            if isReadable { break }
        }
        return scan
    }

    private static func entry(_ statement: Statement) -> StoredEntry {
        StoredEntry(
            revision: UInt64(bitPattern: statement.number(0)), time: statement.number(1), caller: statement.text(2),
            command: statement.text(3) ?? "", changes: statement.bytes(4), events: statement.bytes(5),
            link: AuditChain(digest: statement.bytes(6)))
    }

    private static func digest(of installation: String) -> [UInt8] {
        var hash = Hash()
        hash.add("sluice installation")
        hash.add(installation)
        return hash.digest()
    }
}
