internal import CLinux
internal import Glibc
internal import NetworkVocabulary
public import Ruleset

/// The door to one namespace's nftables: the namespace that the calling thread was in when the socket was opened.
///
/// Not for sharing: one lane uses it, one call after the other. Every answer comes before the call returns, because
/// the kernel works on a netlink message while it is being sent.
public final class NetfilterSocket {
    private let socket: OpaquePointer
    private let descriptor: Int32
    private var sequence: UInt32 = 1
    private var sendLimit = 0
    private let room: NetfilterRoom
    public private(set) var counters = NetlinkCounters()

    public init(sharing room: NetfilterRoom = NetfilterRoom()) throws(NetfilterError) {
        self.room = room
        guard let socket = mnl_socket_open2(NETLINK_NETFILTER, Int32(SOCK_CLOEXEC.rawValue)) else {
            throw .system(operation: "open netfilter socket", errno: errno)
        }
        guard mnl_socket_bind(socket, 0, 0) == 0 else {
            let error = errno
            mnl_socket_close(socket)
            throw .system(operation: "bind netfilter socket", errno: error)
        }
        self.socket = socket
        descriptor = mnl_socket_get_fd(socket)
        // Short answers that carry the kernel's words. Old kernels without them just say less.
        setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        setOption(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        sendLimit = option(SO_SNDBUF)
    }

    deinit { mnl_socket_close(socket) }

    /// The number by which the kernel names this socket in the events that its commits cause.
    public var portID: UInt32 { mnl_socket_get_portid(socket) }

    @discardableResult
    private func setOption(_ level: Int32, _ name: Int32, _ value: Int32) -> Bool {
        withUnsafeBytes(of: value) { setsockopt(descriptor, level, name, $0.baseAddress, 4) == 0 }
    }

    private func option(_ name: Int32) -> Int {
        var value: Int32 = 0
        var length: socklen_t = 4
        getsockopt(descriptor, SOL_SOCKET, name, &value, &length)
        return Int(value)
    }

    // MARK: - Changing

    /// Applies all steps or none. With an expected generation the kernel refuses (`staleGeneration`) when anybody has
    /// changed any table of the namespace since.
    ///
    /// - Returns: the generation that the transaction made, when the expected one was given; else the generation
    ///   after it, which may already be somebody else's.
    @discardableResult
    public func commit(
        _ transaction: Transaction, expectedGeneration: UInt32? = nil
    ) throws(NetfilterError) -> UInt32 {
        if transaction.isEmpty {
            let now = try generation()
            if let expectedGeneration, now != expectedGeneration { throw .staleGeneration }
            return now
        }
        try send(transaction, expectedGeneration, commits: true)
        // Generations count up and leave out zero.
        return if let expectedGeneration {
            expectedGeneration == .max ? 1 : expectedGeneration + 1
        } else {
            try generation()
        }
    }

    /// Has the kernel check the steps without taking them: a batch that never ends is dropped. What the kernel finds
    /// out only while it commits (a loop of jumps, a hook that does not fit) stays undiscovered.
    public func validate(_ transaction: Transaction) throws(NetfilterError) {
        if transaction.isEmpty { return }
        try send(transaction, nil, commits: false)
    }

    private func send(
        _ transaction: Transaction, _ generation: UInt32?, commits: Bool
    ) throws(NetfilterError) {
        let batch = try NetfilterBatch(
            transaction, firstSequence: sequence, generation: generation, commits: commits)
        sequence &+= UInt32(batch.marks.count)
        try makeRoom(for: batch.count)
        counters.writes += batch.marks.count
        guard mnl_socket_sendto(socket, batch.buffer, batch.count) == batch.count else {
            throw errno == EMSGSIZE
                ? .batchTooLarge(bytes: batch.count, limit: sendLimit) : .system(operation: "send batch", errno: errno)
        }
        var refusals: [NetfilterError.Refusal] = []
        var missed: NetfilterError?
        while true {
            let count: Int?
            do throws(NetfilterError) {
                count = try receive(Int32(MSG_DONTWAIT))
            } catch {
                // So many refusals that the last ones found no room: the first are enough.
                guard case .system(_, ENOBUFS) = error else { throw error }
                missed = error
                continue
            }
            guard let count else { break }
            forEachMessage(count) { message in
                guard message.type == UInt16(NLMSG_ERROR), let answer = message.error, answer.errno != 0,
                    let mark = batch.mark(sequence: message.sequence)
                else { return }
                refusals.append(Self.refusal(answer, mark, batch, transaction))
            }
        }
        if refusals.first?.operation == nil, refusals.first?.errno == ERESTART { throw .staleGeneration }
        if refusals.isEmpty, let missed { throw missed }
        if !refusals.isEmpty { throw .refused(refusals) }
    }

    private func makeRoom(for bytes: Int) throws(NetfilterError) {
        // The kernel keeps 32 bytes of the buffer for itself, and doubles what it is asked for.
        guard bytes + 32 > sendLimit else { return }
        let wanted = Int32(clamping: bytes + 32)
        if !setOption(SOL_SOCKET, SO_SNDBUFFORCE, wanted) { setOption(SOL_SOCKET, SO_SNDBUF, wanted) }
        sendLimit = option(SO_SNDBUF)
        if bytes + 32 > sendLimit { throw .batchTooLarge(bytes: bytes, limit: sendLimit) }
    }

    private static func refusal(
        _ answer: NetfilterAnswer, _ mark: NetfilterBatch.Mark, _ batch: borrowing NetfilterBatch,
        _ transaction: Transaction
    ) -> NetfilterError.Refusal {
        guard let index = mark.operation else {
            return NetfilterError.Refusal(
                operation: nil, text: "commit to table \(transaction.family.rawValue) \(transaction.table)",
                origin: nil, errno: answer.errno, explanation: answer.text)
        }
        var operation = transaction.operations[index]
        if let elements = mark.elements, elements.count > 0 {
            // Without an offset all that is known is the message.
            let refused = answer.offset.flatMap { batch.element(in: mark, at: $0) }.map { $0..<$0 + 1 } ?? elements
            switch operation {
            case .addElements(let set, let all): operation = .addElements(set, Array(all[refused]))
            case .deleteElements(let set, let all): operation = .deleteElements(set, Array(all[refused]))
            default: break
            }
        }
        return NetfilterError.Refusal(
            operation: index, text: operation.shortened.syntax(transaction.family, transaction.table),
            origin: operation.origin,
            errno: answer.errno, explanation: answer.text)
    }

    // MARK: - Asking

    /// The number of the namespace's present ruleset; every change makes another.
    public func generation() throws(NetfilterError) -> UInt32 {
        var generation: UInt32?
        try request(.getGeneration, family: 0, flags: 0, { _ in }) { message in
            guard let object = nftnl_gen_alloc() else { return false }
            defer { nftnl_gen_free(object) }
            guard nftnl_gen_nlmsg_parse(message, object) >= 0 else { return false }
            generation = nftnl_gen_get_u32(object, number(NFTNL_GEN_ID))
            return true
        }
        guard let generation else { throw .system(operation: "read generation", errno: EPROTO) }
        return generation
    }

    /// Sends a request and hands every message of the answer to `body`, who says whether it could be read. A dump that was interrupted by a change is
    /// answered with `EINTR`.
    func request(
        _ type: NetfilterMessage, family: UInt16, flags: Int32, _ fill: (UnsafeMutablePointer<nlmsghdr>) -> Void,
        _ body: (UnsafePointer<nlmsghdr>) -> Bool
    ) throws(NetfilterError) {
        let isDump = flags & NLM_F_DUMP == NLM_F_DUMP
        // A request holds a few names, which the kernel limits to 255 bytes each.
        let sent: Int = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
            guard
                let header = nftnl_nlmsg_build_hdr(
                    buffer.baseAddress?.assumingMemoryBound(to: CChar.self), type.rawValue, family,
                    UInt16(truncatingIfNeeded: flags), sequence)
            else { return -1 }
            fill(header)
            return mnl_socket_sendto(socket, header, Int(header.pointee.nlmsg_len))
        }
        guard sent > 0 else { throw .system(operation: "ask the kernel", errno: errno) }
        let asked = sequence
        sequence &+= 1
        if isDump { counters.dumps += 1 } else { counters.lookups += 1 }
        var failure: Int32 = 0
        var isDone = false
        while !isDone {
            guard let count = try receive(isDump ? 0 : Int32(MSG_DONTWAIT)) else { break }
            forEachMessage(count) { message in
                guard message.sequence == asked, !isDone else { return }
                if message.header.pointee.nlmsg_flags & UInt16(NLM_F_DUMP_INTR) != 0 { failure = EINTR }
                switch Int32(message.type) {
                case NLMSG_DONE: isDone = true
                case NLMSG_ERROR:
                    isDone = true
                    if let answer = message.error, answer.errno != 0 { failure = answer.errno }
                default: if failure == 0, !body(message.header) { failure = EPROTO }
                }
            }
        }
        if failure != 0 { throw .system(operation: "read the ruleset", errno: failure) }
    }

    /// The bytes of one datagram in the room; nil when there is none and waiting was not asked for.
    private func receive(_ flags: Int32) throws(NetfilterError) -> Int? {
        while true {
            let count = room.bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, flags) }
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return nil
            default: throw .system(operation: "hear the kernel's answer", errno: errno)
            }
        }
    }

    /// Calls `body` with each message of the datagram in the room.
    private func forEachMessage(_ count: Int, _ body: (NetfilterReply) -> Void) {
        room.bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset + MemoryLayout<nlmsghdr>.size <= count, let base = bytes.baseAddress {
                let header = (base + offset).assumingMemoryBound(to: nlmsghdr.self)
                let length = Int(header.pointee.nlmsg_len)
                guard length >= MemoryLayout<nlmsghdr>.size, offset + length <= count else { break }
                body(NetfilterReply(header: header))
                offset += (length + 3) & ~3
            }
        }
    }
}

extension Ruleset.Operation {
    /// For people: of many elements, the first few.
    fileprivate var shortened: Self {
        switch self {
        case .addElements(let set, let elements): .addElements(set, Array(elements.prefix(3)))
        case .deleteElements(let set, let keys): .deleteElements(set, Array(keys.prefix(3)))
        default: self
        }
    }
}

/// Room for one answer of the kernel. The sockets of a lane share one: a thousand routers need no room each.
public final class NetfilterRoom {
    fileprivate var bytes = [UInt8](repeating: 0, count: 64 << 10)

    public init() {}
}

/// A message inside a received datagram.
struct NetfilterReply {
    let header: UnsafePointer<nlmsghdr>

    var type: UInt16 { header.pointee.nlmsg_type }
    var sequence: UInt32 { header.pointee.nlmsg_seq }

    /// What an error message says; the datagram's reader has checked the message's length.
    var error: NetfilterAnswer? {
        let length = Int(header.pointee.nlmsg_len)
        let start = UnsafeRawPointer(header)
        guard length >= 36 else {
            return length >= 20
                ? NetfilterAnswer(errno: -(start + 16).load(as: Int32.self), text: nil, offset: nil) : nil
        }
        var answer = NetfilterAnswer(errno: -(start + 16).load(as: Int32.self), text: nil, offset: nil)
        let flags = header.pointee.nlmsg_flags
        // NLM_F_ACK_TLVS: attributes follow the copy of the request's header, or of the whole request.
        guard flags & 0x200 != 0 else { return answer }
        let copied = flags & 0x100 != 0 ? 16 : Int((start + 20).load(as: UInt32.self))
        var at = 20 + ((copied + 3) & ~3)
        while at + 4 <= length {
            let size = Int((start + at).loadUnaligned(as: UInt16.self))
            guard size >= 4, at + size <= length else { break }
            let payload = UnsafeRawBufferPointer(start: start + at + 4, count: size - 4)
            switch (start + at + 2).loadUnaligned(as: UInt16.self) & 0x3fff {
            case 1: answer.text = String(decoding: payload.prefix { $0 != 0 }, as: UTF8.self)
            case 2 where payload.count == 4: answer.offset = Int(payload.loadUnaligned(as: UInt32.self))
            default: break
            }
            at += (size + 3) & ~3
        }
        return answer
    }
}

/// The kernel's verdict on one message.
struct NetfilterAnswer {
    let errno: Int32
    var text: String?
    /// Of the attribute that was bad, counted from the message's beginning.
    var offset: Int?
}
