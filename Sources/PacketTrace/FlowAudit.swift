public import NetworkVocabulary
import Packets
public import RouterPlan
import Ruleset

/// Whether a plan would still let a living connection begin: what it would not is to be ended.
///
/// The packet that began the connection is made again and judged as new, with nothing tracked and no limit exceeded. A
/// connection is admitted when that packet gets through and is translated to what the connection is. Wherever the
/// beginning cannot be known for sure, the connection is admitted if any beginning would be: ending what is allowed is
/// worse here than keeping for a while what leads nowhere.
public struct FlowAudit: Sendable {
    public enum Judgement: Hashable, Sendable {
        case admitted
        case revoked(Reason)
    }

    public enum Reason: Hashable, Sendable {
        /// Nothing lets it begin any more.
        case stopped(Trace.Cause, Origin)
        /// It would be translated otherwise: to other addresses, or not at all.
        case translatedOtherwise(reply: FlowTuple, Origin)
        /// The leg that it came in by is gone.
        case noLeg
        /// One of its ends is an address among guests that no guest has.
        case nobodys(IPAddress)
    }

    private let node: TracedNode

    public init(_ node: TracedNode) { self.node = node }
    public init(_ plan: NodePlan) { node = TracedNode(plan) }

    /// Those that are to be ended.
    public func revoked(among flows: [Flow]) -> [Flow] { flows.filter { judge($0) != .admitted } }

    public func judge(_ flow: Flow) -> Judgement {
        if isBeyondRules(flow) {
            let lost = [flow.original.source, flow.original.destination].first(where: isNobodys)
            return lost.map { .revoked(.nobodys($0)) } ?? .admitted
        }
        if isDraining(flow) { return .admitted }
        let links = arrivals(of: flow)
        guard let packet = openingPacket(of: flow.original) else { return .admitted }
        var reason: Reason = .noLeg
        for link in links {
            switch judge(flow, packet, on: link) {
            case .admitted: return .admitted
            case .revoked(let why): reason = why
            }
        }
        return .revoked(reason)
    }

    /// Among a router's guests nobody is heard but those that are planned. What was said to one that is gone, by the router
    /// itself too, is not for the next who has its address.
    private func isNobodys(_ address: IPAddress) -> Bool {
        guard node.plan.kind == .router, let guestLeg = InterfaceName.leg(0), node.isNear(address, on: guestLeg),
            !node.isOwn(address), !address.isMulticast, node.neighbour(address, on: guestLeg) == nil
        else { return false }
        if case .v4(let address) = address { return !node.broadcasts.contains(address) }
        return true
    }

    // MARK: - What is not for rules to decide

    private func isBeyondRules(_ flow: Flow) -> Bool {
        let (source, destination) = (flow.original.source, flow.original.destination)
        // What the node says itself; its answers are its own affair too.
        if node.isOwn(source) { return true }
        // Announced by a helper: the connection that it belongs to is judged, and nobody began this one.
        if flow.status.contains(.expected) { return true }
        // Never forwarded: configuration protocols and announcements to a whole link.
        if source.isUnspecified || destination.isMulticast || destination.isLimitedBroadcast { return true }
        if case .v4(let address) = destination, node.broadcasts.contains(address) { return true }
        return false
    }

    /// Left to finish when its rule went. That holds as long as both its ends are whose they were: an address that is
    /// given to somebody else takes no connection along.
    private func isDraining(_ flow: Flow) -> Bool {
        guard flow.mark & FlowMark.draining != 0, let guestLeg = InterfaceName.leg(0) else { return false }
        let guest = flow.isDestinationTranslated ? flow.reply.source : flow.original.source
        let outside = flow.isDestinationTranslated ? flow.original.destination : flow.reply.destination
        // The node itself may be where it leads: a proxy.
        return (node.isOwn(guest) || node.neighbour(guest, on: guestLeg) != nil) && node.isOwn(outside)
    }

    /// Whether the plan's maps say that a connection may keep this source.
    private func mayKeep(_ source: IPAddress) -> Bool {
        node.plan.lastingSources.contains { set in
            (node.plan.table?.elements[set] ?? [:]).values.contains { $0.content.address == source }
        }
    }

    /// Whether the plan still has the connection's target, whomever it would choose now.
    private func mayKeepTarget(_ flow: Flow) -> Bool {
        guard case .ports(_, let port) = flow.original.selector, flow.isDestinationTranslated else { return false }
        let key = [
            Number(flow.original.destination), Number(flow.original.ipProtocol.number), Number(port),
            Number(flow.reply.source),
        ]
        return node.plan.lastingTargets.contains { node.sets[$0]?.entry(for: key) != nil }
    }

    // MARK: - The beginning again

    /// The links by which the first packet may have come: the guests' for a guest's address; for others the one that the
    /// connection's mark names; all of them where neither says anything.
    private func arrivals(of flow: Flow) -> [InterfaceName] {
        let legs = node.legs
        guard let guestLeg = InterfaceName.leg(0), node.links[guestLeg] != nil else { return legs }
        if node.isNear(flow.original.source, on: guestLeg) { return [guestLeg] }
        guard let index = LegMark.leg(of: flow.mark), let leg = InterfaceName.leg(index) else { return legs }
        return node.links[leg] == nil ? [] : [leg]
    }

    /// Nil for protocols whose first packet has a form that is not known here.
    private func openingPacket(of tuple: FlowTuple) -> IPPacket? {
        let body: Transport
        switch tuple.selector {
        case .ports(let source, let destination):
            switch tuple.ipProtocol {
            case .tcp: body = .tcp(TCPSegment(source: source, destination: destination, flags: .syn))
            case .udp: body = .udp(UDPDatagram(source: source, destination: destination))
            default:
                let ports = [source, destination].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
                body = .other(ports + [0, 0, 0, 0])
            }
        case .icmp(let type, let code, let id):
            let message = ICMPMessage(type: type, code: code, rest: UInt32(id) << 16)
            body = tuple.family == .ipv4 ? .icmp(message) : .icmpv6(message)
        case .none: body = .other([])
        }
        switch (tuple.source, tuple.destination) {
        case (.v4(let source), .v4(let destination)):
            return .v4(
                IPv4Packet(source: source, destination: destination, protocol: tuple.ipProtocol, body: body))
        case (.v6(let source), .v6(let destination)):
            return .v6(
                IPv6Packet(source: source, destination: destination, protocol: tuple.ipProtocol, body: body))
        default: return nil
        }
    }

    private func judge(_ flow: Flow, _ packet: IPPacket, on link: InterfaceName) -> Judgement {
        let sender = node.neighbour(flow.original.source, on: link)?.mac ?? .zero
        let receiver = node.links[link]?.mac ?? .zero
        let body: Frame.Body =
            switch packet {
            case .v4(let packet): .ipv4(packet)
            case .v6(let packet): .ipv6(packet)
            }
        let judged = JudgedPacket(Frame(destination: receiver, source: sender, body: body), on: link)
        var walk = Walk(judged, ConnectionTable(), Circumstances(), isRecording: false)
        if mayKeepTarget(flow) { walk.givenTarget = (flow.reply.source, flow.reply.sourcePort) }
        let outcome = node.way(of: &walk, as: flow.original)
        let origin = walk.decidedBy ?? node.plan.owner
        switch outcome {
        case .dropped(let cause), .rejected(_, let cause): return .revoked(.stopped(cause, origin))
        case .forwarded, .local: break
        }
        // Untracked now: no rule looks at its connection any more.
        guard let reply = walk.packet.tracked?.connection.reply else { return .admitted }
        // The port that source translation took may be another than the one asked for.
        let isSame =
            reply.source == flow.reply.source && reply.sourcePort == flow.reply.sourcePort
            && (reply.destination == flow.reply.destination || mayKeep(flow.reply.destination))
        return isSame ? .admitted : .revoked(.translatedOtherwise(reply: reply, walk.translatedBy ?? origin))
    }
}

extension Element.Content {
    fileprivate var address: IPAddress? {
        guard case .values(let values) = self else { return nil }
        switch values.first {
        case .ipv4(let address): return .v4(address)
        case .ipv6(let address): return .v6(address)
        default: return nil
        }
    }
}

extension InterfaceName {
    /// What `docs/pipeline.md` calls the legs of a router; 0 is the guests'.
    fileprivate static func leg(_ index: Int) -> InterfaceName? { InterfaceName("eth\(index)") }
}

extension FlowAudit.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .stopped(let cause, let origin): "\(cause) (\(origin))"
        case .translatedOtherwise(let reply, let origin): "translated otherwise: answers are \(reply) (\(origin))"
        case .noLeg: "the leg it came in by is gone"
        case .nobodys(let address): "\(address) is nobody's"
        }
    }
}
