import CloudModel
import NetworkVocabulary

/// Changes that are durable and not yet known to be in the kernel, by ticket.
struct PendingChanges {
    struct Change {
        /// Orders of the change that the kernel has not answered.
        var remaining: Int
        let changes: [CloudModel.Change]
        /// The way back, last step first; nil for a way back itself, which is not taken back but tried again.
        let inverse: [CloudModel.Change]?
        let report: (@Sendable (SubmissionReport) -> Void)?
        /// What the journal says if it ends connections.
        let command: String
        let object: Origin?
        let drains: Bool
        var flowsEnded = 0
        var failure: String?

        /// Whether every object still is what this change made of it. Otherwise a later change rests on it, and the
        /// way back would undo that too.
        func isUntouched(in cloud: Cloud) -> Bool {
            var made: [Reference: Record?] = [:]
            for change in changes {
                switch change {
                case .put(let record): if let object = record.reference { made[object] = .some(record) }
                case .remove(let kind, let id): made[Reference(kind, id)] = .some(nil)
                }
            }
            return made.allSatisfy { object, record in cloud[object] == record }
        }
    }

    private var changes: [UInt64: Change] = [:]
    /// Tickets of refused changes whose orders are all answered, in the order they were refused.
    private var refused: [UInt64] = []

    var isEmpty: Bool { changes.isEmpty }

    mutating func add(_ ticket: UInt64, _ change: Change) {
        changes[ticket] = change
        if change.remaining == 0 { refused.append(ticket) }
    }

    /// One more order of the change is carried out; the change, when it was the last and none failed.
    mutating func finish(_ ticket: UInt64) -> Change? {
        guard var change = changes[ticket] else { return nil }
        change.remaining -= 1
        changes[ticket] = change
        guard change.remaining == 0 else { return nil }
        guard change.failure == nil else {
            refused.append(ticket)
            return nil
        }
        changes[ticket] = nil
        return change
    }

    /// Connections that went with what was changed. Where several changes were made at once nobody can say whose they
    /// were: each is told of all.
    mutating func count(_ flows: Int, for tickets: [UInt64]) {
        guard flows > 0 else { return }
        for ticket in Set(tickets) { changes[ticket]?.flowsEnded += flows }
    }

    mutating func fail(_ ticket: UInt64, _ reason: String) {
        guard var change = changes[ticket] else { return }
        change.remaining -= 1
        change.failure = change.failure ?? reason
        changes[ticket] = change
        if change.remaining == 0 { refused.append(ticket) }
    }

    /// The refused changes, the newest first: the way back goes through the changes that came later.
    mutating func takeRefused() -> [Change] {
        defer { refused = [] }
        return refused.sorted(by: >).compactMap { changes.removeValue(forKey: $0) }
    }
}
