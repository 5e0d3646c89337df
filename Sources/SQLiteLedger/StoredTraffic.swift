public import ControlPlane
public import NetworkVocabulary
import RouterPlan

// What objects have counted. Beside the log, not in it: it is no decision of anybody's, it changes all the time, and only
// what it is now is worth keeping.

extension SQLiteLedger {
    public func saveTraffic(_ records: [TrafficRecord], dropping objects: [Origin]) throws(LedgerError) {
        guard let now = opened else { throw .unavailable("the ledger is not open") }
        guard !records.isEmpty || !objects.isEmpty else { return }
        try translating { () throws(SQLiteFailure) in try now.file.migrate() }
        // Without waiting for the disk: nobody was promised anything, and requests wait behind this.
        try writing(now.file, isLasting: false) { () throws(SQLiteFailure) in
            try now.file.save(records, dropping: objects)
        }
    }

    public func traffic() throws(LedgerError) -> [TrafficRecord] {
        guard let now = opened else { throw .unavailable("the ledger is not open") }
        return try translating { () throws(SQLiteFailure) in try now.file.traffic() }
    }
}

extension LedgerFile {
    func save(_ records: [TrafficRecord], dropping objects: [Origin]) throws(SQLiteFailure) {
        let statement = try database.prepare("INSERT OR REPLACE INTO traffic VALUES (?, ?, ?, ?, ?, ?, ?)")
        for record in records {
            let object = record.object.description
            for (meter, tally) in record.tallies {
                try statement.bind(1, object)
                try statement.bind(2, meter.rawValue)
                try statement.bind(3, Int64(bitPattern: tally.total.packets))
                try statement.bind(4, Int64(bitPattern: tally.total.bytes))
                try statement.bind(5, Int64(bitPattern: tally.last.packets))
                try statement.bind(6, Int64(bitPattern: tally.last.bytes))
                if let hit = tally.lastHit { try statement.bind(7, hit) }
                try statement.run()
            }
        }
        let removal = try database.prepare("DELETE FROM traffic WHERE object = ?")
        for object in objects {
            try removal.bind(1, object.description)
            try removal.run()
        }
    }

    /// Rows that make no sense are passed over: a lost count is no reason not to start.
    func traffic() throws(SQLiteFailure) -> [TrafficRecord] {
        guard try userVersion() >= 2 else { return [] }
        let statement = try database.prepare(
            "SELECT object, meter, packets, bytes, lastpackets, lastbytes, lasthit FROM traffic")
        var records: [Origin: TrafficRecord] = [:]
        while try statement.step() {
            guard let object = statement.text(0).flatMap({ Origin($0) }), object.part == nil,
                let meter = statement.text(1).flatMap(Meter.init(rawValue:))
            else { continue }
            func count(_ column: Int32) -> MeterCount {
                MeterCount(
                    packets: UInt64(bitPattern: statement.number(column)),
                    bytes: UInt64(bitPattern: statement.number(column + 1)))
            }
            records[object, default: TrafficRecord(object)][meter] = MeterTally(
                total: count(2), last: count(4), lastHit: statement.text(6).flatMap { Int64($0) })
        }
        return records.values.sorted { $0.object < $1.object }
    }
}
