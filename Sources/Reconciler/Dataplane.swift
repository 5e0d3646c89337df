public import NetworkVocabulary
public import RouterPlan
public import Ruleset

/// What a kernel holds of a node, in the plan's own words.
public struct Observation: Sendable {
    /// Nil where there is no such namespace.
    public var owner: Origin?
    public var exists: Bool
    /// The namespace is alive but its name below `/run/netns` is gone.
    public var lostItsName: Bool
    /// What is there, by kernel identity. Of the host's namespace only what is marked as ours.
    public var contents: [RowKey: Row.Content]
    /// Links that are there but down.
    public var linksDown: Set<InterfaceName>
    public var table: KernelTable?

    public init(
        exists: Bool, owner: Origin? = nil, lostItsName: Bool = false, contents: [RowKey: Row.Content] = [:],
        linksDown: Set<InterfaceName> = [], table: KernelTable? = nil
    ) {
        self.exists = exists
        self.owner = owner
        self.lostItsName = lostItsName
        self.contents = contents
        self.linksDown = linksDown
        self.table = table
    }

    public static let absent = Observation(exists: false)

    /// What the kernel puts into every new namespace: a loopback that is down, and its three default rules, of which
    /// the lookup of local addresses is nobody's to remove and so never listed.
    public static let newborn: Observation = {
        var newborn = Observation(exists: true)
        for content in [
            Row.Content.policyRule(PolicyRule(priority: 32766, .lookup(table: Route.mainTable))),
            .policyRule(PolicyRule(priority: 32767, .lookup(table: Route.defaultTable))),
        ] {
            newborn.contents[content.key] = content
        }
        return newborn
    }()
}

/// One step towards a plan. Steps are taken in order; each is made so that taking it again after an interruption is
/// harmless.
public enum Step: Sendable, Hashable {
    case createNamespace(owner: Origin)
    /// Gives a living namespace its name back.
    case restoreName
    /// Takes down the whole namespace and what hangs on it.
    case removeNamespace
    /// The node's nftables change, in one transaction.
    case ruleset(Transaction)
    /// Creates the row's object. Links are created down.
    case add(Row)
    /// Brings an existing object of the same key to this form.
    case change(Row)
    case remove(Row.Content)
    /// Brings a link up, once everything that guards it is in place.
    case raise(InterfaceName, origin: Origin)

    /// The object that the step is for, where it is one object.
    public var origin: Origin? {
        switch self {
        case .createNamespace(let owner): owner
        case .add(let row), .change(let row): row.origin
        case .raise(_, let origin): origin
        case .restoreName, .removeNamespace, .ruleset, .remove: nil
        }
    }
}

extension Step: CustomStringConvertible {
    public var description: String {
        switch self {
        case .createNamespace(let owner): "create namespace for \(owner)"
        case .restoreName: "restore the namespace's name"
        case .removeNamespace: "remove namespace"
        case .ruleset(let transaction): "ruleset of \(transaction.operations.count) operations"
        case .add(let row): "add \(row.content)"
        case .change(let row): "change \(row.content)"
        case .remove(let content): "remove \(content)"
        case .raise(let link, _): "raise \(link)"
        }
    }
}

/// Why a step failed, in the words of the user's objects.
public struct DataplaneError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was tried: `add route 0.0.0.0/0 via 203.0.113.1`.
    public let operation: String
    public let origin: Origin?
    /// The kernel's answer, with its own explanation where it gave one.
    public let reason: String
    public let errno: Int32

    public init(operation: String, origin: Origin? = nil, reason: String, errno: Int32 = 0) {
        self.operation = operation
        self.origin = origin
        self.reason = reason
        self.errno = errno
    }

    /// The same error, with the object that its step was for.
    public func attributed(to object: Origin?) -> DataplaneError {
        DataplaneError(operation: operation, origin: object, reason: reason, errno: errno)
    }

    public var description: String {
        origin.map { "\(operation) (for \($0)): \(reason)" } ?? "\(operation): \(reason)"
    }
}

/// The kernel as the reconciler sees it. Used from one lane; every call blocks until the kernel has answered.
public protocol Dataplane: AnyObject {
    /// The nodes of this installation that exist, by name, with the objects that their marks name.
    func inventory() throws(DataplaneError) -> [NodeName: Origin]

    /// What exists of a plan's node. The plan says which settings to read.
    func observe(_ plan: NodePlan) throws(DataplaneError) -> Observation

    /// Takes the steps in order and stops at the first that fails.
    func perform(_ steps: [Step], on node: NodeName) throws(DataplaneError)

    /// Waits for the removals so far to be complete. They are cheap together and dear one by one, so `removeNamespace`
    /// only closes a node for good and takes its name; what it consisted of is gone after this.
    func finishRemovals() throws(DataplaneError)

    /// Reads back what a small change touched and says whether the kernel holds it. The plan is the one after it.
    func holds(_ delta: PlanDelta, of plan: NodePlan) throws(DataplaneError) -> Bool

    /// The connections that the node's kernel follows.
    func flows(of node: NodeName) throws(DataplaneError) -> [Flow]

    /// Ends connections; how many were still there to be ended.
    func end(_ flows: [Flow], of node: NodeName) throws(DataplaneError) -> Int

    /// Marks connections as left to finish (`FlowMark.draining`); how many were still there.
    func drain(_ flows: [Flow], of node: NodeName) throws(DataplaneError) -> Int

    /// What elements of the plan's metered sets have counted, as far as they are there.
    func counts(
        of plan: NodePlan, _ elements: [MeteredElement]
    ) throws(DataplaneError) -> [MeteredElement: MeterCount]

    /// Requests so far that could change something; an idempotent run leaves it as it was.
    var writes: Int { get }
}
