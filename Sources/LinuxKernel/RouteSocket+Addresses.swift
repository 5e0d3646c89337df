internal import CLinux
internal import Glibc
internal import NetworkVocabulary

extension RouteSocket {
    /// Adds an address. IPv6 addresses are usable at once: whoever plans them sees to it that they are unique, so
    /// they are not probed for duplicates, which would keep them silent for a second.
    public func addAddress(_ address: KernelAddress) throws(KernelError) {
        try send("add address", address, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL)
    }

    public func deleteAddress(_ address: KernelAddress) throws(KernelError) {
        try send("delete address", address, RTM_DELADDR, 0)
    }

    /// Every address of the namespace, or of one link.
    public func addresses(ofLink index: Int32? = nil) throws(KernelError) -> [KernelAddress] {
        var addresses: [KernelAddress] = []
        try netlink.dump("list addresses", RTM_GETADDR) { message in
            var head = ifaddrmsg()
            head.ifa_index = UInt32(bitPattern: index ?? 0)
            message.append(head)
        } restart: {
            addresses.removeAll()
        } read: { head, payload in
            if head.nlmsg_type == RTM_NEWADDR, let address = KernelAddress(payload) { addresses.append(address) }
        }
        return addresses
    }

    private func send(
        _ operation: String, _ address: KernelAddress, _ type: Int, _ flags: Int32
    ) throws(KernelError) {
        try netlink.change(operation, "\(address.address) on link \(address.linkIndex)", type, flags) { message in
            var head = ifaddrmsg()
            head.ifa_family = address.address.address.family.number
            head.ifa_prefixlen = UInt8(address.address.prefixLength)
            head.ifa_index = UInt32(bitPattern: address.linkIndex)
            head.ifa_scope = address.scope.rawValue
            message.append(head)
            message.put(IFA_LOCAL, address.address.address)
            message.put(IFA_ADDRESS, address.address.address)
            var flags: UInt32 = 0
            if address.hasNoPrefixRoute { flags |= UInt32(IFA_F_NOPREFIXROUTE) }
            if address.address.address.family == .ipv6 { flags |= UInt32(IFA_F_NODAD) }
            if flags != 0 { message.put(IFA_FLAGS, flags) }
        }
    }
}

extension AddressFamily {
    /// The C library's number for it.
    var number: UInt8 {
        switch self {
        case .ipv4: UInt8(AF_INET)
        case .ipv6: UInt8(AF_INET6)
        }
    }

    init?(number: UInt8) {
        switch Int32(number) {
        case AF_INET: self = .ipv4
        case AF_INET6: self = .ipv6
        default: return nil
        }
    }
}
