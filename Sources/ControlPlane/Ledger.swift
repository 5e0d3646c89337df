public import CloudModel
public import NetworkVocabulary

/// One committed step: the changes of one request, or an event of the system itself (a repair) without changes.
public struct LedgerEntry: Sendable, Hashable {
    /// The model's revision once this entry is applied. Entries follow each other without gaps.
    public var revision: Revision
    /// Milliseconds since 1970 by the wall clock.
    public var time: Int64
    /// Who asked: an account id, or nil for the system.
    public var caller: ObjectID?
    /// The request's name, as the API spells it.
    public var command: String
    public var changes: [Change]
    public var events: [Event]

    public init(
        revision: Revision, time: Int64, caller: ObjectID?, command: String, changes: [Change], events: [Event] = []
    ) {
        self.revision = revision
        self.time = time
        self.caller = caller
        self.command = command
        self.changes = changes
        self.events = events
    }
}

/// Something that an operator wants to find again: what happened to which object.
public struct Event: Sendable, Hashable, Codable {
    public enum Level: String, Sendable, Hashable, Codable { case info = "INFO", warning = "WARN", error = "ERROR" }

    /// In CloudStack's spelling: `NETWORK.CREATE`, `ROUTER.REPAIR` …
    public var type: String
    public var level: Level
    public var origin: Origin?
    public var text: String

    public init(type: String, level: Level = .info, origin: Origin? = nil, text: String) {
        self.type = type
        self.level = level
        self.origin = origin
        self.text = text
    }
}

/// Why the ledger could not do what was asked. Nothing was written unless the case says otherwise.
public enum LedgerError: Error, Sendable, Hashable {
    /// The disk is full, read-only or failing; may pass.
    case unavailable(String)
    /// Another process holds the ledger.
    case inUse(String)
    /// Written by a newer program than this one.
    case newerSchema(found: Int, known: Int)
    /// Something that can be neither read nor cut away.
    case damaged(String)
    /// The entries do not follow the newest one, or the revision is not one that the ledger holds.
    case outOfOrder(expected: Revision)
}

// For the person who reads it in a log or an error: words, not the name of a case.
extension LedgerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unavailable(let reason), .inUse(let reason), .damaged(let reason): reason
        case .newerSchema(let found, let known):
            "the ledger was written by a newer program: its schema is \(found), this program knows \(known)"
        case .outOfOrder(let expected): "the entries do not follow revision \(expected)"
        }
    }
}

/// What a ledger holds when it is opened.
public struct LedgerContents: Sendable {
    /// The newest usable checkpoint, if there is one, with its revision.
    public var checkpoint: (revision: Revision, records: [Record])?
    /// The entries after it, in order.
    public var entries: [LedgerEntry]
    /// What was cut away or passed over to get here, in words for the log; empty when all was well.
    public var findings: [String]
    /// This installation's identity, drawn when the ledger was created. It marks every kernel object of ours.
    public var installation: ObjectID

    /// The revision that the contents lead to.
    public var revision: Revision { entries.last?.revision ?? checkpoint?.revision ?? .zero }

    public init(
        checkpoint: (revision: Revision, records: [Record])?, entries: [LedgerEntry], findings: [String],
        installation: ObjectID
    ) {
        self.checkpoint = checkpoint
        self.entries = entries
        self.findings = findings
        self.installation = installation
    }
}

extension LedgerContents {
    /// The model that the log leads to.
    func folded() throws(LedgerError) -> Cloud {
        do throws(ModelError) {
            var cloud = Cloud()
            if let checkpoint { cloud = try Cloud(checkpoint: checkpoint.records, revision: checkpoint.revision) }
            for entry in entries { try cloud.apply(entry.changes, revision: entry.revision) }
            return cloud
        } catch {
            throw .damaged("the changes in the log do not follow from each other: \(error)")
        }
    }
}

/// The append-only log of changes. Used by one lane only; every call blocks until it is done.
public protocol Ledger: AnyObject {
    /// Reads everything needed to start. Called once, before any append.
    func open() throws(LedgerError) -> LedgerContents

    /// Appends entries, all or none, and returns once they would survive power loss. After an error none of them
    /// counts, and the same revisions may be appended again.
    func append(_ entries: [LedgerEntry]) throws(LedgerError)

    /// Stores the whole model at a revision that the log reaches, so that the next start need not read what came
    /// before; then lets go of the history that `LedgerRetention` no longer keeps.
    func writeCheckpoint(_ records: [Record], at revision: Revision) throws(LedgerError)

    /// The newest events, newest first.
    func events(limit: Int) throws(LedgerError) -> [LedgerEntry]

    /// Everything up to a revision, for time travel: the model of any past moment that the log still reaches, or
    /// `.outOfOrder` with the oldest revision that it does reach.
    func history(upTo revision: Revision) throws(LedgerError) -> LedgerContents

    /// Stores what these objects have counted, in place of what was stored of them before, and forgets others: all of
    /// it or nothing. No part of the log. Survives the end of the process; power loss, which ends the kernel's counters
    /// too, may take the newest.
    func saveTraffic(_ records: [TrafficRecord], dropping objects: [Origin]) throws(LedgerError)

    /// What objects had counted when it was last stored.
    func traffic() throws(LedgerError) -> [TrafficRecord]

    func close()
}
