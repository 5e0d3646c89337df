public import CloudModel
public import NetworkVocabulary

/// The engine as the API sees it: requests go in, reports come out, and the state of things can be looked at.
public protocol CloudService: Sendable {
    /// Takes a request through decide, ledger, plan and kernel. The reports come in order, on any thread, from before
    /// or after this returns: `refused` and nothing else; or `durable`, and later `realized` or `failed`.
    ///
    /// A dry run decides and plans and touches nothing; its reports are `refused`, or `durable` and `realized` at
    /// once, with an outcome that shows what would be.
    func submit(
        _ request: Request, caller: Caller, dryRun: Bool, report: @escaping @Sendable (SubmissionReport) -> Void)

    /// The state of things at one moment. Cheap; never waits for the kernel or the disk.
    var view: CloudView { get }

    /// Somebody looks at the traffic and will look again soon: for some seconds it is read more often.
    func watchTraffic()

    /// The newest events, newest first. At most as many as the service keeps at hand.
    func recentEvents(limit: Int) -> [LedgerEntry]

    /// The plan of a node as text, by the node's name (`r-4-VM`); nil when no such node is planned.
    func planText(ofNode name: String) -> String?
}

/// What becomes of a request.
public enum SubmissionReport: Sendable {
    /// Nothing has changed, and nothing will.
    case refused(RequestError)
    /// Survives power loss, and is in the model.
    case durable(Outcome)
    /// Is in the kernel, read back. So many connections that lived by what was taken away were ended, or marked as left
    /// to finish where that was asked for.
    case realized(flowsEnded: Int)
    /// The kernel did not take it. The change was taken back, unless later changes rest on it: then it is tried again,
    /// and the error says so.
    case failed(RequestError)
}

/// What a request came to.
public struct Outcome: Sendable {
    /// The objects to answer with.
    public let reply: Reply
    public let changes: [Change]
    /// The model with the changes.
    public let cloud: Cloud
    /// For a dry run, what would change in the plans, as text.
    public let planDifference: String?

    public var revision: Revision { cloud.revision }

    public init(reply: Reply, changes: [Change], cloud: Cloud, planDifference: String? = nil) {
        self.reply = reply
        self.changes = changes
        self.cloud = cloud
        self.planDifference = planDifference
    }
}

/// The state of things at one moment.
public struct CloudView: Sendable {
    public let cloud: Cloud
    /// Every node that is planned, by name. Worked out when asked for: most readers do not.
    public var nodes: [NodeStatus] { listNodes() }
    private let listNodes: @Sendable () -> [NodeStatus]
    public let features: [KernelFeatureStatus]
    public let installation: ObjectID
    /// Milliseconds since 1970 by the wall clock.
    public let startTime: Int64
    /// Why requests that change something are refused at present, if they are (a full disk).
    public let hindrance: String?
    /// What has passed, as it was read last.
    public let traffic: TrafficTotals
    /// What guests did with DHCP, DNS and metadata.
    public let services: ServiceActivity

    public var revision: Revision { cloud.revision }

    public init(
        cloud: Cloud, nodes: @autoclosure @escaping @Sendable () -> [NodeStatus], features: [KernelFeatureStatus],
        installation: ObjectID, startTime: Int64,
        hindrance: String? = nil, traffic: TrafficTotals = TrafficTotals(),
        services: ServiceActivity = ServiceActivity()
    ) {
        self.cloud = cloud
        listNodes = nodes
        self.features = features
        self.installation = installation
        self.startTime = startTime
        self.hindrance = hindrance
        self.traffic = traffic
        self.services = services
    }
}

/// How far a node is what its plan says.
public struct NodeStatus: Sendable, Hashable {
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Read back and equal to the plan of `revision`.
        case verified = "Verified"
        /// Being changed, or waiting for it.
        case pending = "Pending"
        /// The kernel refused something; it is tried again.
        case failed = "Failed"
    }

    public let name: String
    /// The object that the node is there for; nil for the host's own part.
    public let origin: Origin?
    public let state: State
    /// The newest revision that is in the kernel.
    public let revision: Revision
    /// What the kernel said, when it failed.
    public let error: String?

    public init(name: String, origin: Origin?, state: State, revision: Revision, error: String? = nil) {
        self.name = name
        self.origin = origin
        self.state = state
        self.revision = revision
        self.error = error
    }
}

/// Whether the running kernel can do something that a feature needs.
public struct KernelFeatureStatus: Sendable, Hashable {
    public let name: String
    public let isAvailable: Bool
    /// The kernel module that would bring it, when it is missing.
    public let missingModule: String?

    public init(name: String, isAvailable: Bool, missingModule: String? = nil) {
        self.name = name
        self.isAvailable = isAvailable
        self.missingModule = missingModule
    }
}
