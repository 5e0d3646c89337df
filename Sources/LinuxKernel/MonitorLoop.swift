internal import CLinux
internal import Glibc
internal import Ruleset

/// The body of the monitor's thread: waits for any of its sources and turns what arrives into events.
///
/// Touched by the monitor's thread only once that has started, and immutable but for the kernel's own queues.
final class MonitorLoop: Sendable {
    private enum Source: UInt64 { case wake, routing, netfilter, names }

    private let poll: FileDescriptor
    private let wake: FileDescriptor
    let routing: MulticastSocket
    let netfilter: MulticastSocket
    private let names: NamespaceNameWatch?
    private let onEvent: @Sendable (KernelEvent) -> Void

    init(
        poll: consuming FileDescriptor, wake: consuming FileDescriptor, routing: MulticastSocket,
        netfilter: MulticastSocket, names: NamespaceNameWatch?, onEvent: @escaping @Sendable (KernelEvent) -> Void
    ) {
        self.poll = poll
        self.wake = wake
        self.routing = routing
        self.netfilter = netfilter
        self.names = names
        self.onEvent = onEvent
    }

    func register() throws(KernelError) {
        try register(wake.rawValue, .wake)
        try register(routing.descriptor.rawValue, .routing)
        try register(netfilter.descriptor.rawValue, .netfilter)
        if let names { try register(names.descriptor.rawValue, .names) }
    }

    private func register(_ descriptor: Int32, _ source: Source) throws(KernelError) {
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: source.rawValue))
        guard epoll_ctl(poll.rawValue, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            throw .last("start kernel monitor", "epoll")
        }
    }

    /// Makes `run` return, from another thread.
    func end() {
        var one: UInt64 = 1
        _ = write(wake.rawValue, &one, MemoryLayout<UInt64>.size)
    }

    func run() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
        defer { buffer.deallocate() }
        var events = [epoll_event](repeating: epoll_event(), count: 4)
        while true {
            let count = epoll_wait(poll.rawValue, &events, Int32(events.count), -1)
            guard count > 0 else {
                // Nothing but an interruption can fail here; giving up would be deafness nobody notices.
                precondition(count == 0 || errno == EINTR, "epoll_wait: errno \(errno)")
                continue
            }
            for event in events.prefix(Int(count)) {
                switch Source(rawValue: event.data.u64) {
                case .wake, nil: return
                case .routing: routing.drain(buffer, KernelEvent.Change.init(routing:_:), onEvent)
                case .netfilter: netfilter.drain(buffer, KernelEvent.Change.init(netfilter:_:), onEvent)
                case .names: names?.drain(buffer) { onEvent(KernelEvent($0)) }
                }
            }
        }
    }
}

/// A netlink socket that hears announcements from every namespace with a number in its own.
final class MulticastSocket: Sendable {
    let descriptor: FileDescriptor

    /// With `only`, the kernel queues nothing but datagrams that begin with a message of that type, and those about bridges.
    init(_ number: Int32, groups: [UInt32], buffer: Int32, only type: Int? = nil) throws(KernelError) {
        let kind = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        descriptor = try KernelMonitor.check(socket(AF_NETLINK, kind, number), "netlink socket")
        var size = buffer
        if !set(SOL_SOCKET, SO_RCVBUFFORCE, &size) { _ = set(SOL_SOCKET, SO_RCVBUF, &size) }
        if let type { keep(only: type) }
        var on: Int32 = 1
        guard set(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on) else {
            throw .last("start kernel monitor", "listen to all namespaces")
        }
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor.rawValue, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
            }
        }
        guard bound == 0 else { throw .last("start kernel monitor", "bind netlink socket") }
        try setMembership(true, in: groups)
    }

    /// Joins or leaves groups; both are harmless when it is so already.
    func setMembership(_ isMember: Bool, in groups: [UInt32]) throws(KernelError) {
        for group in groups {
            var group = group
            guard set(SOL_NETLINK, isMember ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &group) else {
                throw .last("listen to kernel events", "group \(group)")
            }
        }
    }

    /// Ten thousand set elements are 151 datagrams that say nothing to us; a socket filter refuses them before they
    /// are queued. The type stands at byte 4 in the machine's order, and the filter machine reads network order.
    private func keep(only type: Int) {
        var program = [
            sock_filter(code: UInt16(BPF_LD | BPF_H | BPF_ABS), jt: 0, jf: 0, k: 4),
            sock_filter(
                code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 2, jf: 0,
                k: UInt32(UInt16(truncatingIfNeeded: type).bigEndian)),
            // The family is the first byte behind the message's head.
            sock_filter(code: UInt16(BPF_LD | BPF_B | BPF_ABS), jt: 0, jf: 0, k: 16),
            sock_filter(
                code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: 1, k: UInt32(TableFamily.bridge.netfilterNumber)),
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max),
            sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0),
        ]
        program.withUnsafeMutableBufferPointer { instructions in
            var filter = sock_fprog(len: UInt16(instructions.count), filter: instructions.baseAddress)
            // Without it the same messages are skipped here, at more cost.
            _ = set(SOL_SOCKET, SO_ATTACH_FILTER, &filter)
        }
    }

    private func set<Value: BitwiseCopyable>(_ level: Int32, _ option: Int32, _ value: inout Value) -> Bool {
        setsockopt(descriptor.rawValue, level, option, &value, socklen_t(MemoryLayout<Value>.size)) == 0
    }

    /// Delivers what is queued, up to a limit that lets the other sources speak.
    func drain(
        _ buffer: UnsafeMutableRawBufferPointer,
        _ read: (Int, UnsafeRawBufferPointer) -> KernelEvent.Change?, _ deliver: (KernelEvent) -> Void
    ) {
        for _ in 0..<256 {
            var namespaceID: Int32 = -1
            var isTruncated: Int32 = 0
            let length = sluice_receive_netlink(
                descriptor.rawValue, buffer.baseAddress, buffer.count, &namespaceID, &isTruncated)
            guard length >= 0 else {
                switch errno {
                case EINTR: continue
                case EAGAIN: return
                default:
                    // ENOBUFS, and whatever else loses an announcement.
                    deliver(KernelEvent(.overflow))
                    return
                }
            }
            if isTruncated != 0 { deliver(KernelEvent(.overflow)) }
            var datagram = NetlinkDatagram(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
            while let (head, payload) = datagram.next() {
                guard let change = read(Int(head.nlmsg_type), payload) else { continue }
                deliver(
                    KernelEvent(
                        namespaceID: namespaceID < 0 ? nil : namespaceID, portID: head.nlmsg_pid, change))
            }
        }
    }
}
