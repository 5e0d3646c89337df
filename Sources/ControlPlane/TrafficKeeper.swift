import CloudModel
import NetworkVocabulary
import RouterPlan

/// The book of what passed, when the kernel is read for it, and when it is written down.
///
/// What the ledger does not hold yet is lost with the daemon only where the kernel's counters are lost too: what they
/// count is added to what was written last. So it is written seldom, except when elements have gone.
struct TrafficKeeper {
    /// How often the kernel is read: always, and while somebody watches.
    static let ordinaryPace = Duration.seconds(15)
    static let watchedPace = Duration.seconds(1)
    /// So long after somebody has looked, somebody is taken to watch.
    static let attention = Duration.seconds(5)
    static let writePace = Duration.seconds(30)
    /// Between two writes that cannot wait.
    static let urgentPace = Duration.seconds(1)

    private(set) var book: TrafficBook
    private var lastReading = Duration.zero
    private var isHastened = false
    private var lastWrite = Duration.zero
    private var lastSweep = Duration.zero
    private var watchedUntil = Duration.zero

    init(_ ledger: any Ledger, _ cloud: Cloud) throws(LedgerError) {
        book = TrafficBook(try ledger.traffic(), cloud)
    }

    mutating func take(_ readings: [MeterReading], at time: Int64, in cloud: Cloud) {
        book.take(readings, at: time, in: cloud)
    }

    mutating func take(responseTimes times: [ObjectID: Int], of members: Set<ObjectID>) {
        book.take(responseTimes: times, of: members)
    }

    mutating func follow(_ changes: [Change], from before: Cloud) { book.follow(changes, from: before) }

    /// Whether the kernel is to be read now.
    mutating func isReadingDue(_ now: Duration, isWatched: Bool) -> Bool {
        if isWatched { watchedUntil = now + Self.attention }
        guard now >= nextReading(now) else { return false }
        lastReading = now
        isHastened = false
        return true
    }

    /// Has the kernel read as soon as may be: there is something to read again.
    mutating func hasten() { isHastened = true }

    /// Writes what is to be written now. Where that fails it stays as unwritten as it was.
    mutating func writeIfDue(_ now: Duration, _ cloud: Cloud, to ledger: any Ledger) {
        guard now >= nextWrite else { return }
        lastWrite = now
        // Not with every urgent write: last readings take their time while a crowd is built.
        if now >= lastSweep + Self.writePace {
            lastSweep = now
            book.sweep(cloud)
        }
        write(to: ledger)
    }

    mutating func write(to ledger: any Ledger) {
        guard !book.unwritten.isEmpty || !book.dropped.isEmpty else { return }
        guard (try? ledger.saveTraffic(book.changes, dropping: Array(book.dropped))) != nil else { return }
        book.noteWritten()
    }

    /// How long until there is something to do.
    func pause(_ now: Duration) -> Duration { max(.zero, min(nextReading(now), nextWrite) - now) }

    private func nextReading(_ now: Duration) -> Duration {
        isHastened ? lastReading : lastReading + (now < watchedUntil ? Self.watchedPace : Self.ordinaryPace)
    }

    private var nextWrite: Duration { lastWrite + (book.isUrgent ? Self.urgentPace : Self.writePace) }
}
