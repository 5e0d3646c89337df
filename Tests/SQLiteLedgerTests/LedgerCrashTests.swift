import CLinux
import ControlPlane
import Foundation
import NetworkVocabulary
import SQLiteLedger
import Testing

@Suite struct `Power loss` {
    /// The log as it grows: after power failed, any tail of what was not yet acknowledged may be missing or torn.
    @Test func `takes no acknowledged entry and leaves no half of another`() throws {
        let directory = TemporaryDirectory()
        let ledger = SQLiteLedger(.directory(directory.path))
        _ = try ledger.open()
        var ends: [Int] = []
        var revision: UInt64 = 0
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<60 {
            let count = UInt64.random(in: 1...4, using: &generator)
            try ledger.append((1...count).map { entry(revision + $0) })
            revision += count
            ends += Array(repeating: directory.bytes("ledger.sqlite-wal")?.count ?? 0, count: Int(count))
        }
        let file = try #require(directory.bytes("ledger.sqlite"))
        let log = try #require(directory.bytes("ledger.sqlite-wal"))
        let identity = try #require(directory.bytes("installation"))
        let firstEnd = try #require(ends.first)
        for round in 0..<200 {
            let cut = Int.random(in: firstEnd...log.count, using: &generator)
            var torn = Array(log.prefix(cut))
            // Every second time the torn part holds junk instead of ending.
            if round % 2 == 1 {
                torn += (0..<(log.count - cut)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            }
            let copy = TemporaryDirectory()
            try copy.write(file, "ledger.sqlite")
            try copy.write(torn, "ledger.sqlite-wal")
            try copy.write(identity, "installation")
            let found = try reopened(copy)
            let acknowledged = ends.filter { $0 <= cut }.count
            // Junk may happen to equal the bytes it replaced only where nothing was torn.
            #expect(found.entries == (0..<UInt64(acknowledged)).map { entry($0 + 1) }, "cut at \(cut)")
            #expect(found.findings.isEmpty)
        }
        ledger.close()
    }
}

@Suite struct `A disk that fails` {
    @Test(.enabled(if: geteuid() == 0, "needs root to mount a small file system"))
    func `refuses appends while it is full and takes them again afterwards`() async throws {
        let directory = TemporaryDirectory()
        let path = directory.path
        defer { withExtendedLifetime(directory) {} }
        try await inPrivateMounts {
            #expect(mount("none", path, "tmpfs", 0, "size=512k") == 0)
            let ledger = SQLiteLedger(.directory(path))
            _ = try ledger.open()
            var revision: UInt64 = 0
            let long = String(repeating: "x", count: 5_000)
            for size in ["1m", "2m"] {
                var failures = 0
                while failures < 5 {
                    do {
                        try ledger.append([entry(revision + 1, name: long)])
                        revision += 1
                    } catch LedgerError.unavailable(let text) {
                        #expect(text.contains("full") || text.contains("No space"))
                        failures += 1
                    }
                }
                #expect(revision > 20)
                // What was acknowledged can be read while nothing can be written.
                #expect(try ledger.history(upTo: Revision(revision)).entries.count == Int(revision))
                #expect(mount("none", path, nil, UInt(MS_REMOUNT), "size=\(size)") == 0)
                try ledger.append([entry(revision + 1, name: long)])
                revision += 1
            }
            ledger.close()
            let again = SQLiteLedger(.directory(path))
            let found = try again.open()
            #expect(found.entries == (1...revision).map { entry($0, name: long) })
            #expect(found.findings.isEmpty)
            again.close()
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root to mount a file system read-only"))
    func `is refused without harm while it is read-only`() async throws {
        let directory = TemporaryDirectory()
        let path = directory.path
        defer { withExtendedLifetime(directory) {} }
        try await inPrivateMounts {
            #expect(mount("none", path, "tmpfs", 0, "size=4m") == 0)
            let ledger = SQLiteLedger(.directory(path))
            _ = try ledger.open()
            try ledger.append([entry(1)])
            ledger.close()
            #expect(mount("none", path, nil, UInt(MS_REMOUNT | MS_RDONLY), nil) == 0)
            #expect {
                try SQLiteLedger(.directory(path)).open()
            } throws: {
                if case .unavailable(let text) = $0 as? LedgerError { text.contains("Read-only") } else { false }
            }
            #expect(mount("none", path, nil, UInt(MS_REMOUNT), nil) == 0)
            let again = SQLiteLedger(.directory(path))
            #expect(try again.open().entries == [entry(1)])
            try again.append([entry(2)])
            again.close()
        }
    }
}

@Suite struct `Random damage` {
    enum Template: CaseIterable {
        /// The whole log, from the first entry.
        case log
        /// Pruned: it can only be read from a checkpoint on.
        case pruned
        /// With a write-ahead log that was not yet folded in.
        case unfolded
    }

    private static let last: UInt64 = 60

    private static func make(_ template: Template) throws -> (files: [String: [UInt8]], installation: ObjectID) {
        let directory = TemporaryDirectory()
        let retention = LedgerRetention(entries: template == .pruned ? 15 : 10_000)
        let ledger = SQLiteLedger(.directory(directory.path), retention: retention)
        let installation = try ledger.open().installation
        for revision in 1...last {
            try ledger.append([entry(revision)])
            if revision % 20 == 0 { try ledger.writeCheckpoint(records(revision), at: Revision(revision)) }
        }
        if template != .unfolded { ledger.close() }
        var files: [String: [UInt8]] = [:]
        for name in directory.names() where name != "lock" { files[name] = directory.bytes(name) }
        ledger.close()
        return (files, installation)
    }

    private static func harm(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let page = 4_096
        let pages = max(1, bytes.count / page)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0:
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            }
        case 1: bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator))
        case 2:
            // One page is another page, as after a misdirected write.
            let from = Int.random(in: 0..<pages, using: &generator) * page
            let to = Int.random(in: 0..<pages, using: &generator) * page
            let count = min(page, bytes.count - max(from, to))
            bytes.replaceSubrange(to..<(to + count), with: Array(bytes[from..<(from + count)]))
        case 3:
            let start = Int.random(in: 0..<bytes.count, using: &generator)
            let count = min(bytes.count - start, Int.random(in: 1...10_000, using: &generator))
            bytes.replaceSubrange(start..<(start + count), with: [UInt8](repeating: 0, count: count))
        case 4:
            // The header and the structure of pages are where a reader is most easily led astray.
            let start = Int.random(in: 0..<pages, using: &generator) * page
            let offset = start + Int.random(in: 0..<100, using: &generator)
            if offset < bytes.count { bytes[offset] = UInt8.random(in: 0...255, using: &generator) }
        default:
            let start = Int.random(in: 0..<bytes.count, using: &generator)
            bytes.insert(contentsOf: bytes[start..<min(bytes.count, start + page)], at: start)
        }
    }

    @Test(arguments: Template.allCases, 0..<4)
    func `ends in a prefix of what was acknowledged or in a clean error`(template: Template, part: UInt64) throws {
        let (files, installation) = try Self.make(template)
        var outcomes = (whole: 0, cut: 0, refused: 0)
        for seed in (part * 60)..<((part + 1) * 60) {
            var generator = SeededGenerator(seed: seed)
            var harmed = files
            let names = harmed.keys.filter { $0.hasPrefix("ledger.sqlite") }.sorted()
            let target = try #require(names.randomElement(using: &generator))
            var bytes = harmed[target] ?? []
            Self.harm(&bytes, &generator)
            harmed[target] = bytes
            let directory = TemporaryDirectory()
            for (name, bytes) in harmed { try directory.write(bytes, name) }

            let ledger = SQLiteLedger(.directory(directory.path))
            let found: LedgerContents
            do { found = try ledger.open() } catch {
                outcomes.refused += 1
                for name in names {
                    #expect(
                        directory.bytes(name) == harmed[name],
                        "seed \(seed): \(name) was changed by a refused start: \(error)")
                }
                continue
            }
            #expect(found.installation == installation, "seed \(seed)")
            let start = found.checkpoint?.revision.number ?? 0
            let end = found.revision.number
            #expect(end <= Self.last, "seed \(seed)")
            if let checkpoint = found.checkpoint {
                #expect(checkpoint.records == records(start), "seed \(seed)")
            }
            #expect(found.entries == (start..<end).map { entry($0 + 1) }, "seed \(seed)")
            if end == Self.last { outcomes.whole += 1 } else { outcomes.cut += 1 }
            // A torn write-ahead log looks like one that was never longer; damage of the file itself is always seen.
            if end < Self.last, target == "ledger.sqlite" { #expect(!found.findings.isEmpty, "seed \(seed)") }

            try ledger.append([entry(end + 1)])
            ledger.close()
            let again = try reopened(directory)
            #expect(again.revision.number == end + 1 && again.findings.isEmpty, "seed \(seed): \(again.findings)")
        }
        #expect(outcomes.whole + outcomes.cut > 0)
        #expect(outcomes.cut + outcomes.refused > 0)
    }
}
