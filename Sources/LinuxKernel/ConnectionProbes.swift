internal import CLinux
internal import Glibc
public import NetworkVocabulary

/// Connections that are tried without waiting, to find out whether somebody takes them. Confined to one thread.
public final class ConnectionProbes<ID: Hashable> {
    private var pending: [ID: Int32] = [:]

    public init() {}

    deinit { for socket in pending.values { close(socket) } }

    public var count: Int { pending.count }

    /// Tries one from inside the namespace. False when it failed at once.
    public func start(
        _ id: ID, _ address: IPv4Address, _ port: UInt16, in namespace: NetworkNamespace
    ) throws(KernelError) -> Bool {
        abandon(id)
        let probe = try namespace.enter { () throws(KernelError) -> FileDescriptor in
            let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
            guard number >= 0 else { throw .last("open socket", "for a probe") }
            return FileDescriptor(owning: number)
        }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        target.sin_addr.s_addr = address.bits.bigEndian
        let result = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(probe.rawValue, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 || errno == EINPROGRESS else { return false }
        pending[id] = probe.release()
        return true
    }

    /// Those that are decided by now, and how.
    public func decided() -> [(id: ID, isTaken: Bool)] {
        let ids = Array(pending.keys)
        var polls = ids.map { pollfd(fd: pending[$0] ?? -1, events: Int16(POLLOUT), revents: 0) }
        guard !polls.isEmpty, poll(&polls, nfds_t(polls.count), 0) > 0 else { return [] }
        var found: [(id: ID, isTaken: Bool)] = []
        for (id, state) in zip(ids, polls) where state.revents != 0 {
            var failure: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(state.fd, SOL_SOCKET, SO_ERROR, &failure, &size)
            found.append((id, failure == 0))
            abandon(id)
        }
        return found
    }

    public func abandon(_ id: ID) {
        if let socket = pending.removeValue(forKey: id) { close(socket) }
    }
}
