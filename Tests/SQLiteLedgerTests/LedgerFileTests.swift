import CLinux
import ControlPlane
import Foundation
import NetworkVocabulary
import SQLiteLedger
import Testing

@Suite struct `The ledger on disk` {
    @Test func `is private to its owner`() throws {
        let directory = TemporaryDirectory()
        let ledger = SQLiteLedger(.directory(directory.path + "/a/data"))
        _ = try ledger.open()
        try ledger.append([entry(1)])
        func mode(_ path: String) -> UInt32 {
            var status = stat()
            return stat(directory.path + path, &status) == 0 ? status.st_mode & 0o777 : 0
        }
        #expect(mode("/a/data") == 0o700)
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path + "/a/data").sorted()
        #expect(files == ["installation", "ledger.sqlite", "ledger.sqlite-wal", "lock"])
        for file in files { #expect(mode("/a/data/\(file)") == 0o600, "\(file)") }
    }

    @Test func `names the process that holds it to the one who comes second`() throws {
        let directory = TemporaryDirectory()
        let ledger = SQLiteLedger(.directory(directory.path))
        _ = try ledger.open()
        #expect(throws: LedgerError.inUse("\(directory.path) is in use by process \(getpid())")) {
            try SQLiteLedger(.directory(directory.path)).open()
        }
        // flock(1) sees the lock too: it holds between processes.
        #expect(run("/usr/bin/flock", "-n", directory.path + "/lock", "true") == 1)
        ledger.close()
        #expect(run("/usr/bin/flock", "-n", directory.path + "/lock", "true") == 0)
    }

    @Test func `can be read and checked with sqlite3 after close`() throws {
        let directory = TemporaryDirectory()
        let ledger = SQLiteLedger(.directory(directory.path))
        _ = try ledger.open()
        try ledger.append((1...3).map { entry($0) })
        ledger.close()
        #expect(directory.names() == ["installation", "ledger.sqlite", "lock"])
        let file = directory.path + "/ledger.sqlite"
        #expect(
            query(file, "PRAGMA integrity_check; SELECT command FROM entries")
                == "ok\ncreateThing1\ncreateThing2\ncreateThing3\n")
    }

    @Test func `is refused untouched when a newer program wrote it`() throws {
        let directory = TemporaryDirectory()
        try fill(directory, entries: 3)
        _ = query(directory.path + "/ledger.sqlite", "PRAGMA user_version = 3")
        let before = directory.bytes("ledger.sqlite")
        #expect(throws: LedgerError.newerSchema(found: 3, known: 2)) {
            try SQLiteLedger(.directory(directory.path)).open()
        }
        #expect(directory.bytes("ledger.sqlite") == before)
    }

    @Test(arguments: [
        "", "not a database, only text that somebody put here. ".padding(toLength: 9_000, withPad: "x", startingAt: 0),
    ])
    func `is never begun anew where one was lost`(content: String) throws {
        let directory = TemporaryDirectory()
        try fill(directory, entries: 3)
        try directory.write(Array(content.utf8), "ledger.sqlite")
        for _ in 0..<2 {
            #expect {
                try SQLiteLedger(.directory(directory.path)).open()
            } throws: {
                if case .damaged = $0 as? LedgerError { true } else { false }
            }
        }
        #expect(directory.bytes("ledger.sqlite") == Array(content.utf8))
        unlink(directory.path + "/ledger.sqlite")
        unlink(directory.path + "/installation")
        #expect(try SQLiteLedger(.directory(directory.path)).open().revision == .zero)
    }

    @Test func `keeps its identity when any one copy of it is lost`() throws {
        let directory = TemporaryDirectory()
        let identity = try fill(directory, entries: 3)
        unlink(directory.path + "/installation")
        let first = try reopened(directory)
        #expect(first.installation == identity && first.findings.isEmpty)
        _ = query(directory.path + "/ledger.sqlite", "UPDATE installation SET id = '\(id(99))'")
        let second = try reopened(directory)
        #expect(second.installation == identity && second.revision == Revision(3) && !second.findings.isEmpty)
        #expect(try reopened(directory).findings.isEmpty)
    }
}

@Suite struct `A damaged ledger` {
    private static let harms: [(String, UInt64, String)] = [
        ("UPDATE entries SET changes = '[{' WHERE revision = 7", 6, "bad JSON"),
        ("UPDATE entries SET command = 'other' WHERE revision = 7", 6, "an altered row"),
        ("UPDATE entries SET caller = NULL WHERE revision = 7", 6, "an altered caller"),
        ("DELETE FROM entries WHERE revision = 7", 6, "a gap"),
        (
            "DELETE FROM entries WHERE revision = 10; UPDATE entries SET revision = 10 WHERE revision = 9", 8,
            "a moved row"
        ),
        (
            "UPDATE entries SET link = (SELECT link FROM entries WHERE revision = 3) WHERE revision = 4", 3,
            "a wrong link"
        ),
        (
            "INSERT INTO entries SELECT 12, time, caller, command, changes, events, link FROM entries WHERE revision = 10",
            10, "a stray row"
        ),
    ]

    @Test(arguments: harms)
    func `is cut back to the last whole entry, says so, and is kept aside`(harm: String, whole: UInt64, what: String)
        throws
    {
        let directory = TemporaryDirectory()
        let identity = try fill(directory, entries: 10)
        _ = query(directory.path + "/ledger.sqlite", harm)
        let damaged = directory.bytes("ledger.sqlite")

        let ledger = SQLiteLedger(.directory(directory.path))
        let found = try ledger.open()
        #expect(found.entries == (0..<whole).map { entry($0 + 1) }, "\(what)")
        #expect(found.installation == identity)
        #expect(
            found.findings.contains { $0.contains("were cut away") && $0.contains("entry \(whole + 1) ") },
            "\(found.findings)")
        let aside = try #require(directory.names().first { $0.contains(".damaged-") })
        #expect(directory.bytes(aside) == damaged)

        try ledger.append([entry(whole + 1)])
        ledger.close()
        let again = try reopened(directory)
        #expect(again.findings.isEmpty)
        #expect(again.revision == Revision(whole + 1))
    }

    @Test func `falls back to the checkpoint before and the log`() throws {
        let directory = TemporaryDirectory()
        try fill(directory, entries: 10, checkpoints: [4, 8])
        _ = query(directory.path + "/ledger.sqlite", "UPDATE checkpoints SET records = '[]' WHERE revision = 8")
        let found = try reopened(directory)
        #expect(found.checkpoint?.revision == Revision(4))
        #expect(found.checkpoint?.records == records(4))
        #expect(found.entries == (5...10).map { entry($0) })
        #expect(found.findings.contains("checkpoint 8 is damaged and was passed over"))
        #expect(try reopened(directory).findings.isEmpty)
    }

    @Test func `goes on from a later checkpoint when the log before it is broken`() throws {
        let directory = TemporaryDirectory()
        try fill(directory, entries: 10, checkpoints: [4, 8])
        _ = query(directory.path + "/ledger.sqlite", "DELETE FROM entries WHERE revision IN (2, 6)")
        let found = try reopened(directory)
        #expect(found.checkpoint?.revision == Revision(8))
        #expect(found.entries == [entry(9), entry(10)])
        #expect(!found.findings.isEmpty)
        let ledger = SQLiteLedger(.directory(directory.path))
        #expect(try ledger.open().findings.isEmpty)
        #expect(throws: LedgerError.outOfOrder(expected: Revision(8))) { try ledger.history(upTo: Revision(7)) }
    }

    @Test func `is not begun anew when nothing of it is whole`() throws {
        let directory = TemporaryDirectory()
        try fill(directory, entries: 10)
        _ = query(directory.path + "/ledger.sqlite", "DELETE FROM entries WHERE revision = 1")
        let before = directory.bytes("ledger.sqlite")
        #expect {
            try SQLiteLedger(.directory(directory.path)).open()
        } throws: {
            if case .damaged = $0 as? LedgerError { true } else { false }
        }
        #expect(directory.bytes("ledger.sqlite") == before)
        #expect(!directory.names().contains { $0.contains("damaged") || $0.contains("rebuil") })
    }

    @Test func `is repaired to the end when power fails between the steps`() throws {
        let directory = TemporaryDirectory()
        try fill(directory, entries: 4)
        let whole = try #require(directory.bytes("ledger.sqlite"))
        // The repaired file is complete; the damaged one has not been moved, or has been.
        for isMoved in [false, true] {
            try directory.write(whole, "ledger.sqlite.rebuilt")
            try directory.write([1, 2, 3], "ledger.sqlite.rebuilding")
            if isMoved {
                unlink(directory.path + "/ledger.sqlite")
            } else {
                try directory.write([9, 9], "ledger.sqlite")
            }
            try directory.write([8, 8], "ledger.sqlite-wal")
            let found = try reopened(directory)
            #expect(found.revision == Revision(4))
            #expect(found.findings.count == 1)
            #expect(
                directory.names().filter { !$0.contains(".damaged-") } == ["installation", "ledger.sqlite", "lock"])
        }
    }
}

// MARK: - Tools

@discardableResult
func fill(_ directory: TemporaryDirectory, entries: UInt64, checkpoints: [UInt64] = []) throws -> ObjectID {
    let ledger = SQLiteLedger(.directory(directory.path))
    let installation = try ledger.open().installation
    for revision in 1...entries {
        try ledger.append([entry(revision)])
        if checkpoints.contains(revision) { try ledger.writeCheckpoint(records(revision), at: Revision(revision)) }
    }
    ledger.close()
    return installation
}

func reopened(_ directory: TemporaryDirectory) throws -> LedgerContents {
    let ledger = SQLiteLedger(.directory(directory.path))
    defer { ledger.close() }
    return try ledger.open()
}

/// The `sqlite3` shell's answer: an independent reader and writer of the file.
func query(_ file: String, _ sql: String) -> String {
    let answer = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { unlink(answer) }
    guard run("/usr/bin/sqlite3", file, ".output \(answer)", sql) == 0 else { return "sqlite3 failed" }
    return (try? String(contentsOfFile: answer, encoding: .utf8)) ?? ""
}

/// The program's exit status. Not by way of Foundation's `Process`, whose shared run loop machinery can miss a child's
/// end while other tests start programs too.
func run(_ program: String, _ arguments: String...) -> Int32 {
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    defer { for word in words { free(word) } }
    words.append(nil)
    var pid = pid_t()
    guard posix_spawn(&pid, program, nil, nil, words, environ) == 0 else { return -1 }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status >> 8 & 0xff
}
