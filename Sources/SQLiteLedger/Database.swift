import CLinux
import ControlPlane
import Glibc

/// What SQLite answered when it did not do what was asked.
struct SQLiteFailure: Error {
    /// The extended result code.
    let code: Int32
    let text: String

    /// The file itself is not as SQLite left it.
    var isCorruption: Bool { [SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR, SQLITE_MISMATCH].contains(code & 0xff) }

    var ledgerError: LedgerError {
        switch code & 0xff {
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR, SQLITE_MISMATCH: .damaged(text)
        case SQLITE_BUSY, SQLITE_LOCKED: .inUse(text)
        // Full, read-only, I/O errors, out of memory: all may pass.
        default: .unavailable(text)
        }
    }
}

/// One connection, used by one thread at a time.
final class Database {
    fileprivate let handle: OpaquePointer

    init(path: String) throws(SQLiteFailure) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened, code == SQLITE_OK else {
            let text = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(opened)
            throw SQLiteFailure(code: code, text: "\(path): \(text)")
        }
        handle = opened
        sqlite3_extended_result_codes(handle, 1)
    }

    deinit { sqlite3_close_v2(handle) }

    var isReadOnly: Bool { sqlite3_db_readonly(handle, "main") == 1 }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Whether closing leaves the write-ahead log where it is, so that a file found damaged stays as it was found.
    func keepLogOnClose(_ keep: Bool) { _ = sluice_sqlite_keep_wal(handle, keep ? 1 : 0) }

    func execute(_ sql: String) throws(SQLiteFailure) { try check(sqlite3_exec(handle, sql, nil, nil, nil)) }

    func prepare(_ sql: String) throws(SQLiteFailure) -> Statement {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil))
        guard let statement else { throw SQLiteFailure(code: SQLITE_MISUSE, text: "an empty statement") }
        return Statement(statement, of: self)
    }

    /// The first column of the first row, as text.
    func value(_ sql: String) throws(SQLiteFailure) -> String? {
        let statement = try prepare(sql)
        return try statement.step() ? statement.text(0) : nil
    }

    /// All of the body's writes or none.
    func transaction(_ body: () throws(SQLiteFailure) -> Void) throws(SQLiteFailure) {
        try execute("BEGIN IMMEDIATE")
        do {
            try body()
            try execute("COMMIT")
        } catch {
            // Some errors have rolled back already.
            if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
            throw error
        }
    }

    fileprivate func check(_ code: Int32) throws(SQLiteFailure) {
        if code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE { return }
        var text = String(cString: sqlite3_errmsg(handle))
        let system = sqlite3_system_errno(handle)
        // Only the errors of files carry a current errno.
        if system != 0, [SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_FULL].contains(code & 0xff) {
            text += " (\(String(cString: strerror(system))))"
        }
        throw SQLiteFailure(code: code, text: text)
    }
}

/// A prepared statement. Holds its database open.
final class Statement {
    private let handle: OpaquePointer
    private let database: Database

    fileprivate init(_ handle: OpaquePointer, of database: Database) {
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    /// The next row, if there is one.
    func step() throws(SQLiteFailure) -> Bool {
        let code = sqlite3_step(handle)
        try database.check(code)
        return code == SQLITE_ROW
    }

    /// Runs a statement that has no rows, and makes it ready for the next time.
    func run() throws(SQLiteFailure) {
        defer { reset() }
        _ = try step()
    }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    func bind(_ index: Int32, _ number: Int64) throws(SQLiteFailure) {
        try database.check(sqlite3_bind_int64(handle, index, number))
    }

    func bind(_ index: Int32, _ text: String?) throws(SQLiteFailure) {
        guard let text else { return try database.check(sqlite3_bind_null(handle, index)) }
        let code = text.utf8.withContiguousStorageIfAvailable { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                sluice_sqlite_bind_text(handle, index, $0.baseAddress, Int32(clamping: $0.count))
            }
        }
        try database.check(code ?? sluice_sqlite_bind_text(handle, index, text, Int32(clamping: text.utf8.count)))
    }

    func bind(_ index: Int32, _ bytes: [UInt8]) throws(SQLiteFailure) {
        try database.check(
            bytes.withUnsafeBytes {
                sluice_sqlite_bind_blob(handle, index, $0.baseAddress, Int32(clamping: $0.count))
            })
    }

    func number(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func text(_ column: Int32) -> String? {
        guard sqlite3_column_type(handle, column) != SQLITE_NULL else { return nil }
        return String(decoding: bytes(column), as: UTF8.self)
    }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }
}
