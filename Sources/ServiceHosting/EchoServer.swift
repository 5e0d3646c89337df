internal import CLinux
internal import Glibc
public import LinuxKernel
public import NetworkVocabulary

/// Echo on port 7 over UDP and TCP (RFC 862): what the simulated internet's host serves, so that a guest can show
/// that it reaches something.
///
/// One thread for all connections. A peer that does not read its echo is not read from either.
public final class EchoServer: Sendable {
    private let thread: KernelThread
    private let wake: FileDescriptor

    /// Opens its sockets inside the namespace; they stay there.
    public init(in namespace: NetworkNamespace, at address: IPv4Address) throws(KernelError) {
        wake = FileDescriptor(owning: try Self.check(eventfd(0, Int32(EFD_CLOEXEC)), "eventfd"))
        let poll = FileDescriptor(owning: try Self.check(epoll_create1(Int32(EPOLL_CLOEXEC)), "epoll"))
        var sockets: (udp: Int32, tcp: Int32) = (-1, -1)
        try namespace.enter { () throws(KernelError) in
            sockets.udp = try Self.bind(SOCK_DGRAM, address)
            do throws(KernelError) {
                sockets.tcp = try Self.bind(SOCK_STREAM, address)
            } catch {
                close(sockets.udp)
                throw error
            }
        }
        let udp = FileDescriptor(owning: sockets.udp)
        let tcp = FileDescriptor(owning: sockets.tcp)
        try Self.check(listen(tcp.rawValue, 128), "listen")
        let loop = EchoLoop(poll: poll, wake: wake.rawValue, udp: udp, tcp: tcp)
        thread = try KernelThread(name: "echo") { loop.run() }
    }

    deinit { stop() }

    public func stop() {
        var one: UInt64 = 1
        _ = write(wake.rawValue, &one, 8)
        thread.join()
    }

    private static func bind(_ type: __socket_type, _ address: IPv4Address) throws(KernelError) -> Int32 {
        let flags = Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = try check(socket(AF_INET, flags, 0), "socket")
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(7).bigEndian
        name.sin_addr.s_addr = address.bits.bigEndian
        let bound = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0 else {
            let failure = KernelError(operation: "bind", object: "\(address):7", errno: errno)
            close(descriptor)
            throw failure
        }
        return descriptor
    }

    @discardableResult
    private static func check(_ number: Int32, _ what: String) throws(KernelError) -> Int32 {
        guard number >= 0 else { throw KernelError(operation: "start echo", object: what, errno: errno) }
        return number
    }
}

/// The loop of the echo thread. Sendable because only that thread uses it once it runs.
private final class EchoLoop: @unchecked Sendable {
    private let poll: FileDescriptor
    private let wake: Int32
    private let udp: FileDescriptor
    private let tcp: FileDescriptor
    /// Bytes that a peer has not taken yet.
    private var unsent: [Int32: [UInt8]] = [:]
    private var buffer = [UInt8](repeating: 0, count: 65536)

    init(poll: consuming FileDescriptor, wake: Int32, udp: consuming FileDescriptor, tcp: consuming FileDescriptor) {
        self.poll = poll
        self.wake = wake
        self.udp = udp
        self.tcp = tcp
    }

    func run() {
        for descriptor in [wake, udp.rawValue, tcp.rawValue] { watch(descriptor, EPOLL_CTL_ADD, EPOLLIN) }
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = epoll_wait(poll.rawValue, &events, 64, -1)
            if count < 0, errno != EINTR { break }
            for event in events.prefix(Int(max(0, count))) {
                switch event.data.fd {
                case wake:
                    unsent.keys.forEach { close($0) }
                    return
                case udp.rawValue: echoDatagrams()
                case tcp.rawValue: accept()
                case let peer: serve(peer)
                }
            }
        }
    }

    private func watch(_ descriptor: Int32, _ operation: Int32, _ interest: EPOLL_EVENTS) {
        var event = epoll_event(events: interest.rawValue, data: epoll_data(fd: descriptor))
        epoll_ctl(poll.rawValue, operation, descriptor, &event)
    }

    private func echoDatagrams() {
        var peer = sockaddr_in()
        while true {
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isDone = withUnsafeMutablePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    let count = recvfrom(udp.rawValue, &buffer, buffer.count, 0, address, &length)
                    guard count >= 0 else { return true }
                    sendto(udp.rawValue, buffer, count, 0, address, length)
                    return false
                }
            }
            if isDone { return }
        }
    }

    private func accept() {
        while true {
            let peer = sluice_accept(tcp.rawValue, Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue))
            guard peer >= 0 else { return }
            unsent[peer] = []
            watch(peer, EPOLL_CTL_ADD, EPOLLIN)
        }
    }

    /// Sends what waits, and reads on only when nothing does.
    private func serve(_ peer: Int32) {
        while true {
            if let waiting = unsent[peer], !waiting.isEmpty {
                let sent = send(peer, waiting, waiting.count, Int32(MSG_NOSIGNAL))
                guard sent >= 0 else { return finish(peer, unless: EAGAIN, waitingFor: EPOLLOUT) }
                unsent[peer] = Array(waiting.dropFirst(sent))
                continue
            }
            let count = recv(peer, &buffer, buffer.count, 0)
            if count == 0 { return end(peer) }
            guard count > 0 else { return finish(peer, unless: EAGAIN, waitingFor: EPOLLIN) }
            unsent[peer] = Array(buffer[..<count])
        }
    }

    private func finish(_ peer: Int32, unless harmless: Int32, waitingFor interest: EPOLL_EVENTS) {
        if errno == harmless { watch(peer, EPOLL_CTL_MOD, interest) } else { end(peer) }
    }

    private func end(_ peer: Int32) {
        unsent[peer] = nil
        close(peer)
    }
}
