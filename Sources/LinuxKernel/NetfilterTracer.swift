internal import CLinux
internal import Glibc
internal import NetworkVocabulary
public import Ruleset

/// What the rules of a namespace did to packets, told by the kernel itself.
///
/// A foreign table marks every packet that comes in for tracing; it decides about none. It is to be removed, or the
/// namespace to end, before somebody who counts packets measures their speed.
public final class NetfilterTracer {
    public struct Event: Hashable, Sendable {
        public enum What: Hashable, Sendable {
            /// The rule with this handle matched to its end, with this verdict (nil: the next rule is asked).
            case rule(handle: UInt64, Verdict?)
            case policy(Verdict)
            /// A chain that was jumped to ended.
            case returned
        }

        /// The same for all events of one packet.
        public let packet: UInt32
        public let table: String
        public let chain: ChainName
        public let what: What
    }

    public static let tableName = "sluice-trace"

    private let netfilter: NetfilterSocket
    private let events: OpaquePointer
    private var room = [UInt8](repeating: 0, count: 1 << 16)

    /// Listens in the calling thread's namespace.
    public init() throws(NetfilterError) {
        netfilter = try NetfilterSocket()
        guard let events = mnl_socket_open2(NETLINK_NETFILTER, Int32(SOCK_CLOEXEC.rawValue)) else {
            throw .system(operation: "open netfilter socket", errno: errno)
        }
        self.events = events
        var group = Int32(NFNLGRP_NFTRACE.rawValue)
        var size = Int32(4 << 20)
        setsockopt(mnl_socket_get_fd(events), SOL_SOCKET, SO_RCVBUFFORCE, &size, 4)
        guard mnl_socket_bind(events, 0, 0) == 0 else {
            throw .system(operation: "bind netfilter socket", errno: errno)
        }
        try addTable()
        guard mnl_socket_setsockopt(events, NETLINK_ADD_MEMBERSHIP, &group, 4) == 0 else {
            throw .system(operation: "listen to traces", errno: errno)
        }
    }

    deinit { mnl_socket_close(events) }

    /// What has happened since the last call.
    public func take() throws(NetfilterError) -> [Event] {
        var found: [Event] = []
        while true {
            let count = recv(mnl_socket_get_fd(events), &room, room.count, Int32(MSG_DONTWAIT))
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { return found }
                throw .system(operation: "hear traces", errno: errno)
            }
            room.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                var offset = 0
                while offset + MemoryLayout<nlmsghdr>.size <= count {
                    let header = (base + offset).assumingMemoryBound(to: nlmsghdr.self)
                    let length = Int(header.pointee.nlmsg_len)
                    guard length >= MemoryLayout<nlmsghdr>.size, offset + length <= count else { return }
                    if let event = Self.event(header) { found.append(event) }
                    offset += (length + 3) & ~3
                }
            }
        }
    }

    /// The handles of a table's rules, chain by chain and in their order.
    public func ruleHandles(_ family: TableFamily, _ table: String) throws(NetfilterError) -> [ChainName: [UInt64]] {
        try netfilter.whileQuiet { () throws(NetfilterError) in
            var handles: [ChainName: [UInt64]] = [:]
            try self.netfilter.request(
                .getRule, family: family.netfilterNumber, flags: NLM_F_DUMP,
                { mnl_attr_put_strz($0, UInt16(NFTA_RULE_TABLE.rawValue), table) }
            ) { message in
                guard let rule = nftnl_rule_alloc() else { return false }
                defer { nftnl_rule_free(rule) }
                guard nftnl_rule_nlmsg_parse(message, rule) >= 0,
                    let chain = nftnl_rule_get_str(rule, number(NFTNL_RULE_CHAIN)),
                    nftnl_rule_get_str(rule, number(NFTNL_RULE_TABLE)).map({ String(cString: $0) }) == table
                else { return true }
                handles[ChainName(String(cString: chain)), default: []].append(
                    nftnl_rule_get_u64(rule, number(NFTNL_RULE_HANDLE)))
                return true
            }
            return handles
        }.0
    }

    private static func event(_ header: UnsafePointer<nlmsghdr>) -> Event? {
        let type = UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(NFT_MSG_TRACE.rawValue)
        guard header.pointee.nlmsg_type == type, let trace = nftnl_trace_alloc() else { return nil }
        defer { nftnl_trace_free(trace) }
        guard nftnl_trace_nlmsg_parse(header, trace) >= 0,
            let table = nftnl_trace_get_str(trace, number(NFTNL_TRACE_TABLE)),
            let chain = nftnl_trace_get_str(trace, number(NFTNL_TRACE_CHAIN))
        else { return nil }
        let what: Event.What
        switch nftnl_trace_get_u32(trace, number(NFTNL_TRACE_TYPE)) {
        case UInt32(NFT_TRACETYPE_POLICY.rawValue):
            what = .policy(nftnl_trace_get_u32(trace, number(NFTNL_TRACE_POLICY)) == 1 ? .accept : .drop)
        case UInt32(NFT_TRACETYPE_RULE.rawValue):
            what = .rule(
                handle: nftnl_trace_get_u64(trace, number(NFTNL_TRACE_RULE_HANDLE)), verdict(trace))
        default: what = .returned
        }
        return Event(
            packet: nftnl_trace_get_u32(trace, number(NFTNL_TRACE_ID)), table: String(cString: table),
            chain: ChainName(String(cString: chain)), what: what)
    }

    private static func verdict(_ trace: OpaquePointer) -> Verdict? {
        let code = Int32(bitPattern: nftnl_trace_get_u32(trace, number(NFTNL_TRACE_VERDICT)))
        let target = nftnl_trace_get_str(trace, number(NFTNL_TRACE_JUMP_TARGET)).map { ChainName(String(cString: $0)) }
        switch (code, target) {
        case (NF_DROP, _): return .drop
        case (NF_ACCEPT, _): return .accept
        case (NFT_JUMP.rawValue, let target?): return .jump(target)
        case (NFT_GOTO.rawValue, let target?): return .goto(target)
        case (NFT_RETURN.rawValue, _): return .return
        default: return nil
        }
    }

    /// `table inet sluice-trace { chain all { type filter hook prerouting priority -390; meta nftrace set 1 } }`
    ///
    /// Behind the reassembly of fragments (-400), so that a packet is one packet; before everything of ours.
    private func addTable() throws(NetfilterError) {
        let hook = Hook(.filter, .prerouting, priority: -390, policy: .accept)
        var table = Table(.inet, Self.tableName)
        table.chains = [Chain("all", hook: hook)]
        try netfilter.commit(.replacingEverything(with: table))
        try addRule(to: "all")
    }

    /// The one rule that no table of ours has, so that `Ruleset` has no word for it.
    private func addRule(to chain: String) throws(NetfilterError) {
        let rule = try owned(nftnl_rule_alloc())
        defer { nftnl_rule_free(rule) }
        nftnl_rule_set_str(rule, number(NFTNL_RULE_TABLE), Self.tableName)
        nftnl_rule_set_str(rule, number(NFTNL_RULE_CHAIN), chain)
        nftnl_rule_set_u32(rule, number(NFTNL_RULE_FAMILY), UInt32(TableFamily.inet.netfilterNumber))
        let one = try owned(nftnl_expr_alloc("immediate"))
        nftnl_expr_set_u32(one, number(NFTNL_EXPR_IMM_DREG), UInt32(NFT_REG32_00.rawValue))
        let value: [UInt8] = [1]
        nftnl_expr_set(one, number(NFTNL_EXPR_IMM_DATA), value, 1)
        nftnl_rule_add_expr(rule, one)
        let mark = try owned(nftnl_expr_alloc("meta"))
        nftnl_expr_set_u32(mark, number(NFTNL_EXPR_META_KEY), UInt32(NFT_META_NFTRACE.rawValue))
        nftnl_expr_set_u32(mark, number(NFTNL_EXPR_META_SREG), UInt32(NFT_REG32_00.rawValue))
        nftnl_rule_add_expr(rule, mark)
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { buffer.deallocate() }
        var count = 0
        func place() -> UnsafeMutablePointer<CChar> { (buffer + count).assumingMemoryBound(to: CChar.self) }
        func finish(_ message: UnsafeMutablePointer<nlmsghdr>?) {
            count += ((message.map { Int($0.pointee.nlmsg_len) } ?? 0) + 3) & ~3
        }
        finish(nftnl_batch_begin(place(), 1))
        let message = nftnl_nlmsg_build_hdr(
            place(), UInt16(NFT_MSG_NEWRULE.rawValue), TableFamily.inet.netfilterNumber,
            UInt16(NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK), 2)
        nftnl_rule_nlmsg_build_payload(message, rule)
        finish(message)
        finish(nftnl_batch_end(place(), 3))
        guard mnl_socket_sendto(events, buffer, count) == count else {
            throw .system(operation: "mark packets for tracing", errno: errno)
        }
        // The kernel has answered before it returns; an answer that is an error ends the attempt.
        let answered = mnl_socket_recvfrom(events, buffer, 1 << 16)
        let head = buffer.assumingMemoryBound(to: nlmsghdr.self)
        guard answered >= MemoryLayout<nlmsghdr>.size + 4, Int32(head.pointee.nlmsg_type) == NLMSG_ERROR else {
            throw .system(operation: "mark packets for tracing", errno: EPROTO)
        }
        let failure = -(buffer + MemoryLayout<nlmsghdr>.size).load(as: Int32.self)
        guard failure == 0 else { throw .system(operation: "mark packets for tracing", errno: failure) }
    }
}
