internal import CLinux
internal import Glibc
public import NetworkVocabulary
internal import Synchronization

extension ConntrackSocket {
    /// Ends one connection: its next packet is a stranger's. False when it was gone already, and when its place was taken
    /// by another connection with the same tuple (see `Flow.Key` for what the kernel can tell apart).
    @discardableResult
    public func delete(_ key: Flow.Key) throws(KernelError) -> Bool {
        do {
            try netlink.change("end connection", key.original.description, ConntrackMessage.delete) { $0.put(key) }
            return true
        } catch {
            guard error.errno == ENOENT else { throw error }
            return false
        }
    }

    /// As `delete` of each, many in one system call.
    ///
    /// - Returns: how many were there. When the kernel refuses one for another reason, that is thrown after all were tried.
    @discardableResult
    public func delete(_ keys: some RandomAccessCollection<Flow.Key>) throws(KernelError) -> Int {
        try changeAll("end connection", keys, ConntrackMessage.delete) { $0.put($1) }
    }

    /// Ends the connections of one family that the filter and `isMeant` mean, and says how many they were: a list, and
    /// one deletion each. What begins while the list is read may escape, so the rule goes first and its connections
    /// after it.
    ///
    /// The walk dominates: many filters are better asked in one `isMeant` than one after the other.
    @discardableResult
    public func deleteFlows(
        _ family: AddressFamily, matching filter: FlowFilter = FlowFilter(),
        where isMeant: (Flow) -> Bool = { _ in true }
    ) throws(KernelError) -> Int {
        var keys: [Flow.Key] = []
        try forEachFlow(family, matching: filter, restart: { keys.removeAll() }) { flow in
            if isMeant(flow) { keys.append(flow.key) }
        }
        return keys.isEmpty ? 0 : try delete(keys)
    }

    /// As `deleteFlows`, in one request where the kernel can (6.12 can, 6.1 cannot) and where it can express the filter:
    /// whole addresses, protocol, single ports of TCP and UDP, mark. In a small table that is fifty times faster, because
    /// this walk takes no lock on an empty bucket. The kernel does not say how many they were.
    public func deleteFlowsUncounted(_ family: AddressFamily, matching filter: FlowFilter) throws(KernelError) {
        guard filter.isWholeInKernel(family), try deletesByFilter() else {
            try deleteFlows(family, matching: filter)
            return
        }
        try delete(family, filter)
    }

    /// Sets the mark's bits that `mask` selects, and leaves the others. False when the connection is gone.
    ///
    /// The kernel finds it by tuple and zone alone: the id does not count here.
    @discardableResult
    public func setMark(_ value: UInt32, mask: UInt32 = .max, of key: Flow.Key) throws(KernelError) -> Bool {
        do {
            try netlink.change("mark connection", key.original.description, ConntrackMessage.new) {
                $0.put(key)
                $0.putMark(value, mask: mask)
            }
            return true
        } catch {
            guard error.errno == ENOENT else { throw error }
            return false
        }
    }

    /// As `setMark` of each, many in one system call.
    ///
    /// - Returns: how many were there.
    @discardableResult
    public func setMark(
        _ value: UInt32, mask: UInt32 = .max, of keys: some RandomAccessCollection<Flow.Key>
    ) throws(KernelError) -> Int {
        try changeAll("mark connection", keys, ConntrackMessage.new) {
            $0.put($1)
            $0.putMark(value, mask: mask)
        }
    }

    /// Lets time pass for all connections of the namespace: what would have ended meanwhile ends.
    public func age(by seconds: UInt32) throws(KernelError) {
        for flow in try flows() {
            guard let left = flow.timeout else { continue }
            // What is left is told in whole seconds, rounded down.
            if left < seconds {
                _ = try delete(flow.key)
            } else {
                try netlink.change("age connection", flow.original.description, ConntrackMessage.new) {
                    $0.put(flow.key)
                    $0.put(CTA_TIMEOUT.number, max(1, left - seconds).bigEndian)
                }
            }
        }
    }

    private func changeAll<Keys: RandomAccessCollection<Flow.Key>>(
        _ operation: String, _ keys: Keys, _ type: Int, _ build: (NetlinkMessage, Flow.Key) -> Void
    ) throws(KernelError) -> Int {
        let key = { (position: Int) in keys[keys.index(keys.startIndex, offsetBy: position)] }
        var gone = 0
        var refusal: KernelError?
        try netlink.changeEach(operation, keys.count, { key($0).original.description }, type) { message, position in
            build(message, key(position))
        } refused: { error in
            if error.errno == ENOENT { gone += 1 } else { refusal = refusal ?? error }
        }
        if let refusal { throw refusal }
        return keys.count - gone
    }

    private func delete(_ family: AddressFamily, _ filter: FlowFilter) throws(KernelError) {
        try netlink.change("end connections", "", ConntrackMessage.delete) { message in
            // Version 0 would mean all families.
            message.append(nfgenmsg(family, version: 1))
            message.put(filter, family)
        }
    }

    /// Tried with what no connection has, so that a kernel which understands less than it was told ends none.
    private func deletesByFilter() throws(KernelError) -> Bool {
        if let known = kernelDeletesByFilter.withLock({ $0 }) { return known }
        let nobody = FlowFilter(
            original: .init(
                source: .v4(IPv4Prefix(host: IPv4Address(bits: 0))),
                destination: .v4(IPv4Prefix(host: IPv4Address(bits: 0)))))
        var isPossible = true
        do {
            try delete(.ipv4, nobody)
        } catch {
            guard error.errno == EINVAL || error.isUnsupported else { throw error }
            isPossible = false
        }
        kernelDeletesByFilter.withLock { $0 = isPossible }
        return isPossible
    }
}

/// Asked once a process: the question costs a walk over the table.
private let kernelDeletesByFilter = Mutex<Bool?>(nil)
