import ControlPlane
import NetworkVocabulary
import SQLiteLedger
import TestSupport
import Testing

@Suite struct `Every ledger` {
    @Test(arguments: LedgerKind.allCases)
    func `gives back what was appended, in order, after a restart`(kind: LedgerKind) throws {
        let site = LedgerSite(kind)
        defer { withExtendedLifetime(site) {} }
        let first = site.ledger()
        let created = try first.open()
        #expect(created.entries.isEmpty && created.checkpoint == nil && created.revision == .zero)
        try first.append([entry(1)])
        try first.append([])
        try first.append([entry(2), entry(3), entry(4)])
        first.close()

        let second = site.ledger()
        let found = try second.open()
        #expect(found.entries == (1...4).map { entry($0) })
        #expect(found.revision == Revision(4))
        #expect(found.findings.isEmpty)
        #expect(found.installation == created.installation)
        try second.append([entry(5)])
    }

    @Test(arguments: LedgerKind.allCases)
    func `takes entries in order only, all or none`(kind: LedgerKind) throws {
        let site = LedgerSite(kind)
        defer { withExtendedLifetime(site) {} }
        let ledger = site.ledger()
        _ = try ledger.open()
        #expect(throws: LedgerError.outOfOrder(expected: Revision(1))) { try ledger.append([entry(2)]) }
        try ledger.append([entry(1)])
        #expect(throws: LedgerError.outOfOrder(expected: Revision(3))) { try ledger.append([entry(2), entry(4)]) }
        #expect(throws: LedgerError.outOfOrder(expected: Revision(2))) { try ledger.append([entry(1)]) }
        #expect(try ledger.history(upTo: Revision(1)).entries == [entry(1)])
        try ledger.append([entry(2)])
    }

    @Test(arguments: LedgerKind.allCases)
    func `starts from the newest checkpoint`(kind: LedgerKind) throws {
        let site = LedgerSite(kind)
        defer { withExtendedLifetime(site) {} }
        let ledger = site.ledger()
        _ = try ledger.open()
        try ledger.append((1...10).map { entry($0) })
        try ledger.writeCheckpoint(records(4), at: Revision(4))
        try ledger.writeCheckpoint(records(8), at: Revision(8))
        ledger.close()
        let found = try site.ledger().open()
        #expect(found.checkpoint?.revision == Revision(8))
        #expect(found.checkpoint?.records == records(8))
        #expect(found.entries == [entry(9), entry(10)])
    }

    @Test(arguments: LedgerKind.allCases)
    func `takes a checkpoint only of what it holds`(kind: LedgerKind) throws {
        let site = LedgerSite(kind)
        defer { withExtendedLifetime(site) {} }
        let ledger = site.ledger()
        _ = try ledger.open()
        try ledger.append([entry(1)])
        #expect(throws: LedgerError.outOfOrder(expected: Revision(1))) {
            try ledger.writeCheckpoint(records(2), at: Revision(2))
        }
    }

    @Test(arguments: LedgerKind.allCases)
    func `shows any revision that it still reaches`(kind: LedgerKind) throws {
        let site = LedgerSite(kind)
        defer { withExtendedLifetime(site) {} }
        let ledger = site.ledger()
        _ = try ledger.open()
        try ledger.append((1...6).map { entry($0) })
        try ledger.writeCheckpoint(records(3), at: Revision(3))
        let before = try ledger.history(upTo: Revision(2))
        #expect(before.checkpoint == nil)
        #expect(before.entries == [entry(1), entry(2)])
        let after = try ledger.history(upTo: Revision(5))
        #expect(after.checkpoint?.revision == Revision(3))
        #expect(after.entries == [entry(4), entry(5)])
        #expect(try ledger.history(upTo: .zero).entries.isEmpty)
        #expect(throws: LedgerError.outOfOrder(expected: Revision(6))) { try ledger.history(upTo: Revision(7)) }
    }

    @Test(arguments: LedgerKind.allCases)
    func `keeps a bounded history and at least as much as promised`(kind: LedgerKind) throws {
        let site = LedgerSite(kind, keeping: 20)
        defer { withExtendedLifetime(site) {} }
        let ledger = site.ledger()
        _ = try ledger.open()
        for revision in UInt64(1)...300 {
            try ledger.append([entry(revision)])
            if revision % 5 == 0 { try ledger.writeCheckpoint(records(revision), at: Revision(revision)) }
            if revision > 20 { _ = try ledger.history(upTo: Revision(revision - 20)) }
        }
        var oldest = UInt64(300)
        while (try? ledger.history(upTo: Revision(oldest - 1))) != nil { oldest -= 1 }
        // Twenty, half as many again, and one checkpoint's distance.
        #expect((265...280).contains(oldest))
        #expect(try ledger.events(limit: 1_000).count <= 20)
        #expect(throws: LedgerError.outOfOrder(expected: Revision(oldest))) {
            try ledger.history(upTo: Revision(oldest - 1))
        }
        ledger.close()
        let again = try site.ledger().open()
        #expect(again.revision == Revision(300) && again.findings.isEmpty)
    }

    @Test(arguments: LedgerKind.allCases)
    func `lists the newest events first`(kind: LedgerKind) throws {
        let site = LedgerSite(kind)
        defer { withExtendedLifetime(site) {} }
        let ledger = site.ledger()
        _ = try ledger.open()
        try ledger.append((1...9).map { entry($0) })
        #expect(try ledger.events(limit: 3) == [entry(8), entry(6), entry(4)])
        #expect(try ledger.events(limit: 100).count == 4)
        #expect(try ledger.events(limit: 0).isEmpty)
    }

    @Test(arguments: LedgerKind.allCases)
    func `has one user at a time`(kind: LedgerKind) throws {
        let site = LedgerSite(kind)
        defer { withExtendedLifetime(site) {} }
        let first = site.ledger()
        _ = try first.open()
        let second = site.ledger()
        #expect {
            try second.open()
        } throws: {
            if case .inUse = $0 as? LedgerError { true } else { false }
        }
        try first.append([entry(1)])
        first.close()
        #expect(try second.open().entries == [entry(1)])
    }

    @Test(arguments: LedgerKind.allCases)
    func `refuses to work when it is closed`(kind: LedgerKind) throws {
        let site = LedgerSite(kind)
        defer { withExtendedLifetime(site) {} }
        let ledger = site.ledger()
        let closed = LedgerError.unavailable("the ledger is not open")
        #expect(throws: closed) { try ledger.append([entry(1)]) }
        _ = try ledger.open()
        ledger.close()
        ledger.close()
        #expect(throws: closed) { try ledger.append([entry(1)]) }
        #expect(throws: closed) { try ledger.writeCheckpoint([], at: .zero) }
        #expect(throws: closed) { try ledger.events(limit: 1) }
        #expect(throws: closed) { try ledger.history(upTo: .zero) }
    }
}

@Suite struct `The ledger in memory` {
    @Test func `works like the others and forgets`() throws {
        let ledger = SQLiteLedger(.memory)
        _ = try ledger.open()
        try ledger.append((1...4).map { entry($0) })
        try ledger.writeCheckpoint(records(2), at: Revision(2))
        #expect(try ledger.history(upTo: Revision(4)).entries == [entry(3), entry(4)])
        ledger.close()
        #expect(try ledger.open().revision == .zero)
    }
}

@Suite struct `The fake ledger` {
    @Test func `appends nothing while the disk is full`() throws {
        let ledger = MemoryLedger()
        _ = try ledger.open()
        ledger.failure = .full
        #expect(throws: LedgerError.unavailable("database or disk is full")) { try ledger.append([entry(1)]) }
        ledger.failure = nil
        #expect(try ledger.history(upTo: .zero).entries.isEmpty)
        try ledger.append([entry(1)])
    }

    @Test func `brings back after a crash what was written but refused`() throws {
        let storage = MemoryLedger.Storage()
        let ledger = MemoryLedger(storage)
        _ = try ledger.open()
        try ledger.append([entry(1)])
        ledger.failure = .afterWrite
        #expect(throws: LedgerError.self) { try ledger.append([entry(2)]) }
        ledger.crash()
        #expect(try MemoryLedger(storage).open().entries == [entry(1), entry(2)])
    }
}

@Suite struct `What a ledger keeps` {
    @Test(arguments: [UInt64(1), 2, 7, 100, 1_000])
    func `is bounded and reaches back far enough, whatever the checkpoints' distance`(distance: UInt64) {
        let retention = LedgerRetention(entries: 100)
        var checkpoints: [Revision] = []
        var pruned: UInt64 = 0
        for last in UInt64(1)...5_000 where last % distance == 0 {
            checkpoints.append(Revision(last))
            let through = retention.prunedThrough(of: checkpoints, last: Revision(last)).number
            let kept = retention.kept(of: checkpoints, last: Revision(last))
            pruned = max(pruned, through)
            #expect(through == 0 || kept.first?.number == through)
            #expect(kept.suffix(2) == checkpoints.suffix(2))
            #expect(kept.count <= 5)
            #expect(pruned == 0 || pruned + 100 <= last)
            #expect(last - pruned <= 150 + 2 * distance)
            checkpoints = kept
        }
    }
}
