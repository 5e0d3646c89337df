import NetworkVocabulary
import PacketTrace
public import Packets
public import RouterPlan
import Ruleset

/// The routers of a cloud as the evaluator has them, on segments that carry frames at once.
///
/// What a router says itself is not in a plan: an answer to an echo or to address resolution, and the news that a
/// packet's time ran out or that nobody has its port, are made here as the RFCs want them; so are a rule's refusals.
public struct TracedCloud: Sendable {
    public private(set) var wiring: Wiring
    private var nodes: [NodeName: TracedNode] = [:]
    private var connections: [NodeName: ConnectionTable] = [:]
    private var held: [NodeName: Fragments] = [:]
    private var collected = Fragments()
    private var hops = 0
    /// Whether somebody listens at the ports that routers serve guests by. Where nobody does, their kernel says so.
    private let isServed: Bool

    public init(_ wiring: Wiring, routers: some Sequence<NodePlan>, isServed: Bool = true) {
        self.wiring = wiring
        self.isServed = isServed
        for plan in routers { nodes[plan.name] = TracedNode(plan) }
    }

    public func plan(_ name: NodeName) -> NodePlan? { nodes[name]?.plan }
    public var plans: [NodePlan] { nodes.values.map(\.plan).sorted { $0.name < $1.name } }

    /// The plans have become these. `drains`: connections that the change takes the way from may finish.
    public mutating func follow(_ wiring: Wiring, routers: [NodePlan], drains: Bool) {
        self.wiring = wiring
        for plan in routers where nodes[plan.name]?.plan != plan {
            nodes[plan.name] = TracedNode(plan)
            guard let table = connections[plan.name] else { continue }
            connections[plan.name] = table.followed(by: FlowAudit(plan), drains: drains)
        }
        let names = Set(routers.map(\.name))
        for name in nodes.keys where !names.contains(name) {
            nodes[name] = nil
            connections[name] = nil
        }
    }

    public mutating func send(_ frames: [Frame], at port: Wiring.Port) -> Journey {
        var journey = Journey()
        for frame in frames {
            hops = 0
            // As a receiver reads it, whatever it was written as.
            let read = (try? Frame(parsing: frame.bytes)) ?? frame
            carry(read, on: port.segment, from: port.mac, &journey)
        }
        return journey
    }

    /// Time passes for the connections of all routers. Pieces of packets do not wait as long as that.
    public mutating func advance(by time: Duration) {
        for name in connections.keys { connections[name]?.advance(by: time) }
        held = [:]
    }

    /// A segment gives a frame to whom it is for, and what is for many to all but the sender.
    private mutating func carry(
        _ frame: Frame, on segment: InterfaceName, from sender: MACAddress, _ journey: inout Journey
    ) {
        hops += 1
        guard hops < 64 else { return }
        func isFor(_ mac: MACAddress) -> Bool { mac == frame.destination || frame.destination.isMulticast }
        for port in wiring.ports where port.segment == segment && port.mac != sender && isFor(port.mac) {
            if let whole = collected.take(frame) {
                journey.steps.append(.arrival(.init(port: port.name, frame: whole)))
            }
        }
        for leg in wiring.legs where leg.segment == segment && leg.mac != sender && isFor(leg.mac) {
            take(frame, leg, &journey)
        }
    }

    private mutating func take(_ frame: Frame, _ leg: Wiring.Leg, _ journey: inout Journey) {
        if case .arp(let arp) = frame.body { return answer(arp, frame, leg, &journey) }
        guard let node = nodes[leg.node], let frame = held[leg.node, default: Fragments()].take(frame) else { return }
        let trace = node.evaluate(frame, arrivingOn: leg.link, connections: &connections[leg.node, default: .init()])
        journey.steps.append(.hop(.init(node: leg.node, link: leg.link, trace: trace)))
        switch trace.outcome {
        case .forwarded(let departure): send(departure, from: leg.node, &journey)
        case .local(let local):
            echo(local, leg, &journey)
            if !isServed { refuse(frame, takenAs: local, leg, &journey) }
        case .dropped(.kernel(.timeToLive)): tellOfTime(frame, leg, &journey)
        case .rejected(let rejection, _): refuse(frame, rejection, leg, &journey)
        case .dropped: break
        }
    }

    private mutating func send(_ departure: Trace.Departure, from node: NodeName, _ journey: inout Journey) {
        guard let out = wiring.legs.first(where: { $0.node == node && $0.link == departure.link }) else { return }
        var frame = departure.frame
        if !departure.isResolved {
            guard let mac = wiring.mac(of: departure.nextHop, on: out.segment) else {
                journey.steps.append(.unheard(departure.nextHop, on: out.segment))
                return
            }
            frame.destination = mac
        }
        carry(frame, on: out.segment, from: out.mac, &journey)
    }

    // MARK: What routers say themselves

    private mutating func answer(_ arp: ARPPacket, _ frame: Frame, _ leg: Wiring.Leg, _ journey: inout Journey) {
        guard arp.operation == 1, leg.addresses.contains(.v4(arp.targetAddress)) else { return }
        let answer = ARPPacket(
            operation: 2, senderMAC: leg.mac, senderAddress: arp.targetAddress, targetMAC: arp.senderMAC,
            targetAddress: arp.senderAddress)
        let said = Frame(destination: frame.source, source: leg.mac, body: .arp(answer))
        journey.steps.append(.said(leg.node, said))
        carry(said, on: leg.segment, from: leg.mac, &journey)
    }

    private mutating func echo(_ frame: Frame, _ leg: Wiring.Leg, _ journey: inout Journey) {
        guard case .ipv4(var packet) = frame.body, case .icmp(var message) = packet.body,
            [8, 13].contains(message.type)
        else { return }
        // To an echo, and to who asks for the time: RFC 792. What time it is the model does not know.
        message.type = message.type == 8 ? 0 : 14
        message.checksum = .computed
        packet.body = .icmp(message)
        (packet.source, packet.destination) = (packet.destination, packet.source)
        say(packet, leg, &journey)
    }

    /// The sender's packet as it came, up to 548 bytes of it (RFC 1812 section 4.3.2.3).
    private mutating func tellOfTime(_ frame: Frame, _ leg: Wiring.Leg, _ journey: inout Journey) {
        guard case .ipv4(let packet) = frame.body, let source = leg.firstAddress else { return }
        let message = ICMPMessage(type: 11, payload: Array(packet.bytes.prefix(548)))
        say(IPv4Packet(source: source, destination: packet.source, tos: 0xc0, body: .icmp(message)), leg, &journey)
    }

    /// What came to a port that nobody has (RFC 9293 section 3.10.7.1, RFC 1122 section 4.1.3.1), be it one that another
    /// port was translated to. The answer is translated back: it is one to the packet as it came.
    private mutating func refuse(
        _ frame: Frame, takenAs local: Frame, _ leg: Wiring.Leg, _ journey: inout Journey
    ) {
        guard case .ipv4(let packet) = frame.body, case .ipv4(let taken) = local.body,
            isOwn(.v4(taken.destination), leg.node) || taken.destination != packet.destination
        else { return }
        switch packet.body {
        case .udp: tellUnreachable(3, packet, leg, &journey)
        case .tcp(let segment): reset(segment, packet, tos: packet.tos, leg, &journey)
        default: break
        }
    }

    /// Whether the address is the node's, on whichever leg.
    private func isOwn(_ address: IPAddress, _ node: NodeName) -> Bool {
        wiring.legs.contains { $0.node == node && $0.addresses.contains(address) }
    }

    /// What a rule refuses.
    private mutating func refuse(_ frame: Frame, _ rejection: Rejection, _ leg: Wiring.Leg, _ journey: inout Journey) {
        guard case .ipv4(let packet) = frame.body else { return }
        switch (rejection, packet.body) {
        case (.tcpReset, .tcp(let segment)): reset(segment, packet, tos: 0, leg, &journey)
        case (.tcpReset, _): break
        case (.portUnreachable, _): tellUnreachable(3, packet, leg, &journey)
        case (.adminProhibited, _): tellUnreachable(13, packet, leg, &journey)
        }
    }

    private mutating func tellUnreachable(
        _ code: UInt8, _ packet: IPv4Packet, _ leg: Wiring.Leg, _ journey: inout Journey
    ) {
        let isAnswer = isOwn(.v4(packet.destination), leg.node)
        guard let source = isAnswer ? packet.destination : leg.firstAddress else { return }
        let message = ICMPMessage(type: 3, code: code, payload: Array(packet.bytes.prefix(548)))
        say(IPv4Packet(source: source, destination: packet.source, tos: 0xc0, body: .icmp(message)), leg, &journey)
    }

    private mutating func reset(
        _ segment: TCPSegment, _ packet: IPv4Packet, tos: UInt8, _ leg: Wiring.Leg, _ journey: inout Journey
    ) {
        guard let reset = TCPSegment(refusing: segment) else { return }
        let answer = IPv4Packet(
            source: packet.destination, destination: packet.source, tos: tos, flags: .dontFragment, body: .tcp(reset))
        say(answer, leg, &journey)
    }

    private mutating func say(_ packet: IPv4Packet, _ leg: Wiring.Leg, _ journey: inout Journey) {
        var packet = packet
        packet.ttl = 64
        packet.identification = 0
        guard let mac = wiring.mac(of: .v4(packet.destination), on: leg.segment) else { return }
        let said = Frame(destination: mac, source: leg.mac, body: .ipv4(packet))
        journey.steps.append(.said(leg.node, said))
        carry(said, on: leg.segment, from: leg.mac, &journey)
    }
}

extension TCPSegment {
    /// Nothing is said to a reset.
    fileprivate init?(refusing segment: TCPSegment) {
        guard !segment.flags.contains(.rst) else { return nil }
        let length = segment.payload.count + [Flags.syn, .fin].count { segment.flags.contains($0) }
        let isAcknowledged = segment.flags.contains(.ack)
        self.init(
            source: segment.destination, destination: segment.source,
            sequence: isAcknowledged ? segment.acknowledgment : 0,
            acknowledgment: isAcknowledged ? 0 : segment.sequence &+ UInt32(length),
            flags: isAcknowledged ? .rst : [.rst, .ack], window: 0)
    }
}

extension Wiring.Leg {
    fileprivate var firstAddress: IPv4Address? {
        addresses.sorted().lazy.compactMap { if case .v4(let address) = $0 { address } else { nil } }.first
    }
}

extension ConnectionTable {
    /// What is left when a plan has changed.
    fileprivate func followed(by audit: FlowAudit, drains: Bool) -> ConnectionTable {
        let revoked = audit.revoked(among: flows)
        if revoked.isEmpty { return self }
        var table = self
        if drains {
            table.drain(revoked.map(\.original))
        } else {
            for flow in revoked { table.remove(flow.original) }
        }
        return table
    }
}
