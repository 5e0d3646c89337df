public import CloudModel
public import NetworkVocabulary
public import Planner
public import RouterPlan
import Synchronization

/// What other threads may see of the engine: a model that stays as it is, and how things are going.
public final class SharedView: Sendable {
    private struct State {
        var cloud = Cloud()
        var planner: Planner?
        var isVerified = false
        var settled: Set<NodeName> = []
        var failing: [NodeName: String] = [:]
        var ledgerTrouble: String?
        /// A ring, so that a daemon that runs for years keeps no more than a page of them in memory.
        var events: [RecordedEvent] = []
    }

    private let state = Mutex(State())
    private static let eventLimit = 1000

    public init() {}

    public var cloud: Cloud { state.withLock { $0.cloud } }

    public var status: ServiceStatus {
        state.withLock { state in
            let wanted = state.planner?.nodes(in: state.cloud).count ?? 0
            return ServiceStatus(
                revision: state.cloud.revision, isVerified: state.isVerified, settledNodes: state.settled.count,
                pendingNodes: max(0, wanted - state.settled.count - state.failing.count), failingNodes: state.failing,
                ledgerTrouble: state.ledgerTrouble)
        }
    }

    public var nodes: [NodeName] {
        let (cloud, planner) = state.withLock { ($0.cloud, $0.planner) }
        return planner?.nodes(in: cloud) ?? []
    }

    public func plan(of node: NodeName) -> NodePlan? {
        let (cloud, planner) = state.withLock { ($0.cloud, $0.planner) }
        return (try? planner?.plan(node, in: cloud)) ?? nil
    }

    public func events(limit: Int) -> [RecordedEvent] {
        state.withLock { Array($0.events.suffix(max(0, limit)).reversed()) }
    }

    /// Fills the ring from the ledger at the start.
    public func recall(_ entries: [LedgerEntry]) { note(entries.reversed()) }

    func publish(_ cloud: Cloud, _ planner: Planner) {
        state.withLock { state in
            state.cloud = cloud
            state.planner = planner
        }
    }

    func note(_ entries: [LedgerEntry]) {
        let events = entries.flatMap { entry in
            entry.events.map {
                RecordedEvent(revision: entry.revision, time: entry.time, caller: entry.caller, event: $0)
            }
        }
        guard !events.isEmpty else { return }
        state.withLock { state in
            state.events += events
            if state.events.count > Self.eventLimit { state.events.removeFirst(state.events.count - Self.eventLimit) }
        }
    }

    func settle(_ name: NodeName) {
        state.withLock { state in
            state.settled.insert(name)
            state.failing[name] = nil
        }
    }

    /// True when this failure is news.
    func fail(_ name: NodeName, _ reason: String) -> Bool {
        state.withLock { state in
            state.settled.remove(name)
            return state.failing.updateValue(reason, forKey: name) != reason
        }
    }

    func forget(_ name: NodeName) {
        state.withLock { state in
            state.settled.remove(name)
            state.failing[name] = nil
        }
    }

    func setVerified() { state.withLock { $0.isVerified = true } }
    func setLedgerTrouble(_ text: String?) { state.withLock { $0.ledgerTrouble = text } }
}
