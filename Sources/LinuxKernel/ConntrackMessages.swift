internal import CLinux
internal import NetworkVocabulary

/// The kernel's numbers for what can be asked of the connection table.
enum ConntrackMessage {
    static let new = number(IPCTNL_MSG_CT_NEW)
    static let get = number(IPCTNL_MSG_CT_GET)
    static let delete = number(IPCTNL_MSG_CT_DELETE)
    static let statistics = number(IPCTNL_MSG_CT_GET_STATS)

    private static func number(_ message: cntl_msg_types) -> Int {
        Int(NFNL_SUBSYS_CTNETLINK) << 8 | message.number
    }
}

extension RawRepresentable where RawValue == UInt32 {
    /// A C enumeration's number, as netlink wants it.
    var number: Int { Int(rawValue) }
}

extension nfgenmsg {
    /// Without a family, all are meant.
    init(_ family: AddressFamily?, version: UInt8 = UInt8(NFNETLINK_V0)) {
        self.init(nfgen_family: family?.number ?? UInt8(AF_UNSPEC), version: version, res_id: 0)
    }
}

/// Which parts of a tuple a filter looks at: bits that stand in the kernel's sources only.
private enum TuplePart {
    static let source: UInt32 = 1 << 0
    static let destination: UInt32 = 1 << 1
    static let ipProtocol: UInt32 = 1 << 3
    static let sourcePort: UInt32 = 1 << 4
    static let destinationPort: UInt32 = 1 << 5
}

extension NetlinkMessage {
    /// The head and the exact name of one connection. Without a tuple the kernel would take a deletion to mean all
    /// connections, so it is never left out.
    func put(_ key: Flow.Key) {
        append(nfgenmsg(key.original.family))
        put(CTA_TUPLE_ORIG, key.original)
        // A kernel without zones refuses the attribute, and has only zone 0.
        if key.zone != 0 { put(CTA_ZONE.number, key.zone.bigEndian) }
        if let id = key.id { put(CTA_ID.number, id.bigEndian) }
    }

    func putMark(_ value: UInt32, mask: UInt32) {
        // The kernel clears the mask's bits and toggles the value's.
        put(CTA_MARK.number, (value & mask).bigEndian)
        put(CTA_MARK_MASK.number, mask.bigEndian)
    }

    func put(_ direction: ctattr_type, _ tuple: FlowTuple) {
        nested(direction.number) {
            nested(CTA_TUPLE_IP.number) {
                putSource(tuple.source)
                putDestination(tuple.destination)
            }
            nested(CTA_TUPLE_PROTO.number) {
                put(CTA_PROTO_NUM.number, tuple.ipProtocol.number)
                switch tuple.selector {
                case .ports(let source, let destination):
                    put(CTA_PROTO_SRC_PORT.number, source.bigEndian)
                    put(CTA_PROTO_DST_PORT.number, destination.bigEndian)
                case .icmp(let type, let code, let id):
                    let isV4 = tuple.family == .ipv4
                    put((isV4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE).number, type)
                    put((isV4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE).number, code)
                    put((isV4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID).number, id.bigEndian)
                case .none: break
                }
            }
        }
    }

    /// As much of the filter as the kernel can apply; see `FlowFilter.isWholeInKernel`.
    func put(_ filter: FlowFilter, _ family: AddressFamily) {
        let original = filter.original.inKernel(family)
        let reply = filter.reply.inKernel(family)
        put(CTA_TUPLE_ORIG, original)
        put(CTA_TUPLE_REPLY, reply)
        if original.parts | reply.parts != 0 {
            nested(CTA_FILTER.number) {
                put(CTA_FILTER_ORIG_FLAGS.number, original.parts)
                put(CTA_FILTER_REPLY_FLAGS.number, reply.parts)
            }
        }
        if let mark = filter.mark {
            put(CTA_MARK.number, mark.value.bigEndian)
            put(CTA_MARK_MASK.number, mark.mask.bigEndian)
        }
        // Before 6.8 it changes nothing.
        if let zone = filter.zone, zone != 0 { put(CTA_ZONE.number, zone.bigEndian) }
    }

    private func put(_ type: ctattr_type, _ direction: DirectionInKernel) {
        guard direction.parts != 0 else { return }
        nested(type.number) {
            if direction.source != nil || direction.destination != nil {
                nested(CTA_TUPLE_IP.number) {
                    if let source = direction.source { putSource(source) }
                    if let destination = direction.destination { putDestination(destination) }
                }
            }
            if let ipProtocol = direction.ipProtocol {
                nested(CTA_TUPLE_PROTO.number) {
                    put(CTA_PROTO_NUM.number, ipProtocol.number)
                    if let port = direction.sourcePort { put(CTA_PROTO_SRC_PORT.number, port.bigEndian) }
                    if let port = direction.destinationPort { put(CTA_PROTO_DST_PORT.number, port.bigEndian) }
                }
            }
        }
    }

    private func putSource(_ address: IPAddress) {
        put((address.family == .ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC).number, address)
    }

    private func putDestination(_ address: IPAddress) {
        put((address.family == .ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST).number, address)
    }
}

/// What the kernel can compare of one direction: whole addresses, the protocol, and single ports of the protocols it
/// knows.
private struct DirectionInKernel {
    var source: IPAddress?
    var destination: IPAddress?
    var ipProtocol: IPProtocol?
    var sourcePort: UInt16?
    var destinationPort: UInt16?

    var parts: UInt32 {
        (source == nil ? 0 : TuplePart.source) | (destination == nil ? 0 : TuplePart.destination)
            | (ipProtocol == nil ? 0 : TuplePart.ipProtocol) | (sourcePort == nil ? 0 : TuplePart.sourcePort)
            | (destinationPort == nil ? 0 : TuplePart.destinationPort)
    }
}

extension FlowFilter.Direction {
    fileprivate func inKernel(_ family: AddressFamily) -> DirectionInKernel {
        let address = { (prefix: IPPrefix?) in prefix?.family == family ? prefix?.host : nil }
        let hasPorts = ipProtocol == .tcp || ipProtocol == .udp
        let port = { (range: PortRange?) in hasPorts && range?.count == 1 ? range?.first : nil }
        return DirectionInKernel(
            source: address(source), destination: address(destination), ipProtocol: ipProtocol,
            sourcePort: port(sourcePorts), destinationPort: port(destinationPorts))
    }

    fileprivate func isWhole(_ kernel: DirectionInKernel) -> Bool {
        (source == nil) == (kernel.source == nil) && (destination == nil) == (kernel.destination == nil)
            && (sourcePorts == nil) == (kernel.sourcePort == nil)
            && (destinationPorts == nil) == (kernel.destinationPort == nil)
    }
}

extension FlowFilter {
    /// Whether the kernel's part of the filter means what the whole of it means. A filter that says nothing of either
    /// direction is not meant to be a kernel's business: left to it, a slip would end everything.
    func isWholeInKernel(_ family: AddressFamily) -> Bool {
        let (inOriginal, inReply) = (original.inKernel(family), reply.inKernel(family))
        return inOriginal.parts | inReply.parts != 0 && zone == nil && original.isWhole(inOriginal)
            && reply.isWhole(inReply)
    }
}
