import ControlPlane
import NetworkVocabulary
import RouterPlan
import SQLiteLedger
import Testing

private func record(_ number: UInt64, _ meter: Meter = .sent, total: UInt64, last: UInt64, hit: Int64? = 5)
    -> TrafficRecord
{
    TrafficRecord(
        Origin("publicAddress", id(number)),
        [
            meter: MeterTally(
                total: MeterCount(packets: total, bytes: total &* 60), last: MeterCount(packets: last, bytes: last),
                lastHit: hit)
        ])
}

@Suite struct `Traffic in a ledger` {
    @Test(arguments: LedgerKind.allCases)
    func `is there after a restart, each object as it was stored last`(kind: LedgerKind) throws {
        let site = LedgerSite(kind)
        defer { withExtendedLifetime(site) {} }
        let first = site.ledger()
        _ = try first.open()
        #expect(try first.traffic() == [])
        // More than a signed number holds.
        let large = record(3, .matched, total: .max, last: 1 << 63, hit: nil)
        try first.saveTraffic([record(1, total: 10, last: 10), record(2, total: 20, last: 20), large], dropping: [])
        try first.append([entry(1)])
        try first.saveTraffic([record(1, total: 15, last: 5)], dropping: [record(2, total: 0, last: 0).object])
        first.close()
        let second = site.ledger()
        let found = try second.open()
        #expect(found.findings.isEmpty && found.entries == [entry(1)])
        #expect(try second.traffic() == [record(1, total: 15, last: 5), large].sorted { $0.object < $1.object })
    }

    @Test func `has a place in a ledger that the version before wrote`() throws {
        let directory = TemporaryDirectory()
        try fill(directory, entries: 5, checkpoints: [3])
        let file = directory.path + "/ledger.sqlite"
        #expect(query(file, "DROP TABLE traffic; PRAGMA user_version = 1") == "")
        for _ in 0..<2 {
            let ledger = SQLiteLedger(.directory(directory.path))
            let found = try ledger.open()
            #expect(found.findings.isEmpty)
            #expect(found.checkpoint?.revision == Revision(3) && found.entries == [entry(4), entry(5)])
            try ledger.saveTraffic([record(1, total: 1, last: 1)], dropping: [])
            #expect(try ledger.traffic() == [record(1, total: 1, last: 1)])
            ledger.close()
            #expect(query(file, "PRAGMA user_version; PRAGMA integrity_check") == "2\nok\n")
        }
        #expect(!directory.names().contains { $0.contains("damaged") })
    }

    /// What takes part in the log is chained; a count is not worth refusing a start for.
    @Test func `that makes no sense is passed over`() throws {
        let directory = TemporaryDirectory()
        let ledger = SQLiteLedger(.directory(directory.path))
        _ = try ledger.open()
        try ledger.saveTraffic((1...3).map { record($0, total: $0, last: 0) }, dropping: [])
        ledger.close()
        let file = directory.path + "/ledger.sqlite"
        _ = query(
            file,
            """
            UPDATE traffic SET object = 'nonsense' WHERE packets = 1; UPDATE traffic SET meter = 'x' WHERE packets = 2;
            INSERT INTO traffic VALUES ('publicAddress/\(id(9))', 'sent', 'many', x'00ff', -1, 1.5, 'never')
            """)
        let again = SQLiteLedger(.directory(directory.path))
        #expect(try again.open().findings.isEmpty)
        #expect(try again.traffic().map(\.object).contains(record(3, total: 3, last: 0).object))
        #expect(try again.traffic().count == 2)
    }

    @Test func `is carried over when the log had to be cut back`() throws {
        let directory = TemporaryDirectory()
        try fill(directory, entries: 10)
        let ledger = SQLiteLedger(.directory(directory.path))
        _ = try ledger.open()
        try ledger.saveTraffic([record(1, total: 77, last: 7)], dropping: [])
        ledger.close()
        _ = query(directory.path + "/ledger.sqlite", "DELETE FROM entries WHERE revision = 7")
        let repaired = SQLiteLedger(.directory(directory.path))
        #expect(try repaired.open().revision == Revision(6))
        #expect(try repaired.traffic() == [record(1, total: 77, last: 7)])
    }

    @Test func `is no part of the log`() throws {
        let directory = TemporaryDirectory()
        let ledger = SQLiteLedger(.directory(directory.path))
        _ = try ledger.open()
        for number in 1...20 as ClosedRange<UInt64> {
            try ledger.saveTraffic([record(1, total: number, last: number)], dropping: [])
        }
        try ledger.append([entry(1)])
        ledger.close()
        #expect(
            query(directory.path + "/ledger.sqlite", "SELECT count(*) FROM entries; SELECT packets FROM traffic")
                == "1\n20\n")
    }
}
