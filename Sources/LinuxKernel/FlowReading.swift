internal import CLinux
internal import NetworkVocabulary

extension Flow {
    /// Reads a connection from a message's payload; nil when it does not say both directions.
    init?(conntrack payload: UnsafeRawBufferPointer) {
        var attributes = NetlinkAttributes(payload, after: MemoryLayout<nfgenmsg>.size)
        var original: (tuple: FlowTuple, zone: UInt16)?
        var reply: (tuple: FlowTuple, zone: UInt16)?
        var (mark, status, id): (UInt32, UInt32, UInt32) = (0, 0, 0)
        var timeout: UInt32?
        var zone: UInt16?
        var counted: (original: Counters?, reply: Counters?)
        while let attribute = attributes.next() {
            switch attribute.type {
            case CTA_TUPLE_ORIG.number: original = attribute.flowTuple
            case CTA_TUPLE_REPLY.number: reply = attribute.flowTuple
            case CTA_MARK.number: mark = attribute.networkOrder() ?? 0
            case CTA_STATUS.number: status = attribute.networkOrder() ?? 0
            case CTA_ID.number: id = attribute.networkOrder() ?? 0
            case CTA_TIMEOUT.number: timeout = attribute.networkOrder()
            case CTA_ZONE.number: zone = attribute.networkOrder()
            case CTA_COUNTERS_ORIG.number: counted.original = attribute.flowCounters
            case CTA_COUNTERS_REPLY.number: counted.reply = attribute.flowCounters
            default: break
            }
        }
        guard let original, let reply, original.tuple.family == reply.tuple.family else { return nil }
        self.init(
            original.tuple, reply: reply.tuple, mark: mark,
            status: Status(rawValue: status),
            // A zone for one direction only stands in that direction's tuple; the original's is what finds the entry.
            zone: zone ?? original.zone, id: id, originalCounters: counted.original,
            replyCounters: counted.reply, timeout: timeout)
    }
}

extension NetlinkAttribute {
    /// A number in network order.
    func networkOrder<Value: FixedWidthInteger & BitwiseCopyable>() -> Value? {
        guard bytes.count >= MemoryLayout<Value>.size else { return nil }
        return Value(bigEndian: bytes.loadUnaligned(as: Value.self))
    }

    fileprivate var flowCounters: Flow.Counters? {
        var packets: UInt64?
        var sum: UInt64?
        var attributes = nested
        while let attribute = attributes.next() {
            switch attribute.type {
            case CTA_COUNTERS_PACKETS.number: packets = attribute.networkOrder()
            case CTA_COUNTERS_BYTES.number: sum = attribute.networkOrder()
            default: break
            }
        }
        guard let packets, let sum else { return nil }
        return Flow.Counters(packets: packets, bytes: sum)
    }

    fileprivate var flowTuple: (tuple: FlowTuple, zone: UInt16)? {
        var source: IPAddress?
        var destination: IPAddress?
        var transport: (ipProtocol: IPProtocol, selector: FlowTuple.Selector)?
        var zone: UInt16 = 0
        var attributes = nested
        while let attribute = attributes.next() {
            switch attribute.type {
            case CTA_TUPLE_IP.number:
                var addresses = attribute.nested
                while let address = addresses.next() {
                    switch address.type {
                    case CTA_IP_V4_SRC.number, CTA_IP_V6_SRC.number: source = address.address
                    case CTA_IP_V4_DST.number, CTA_IP_V6_DST.number: destination = address.address
                    default: break
                    }
                }
            case CTA_TUPLE_PROTO.number: transport = attribute.flowTransport
            case CTA_TUPLE_ZONE.number: zone = attribute.networkOrder() ?? 0
            default: break
            }
        }
        guard let source, let destination, let transport, source.family == destination.family else { return nil }
        return (FlowTuple(transport.ipProtocol, from: source, to: destination, transport.selector), zone)
    }

    fileprivate var flowTransport: (ipProtocol: IPProtocol, selector: FlowTuple.Selector)? {
        var number: UInt8?
        var ports: (source: UInt16?, destination: UInt16?)
        var icmp: (type: UInt8?, code: UInt8?, id: UInt16?)
        var attributes = nested
        while let attribute = attributes.next() {
            switch attribute.type {
            case CTA_PROTO_NUM.number: number = attribute.uint8
            case CTA_PROTO_SRC_PORT.number: ports.source = attribute.networkOrder()
            case CTA_PROTO_DST_PORT.number: ports.destination = attribute.networkOrder()
            case CTA_PROTO_ICMP_TYPE.number, CTA_PROTO_ICMPV6_TYPE.number: icmp.type = attribute.uint8
            case CTA_PROTO_ICMP_CODE.number, CTA_PROTO_ICMPV6_CODE.number: icmp.code = attribute.uint8
            case CTA_PROTO_ICMP_ID.number, CTA_PROTO_ICMPV6_ID.number: icmp.id = attribute.networkOrder()
            default: break
            }
        }
        guard let number else { return nil }
        let ipProtocol = IPProtocol(number: number)
        if let source = ports.source, let destination = ports.destination {
            return (ipProtocol, .ports(source: source, destination: destination))
        }
        if let type = icmp.type, let code = icmp.code, let id = icmp.id {
            return (ipProtocol, .icmp(type: type, code: code, id: id))
        }
        return (ipProtocol, .none)
    }
}
