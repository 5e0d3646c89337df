internal import CLinux
internal import Glibc
public import NetworkVocabulary

extension RouteSocket {
    /// Adds a route; one with the same destination, table and metric is an error that `isAlreadyExists`, unless it is
    /// to be replaced.
    public func addRoute(_ route: KernelRoute, replacing: Bool = false) throws(KernelError) {
        try send("add route", route, RTM_NEWROUTE, NLM_F_CREATE | (replacing ? NLM_F_REPLACE : NLM_F_EXCL))
    }

    public func deleteRoute(_ route: KernelRoute) throws(KernelError) {
        try send("delete route", route, RTM_DELROUTE, 0)
    }

    /// The routes of both families in all tables, or of one family or one table. A table that nobody has used does
    /// not exist in the kernel, and is empty here.
    public func routes(_ family: AddressFamily? = nil, table: UInt32? = nil) throws(KernelError) -> [KernelRoute] {
        var routes: [KernelRoute] = []
        for family in family.map({ [$0] }) ?? AddressFamily.allCases {
            routes += try self.routes(of: family, table)
        }
        return routes
    }

    private func routes(of family: AddressFamily, _ table: UInt32?) throws(KernelError) -> [KernelRoute] {
        var routes: [KernelRoute] = []
        do {
            try netlink.dump("list routes", RTM_GETROUTE) { message in
                var head = rtmsg()
                head.rtm_family = family.number
                message.append(head)
                if let table { message.put(Int(RTA_TABLE.rawValue), table) }
            } restart: {
                routes.removeAll()
            } read: { head, payload in
                // A kernel without the family answers with those that it has.
                if head.nlmsg_type == RTM_NEWROUTE, let route = KernelRoute(payload),
                    route.destination.family == family
                {
                    routes.append(route)
                }
            }
        } catch  where table != nil && error.errno == ENOENT {
            return []
        }
        return routes
    }

    private func send(_ operation: String, _ route: KernelRoute, _ type: Int, _ flags: Int32) throws(KernelError) {
        try netlink.change(operation, "\(route)", type, flags) { message in
            var head = rtmsg()
            head.rtm_family = route.destination.family.number
            head.rtm_dst_len = UInt8(route.destination.length)
            head.rtm_table = route.table < 256 ? UInt8(route.table) : UInt8(RT_TABLE_UNSPEC.rawValue)
            head.rtm_protocol = route.maker.rawValue
            head.rtm_scope = route.scope.rawValue
            head.rtm_type = route.kind.rawValue
            head.rtm_flags = route.isOnLink ? UInt32(RTNH_F_ONLINK) : 0
            message.append(head)
            if route.destination.length > 0 { message.put(Int(RTA_DST.rawValue), route.destination.address) }
            message.put(Int(RTA_TABLE.rawValue), route.table)
            if let gateway = route.gateway { message.put(Int(RTA_GATEWAY.rawValue), gateway) }
            if let link = route.linkIndex { message.put(Int(RTA_OIF.rawValue), link) }
            if let source = route.preferredSource { message.put(Int(RTA_PREFSRC.rawValue), source) }
            if route.metric != 0 { message.put(Int(RTA_PRIORITY.rawValue), route.metric) }
        }
    }
}
