public import CloudModel
public import NetworkVocabulary
public import RouterPlan

/// The cloud as its clients meet it: ask for changes, look at what is there. Safe to use from any thread.
public protocol CloudService: Sendable {
    /// Decides the request and, unless it is a dry run, makes it durable and waits until the kernel holds it.
    ///
    /// `completion` is called exactly once, on a thread of the service: with the outcome when the change has been read
    /// back from the kernel, or with an error after which nothing has changed. It must return quickly.
    func submit(
        _ request: Request, caller: Caller, dryRun: Bool,
        completion: @escaping @Sendable (Result<Outcome, RequestError>) -> Void)

    /// The model as of now: a value that stays as it is.
    var cloud: Cloud { get }

    /// How the service and the kernel are doing.
    var status: ServiceStatus { get }

    /// What a node must be, by the name of its namespace; nil when the cloud calls for no such node.
    func plan(of node: NodeName) -> NodePlan?

    /// Every node that the cloud calls for.
    var nodes: [NodeName] { get }

    /// The newest events, newest first.
    func events(limit: Int) -> [RecordedEvent]
}

/// What came of a request.
public struct Outcome: Sendable {
    /// The revision that the change became; of a dry run or a request that changed nothing, the present one.
    public let revision: Revision
    public let decision: Decision
    /// The model right after the change. Of a dry run, as it would be.
    public let cloud: Cloud
    /// Of a dry run: the lines of the plans that would go (`-`) and come (`+`), each behind the name of its node.
    public let planChanges: [String]

    public init(revision: Revision, decision: Decision, cloud: Cloud, planChanges: [String] = []) {
        self.revision = revision
        self.decision = decision
        self.cloud = cloud
        self.planChanges = planChanges
    }
}

/// An event with the moment it was recorded at.
public struct RecordedEvent: Sendable, Hashable {
    public let revision: Revision
    public let time: Int64
    public let caller: ObjectID?
    public let event: Event

    public init(revision: Revision, time: Int64, caller: ObjectID?, event: Event) {
        self.revision = revision
        self.time = time
        self.caller = caller
        self.event = event
    }
}

public struct ServiceStatus: Sendable, Hashable {
    public var revision: Revision
    /// Every node found at the start has been compared with its plan.
    public var isVerified: Bool
    /// Nodes that the kernel is known to hold as planned, that are being worked on, and that failed last.
    public var settledNodes: Int
    public var pendingNodes: Int
    public var failingNodes: [NodeName: String]
    /// Why no change can be made durable at the moment; nil when all is well.
    public var ledgerTrouble: String?

    public init(
        revision: Revision, isVerified: Bool = false, settledNodes: Int = 0, pendingNodes: Int = 0,
        failingNodes: [NodeName: String] = [:], ledgerTrouble: String? = nil
    ) {
        self.revision = revision
        self.isVerified = isVerified
        self.settledNodes = settledNodes
        self.pendingNodes = pendingNodes
        self.failingNodes = failingNodes
        self.ledgerTrouble = ledgerTrouble
    }
}
