import NetworkVocabulary
import Packets
import Ruleset

// What the kernel does between the chains: finding the connection of a packet, translating it, and remembering the
// connection once its first packet has got through.

extension Walk {
    /// Finds or begins the packet's connection, as the kernel does at priority -200. `takesUp`: whether one may begin in
    /// its middle.
    mutating func track(takesUp: Bool) {
        packet.tracking = tracking(takesUp)
        let tuple = packet.tracked.map { $0.connection.original }
        note(.kernel, .tracked(packet.states, tuple))
    }

    private mutating func tracking(_ takesUp: Bool) -> JudgedPacket.Tracking {
        guard let ip = packet.ip else { return .invalid }
        if case .icmpv6(let message) = ip.body, [130, 131, 132, 133, 134, 135, 136, 137, 143].contains(message.type) {
            return .untracked
        }
        if let givenTuple { return begun(givenTuple, ip, takesUp) }
        // A checksum that is wrong, and a length that is.
        if !ip.checksumFaults.isEmpty { return .invalid }
        if case .udp(let datagram) = ip.body, datagram.length != .computed { return .invalid }
        if ip.isUnknownGRE { return .invalid }
        if let quoted = ip.quoted { return related(ip, quoted) }
        guard let tuple = ip.tuple else { return .invalid }
        if let place = connections.place(of: tuple), let known = connections[place.id] {
            return continued(known, place, tuple, ip, takesUp)
        }
        return begun(tuple, ip, takesUp)
    }

    private mutating func continued(
        _ known: Connection, _ place: ConnectionTable.Place, _ tuple: FlowTuple, _ ip: IPPacket,
        _ takesUp: Bool
    ) -> JudgedPacket.Tracking {
        var connection = known
        var isOver = false
        if case .tcp(let segment) = ip.body {
            // Refused: the connection ends with this segment, which still belongs to it.
            isOver = segment.flags.contains(.rst) && !connection.status.contains(.seenReply)
            switch connection.progress.judge(segment, place.direction) {
            case .next(let progress): connection.progress = progress
            case .invalid: return .invalid
            case .reopens:
                connections.remove(tuple)
                return begun(tuple, ip, takesUp)
            }
        }
        let state: ConnectionStates
        if place.direction == .reply {
            state = .established
            connection.status.insert(.seenReply)
        } else {
            state =
                connection.status.contains(.seenReply)
                ? .established : connection.status.contains(.expected) ? .related : .new
        }
        return .connection(
            JudgedPacket.Tracked(
                id: place.id, connection: connection, direction: place.direction, state: state, isOver: isOver))
    }

    private func begun(_ tuple: FlowTuple, _ ip: IPPacket, _ takesUp: Bool) -> JudgedPacket.Tracking {
        guard tuple.canOpen, let reply = tuple.inverse else { return .invalid }
        var connection = Connection(tuple, reply: reply)
        if case .tcp(let segment) = ip.body {
            guard let progress = TCPProgress(first: segment), takesUp || progress == .opening else { return .invalid }
            connection.progress = progress
        }
        return .connection(
            JudgedPacket.Tracked(id: nil, connection: connection, direction: .original, state: .new))
    }

    /// An ICMP error belongs to the connection of the packet that it quotes, and goes the other way. It must come to who
    /// sent that packet.
    private func related(_ ip: IPPacket, _ quoted: IPPacket) -> JudgedPacket.Tracking {
        guard let inner = quoted.quotedTuple?.inverse, let place = connections.place(of: inner),
            let connection = connections[place.id],
            connection.tuple(place.direction).destination == ip.destination
        else { return .invalid }
        return .connection(
            JudgedPacket.Tracked(
                id: place.id, connection: connection, direction: place.direction, state: .related))
    }

    // MARK: - Translation

    enum Binding {
        case bound(isPortArbitrary: Bool)
        case failed(Trace.KernelReason)
    }

    /// Gives one end of the packet's connection another address. The port stays unless one is given, or unless another
    /// connection to the same place uses it already: then the source gets one that is free.
    mutating func bind(_ end: Translation.End, to address: IPAddress?, _ port: UInt16?) -> Binding {
        guard var tracked = packet.tracked, let now = tracked.connection.translated(.original) else {
            return .bound(isPortArbitrary: false)
        }
        var wanted = now
        var isPortArbitrary = false
        switch end {
        case .destination:
            tracked.connection.isDestinationSettled = true
            wanted = now.with(destination: address, now.selector.with(destination: port))
        case .source:
            tracked.connection.isSourceSettled = true
            wanted = now.with(source: address, now.selector.with(source: port))
            // Without ports there is no other: the kernel finds that out when the packet leaves, and all that it passes
            // until then counts it.
            if wanted.selector != .none, let reply = wanted.inverse, connections.isTaken(reply) {
                guard let other = freeTuple(wanted) else { return .failed(.noFreePort) }
                wanted = other
                isPortArbitrary = true
            }
        }
        if wanted != now, let reply = wanted.inverse {
            tracked.connection.reply = reply
            tracked.connection.status.insert(end == .source ? .sourceTranslated : .destinationTranslated)
        }
        packet.tracked = tracked
        return .bound(isPortArbitrary: isPortArbitrary)
    }

    /// What no rule translates keeps its addresses; its source port too, unless another connection has it. Returns why
    /// that cannot be.
    mutating func bindToItself(_ end: Translation.End) -> Trace.KernelReason? {
        let before = packet.tracked?.connection.translated(.original)
        switch bind(end, to: nil, nil) {
        case .failed(let reason): return reason
        case .bound(let isPortArbitrary):
            guard isPortArbitrary, let before, let after = packet.tracked?.connection.translated(.original) else {
                return nil
            }
            note(.kernel, .translated(Translation(end: end, before: before, after: after, isPortArbitrary: true)))
            return nil
        }
    }

    /// The kernel looks in the range that the port is in (up to 511, up to 1023, above) and begins anywhere.
    private func freeTuple(_ tuple: FlowTuple) -> FlowTuple? {
        let candidates: ClosedRange<UInt16>
        switch tuple.selector {
        case .ports(let source, _):
            candidates = source < 512 ? 1...511 : source < 1024 ? 600...1023 : 1024...65535
        case .icmp: candidates = 0...65535
        case .none: return nil
        }
        return candidates.lazy.map { tuple.with(tuple.selector.with(source: $0)) }
            .first { $0.inverse.map { !connections.isTaken($0) } ?? false }
    }

    /// Translates the packet itself, at the points where the kernel does.
    mutating func rewrite(_ end: Translation.End) {
        guard let tracked = packet.tracked, let ip = packet.ip,
            tracked.connection.translates(end, tracked.direction)
        else { return }
        if tracked.state == .related, ip.quoted != nil {
            // The error goes this way; what it quotes went the other way.
            guard let target = tracked.connection.translated(tracked.direction) else { return }
            let quoted = tracked.connection.tuple(tracked.direction.opposite)
            packet.ip = ip.with(addressOf: end, in: target)
                .quoting(end == .source ? .destination : .source, of: quoted)
        } else if let target = tracked.connection.translated(tracked.direction) {
            packet.ip = ip.with(end, of: target)
        }
    }

    /// Writes down what is known of the connection now. A new one counts once its first packet has got through.
    ///
    /// False when another connection has taken its place meanwhile.
    mutating func remember(isThrough: Bool) -> Bool {
        guard let tracked = packet.tracked else { return true }
        if tracked.isOver {
            connections.remove(tracked.connection.original)
        } else if let id = tracked.id {
            // An error about it does not keep a connection.
            if tracked.state == .related, !tracked.connection.status.contains(.expected) {
                connections[id] = tracked.connection
            } else {
                connections.hear(id, tracked.connection)
            }
        } else if isThrough {
            var connection = tracked.connection
            connection.status.insert(.confirmed)
            return connections.insert(connection)
        }
        return true
    }
}

extension FlowTuple.Selector {
    fileprivate func with(source: UInt16? = nil, destination: UInt16? = nil) -> Self {
        switch self {
        case .ports(let from, let to): .ports(source: source ?? from, destination: destination ?? to)
        case .icmp(let type, let code, let id): .icmp(type: type, code: code, id: source ?? id)
        case .none: .none
        }
    }
}

extension IPPacket {
    /// GRE of version 1 that carries no PPP (RFC 2637 section 4.1), which the kernel makes nothing of.
    fileprivate var isUnknownGRE: Bool {
        guard self.protocol.number == 47, case .other(let bytes) = body, bytes.count >= 8 else { return false }
        return bytes[1] & 7 == 1 && (bytes[2], bytes[3]) != (0x88, 0x0b)
    }

    /// The tuple of a packet that may end behind its ports.
    var quotedTuple: FlowTuple? {
        if let ports {
            return FlowTuple(
                `protocol`, from: source, to: destination, .ports(source: ports.source, destination: ports.destination))
        }
        return tuple
    }
}
