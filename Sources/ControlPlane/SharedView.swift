import CloudModel
import NetworkVocabulary
import Planner
import RouterPlan
import Synchronization

/// What other threads may see of the engine: a model that stays as it is, and how things are going.
public final class SharedView: Sendable {
    private struct State {
        var cloud = Cloud()
        var planner: Planner?
        var installation = ObjectID(random: 0, 0)
        var features: [KernelFeatureStatus] = []
        var isVerified = false
        /// The newest revision that each node is known to hold.
        var settled: [NodeName: Revision] = [:]
        var failing: [NodeName: String] = [:]
        var hindrance: String?
        var traffic = TrafficTotals()
        var services = ServiceActivity()
        /// The nodes that the cloud calls for, and how far they are.
        var nodes: [NodeStatus] {
            (planner?.nodes(in: cloud) ?? []).map { name in
                let revision = settled[name]
                let error = failing[name]
                return NodeStatus(
                    name: name.text, origin: planner?.owner(of: name, in: cloud),
                    state: error != nil ? .failed : revision != nil ? .verified : .pending,
                    revision: revision ?? .zero, error: error)
            }
        }
        /// The newest, and up to as many before them that go together: letting go of one at a time would move all others.
        var events: [LedgerEntry] = []
    }

    private let state = Mutex(State())
    private let startTime: Int64
    /// How far back lists of events reach. The ledger keeps at least as many.
    static let eventLimit = 10_000

    public init(startTime: Int64, features: [KernelFeatureStatus] = []) {
        self.startTime = startTime
        state.withLock { $0.features = features }
    }

    /// Every node found at the start has been compared with its plan.
    public var isVerified: Bool { state.withLock { $0.isVerified } }

    public var view: CloudView {
        let state = state.withLock { $0 }
        return CloudView(
            cloud: state.cloud, nodes: state.nodes, features: state.features, installation: state.installation,
            startTime: startTime, hindrance: state.hindrance, traffic: state.traffic,
            services: state.services)
    }

    public func planText(ofNode name: String) -> String? {
        let (cloud, planner) = state.withLock { ($0.cloud, $0.planner) }
        return ((try? planner?.plan(NodeName(name), in: cloud)) ?? nil)?.description
    }

    public func recentEvents(limit: Int) -> [LedgerEntry] {
        state.withLock { Array($0.events.suffix(max(0, min(limit, Self.eventLimit))).reversed()) }
    }

    /// Told by who serves, from a thread of its own.
    public func publish(_ services: ServiceActivity) { state.withLock { $0.services = services } }

    func publish(_ cloud: Cloud, _ planner: Planner) {
        state.withLock { state in
            state.cloud = cloud
            state.planner = planner
            state.installation = planner.installation.id
        }
    }

    func publish(_ traffic: TrafficTotals) { state.withLock { $0.traffic = traffic } }

    func note(_ entries: [LedgerEntry]) {
        let eventful = entries.filter { !$0.events.isEmpty || !$0.changes.isEmpty }.map { entry in
            // What happened, not what it consists of: the ledger has that.
            var entry = entry
            entry.changes = []
            return entry
        }
        guard !eventful.isEmpty else { return }
        state.withLock { state in
            state.events += eventful
            let surplus = state.events.count - Self.eventLimit
            if surplus > Self.eventLimit { state.events.removeFirst(surplus) }
        }
    }

    func settle(_ name: NodeName, at revision: Revision?) {
        state.withLock { state in
            state.settled[name] = max(state.settled[name] ?? .zero, revision ?? state.cloud.revision)
            state.failing[name] = nil
        }
    }

    /// True when this failure is news.
    func fail(_ name: NodeName, _ reason: String) -> Bool {
        state.withLock { state in
            state.settled[name] = nil
            return state.failing.updateValue(reason, forKey: name) != reason
        }
    }

    func forget(_ name: NodeName) {
        state.withLock { state in
            state.settled[name] = nil
            state.failing[name] = nil
        }
    }

    func setVerified() { state.withLock { $0.isVerified = true } }
    func setLedgerTrouble(_ text: String?) { state.withLock { $0.hindrance = text } }
}
