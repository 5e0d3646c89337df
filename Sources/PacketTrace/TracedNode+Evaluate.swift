public import NetworkVocabulary
public import Packets
import RouterPlan
import Ruleset

// The way of a packet through a node: what `docs/pipeline.md` draws, with what the kernel does between the chains.

extension TracedNode {
    /// What the node does to a frame that arrives by one of its links, with the connections that it tracks.
    public func evaluate(
        _ frame: Frame, arrivingOn link: InterfaceName, connections: inout ConnectionTable,
        under circumstances: Circumstances = Circumstances()
    ) -> Trace {
        // Taken out meanwhile, so that the table has one owner and is not copied.
        let table = connections
        connections = ConnectionTable()
        var walk = Walk(JudgedPacket(frame, on: link), table, circumstances, isRecording: true)
        let outcome = pass(&walk)
        connections = walk.connections
        return Trace(
            steps: walk.steps, outcome: outcome, decidedBy: walk.decidedBy ?? plan.owner, counted: walk.counted)
    }

    /// The whole way, with the connection remembered at its end.
    private func pass(_ walk: inout Walk) -> Trace.Outcome {
        let outcome = way(of: &walk)
        let isThrough =
            switch outcome {
            case .forwarded, .local: true
            case .dropped, .rejected: false
            }
        guard walk.remember(isThrough: isThrough) else { return .dropped(.kernel(.taken)) }
        return outcome
    }

    /// `tuple` is what the connection tracking makes of the packet, where that is known beforehand.
    func way(of walk: inout Walk, as tuple: FlowTuple? = nil) -> Trace.Outcome {
        walk.givenTuple = tuple
        if let refusal = refusal(of: walk.packet) { return .dropped(.kernel(refusal)) }
        guard walk.packet.ip != nil else { return .local(walk.packet.frame) }
        if let stop = ask(.prerouting, &walk) { return stop }
        guard let ip = walk.packet.ip else { return .dropped(.kernel(.notIP)) }
        if let reason = martian(ip) { return .dropped(.kernel(reason)) }
        switch route(to: ip.destination, mark: walk.packet.mark, on: walk.packet.inputLink) {
        case .local: return deliver(&walk)
        case .blackhole: return .dropped(.kernel(.blackhole))
        case .none: return .dropped(.kernel(forwards(ip.destination.family) ? .noRoute : .notForwarding))
        case .out(let route, let origin): return forward(&walk, by: route, origin)
        }
    }

    // MARK: - Arrival

    /// Why the kernel takes a frame no further than its own checks.
    private func refusal(of packet: JudgedPacket) -> Trace.KernelReason? {
        guard let name = packet.inputLink, let link = links[name] else { return .unknownLink }
        let frame = packet.frame
        // Priority tags (VLAN 0) are no VLAN; any other has no device here.
        guard frame.tags.allSatisfy({ $0.id == 0 }) else { return .otherHost }
        if let mac = link.mac, frame.destination != mac, !frame.destination.isMulticast { return .otherHost }
        switch frame.body {
        case .arp(let arp):
            guard frame.destination == link.mac || frame.destination.isMulticast else { return .otherHost }
            let isOurs = addresses[.v4(arp.targetAddress)]?.contains { $0.link == name } ?? false
            return isOurs ? nil : .otherHost
        case .other: return .notIP
        case .malformed: return .malformed
        case .ipv6(let ip):
            guard takesIPv6 else { return .noIPv6 }
            if case .malformed = ip.body, ip.payloadLength != .computed { return .malformed }
            if ip.payloadLength != .computed { return .malformed }
            return ip.isFragment ? .fragment : nil
        case .ipv4(let ip):
            guard ip.headerChecksum == .computed, ip.totalLength == .computed, ip.headerLength == .computed else {
                return .malformed
            }
            // Loose and strict source route (RFC 791).
            if ip.options.contains(where: { $0 == 131 || $0 == 137 }) { return .sourceRoute }
            return ip.isFragment ? .fragment : nil
        }
    }

    /// Sources and destinations that no packet from a link may have.
    private func martian(_ ip: IPPacket) -> Trace.KernelReason? {
        let (source, destination) = (ip.source, ip.destination)
        if source.isMulticast || source.isLimitedBroadcast || source.isLoopback { return .martian }
        if isOwn(source) { return .martian }
        if destination.isLimitedBroadcast { return nil }
        if case .v4(let address) = source, address.bits >> 24 == 0 { return .martian }
        if case .v4(let address) = destination, address.bits >> 24 == 0 { return .martian }
        return destination.isLoopback ? .martian : nil
    }

    private func route(to address: IPAddress, mark: UInt32, on link: InterfaceName?) -> Destination {
        if address.isLimitedBroadcast { return .local }
        if address.isMulticast {
            // All machines of the link; other groups would have to be joined.
            return address == .v4(IPv4Address(224, 0, 0, 1)) ? .local : .blackhole
        }
        return route(address, mark: mark)
    }

    // MARK: - Hooks

    /// Asks what stands at a hook: chains by priority, and between them the kernel's own work. Nil when the packet may
    /// go on.
    private func ask(_ point: Hook.Point, _ walk: inout Walk) -> Trace.Outcome? {
        let chains = hooks[point] ?? []
        var isTracked = point != .prerouting
        // Chains for translation are asked together where the kernel translates, whatever their priority.
        var isTranslated = !translates || translation(at: point) == nil
        for chain in chains {
            guard let hook = chain.hook else { continue }
            if !isTracked, hook.priority >= -200 || hook.kind == .nat {
                walk.track(takesUp: takesUpConnections)
                isTracked = true
            }
            if !isTranslated, hook.kind == .nat || hook.priority > translationPriority(at: point) {
                if let stop = translate(point, &walk) { return stop }
                isTranslated = true
            }
            if hook.kind == .nat { continue }
            if let stop = stop(walk.run(chain, hook, in: self)) { return stop }
        }
        if !isTracked { walk.track(takesUp: takesUpConnections) }
        if !isTranslated { return translate(point, &walk) }
        return nil
    }

    private func translation(at point: Hook.Point) -> Translation.End? {
        switch point {
        case .prerouting, .output: .destination
        case .input, .postrouting: .source
        case .forward: nil
        }
    }

    private func translationPriority(at point: Hook.Point) -> Int32 {
        point == .prerouting || point == .output ? -100 : 100
    }

    /// Rules for translation are asked once for a connection, by its first packet; what they say is done to all of them.
    private func translate(_ point: Hook.Point, _ walk: inout Walk) -> Trace.Outcome? {
        guard let end = translation(at: point), let tracked = walk.packet.tracked else { return nil }
        let isSettled = end == .source ? tracked.connection.isSourceSettled : tracked.connection.isDestinationSettled
        if tracked.id == nil, !isSettled, end == .destination, let target = walk.givenTarget {
            if case .failed(let reason) = walk.bind(end, to: target.address, target.port) {
                return .dropped(.kernel(reason))
            }
        } else if tracked.id == nil, !isSettled {
            for chain in hooks[point] ?? [] {
                guard let hook = chain.hook, hook.kind == .nat else { continue }
                if let stop = stop(walk.run(chain, hook, in: self)) { return stop }
                let connection = walk.packet.tracked?.connection
                if (end == .source ? connection?.isSourceSettled : connection?.isDestinationSettled) == true { break }
            }
            let bound = walk.packet.tracked?.connection
            if (end == .source ? bound?.isSourceSettled : bound?.isDestinationSettled) != true,
                let reason = walk.bindToItself(end)
            {
                return .dropped(.kernel(reason))
            }
        }
        if walk.packet.isRedirect, tracked.state == .related,
            !tracked.connection.status.isDisjoint(with: [.sourceTranslated, .destinationTranslated])
        {
            return .dropped(.kernel(.redirect))
        }
        if point == .postrouting, tracked.direction == .original, let link = tracked.connection.masqueradedBy,
            link != walk.packet.outputLink
        {
            walk.packet.tracked?.isOver = true
            return .dropped(.kernel(.otherLink))
        }
        walk.rewrite(end)
        return nil
    }

    private func stop(_ end: Walk.End) -> Trace.Outcome? {
        switch end {
        case .accepted: nil
        case .dropped(let cause): .dropped(cause)
        case .rejected(let rejection, let cause): .rejected(rejection, cause)
        }
    }

    // MARK: - Ends

    private func deliver(_ walk: inout Walk) -> Trace.Outcome {
        walk.note(.kernel, .isLocal)
        if let stop = ask(.input, &walk) { return stop }
        return .local(walk.packet.wholeFrame)
    }

    private func forward(_ walk: inout Walk, by route: Route, _ origin: Origin) -> Trace.Outcome {
        guard let ip = walk.packet.ip else { return .dropped(.kernel(.notIP)) }
        guard forwards(ip.destination.family) else { return .dropped(.kernel(.notForwarding)) }
        walk.note(.kernel, .routed(table: route.table, route), origin)
        guard !walk.packet.frame.destination.isMulticast else { return .dropped(.kernel(.notUnicast)) }
        guard let link = links[route.link] else { return .dropped(.kernel(.noRoute)) }
        guard ip.ttl > 1 else { return .dropped(.kernel(.timeToLive)) }
        let isTooBig = ip.isLonger(than: link.mtu)
        guard !isTooBig || ip.mayBeCut else { return .dropped(.kernel(.tooBig)) }
        let nextHop = route.gateway ?? ip.destination
        walk.packet.ip = ip.forwarded
        walk.packet.outputLink = route.link
        walk.packet.nextHop = nextHop
        if let stop = ask(.forward, &walk) { return stop }
        if let stop = ask(.postrouting, &walk) { return stop }
        let planned = neighbour(nextHop, on: route.link)
        let mac = planned?.mac ?? walk.circumstances.neighbours[route.link]?[nextHop]
        if let mac { walk.note(.kernel, .resolved(nextHop, mac), planned?.origin) }
        var frame = walk.packet.wholeFrame
        frame.tags = []
        frame.trailer = []
        frame.source = link.mac ?? .zero
        frame.destination = mac ?? .zero
        return .forwarded(
            Trace.Departure(
                link: route.link, frame: frame, nextHop: nextHop, isResolved: mac != nil, isCut: isTooBig))
    }
}

extension MACAddress {
    static let zero = MACAddress(0, 0, 0, 0, 0, 0)
}

extension JudgedPacket {
    /// The frame with the packet as it is now.
    var wholeFrame: Frame {
        var whole = frame
        switch ip {
        case .v4(let packet): whole.body = .ipv4(packet)
        case .v6(let packet): whole.body = .ipv6(packet)
        case nil: break
        }
        return whole
    }
}

extension JudgedPacket {
    fileprivate var isRedirect: Bool {
        if case .icmp(let message)? = ip?.body { message.type == 5 } else { false }
    }
}

extension IPPacket {
    fileprivate var mayBeCut: Bool {
        if case .v4(let packet) = self { !packet.flags.contains(.dontFragment) } else { false }
    }

    fileprivate func isLonger(than mtu: Int) -> Bool {
        var content = body.payload.count
        if case .udp(let datagram) = body { content += datagram.surplus.count }
        // Most packets are far from any limit: no need to write them out. Headers of IPv4 and TCP have 120 bytes at most.
        if case .v4 = self, content + 120 <= mtu { return false }
        return bytes.count > mtu
    }
}
