internal import CLinux
internal import Glibc

extension RouteSocket {
    // MARK: What is sent.

    /// Makes frames sent by the link wait in a token bucket. One that is there changes and keeps what waits in it; a
    /// queue of another kind is replaced.
    public func setTokenBucket(_ bucket: TokenBucket, on index: Int32) throws(KernelError) {
        let flags = NLM_F_CREATE | NLM_F_REPLACE
        try changeQueue("set token bucket", index, RTM_NEWQDISC, flags, module: .tokenBucket) { message in
            message.append(Self.queue(index, rootParent))
            message.put(TCA_KIND, tokenBucketKind)
            bucket.put(in: message)
        }
    }

    /// Gives the link the kernel's own queue again.
    public func removeRootQueue(of index: Int32) throws(KernelError) {
        try changeQueue("remove queue", index, RTM_DELQDISC) { $0.append(Self.queue(index, rootParent)) }
    }

    public func rootQueue(of index: Int32) throws(KernelError) -> RootQueue {
        var found = RootQueue.standard
        try lookAtQueue(index, parent: rootParent) { head, kind, options in
            // Handles are given to what somebody asked for.
            guard head.tcm_handle != 0 else { return }
            found = .other(kind)
            if kind == tokenBucketKind, let bucket = options.flatMap({ TokenBucket($0) }) {
                found = .tokenBucket(bucket)
            }
        }
        return found
    }

    // MARK: What comes in.

    /// Sends every frame that comes in by the link into the queue of another, instead of further up. There must be no
    /// other treatment.
    public func redirectIncoming(of index: Int32, to queue: Int32) throws(KernelError) {
        let flags = NLM_F_CREATE | NLM_F_EXCL
        try changeQueue("treat incoming frames", index, RTM_NEWQDISC, flags, module: .redirection) { message in
            message.append(Self.queue(index, incomingParent, handle: incomingHandle))
            message.put(TCA_KIND, incomingKind)
        }
        try changeQueue("redirect incoming frames", index, RTM_NEWTFILTER, flags, module: .redirection) { message in
            var head = Self.queue(index, incomingFilters)
            head.tcm_info = redirectPriority << 16 | UInt32(UInt16(ETH_P_ALL).bigEndian)
            message.append(head)
            message.put(TCA_KIND, filterKind)
            message.nested(TCA_OPTIONS) {
                // Without a key to compare, it matches a frame of any length, also one too short for a key.
                var selector = SelectorHead()
                selector.flags = UInt8(TC_U32_TERMINAL)
                withUnsafeBytes(of: selector) { message.put(TCA_U32_SEL, bytes: $0) }
                message.nested(TCA_U32_ACT) {
                    message.nested(1) { Self.putRedirection(to: queue, message) }
                }
            }
        }
    }

    private static func putRedirection(to queue: Int32, _ message: NetlinkMessage) {
        message.put(TCA_ACT_KIND, redirectionKind)
        message.nested(TCA_ACT_OPTIONS) {
            var redirection = tc_mirred()
            redirection.action = TC_ACT_STOLEN
            redirection.eaction = TCA_EGRESS_REDIR
            redirection.ifindex = UInt32(bitPattern: queue)
            withUnsafeBytes(of: redirection) { message.put(TCA_MIRRED_PARMS, bytes: $0) }
        }
    }

    /// Whatever was done with frames that come in by the link is no longer.
    public func removeIncomingTreatment(of index: Int32) throws(KernelError) {
        try changeQueue("remove treatment of incoming frames", index, RTM_DELQDISC) { message in
            message.append(Self.queue(index, incomingParent))
        }
    }

    public func incomingTreatment(of index: Int32) throws(KernelError) -> IncomingTreatment {
        var isThere = false
        try lookAtQueue(index, parent: incomingParent) { head, _, _ in isThere = head.tcm_handle != 0 }
        guard isThere else { return .none }
        var filters: [Int32?] = []
        try netlink.dump("list filters", RTM_GETTFILTER) { message in
            message.append(Self.queue(index, incomingFilters))
        } restart: {
            filters.removeAll()
        } read: { head, payload in
            guard head.nlmsg_type == RTM_NEWTFILTER, let filter = Self.filter(payload) else { return }
            filters.append(filter.target)
        }
        guard filters.count == 1, let target = filters[0] else { return .other }
        return .redirected(to: target)
    }

    // MARK: Messages.

    private static func queue(_ index: Int32, _ parent: UInt32, handle: UInt32 = 0) -> tcmsg {
        var head = tcmsg()
        head.tcm_ifindex = index
        head.tcm_parent = parent
        head.tcm_handle = handle
        return head
    }

    private func changeQueue(
        _ operation: String, _ index: Int32, _ type: Int, _ flags: Int32 = 0, module: KernelFeatures.Feature? = nil,
        _ build: (NetlinkMessage) -> Void
    ) throws(KernelError) {
        do throws(KernelError) {
            try netlink.change(operation, "of link \(index)", type, flags, build)
        } catch {
            // The kernel says the same of a kind that it does not know as of a link that is gone.
            guard error.errno == ENOENT, let module, (try? link(index)) != nil else { throw error }
            var error = error
            error.errno = EOPNOTSUPP
            error.explanation += (error.explanation.isEmpty ? "" : "; ") + "is the module \(module.module) there?"
            throw error
        }
    }

    /// Reads one queue of a link; reads nothing where there is none.
    private func lookAtQueue(
        _ index: Int32, parent: UInt32, _ read: (tcmsg, String, NetlinkAttributes?) -> Void
    ) throws(KernelError) {
        do throws(KernelError) {
            // The kernel answers such a question to all who listen, and to who asked only if he wants an echo.
            try netlink.lookUp("look up queue", "of link \(index)", RTM_GETQDISC, NLM_F_ECHO) { message in
                message.append(Self.queue(index, parent))
            } read: { _, payload in
                guard payload.count >= MemoryLayout<tcmsg>.size else { return }
                var kind = ""
                var options: NetlinkAttributes?
                var attributes = NetlinkAttributes(payload, after: MemoryLayout<tcmsg>.size)
                while let attribute = attributes.next() {
                    switch attribute.type {
                    case TCA_KIND: kind = attribute.string
                    case TCA_OPTIONS: options = attribute.nested
                    default: break
                    }
                }
                read(payload.loadUnaligned(as: tcmsg.self), kind, options)
            }
        } catch {
            // Of what a link never had the kernel says that it is not there, and of what it had and lost, that it
            // cannot be asked about.
            guard error.errno == ENOENT || error.errno == EINVAL else { throw error }
        }
    }

    /// A filter: with the link that it redirects every frame to, or without one if it does anything else. Nil for the
    /// tables that filters are in.
    private static func filter(_ payload: UnsafeRawBufferPointer) -> (target: Int32?, Void)? {
        guard payload.count >= MemoryLayout<tcmsg>.size else { return (nil, ()) }
        let head = payload.loadUnaligned(as: tcmsg.self)
        var kind = ""
        var matchesAll = false
        var isTable = true
        var target: Int32?
        var attributes = NetlinkAttributes(payload, after: MemoryLayout<tcmsg>.size)
        while let attribute = attributes.next() {
            if attribute.type == TCA_KIND { kind = attribute.string }
            guard attribute.type == TCA_OPTIONS else { continue }
            var options = attribute.nested
            while let option = options.next() {
                switch option.type {
                case TCA_U32_SEL where option.bytes.count >= MemoryLayout<SelectorHead>.size:
                    isTable = false
                    let selector = option.bytes.loadUnaligned(as: SelectorHead.self)
                    matchesAll = selector.keys == 0 && selector.flags == UInt8(TC_U32_TERMINAL)
                case TCA_U32_ACT: target = redirection(option.nested)
                default: break
                }
            }
        }
        // A kind's own tables have the priority and no handle, or that of a table.
        if kind == filterKind, isTable { return nil }
        let information = redirectPriority << 16 | UInt32(UInt16(ETH_P_ALL).bigEndian)
        let isOfOurs = kind == filterKind && matchesAll && head.tcm_info == information
        return (isOfOurs ? target : nil, ())
    }

    /// The link that frames go to when that is the only thing done with them.
    private static func redirection(_ actions: NetlinkAttributes) -> Int32? {
        var actions = actions
        guard let first = actions.next(), actions.next() == nil else { return nil }
        var isRedirection = false
        var target: Int32?
        var attributes = first.nested
        while let attribute = attributes.next() {
            if attribute.type == TCA_ACT_KIND { isRedirection = attribute.string == redirectionKind }
            guard attribute.type == TCA_ACT_OPTIONS else { continue }
            var options = attribute.nested
            while let option = options.next() {
                guard option.type == TCA_MIRRED_PARMS, option.bytes.count >= MemoryLayout<tc_mirred>.size else {
                    continue
                }
                let redirection = option.bytes.loadUnaligned(as: tc_mirred.self)
                guard redirection.eaction == TCA_EGRESS_REDIR, redirection.action == TC_ACT_STOLEN else { return nil }
                target = Int32(bitPattern: redirection.ifindex)
            }
        }
        return isRedirection ? target : nil
    }
}

/// `tc_u32_sel` up to its keys, of which it has none: Swift does not see a structure without an end.
private struct SelectorHead: BitwiseCopyable {
    var flags: UInt8 = 0
    var offsetShift: UInt8 = 0
    var keys: UInt8 = 0
    var padding: UInt8 = 0
    var offsetMask: UInt16 = 0
    var offset: UInt16 = 0
    var offsetOffset: Int16 = 0
    var hashOffset: Int16 = 0
    var hashMask: UInt32 = 0
}

private let rootParent: UInt32 = 0xffff_ffff
private let incomingParent: UInt32 = 0xffff_fff1
private let incomingHandle: UInt32 = 0xffff_0000
/// The filters of incoming frames; those of outgoing ones are beside them.
private let incomingFilters: UInt32 = 0xffff_fff2
private let redirectPriority: UInt32 = 1
private let tokenBucketKind = "tbf"
private let incomingKind = "clsact"
private let filterKind = "u32"
private let redirectionKind = "mirred"
