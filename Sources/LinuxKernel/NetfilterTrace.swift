internal import CLinux
internal import Glibc
public import Ruleset

/// What the rules of a namespace do to packets, told by the kernel: of the namespace that the calling thread was in when
/// this was made, for every packet that comes in after that.
///
/// A table of its own marks packets before any other chain sees them. The table belongs to the socket, so the kernel
/// removes it with this value, or with the process, whichever way that ends. Each rule that a marked packet meets costs
/// a message: where much passes, say which packets are meant. One at a time in a namespace.
public final class NetfilterTrace {
    public static let tableName = "sluice-trace"

    private let socket: OpaquePointer
    private let descriptor: Int32
    private var room = [UInt8](repeating: 0, count: 32 << 10)
    /// Our numbers of packets by the kernel's, of the last reading and of this one.
    private var numbers: (last: [UInt32: UInt32], latest: [UInt32: UInt32]) = ([:], [:])
    private var packetCount: UInt32 = 0

    /// Marks what the rule's statements match, else everything. A rule that compares with several values at once needs
    /// a set, and is `unwritable` here.
    public init(of packets: Rule? = nil) throws(NetfilterError) {
        guard let socket = mnl_socket_open2(NETLINK_NETFILTER, Int32(SOCK_CLOEXEC.rawValue)) else {
            throw .system(operation: "open netfilter socket", errno: errno)
        }
        self.socket = socket
        descriptor = mnl_socket_get_fd(socket)
        guard mnl_socket_bind(socket, 0, 0) == 0 else {
            throw .system(operation: "bind netfilter socket", errno: errno)
        }
        try mark(packets)
        var (group, size) = (Int32(bitPattern: NFNLGRP_NFTRACE.rawValue), Int32(4 << 20))
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4)
        guard setsockopt(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, 4) == 0 else {
            throw .system(operation: "listen to traces", errno: errno)
        }
    }

    deinit { mnl_socket_close(socket) }

    /// What has been told since the last reading; waits for the first of it when there is nothing. Packets that were
    /// through before the call are in it whole. `ENOBUFS` when the kernel had more to tell than there was room for.
    public func read(waiting timeout: Duration = .zero) throws(NetfilterError) -> [NetfilterTraceEvent] {
        var events: [NetfilterTraceEvent] = []
        numbers = (numbers.latest, [:])
        let (seconds, attoseconds) = timeout.components
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = Glibc.poll(&poll, 1, Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000))
        while let count = try receive() {
            room.withUnsafeBytes { bytes in
                var datagram = NetlinkDatagram(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                while let (head, payload) = datagram.next() {
                    guard head.nlmsg_type == Self.message(NFT_MSG_TRACE.rawValue),
                        var event = NetfilterTraceEvent(payload)
                    else { continue }
                    event.packet = ownNumber(of: event)
                    if event.table != Self.tableName { events.append(event) }
                }
            }
        }
        return events
    }

    /// The kernel makes its number of the buffer's address, the flow and the device, so that a packet and the next of its
    /// flow often share one. But each comes by our own chain once, before any other, and the end of that is told.
    private func ownNumber(of event: NetfilterTraceEvent) -> UInt32 {
        let comesIn = event.table == Self.tableName && event.action == .policy(.accept)
        if !comesIn, let known = numbers.latest[event.packet] ?? numbers.last[event.packet] {
            numbers.latest[event.packet] = known
            return known
        }
        packetCount += 1
        numbers.latest[event.packet] = packetCount
        return packetCount
    }

    private func receive() throws(NetfilterError) -> Int? {
        while true {
            let count = room.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return nil
            default: throw .system(operation: "hear a trace", errno: errno)
            }
        }
    }

    private static func message(_ type: UInt32) -> UInt16 {
        UInt16(truncatingIfNeeded: UInt32(NFNL_SUBSYS_NFTABLES) << 8 | type)
    }

    // MARK: - The table

    private func mark(_ packets: Rule?) throws(NetfilterError) {
        let rule = try Self.rule(packets)
        defer { nftnl_rule_free(rule) }
        let table = try owned(nftnl_table_alloc())
        defer { nftnl_table_free(table) }
        nftnl_table_set_str(table, number(NFTNL_TABLE_NAME), Self.tableName)
        nftnl_table_set_u32(table, number(NFTNL_TABLE_FLAGS), NFT_TABLE_F_OWNER.rawValue)
        let chain = try owned(nftnl_chain_alloc())
        defer { nftnl_chain_free(chain) }
        nftnl_chain_set_str(chain, number(NFTNL_CHAIN_TABLE), Self.tableName)
        nftnl_chain_set_str(chain, number(NFTNL_CHAIN_NAME), Self.chain)
        nftnl_chain_set_str(chain, number(NFTNL_CHAIN_TYPE), Hook.Kind.filter.rawValue)
        nftnl_chain_set_u32(chain, number(NFTNL_CHAIN_HOOKNUM), Hook.Point.prerouting.netfilterNumber)
        // Behind the reassembly of fragments (-400), so that a packet is one packet; before everything that anybody puts
        // there: connection tracking's own place is -200, what precedes it -300.
        nftnl_chain_set_s32(chain, number(NFTNL_CHAIN_PRIO), -390)
        nftnl_chain_set_u32(chain, number(NFTNL_CHAIN_POLICY), 1)

        let family = TableFamily.inet.netfilterNumber
        try OwnedTables.commit(
            [
                .init(.newTable, NLM_F_CREATE | NLM_F_EXCL, family) { nftnl_table_nlmsg_build_payload($0, table) },
                .init(.newChain, NLM_F_CREATE, family) { nftnl_chain_nlmsg_build_payload($0, chain) },
                .init(.newRule, NLM_F_CREATE | NLM_F_APPEND, family) { nftnl_rule_nlmsg_build_payload($0, rule) },
            ], on: socket, "mark packets for a trace")
    }

    private static let chain = "prerouting"

    private static func rule(_ packets: Rule?) throws(NetfilterError) -> OpaquePointer {
        let rule = try owned(nftnl_rule_alloc())
        do throws(NetfilterError) {
            nftnl_rule_set_str(rule, number(NFTNL_RULE_TABLE), tableName)
            nftnl_rule_set_str(rule, number(NFTNL_RULE_CHAIN), chain)
            for expression in packets?.expressions(in: .inet) ?? [] {
                if case .lookup = expression { throw .unwritable("lookup") }
                nftnl_rule_add_expr(rule, try expression.encoded(anonymousID: nil))
            }
            nftnl_rule_add_expr(rule, try Expression.immediate([1], into: .first).encoded(anonymousID: nil))
            let mark = try owned(nftnl_expr_alloc("meta"))
            nftnl_expr_set_u32(mark, number(NFTNL_EXPR_META_KEY), NFT_META_NFTRACE.rawValue)
            nftnl_expr_set_u32(mark, number(NFTNL_EXPR_META_SREG), Register.first.number)
            nftnl_rule_add_expr(rule, mark)
            return rule
        } catch {
            nftnl_rule_free(rule)
            throw error
        }
    }
}
