import LinuxKernel
public import NetworkVocabulary
public import Reconciler
public import RouterPlan

// Connections of a node. A kernel without connection tracking over netlink cannot be asked for them; `KernelFeatures` says
// so at the start, and rules then end no connections.
extension LinuxDataplane {
    public func flows(of node: NodeName) throws(DataplaneError) -> [Flow] {
        try withConnections(of: node) { socket throws(KernelError) in
            try socket.flows()
        } ?? []
    }

    public func end(_ flows: [Flow], of node: NodeName) throws(DataplaneError) -> Int {
        try withConnections(of: node) { socket throws(KernelError) in try socket.delete(flows.map(\.key)) } ?? 0
    }

    public func drain(_ flows: [Flow], of node: NodeName) throws(DataplaneError) -> Int {
        try withConnections(of: node) { socket throws(KernelError) in
            try socket.setMark(FlowMark.draining, mask: FlowMark.draining, of: flows.map(\.key))
        } ?? 0
    }

    private func withConnections<Result>(
        of name: NodeName, _ body: (ConntrackSocket) throws(KernelError) -> Result
    ) throws(DataplaneError) -> Result? {
        defer { countWrites(of: name) }
        do throws(KernelError) {
            guard let node = try node(name), let socket = try node.connections(sharing: scratch) else { return nil }
            return try body(socket)
        } catch {
            throw DataplaneError(error)
        }
    }
}
