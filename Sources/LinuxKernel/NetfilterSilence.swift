internal import CLinux
internal import Glibc
internal import Ruleset

/// A namespace whose kernel takes nothing that arrives, so that it answers nothing: of the namespace that the calling
/// thread was in when this was made, for as long as this exists. Packet sockets hear before any rule does, and go on
/// hearing; what they send goes out.
///
/// The tables belong to the socket, so the kernel removes them with this value, or with the process, whichever way that
/// ends. One at a time in a namespace.
public final class NetfilterSilence {
    public static let tableName = "sluice-silence"

    /// NFPROTO_ARP, and NF_ARP_IN.
    private static let arp: (family: UInt16, input: UInt32) = (3, 0)

    private let socket: OpaquePointer

    public init() throws(NetfilterError) {
        guard let socket = mnl_socket_open2(NETLINK_NETFILTER, Int32(SOCK_CLOEXEC.rawValue)) else {
            throw .system(operation: "open netfilter socket", errno: errno)
        }
        self.socket = socket
        guard mnl_socket_bind(socket, 0, 0) == 0 else {
            throw .system(operation: "bind netfilter socket", errno: errno)
        }
        let table = try owned(nftnl_table_alloc())
        defer { nftnl_table_free(table) }
        nftnl_table_set_str(table, number(NFTNL_TABLE_NAME), Self.tableName)
        nftnl_table_set_u32(table, number(NFTNL_TABLE_FLAGS), NFT_TABLE_F_OWNER.rawValue)
        let (packets, questions) = (try Self.chain("prerouting"), try Self.chain("input"))
        defer {
            nftnl_chain_free(packets)
            nftnl_chain_free(questions)
        }
        nftnl_chain_set_u32(packets, number(NFTNL_CHAIN_HOOKNUM), Hook.Point.prerouting.netfilterNumber)
        nftnl_chain_set_u32(questions, number(NFTNL_CHAIN_HOOKNUM), Self.arp.input)
        let inet = TableFamily.inet.netfilterNumber
        var steps: [OwnedTables.Step] = []
        for (family, chain) in [(inet, packets), (Self.arp.family, questions)] {
            steps.append(
                .init(.newTable, NLM_F_CREATE | NLM_F_EXCL, family) { nftnl_table_nlmsg_build_payload($0, table) })
            steps.append(.init(.newChain, NLM_F_CREATE, family) { nftnl_chain_nlmsg_build_payload($0, chain) })
        }
        try OwnedTables.commit(steps, on: socket, "silence a namespace")
    }

    deinit { mnl_socket_close(socket) }

    /// Before everything that anybody puts there, the reassembly of fragments included; its policy is to drop.
    private static func chain(_ name: String) throws(NetfilterError) -> OpaquePointer {
        let chain = try owned(nftnl_chain_alloc())
        nftnl_chain_set_str(chain, number(NFTNL_CHAIN_TABLE), tableName)
        nftnl_chain_set_str(chain, number(NFTNL_CHAIN_NAME), name)
        nftnl_chain_set_str(chain, number(NFTNL_CHAIN_TYPE), Hook.Kind.filter.rawValue)
        nftnl_chain_set_s32(chain, number(NFTNL_CHAIN_PRIO), -500)
        nftnl_chain_set_u32(chain, number(NFTNL_CHAIN_POLICY), 0)
        return chain
    }
}
