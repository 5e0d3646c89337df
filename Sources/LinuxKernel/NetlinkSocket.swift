internal import CLinux
internal import Glibc

/// A request–reply conversation with one part of the kernel, in the namespace where the socket was opened.
///
/// The socket is libnl's; replies are read here, because libnl folds error numbers together (an unreachable gateway
/// becomes "unspecific failure") and drops the kernel's explanation.
final class NetlinkSocket {
    private let socket: OpaquePointer
    let scratch: NetlinkScratch
    var sequence: UInt32 = 0
    var counters = NetlinkCounters()

    /// Opens the socket in the calling thread's namespace.
    init(protocol number: Int32, _ scratch: NetlinkScratch) throws(KernelError) {
        guard let socket = nl_socket_alloc() else { throw .last("open", "netlink socket") }
        self.socket = socket
        self.scratch = scratch
        errno = 0
        guard nl_connect(socket, number) == 0 else {
            throw KernelError(operation: "open", object: "netlink socket", errno: errno == 0 ? EIO : errno)
        }
        // Without these the kernel repeats the request in its answer and keeps its explanation to itself; both are
        // older than any kernel we run on, and errors stay errors without them.
        for option in [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK] {
            var on: Int32 = 1
            setsockopt(descriptor, SOL_NETLINK, option, &on, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    deinit { nl_socket_free(socket) }

    var descriptor: Int32 { nl_socket_get_fd(socket) }
    var portID: UInt32 { nl_socket_get_local_port(socket) }

    /// Sends a request that changes something, and waits for the kernel's verdict.
    func change(
        _ operation: String, _ object: @autoclosure () -> String, _ type: Int, _ flags: Int32 = 0,
        _ build: (NetlinkMessage) -> Void
    ) throws(KernelError) {
        counters.writes += 1
        scratch.message.begin(type, flags | NLM_F_ACK)
        build(scratch.message)
        try send(operation, object)
        _ = try receive(operation, object) { _, _ in }
    }

    /// Asks about one object; the answer is read by `read`.
    func lookUp(
        _ operation: String, _ object: @autoclosure () -> String, _ type: Int, _ flags: Int32 = 0,
        _ build: (NetlinkMessage) -> Void, read: (nlmsghdr, UnsafeRawBufferPointer) -> Void
    ) throws(KernelError) {
        counters.lookups += 1
        scratch.message.begin(type, flags | NLM_F_ACK)
        build(scratch.message)
        try send(operation, object)
        _ = try receive(operation, object, read)
    }

    /// Asks for a list. A list that changed while the kernel wrote it is thrown away (`restart`) and asked for again.
    func dump(
        _ operation: String, _ type: Int, _ build: (NetlinkMessage) -> Void, restart: () -> Void,
        read: (nlmsghdr, UnsafeRawBufferPointer) -> Void
    ) throws(KernelError) {
        for _ in 0..<32 {
            counters.dumps += 1
            restart()
            scratch.message.begin(type, NLM_F_DUMP)
            build(scratch.message)
            try send(operation, { "" })
            if try receive(operation, { "" }, read) { return }
        }
        throw KernelError(
            operation: operation, object: "", errno: EAGAIN, explanation: "the list changed each time it was read")
    }

    /// Sends messages that the caller numbered itself, and returns the kernel's objections by those numbers.
    ///
    /// The kernel has answered by the time the sending returns, so an empty queue means that it has said all.
    func submit(
        _ operation: String, _ object: (UInt32) -> String, _ messages: [UInt8]
    ) throws(KernelError) -> [UInt32: KernelError] {
        counters.writes += 1
        while Glibc.send(descriptor, messages, messages.count, 0) < 0 {
            guard errno == EINTR else { throw .last(operation, object(0)) }
        }
        var objections: [UInt32: KernelError] = [:]
        while true {
            let length = recv(descriptor, scratch.received.baseAddress, scratch.received.count, Int32(MSG_DONTWAIT))
            if length < 0 {
                if errno == EINTR { continue }
                guard errno == EAGAIN else { throw .last(operation, object(0)) }
                return objections
            }
            var datagram = NetlinkDatagram(UnsafeRawBufferPointer(rebasing: scratch.received[..<length]))
            while let (head, payload) = datagram.next() {
                guard head.nlmsg_type == NLMSG_ERROR, let failure = failure(head, payload) else { continue }
                objections[head.nlmsg_seq] = KernelError(
                    operation: operation, object: object(head.nlmsg_seq), errno: failure.errno,
                    explanation: failure.text)
            }
        }
    }

    /// Gives the message its number and its sender.
    func stamp(
        _ operation: String, _ object: () -> String
    ) throws(KernelError) -> UnsafeMutablePointer<nlmsghdr> {
        guard !scratch.message.isTooLong else {
            throw KernelError(operation: operation, object: object(), errno: EMSGSIZE)
        }
        sequence &+= 1
        let head = scratch.message.head
        head.pointee.nlmsg_seq = sequence
        head.pointee.nlmsg_pid = portID
        return head
    }

    /// Waits for what comes next. Good until the scratch is used again.
    func nextDatagram(_ operation: String, _ object: () -> String) throws(KernelError) -> NetlinkDatagram {
        while true {
            let length = recv(descriptor, scratch.received.baseAddress, scratch.received.count, Int32(MSG_TRUNC))
            if length < 0 {
                if errno == EINTR { continue }
                throw .last(operation, object())
            }
            guard length <= scratch.received.count else {
                throw KernelError(operation: operation, object: object(), errno: EMSGSIZE)
            }
            return NetlinkDatagram(UnsafeRawBufferPointer(rebasing: scratch.received[..<length]))
        }
    }

    private func send(_ operation: String, _ object: () -> String) throws(KernelError) {
        let head = try stamp(operation, object)
        while Glibc.send(descriptor, head, Int(head.pointee.nlmsg_len), 0) < 0 {
            guard errno == EINTR else { throw .last(operation, object()) }
        }
    }

    /// Reads until the request is answered. False: the list was interrupted by a change.
    private func receive(
        _ operation: String, _ object: () -> String, _ read: (nlmsghdr, UnsafeRawBufferPointer) -> Void
    ) throws(KernelError) -> Bool {
        var isWhole = true
        while true {
            var datagram = try nextDatagram(operation, object)
            while let (head, payload) = datagram.next() {
                // An answer to a request that was given up on.
                guard head.nlmsg_seq == sequence else { continue }
                if Int32(head.nlmsg_flags) & NLM_F_DUMP_INTR != 0 { isWhole = false }
                switch Int32(head.nlmsg_type) {
                case NLMSG_ERROR, NLMSG_DONE:
                    guard let failure = failure(head, payload) else { return isWhole }
                    throw KernelError(
                        operation: operation, object: object(), errno: failure.errno, explanation: failure.text)
                case NLMSG_NOOP: continue
                default: read(head, payload)
                }
            }
        }
    }

    /// The verdict of an acknowledgement: nil is success.
    func failure(_ head: nlmsghdr, _ payload: UnsafeRawBufferPointer) -> (errno: Int32, text: String)? {
        guard payload.count >= 4 else { return head.nlmsg_type == NLMSG_DONE ? nil : (EBADMSG, "") }
        let code = payload.loadUnaligned(as: Int32.self)
        guard code < 0 else { return nil }
        guard Int32(head.nlmsg_flags) & NLM_F_ACK_TLVS != 0 else { return (-code, "") }
        var skipped = 4
        if head.nlmsg_type == NLMSG_ERROR {
            // The request's header comes back, and all of the request unless the kernel says that it is capped.
            let isCapped = Int32(head.nlmsg_flags) & NLM_F_CAPPED != 0
            let request = payload.count >= 8 ? Int(payload.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) : 0
            skipped += isCapped ? MemoryLayout<nlmsghdr>.size : netlinkAligned(request)
        }
        var attributes = NetlinkAttributes(payload, after: min(skipped, payload.count))
        while let attribute = attributes.next() {
            if attribute.type == Int(NLMSGERR_ATTR_MSG.rawValue) { return (-code, attribute.string) }
        }
        return (-code, "")
    }
}
