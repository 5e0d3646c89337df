import LinuxKernel
import NetworkVocabulary
import RouterPlan
import Synchronization

/// Sorts the kernel's announcements: which node they are about, and whether somebody else was the cause.
///
/// Runs on the monitor's thread; knows nodes by the number of their namespace, and ourselves by the ports of our
/// sockets. The process that the kernel names with a ruleset is really the thread.
final class KernelWatch: Sendable {
    /// Something worth a look by the lane.
    enum Notice: Sendable {
        case disturbed(NodeName)
        /// A link says something; who caused it, the kernel does not say. The lane compares it with the plan.
        case link(NodeName, InterfaceName, isRemoved: Bool)
        /// Somebody else did something to the queues of a link of the host.
        case queues(linkIndex: Int32)
        case overflow
    }

    private struct State {
        var nodes: [Int32: NodeName] = [:]
        var numbers: [NodeName: Int32] = [:]
        /// Of our sockets in each node; in another namespace the same number may be somebody else's.
        var ports: [NodeName: Set<UInt32>] = [:]
    }

    private let state = Mutex(State())
    private let notify: @Sendable (Notice, ContinuousClock.Instant) -> Void

    /// `notify` is told of every notice with the moment it was heard at, which is after what it is about.
    init(notify: @escaping @Sendable (Notice, ContinuousClock.Instant) -> Void) {
        self.notify = notify
    }

    /// Called by the dataplane when it opens or closes a node.
    func track(_ node: NodeName, _ number: Int32?, _ ports: Set<UInt32>) {
        state.withLock { state in
            if let old = state.numbers.removeValue(forKey: node) { state.nodes[old] = nil }
            if let number {
                state.nodes[number] = node
                state.numbers[node] = number
            }
            state.ports[node] = ports.isEmpty ? nil : ports
        }
    }

    func hear(_ event: KernelEvent) {
        let now = ContinuousClock.now
        let notify = { [notify] in notify($0, now) }
        switch event.change {
        case .overflow: notify(.overflow)
        case .namespaceFileGone(let name): notify(.disturbed(NodeName(name)))
        case .namespaceID: break
        case .bridgeRules(let table):
            // Rules of others on the host are their business.
            if table == NodePlan.portGuard.name, isByOthersOnHost(event) { notify(.disturbed(.host)) }
        case .link(let link, let isRemoved):
            if let node = node(event), let name = InterfaceName(link.name) {
                notify(.link(node, name, isRemoved: isRemoved))
            }
        case .queues(let index):
            // Those inside a node are the business of whoever lives there.
            if isByOthersOnHost(event) { notify(.queues(linkIndex: index)) }
        case .ruleset where node(event)?.isHost == true:
            if isByOthersOnHost(event) { notify(.disturbed(.underlay)) }
        case .route(let route, _) where route.table == KernelRoute.localTable: break
        case .address, .route, .policyRule, .neighbour, .ruleset:
            // The host's own are nobody's business of ours. What the kernel does by itself follows from a link's change, which has an event of its own.
            guard event.portID != 0, let node = node(event), !node.isHost else { return }
            let isOurs = state.withLock { $0.ports[node]?.contains(event.portID) == true }
            if !isOurs { notify(.disturbed(node)) }
        }
    }

    private func isByOthersOnHost(_ event: KernelEvent) -> Bool {
        node(event)?.isHost == true && state.withLock { $0.ports[.host]?.contains(event.portID) != true }
    }

    private func node(_ event: KernelEvent) -> NodeName? {
        guard let number = event.namespaceID else { return .host }
        return state.withLock { $0.nodes[number] }
    }
}
