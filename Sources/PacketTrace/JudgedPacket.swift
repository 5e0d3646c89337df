import NetworkVocabulary
import Packets
import Ruleset

/// A packet on its way through one node, with what the kernel knows about it at that moment.
struct JudgedPacket {
    var frame: Frame
    /// Of the frame; changed by translation. Nil for what is no IP.
    var ip: IPPacket? { didSet { headers = Headers(ip) } }
    private var headers: Headers
    let inputLink: InterfaceName?
    private let inputNumber: Number
    var outputLink: InterfaceName? { didSet { outputNumber = outputLink.map(Number.init) ?? 0 } }
    private var outputNumber: Number = 0
    /// The address that the packet goes to next, once it is routed.
    var nextHop: IPAddress?
    var mark: UInt32 = 0
    var tracking: Tracking = .invalid

    init(_ frame: Frame, on link: InterfaceName) {
        self.frame = frame
        ip = frame.ip
        headers = Headers(ip)
        inputLink = link
        inputNumber = Number(link)
    }

    /// What the packet is to the connection tracking.
    enum Tracking {
        /// Not looked at yet, or not understood: one and the same to rules.
        case invalid
        /// Nobody should look (neighbour discovery).
        case untracked
        case connection(Tracked)
    }

    struct Tracked {
        /// Nil until the first packet has left the node.
        let id: Int?
        var connection: Connection
        let direction: ConnectionDirection
        let state: ConnectionStates
        /// The packet is its last.
        var isOver = false
    }

    var states: ConnectionStates {
        switch tracking {
        case .invalid: .invalid
        case .untracked: .untracked
        case .connection(let tracked): tracked.state
        }
    }

    var tracked: Tracked? {
        get { if case .connection(let tracked) = tracking { tracked } else { nil } }
        set { if let newValue { tracking = .connection(newValue) } }
    }
}

extension JudgedPacket {
    /// What a rule reads; nil where the packet has no such thing, which ends the rule.
    func number(_ field: Field) -> Number? {
        switch field {
        case .inputInterface: inputNumber
        case .outputInterface: outputNumber
        case .packetMark: Number(mark)
        case .networkProtocol: headers.family.map { Number($0.etherType.rawValue) }
        case .transportProtocol: headers.family.map { _ in Number(headers.transport) }
        case .connectionState: Number(states.rawValue)
        case .connectionMark: tracked.map { Number($0.connection.mark) }
        case .connectionStatus: tracked.map { Number($0.connection.status.rawValue) }
        case .connectionDirection: tracked.map { Number($0.direction.rawValue) }
        case .ipv4OriginalSource: tuple(.original, .ipv4).map { Number($0.source) }
        case .ipv4OriginalDestination: tuple(.original, .ipv4).map { Number($0.destination) }
        case .ipv6OriginalSource: tuple(.original, .ipv6).map { Number($0.source) }
        case .ipv6OriginalDestination: tuple(.original, .ipv6).map { Number($0.destination) }
        case .originalSourcePort: tuple(.original).map(\.sourceNumber)
        case .originalDestinationPort: tuple(.original).map(\.destinationNumber)
        case .ipv4ReplySource: tuple(.reply, .ipv4).map { Number($0.source) }
        case .ipv4ReplyDestination: tuple(.reply, .ipv4).map { Number($0.destination) }
        case .ipv6ReplySource: tuple(.reply, .ipv6).map { Number($0.source) }
        case .ipv6ReplyDestination: tuple(.reply, .ipv6).map { Number($0.destination) }
        case .replySourcePort: tuple(.reply).map(\.sourceNumber)
        case .replyDestinationPort: tuple(.reply).map(\.destinationNumber)
        case .etherSource: inputLink.map { _ in Number(frame.source.bits) }
        case .etherDestination: inputLink.map { _ in Number(frame.destination.bits) }
        case .etherType: Number(frame.etherType)
        case .ipv4Source: headers.family == .ipv4 ? headers.source : nil
        case .ipv4Destination: headers.family == .ipv4 ? headers.destination : nil
        case .ipv6Source: headers.family == .ipv6 ? headers.source : nil
        case .ipv6Destination: headers.family == .ipv6 ? headers.destination : nil
        case .sourcePort: headers.bytes(0..<2)
        case .destinationPort: headers.bytes(2..<4)
        case .icmpType, .icmpv6Type: headers.bytes(0..<1)
        case .icmpCode, .icmpv6Code: headers.bytes(1..<2)
        case .arpOperation: arp.map { Number($0.operation) }
        case .arpSenderMAC: arp.map { Number($0.senderMAC.bits) }
        case .arpSenderIPv4: arp.map { Number($0.senderAddress.bits) }
        case .arpTargetIPv4: arp.map { Number($0.targetAddress.bits) }
        case .frameType: Number(frame.tags.first?.etherType ?? frame.etherType)
        case .bytes(let header, let offset, let count): bytes(header, Int(offset), Int(count))
        }
    }

    /// Bytes of a header as they are on the wire.
    private func bytes(_ header: Expression.Header, _ offset: Int, _ count: Int) -> Number? {
        let wire = frame.bytes
        let network = 14 + 4 * frame.tags.count
        let start: Int
        switch header {
        case .link: start = offset
        case .network: start = network + offset
        case .transport:
            switch headers.family {
            case .ipv4: start = network + 4 * Int(wire[network] & 0xf) + offset
            case .ipv6: start = network + 40 + offset
            case nil: return nil
            }
        }
        guard start + count <= wire.count, count <= 16 else { return nil }
        return wire[start..<start + count].reduce(0) { $0 << 8 | Number($1) }
    }

    private func tuple(_ direction: ConnectionDirection, _ family: AddressFamily? = nil) -> FlowTuple? {
        guard let tuple = tracked?.connection.tuple(direction) else { return nil }
        return family == nil || family == tuple.family ? tuple : nil
    }

    private var arp: ARPPacket? { if case .arp(let packet) = frame.body { packet } else { nil } }
}

extension FlowTuple {
    /// What the kernel keeps in the places of the ports: of ICMP the identifier, and type and code.
    fileprivate var sourceNumber: Number {
        switch selector {
        case .ports(let source, _): Number(source)
        case .icmp(_, _, let id): Number(id)
        case .none: 0
        }
    }

    fileprivate var destinationNumber: Number {
        switch selector {
        case .ports(_, let destination): Number(destination)
        case .icmp(let type, let code, _): Number(type) << 8 | Number(code)
        case .none: 0
        }
    }
}

/// What rules read of an IP packet, taken out of it once: rules are many, and packets are large values.
private struct Headers {
    var family: AddressFamily?
    var source: Number = 0
    var destination: Number = 0
    var transport: UInt8 = 0
    /// The first bytes of the transport's header, whatever it is, and how many of them there are: rules say beforehand
    /// which header they mean.
    private var head: UInt32 = 0
    private var count = 0

    init(_ ip: IPPacket?) {
        guard let ip else { return }
        (family, source, destination) = (ip.source.family, Number(ip.source), Number(ip.destination))
        transport = ip.protocol.number
        switch ip.body {
        case .tcp(let segment): (head, count) = (UInt32(segment.source) << 16 | UInt32(segment.destination), 4)
        case .udp(let datagram): (head, count) = (UInt32(datagram.source) << 16 | UInt32(datagram.destination), 4)
        // Nothing reads an ICMP message's checksum as a port.
        case .icmp(let message), .icmpv6(let message):
            (head, count) = (UInt32(message.type) << 24 | UInt32(message.code) << 16, 2)
        case .other(let bytes), .malformed(let bytes, _):
            count = min(bytes.count, 4)
            for place in 0..<count { head |= UInt32(bytes[place]) << UInt32(24 - 8 * place) }
        case .fragment: break
        }
    }

    func bytes(_ range: Range<Int>) -> Number? {
        guard range.upperBound <= count else { return nil }
        return Number(head >> UInt32(8 * (4 - range.upperBound)) & ((1 << UInt32(8 * range.count)) - 1))
    }
}
