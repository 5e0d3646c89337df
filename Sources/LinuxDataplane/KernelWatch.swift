import LinuxKernel
import NetworkVocabulary
import RouterPlan
import Synchronization

/// Sorts the kernel's announcements: which node they are about, and whether somebody else was the cause.
///
/// Runs on the monitor's thread; knows nodes by the number of their namespace, and ourselves by the ports of our
/// sockets and by our process id.
final class KernelWatch: Sendable {
    /// Something worth a look by the lane.
    enum Notice: Sendable {
        case disturbed(NodeName)
        /// A link says something; who caused it, the kernel does not say. The lane compares it with the plan.
        case link(NodeName, InterfaceName, isRemoved: Bool)
        case overflow
    }

    private struct State {
        var nodes: [Int32: NodeName] = [:]
        var numbers: [NodeName: Int32] = [:]
        var ports: [NodeName: UInt32] = [:]
        var ourPorts: Set<UInt32> = []
    }

    private let state = Mutex(State())
    private let processID: Int32
    private let notify: @Sendable (Notice) -> Void

    init(processID: Int32, notify: @escaping @Sendable (Notice) -> Void) {
        self.processID = processID
        self.notify = notify
    }

    /// Called by the dataplane when it opens or closes a node.
    func track(_ node: NodeName, _ number: Int32?, _ port: UInt32?) {
        state.withLock { state in
            if let old = state.numbers.removeValue(forKey: node) { state.nodes[old] = nil }
            if let old = state.ports.removeValue(forKey: node) { state.ourPorts.remove(old) }
            if let number {
                state.nodes[number] = node
                state.numbers[node] = number
            }
            if let port {
                state.ports[node] = port
                state.ourPorts.insert(port)
            }
        }
    }

    func hear(_ event: KernelEvent) {
        switch event.change {
        case .overflow: notify(.overflow)
        case .namespaceFileGone(let name): notify(.disturbed(NodeName(name)))
        case .namespaceID: break
        case .ruleset(_, let process, _):
            // The host's own ruleset is nobody's business of ours.
            if process != processID, let node = node(event), !node.isHost { notify(.disturbed(node)) }
        case .link(let link, let isRemoved):
            if let node = node(event), let name = InterfaceName(link.name) {
                notify(.link(node, name, isRemoved: isRemoved))
            }
        case .route(let route, _) where route.table == KernelRoute.localTable: break
        case .address, .route, .policyRule, .neighbour:
            // What the kernel does by itself follows from a link's change, which has an event of its own.
            guard event.portID != 0, let node = node(event), !node.isHost else { return }
            if !state.withLock({ $0.ourPorts.contains(event.portID) }) { notify(.disturbed(node)) }
        }
    }

    private func node(_ event: KernelEvent) -> NodeName? {
        guard let number = event.namespaceID else { return .host }
        return state.withLock { $0.nodes[number] }
    }
}
