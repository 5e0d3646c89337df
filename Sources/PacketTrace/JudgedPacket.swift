import NetworkVocabulary
import Packets
import Ruleset

/// A packet on its way through one node, with what the kernel knows about it at that moment.
struct JudgedPacket {
    var frame: Frame
    /// Of the frame; changed by translation. Nil for what is no IP.
    var ip: IPPacket?
    let inputLink: InterfaceName?
    var outputLink: InterfaceName?
    /// The address that the packet goes to next, once it is routed.
    var nextHop: IPAddress?
    var mark: UInt32 = 0
    var tracking: Tracking = .invalid

    init(_ frame: Frame, on link: InterfaceName) {
        self.frame = frame
        ip = frame.ip
        inputLink = link
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
        case .inputInterface: inputLink.map(Number.init) ?? 0
        case .outputInterface: outputLink.map(Number.init) ?? 0
        case .packetMark: Number(mark)
        case .networkProtocol: ip.map { Number($0.source.family.etherType.rawValue) }
        case .transportProtocol: ip.map { Number($0.protocol.number) }
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
        case .ipv4Source: ipv4.map { Number($0.source.bits) }
        case .ipv4Destination: ipv4.map { Number($0.destination.bits) }
        case .ipv6Source: ipv6.map { Number($0.source) }
        case .ipv6Destination: ipv6.map { Number($0.destination) }
        case .sourcePort: transportBytes(0..<2)
        case .destinationPort: transportBytes(2..<4)
        case .icmpType, .icmpv6Type: transportBytes(0..<1)
        case .icmpCode, .icmpv6Code: transportBytes(1..<2)
        case .arpOperation: arp.map { Number($0.operation) }
        case .arpSenderMAC: arp.map { Number($0.senderMAC.bits) }
        case .arpSenderIPv4: arp.map { Number($0.senderAddress.bits) }
        case .arpTargetIPv4: arp.map { Number($0.targetAddress.bits) }
        }
    }

    private func tuple(_ direction: ConnectionDirection, _ family: AddressFamily? = nil) -> FlowTuple? {
        guard let tuple = tracked?.connection.tuple(direction) else { return nil }
        return family == nil || family == tuple.family ? tuple : nil
    }

    private var ipv4: IPv4Packet? { if case .v4(let packet) = ip { packet } else { nil } }
    private var ipv6: IPv6Packet? { if case .v6(let packet) = ip { packet } else { nil } }
    private var arp: ARPPacket? { if case .arp(let packet) = frame.body { packet } else { nil } }

    /// The first bytes of the transport's header, whatever it is: rules say beforehand which one they mean.
    private func transportBytes(_ range: Range<Int>) -> Number? {
        guard let ip else { return nil }
        switch ip.body {
        case .tcp(let segment): return Self.word(segment.source, segment.destination, range)
        case .udp(let datagram): return Self.word(datagram.source, datagram.destination, range)
        case .icmp(let message), .icmpv6(let message):
            let head = UInt16(message.type) << 8 | UInt16(message.code)
            // Nothing reads an ICMP message's checksum as a port.
            return range.upperBound <= 2 ? Self.word(head, 0, range) : nil
        case .other(let bytes), .malformed(let bytes, _):
            guard bytes.count >= range.upperBound else { return nil }
            return bytes[range].reduce(0) { $0 << 8 | Number($1) }
        case .fragment: return nil
        }
    }

    private static func word(_ first: UInt16, _ second: UInt16, _ range: Range<Int>) -> Number {
        let word = Number(first) << 16 | Number(second)
        return word >> Number(8 * (4 - range.upperBound)) & ((1 << Number(8 * range.count)) - 1)
    }
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
