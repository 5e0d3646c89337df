public import CloudModel
public import NetworkVocabulary

/// What a request comes to: the steps to take, and what to answer once they are durable.
public struct Decision: Hashable, Sendable {
    /// To be appended and applied as one ledger entry. None when everything is as requested already.
    public let changes: [Change]
    public let reply: Reply
    /// Whether connections that lived by what is taken away may finish.
    public let drains: Bool
    /// Networks of which everything in the kernel is looked at again, planned otherwise or not.
    public let examined: Set<ObjectID>

    public init(changes: [Change], reply: Reply, drains: Bool = false, examined: Set<ObjectID> = []) {
        self.examined = examined
        self.changes = changes
        self.reply = reply
        self.drains = drains
    }
}

/// The objects that a request made or changed, the one that it was about first. What they look like is read from the
/// model that has the changes.
public struct Reply: Hashable, Sendable {
    public let objects: [Reference]
    /// What only the caller is told, this once: a password, the private half of a key.
    public let secret: Secret?

    public init(_ objects: [Reference] = [], secret: Secret? = nil) {
        self.objects = objects
        self.secret = secret
    }

    /// The object that the request was about; nil after a removal.
    public var object: Reference? { objects.first }
}

/// An id source behind one type, for generic functions.
struct AnyIDs: IDSource {
    var base: any IDSource
    init(_ base: any IDSource) { self.base = base }
    mutating func next() -> ObjectID { base.next() }
}
