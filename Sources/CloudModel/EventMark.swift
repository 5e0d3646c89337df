public import NetworkVocabulary

/// Events that somebody put away, or wants to see no more. The ledger, which is a chain, keeps them as long as it keeps
/// everything: a mark says which of them lists leave out.
public struct EventMark: Hashable, Codable, Sendable {
    public enum Verb: String, Hashable, Codable, Sendable { case archived, deleted }

    /// Whose events it can be about. Kept as ids that need not be there any more: an account may go before what it did.
    public enum Reach: Hashable, Codable, Sendable {
        case everybody
        /// Those of the domain and of all below it.
        case domain(ObjectID)
        case account(ObjectID)
    }

    public let id: ObjectID
    public let verb: Verb
    public let reach: Reach
    /// These events and no others; any when empty.
    public let events: [ObjectID]
    public let type: String?
    /// Milliseconds since 1970, both ends included.
    public let start: Int64?
    public let end: Int64
    /// Nothing that came after this entry of the ledger.
    public let through: Revision

    public init(
        id: ObjectID, verb: Verb, reach: Reach, events: [ObjectID], type: String?, start: Int64?, end: Int64,
        through: Revision
    ) {
        self.id = id
        self.verb = verb
        self.reach = reach
        self.events = events
        self.type = type
        self.start = start
        self.end = end
        self.through = through
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, verb, reach, events, type, start, end, through
    }
}

extension EventMark: CloudObject {
    static var kind: RecordKind { .eventMark }
    static var table: WritableKeyPath<Cloud, SortedMap<ObjectID, EventMark>> { \.eventMarks }
    var record: Record { .eventMark(self) }

    func contradiction(in cloud: Cloud, replacing old: EventMark?) -> String? {
        old.map { $0 != self } ?? false ? "a mark of events cannot change" : nil
    }
}
