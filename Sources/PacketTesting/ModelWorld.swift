import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset

/// The routers of a cloud as the evaluator has them, on segments that carry frames at once.
///
/// What a router says itself is not in a plan: an answer to an echo or to address resolution, and the news that a
/// packet's time ran out, are made here as RFC 792 and RFC 826 want them, and refusals as RFC 9293 does.
final class ModelWorld: World {
    let name = "model"
    private(set) var wiring: Wiring
    private var nodes: [NodeName: TracedNode] = [:]
    private var judging: [NodeName: Judging] = [:]
    private var connections: [NodeName: ConnectionTable] = [:]
    private var held: [NodeName: Fragments] = [:]
    private var collected = Fragments()
    private var counted: [Origin: [Meter: UInt64]] = [:]
    private var hops = 0

    init(_ cloud: CaseCloud) {
        wiring = Wiring(cloud)
        for plan in cloud.routers { add(plan) }
    }

    private func add(_ plan: NodePlan) {
        nodes[plan.name] = TracedNode(plan)
        judging[plan.name] = Judging(plan.table)
    }

    func follow(_ cloud: CaseCloud, _ following: CaseCloud.Following) {
        wiring = Wiring(cloud)
        for plan in cloud.routers where nodes[plan.name]?.plan != plan {
            add(plan)
            guard let table = connections[plan.name] else { continue }
            connections[plan.name] = table.followed(by: FlowAudit(plan), drains: following.drains)
        }
        let names = Set(cloud.routers.map(\.name))
        for name in nodes.keys where !names.contains(name) {
            nodes[name] = nil
            connections[name] = nil
        }
    }

    func counts(of object: Origin) -> [Meter: UInt64] { counted[object] ?? [:] }

    func rulesets() -> String {
        nodes.values.map(\.plan).sorted { $0.name < $1.name }.map { plan in
            "# \(plan.name)\n\(plan.table.map { "\($0)" } ?? "none")"
        }.joined(separator: "\n")
    }

    func send(_ frames: [Frame], at port: Wiring.Port) throws -> Fate {
        var fate = Fate()
        for frame in frames {
            hops = 0
            // As a receiver reads it, whatever it was written as.
            let read = (try? Frame(parsing: frame.bytes)) ?? frame
            carry(read, on: port.segment, from: port.mac, &fate)
        }
        return fate
    }

    /// A segment gives a frame to whom it is for, and what is for many to all but the sender.
    private func carry(_ frame: Frame, on segment: InterfaceName, from sender: MACAddress, _ fate: inout Fate) {
        hops += 1
        guard hops < 64 else { return }
        func isFor(_ mac: MACAddress) -> Bool { mac == frame.destination || frame.destination.isMulticast }
        for port in wiring.ports where port.segment == segment && port.mac != sender && isFor(port.mac) {
            if let whole = collected.take(frame) { fate.arrivals.append(.init(port: port.name, frame: whole)) }
        }
        for leg in wiring.legs where leg.segment == segment && leg.mac != sender && isFor(leg.mac) {
            take(frame, leg, &fate)
        }
    }

    private func take(_ frame: Frame, _ leg: Wiring.Leg, _ fate: inout Fate) {
        if case .arp(let arp) = frame.body { return answer(arp, frame, leg, &fate) }
        guard let node = nodes[leg.node], let frame = held[leg.node, default: Fragments()].take(frame) else { return }
        let trace = node.evaluate(frame, arrivingOn: leg.link, connections: &connections[leg.node, default: .init()])
        fate.passages.append(passage(trace, node.plan))
        if trace.translations.contains(where: \.isPortArbitrary) { fate.isPortArbitrary = true }
        switch trace.outcome {
        case .forwarded(let departure):
            guard let out = wiring.legs.first(where: { $0.node == leg.node && $0.link == departure.link }) else {
                return
            }
            var frame = departure.frame
            if !departure.isResolved {
                guard let mac = wiring.mac(of: departure.nextHop, on: out.segment) else { return }
                frame.destination = mac
            }
            carry(frame, on: out.segment, from: out.mac, &fate)
        case .local(let frame): echo(frame, leg, &fate)
        case .dropped(.kernel(.timeToLive)): tellOfTime(frame, leg, node.plan, &fate)
        case .rejected(let rejection, _): refuse(frame, rejection, leg, node.plan, &fate)
        case .dropped: break
        }
    }

    private func passage(_ trace: Trace, _ plan: NodePlan) -> Passage {
        var passage = Passage(node: plan.name, origin: trace.decidedBy, trace: trace)
        for step in trace.steps {
            let ruling: Passage.Ruling
            switch (step.place, step.action) {
            case (.rule(let site), .verdict(.accept)), (.rule(let site), .translated):
                ruling = .init(chain: site.chain, rule: site.rule, isDrop: false)
            case (.rule(let site), .verdict(.drop)), (.rule(let site), .rejected):
                ruling = .init(chain: site.chain, rule: site.rule, isDrop: true)
            case (.policy(_, let chain), .policy(.drop)): ruling = .init(chain: chain, rule: nil, isDrop: true)
            default: continue
            }
            passage.rulings.append(ruling)
            guard judging[plan.name]?.judges(ruling.chain) == true else { continue }
            passage.lastWord = ruling
            passage.origin = step.origin ?? plan.owner
        }
        if case .dropped(.kernel(let reason)) = trace.outcome { passage.reason = reason }
        for case .element(let set, let key, let origin) in trace.counted {
            guard let meter = plan.meters[set] else { continue }
            passage.moved.insert(MeteredElement(set, key))
            counted[origin.object, default: [:]][meter, default: 0] += 1
        }
        return passage
    }

    // MARK: What routers say themselves

    private func answer(_ arp: ARPPacket, _ frame: Frame, _ leg: Wiring.Leg, _ fate: inout Fate) {
        guard arp.operation == 1, leg.addresses.contains(.v4(arp.targetAddress)) else { return }
        let answer = ARPPacket(
            operation: 2, senderMAC: leg.mac, senderAddress: arp.targetAddress, targetMAC: arp.senderMAC,
            targetAddress: arp.senderAddress)
        carry(
            Frame(destination: frame.source, source: leg.mac, body: .arp(answer)), on: leg.segment, from: leg.mac, &fate
        )
    }

    private func echo(_ frame: Frame, _ leg: Wiring.Leg, _ fate: inout Fate) {
        guard case .ipv4(var packet) = frame.body, case .icmp(var message) = packet.body, message.type == 8 else {
            return
        }
        message.type = 0
        message.checksum = .computed
        packet.body = .icmp(message)
        (packet.source, packet.destination) = (packet.destination, packet.source)
        say(packet, leg, &fate)
    }

    /// The sender's packet as it came, up to 548 bytes of it (RFC 1812 section 4.3.2.3).
    private func tellOfTime(_ frame: Frame, _ leg: Wiring.Leg, _ plan: NodePlan, _ fate: inout Fate) {
        guard case .ipv4(let packet) = frame.body, let source = firstAddress(leg, plan) else { return }
        let message = ICMPMessage(type: 11, payload: Array(packet.bytes.prefix(548)))
        say(IPv4Packet(source: source, destination: packet.source, tos: 0xc0, body: .icmp(message)), leg, &fate)
    }

    /// A reset as RFC 9293 section 3.10.7.1 has it, or an error.
    private func refuse(
        _ frame: Frame, _ rejection: Rejection, _ leg: Wiring.Leg, _ plan: NodePlan, _ fate: inout Fate
    ) {
        guard case .ipv4(let packet) = frame.body else { return }
        switch (rejection, packet.body) {
        case (.tcpReset, .tcp(let segment)):
            guard !segment.flags.contains(.rst) else { return }
            var reset = TCPSegment(
                source: segment.destination, destination: segment.source, flags: .rst, window: 0)
            if segment.flags.contains(.ack) {
                reset.sequence = segment.acknowledgment
            } else {
                let marks = segment.flags.intersection([.syn, .fin]).rawValue.nonzeroBitCount
                reset.flags.insert(.ack)
                reset.acknowledgment = segment.sequence &+ UInt32(segment.payload.count + marks)
            }
            say(
                IPv4Packet(
                    source: packet.destination, destination: packet.source, flags: .dontFragment, body: .tcp(reset)),
                leg, &fate)
        case (.tcpReset, _): break
        case (.portUnreachable, _), (.adminProhibited, _):
            let isOwn = leg.addresses.contains(.v4(packet.destination))
            guard let source = isOwn ? packet.destination : firstAddress(leg, plan) else { return }
            let message = ICMPMessage(
                type: 3, code: rejection == .portUnreachable ? 3 : 13, payload: Array(packet.bytes.prefix(548)))
            say(IPv4Packet(source: source, destination: packet.source, tos: 0xc0, body: .icmp(message)), leg, &fate)
        }
    }

    private func firstAddress(_ leg: Wiring.Leg, _ plan: NodePlan) -> IPv4Address? {
        leg.addresses.sorted().lazy.compactMap { if case .v4(let address) = $0 { address } else { nil } }.first
    }

    private func say(_ packet: IPv4Packet, _ leg: Wiring.Leg, _ fate: inout Fate) {
        var packet = packet
        packet.ttl = 64
        packet.identification = 0
        guard let mac = wiring.mac(of: .v4(packet.destination), on: leg.segment) else { return }
        carry(
            Frame(destination: mac, source: leg.mac, body: .ipv4(packet)), on: leg.segment, from: leg.mac, &fate)
    }
}

extension ConnectionTable {
    /// What is left when a plan has changed.
    fileprivate func followed(by audit: FlowAudit, drains: Bool) -> ConnectionTable {
        let revoked = audit.revoked(among: flows)
        if revoked.isEmpty { return self }
        guard drains else {
            var table = self
            for flow in revoked { table.remove(flow.original) }
            return table
        }
        let finishing = Set(revoked.map(\.original))
        return ConnectionTable(
            flows.map { flow in
                guard finishing.contains(flow.original) else { return flow }
                return Flow(
                    flow.original, reply: flow.reply, mark: flow.mark | FlowMark.draining, status: flow.status,
                    id: flow.id)
            })
    }
}
