import NetworkVocabulary
import Packets
import RouterPlan
import Ruleset

/// A packet being judged: what it has become, and what is written down about it.
struct Walk {
    let circumstances: Circumstances
    var packet: JudgedPacket
    var connections: ConnectionTable
    var steps: [Trace.Step] = []
    var counted: [Trace.Counted] = []
    var decidedBy: Origin?
    /// Who wanted the last translation.
    var translatedBy: Origin?
    /// What the connection tracking makes of the packet, where that is known beforehand.
    var givenTuple: FlowTuple?
    /// Where the packet's connection leads, where that is known beforehand: rules for destinations are not asked then.
    var givenTarget: (address: IPAddress, port: UInt16?)?
    /// Whether steps are written down: who only wants to know the outcome saves the time.
    let isRecording: Bool

    /// How a base chain, or all chains of a hook, end.
    enum End {
        case accepted
        case dropped(Trace.Cause)
        case rejected(Rejection, Trace.Cause)
    }

    init(_ packet: JudgedPacket, _ connections: ConnectionTable, _ circumstances: Circumstances, isRecording: Bool) {
        self.packet = packet
        self.connections = connections
        self.circumstances = circumstances
        self.isRecording = isRecording
    }

    mutating func note(
        _ place: Trace.Step.Place, _ action: Trace.Step.Action, _ origin: Origin? = nil, _ statement: Statement? = nil,
        _ found: [Trace.Found] = []
    ) {
        guard isRecording else { return }
        steps.append(
            Trace.Step(place: place, action: action, origin: origin, statement: statement, found: found))
    }
}

// The rules of one base chain.

extension Walk {
    private enum ChainEnd {
        case accepted
        case returned
        case stopped(End)
    }

    /// What one rule comes to.
    private enum RuleEnd {
        /// It does not concern the packet any further.
        case next
        case verdict(Verdict)
        case stopped(End)
    }

    /// The chain's verdict on the packet. What accepts a packet in a chain for translation decides nothing about it.
    mutating func run(_ chain: Chain, _ hook: Hook, in node: TracedNode) -> End {
        let decidedBefore = decidedBy
        switch walk(chain, hook, in: node, depth: 0) {
        case .accepted:
            if hook.kind == .nat { decidedBy = decidedBefore }
            return .accepted
        case .stopped(let end): return end
        case .returned:
            note(.policy(hook.point, chain.name), .policy(hook.policy))
            guard hook.policy == .drop else { return .accepted }
            decidedBy = nil
            return .dropped(.policy(hook.point, chain.name))
        }
    }

    private mutating func walk(_ chain: Chain, _ hook: Hook, in node: TracedNode, depth: Int) -> ChainEnd {
        // The kernel has room for 16 calls.
        guard depth < 16 else { return .stopped(.dropped(.kernel(.tooDeep))) }
        for index in chain.rules.indices {
            let site = Trace.Site(point: hook.point, chain: chain.name, rule: index)
            switch judge(chain.rules[index], site, in: node) {
            case .next: continue
            case .stopped(let end): return .stopped(end)
            case .verdict(.accept): return .accepted
            case .verdict(.drop): return .stopped(.dropped(.rule(site)))
            case .verdict(.return): return .returned
            case .verdict(.jump(let name)):
                guard let target = node.chains[name] else { continue }
                switch walk(target, hook, in: node, depth: depth + 1) {
                case .returned: continue
                case let end: return end
                }
            case .verdict(.goto(let name)):
                guard let target = node.chains[name] else { continue }
                return walk(target, hook, in: node, depth: depth + 1)
            }
        }
        return .returned
    }

    private mutating func judge(_ rule: Rule, _ site: Trace.Site, in node: TracedNode) -> RuleEnd {
        var found: [Trace.Found] = []
        var hasEffect = false
        for statement in rule.statements {
            switch statement {
            case .match(let field, let comparison, let value):
                guard let number = packet.number(field) else { return .next }
                if value.contains(number) != (comparison == .equal) { return .next }
            case .oneOf(let field, let comparison, let values):
                guard let number = packet.number(field) else { return .next }
                if values.contains(where: { $0.contains(number) }) != (comparison == .equal) { return .next }
            case .connectionState(let states):
                if packet.states.isDisjoint(with: states) { return .next }
            case .connectionStatus(let statuses):
                guard let status = packet.tracked?.connection.status, status.rawValue & statuses.rawValue != 0 else {
                    return .next
                }
            case .maskedMark(let field, let mask, let comparison, let value):
                guard let number = packet.number(field) else { return .next }
                if (number & Number(mask) == Number(value)) != (comparison == .equal) { return .next }
            case .maskedByte(let field, let mask, let comparison, let value):
                guard let number = packet.number(field) else { return .next }
                if (number & Number(mask) == Number(value)) != (comparison == .equal) { return .next }
            case .lookup(let keys, let set, .equal):
                guard look(keys, in: set, node, &found) != nil else { return .next }
            case .lookup(let keys, let set, .notEqual):
                guard let numbers = numbers(keys), node.sets[set]?.entry(for: numbers) == nil else { return .next }
            case .verdictMap(let keys, let set):
                guard let entry = look(keys, in: set, node, &found), case .verdict(let verdict) = entry.element.content
                else {
                    return .next
                }
                if verdict.isFinal { decidedBy = entry.element.origin }
                note(.rule(site), .verdict(verdict), entry.element.origin, statement, found)
                return .verdict(verdict)
            case .setPacketMark(let operand):
                guard let value = values(operand, node, &found)?.first else { return .next }
                packet.mark = UInt32(truncatingIfNeeded: value)
                note(.rule(site), .packetMark(packet.mark), found.last?.origin ?? rule.origin, statement, found)
                hasEffect = true
            case .setConnectionMark(let operand):
                guard let value = values(operand, node, &found)?.first else { return .next }
                // Without a connection nothing happens, and the rule goes on.
                guard packet.tracked != nil else { continue }
                let mark = UInt32(truncatingIfNeeded: value)
                packet.tracked?.connection.mark = mark
                note(.rule(site), .connectionMark(mark), found.last?.origin ?? rule.origin, statement, found)
                hasEffect = true
            case .sourceNAT(let family, let operand):
                guard let value = values(operand, node, &found)?.first, packet.tracked != nil else { return .next }
                let origin = found.last?.origin ?? rule.origin
                return bind(.source, to: IPAddress(value, family), nil, site, origin, statement, found)
            case .destinationNAT(let family, let operand, let withPort):
                guard let values = values(operand, node, &found), let value = values.first, packet.tracked != nil else {
                    return .next
                }
                let origin = found.last?.origin ?? rule.origin
                let port = withPort && values.count > 1 ? UInt16(truncatingIfNeeded: values[1]) : nil
                return bind(.destination, to: IPAddress(value, family), port, site, origin, statement, found)
            case .balance(let family, let set, let choice, let port):
                guard packet.tracked != nil, let slot = slot(choice, in: site.chain),
                    let value = values([Number(slot)], in: set, node, &found)?.first
                else { return .next }
                let origin = found.last?.origin ?? rule.origin
                return bind(.destination, to: IPAddress(value, family), port, site, origin, statement, found)
            case .masquerade:
                guard packet.tracked != nil, let link = packet.outputLink, let nextHop = packet.nextHop else {
                    return .next
                }
                guard let address = node.masqueradeAddress(on: link, towards: nextHop) else {
                    return .stopped(.dropped(.kernel(.noAddress)))
                }
                packet.tracked?.connection.masqueradedBy = link
                return bind(.source, to: address, nil, site, rule.origin, statement, found)
            case .counter:
                if isRecording { counted.append(.rule(site, rule.origin)) }
                hasEffect = true
            case .limit:
                guard !circumstances.limitsAreExceeded else {
                    note(.rule(site), .limited, rule.origin, statement, found)
                    return .next
                }
            case .log: hasEffect = true
            case .reject(let rejection):
                let origin = found.last?.origin ?? rule.origin
                decidedBy = origin
                note(.rule(site), .rejected(rejection), origin, statement, found)
                return .stopped(.rejected(rejection, .rule(site)))
            case .verdict(let verdict):
                let origin = found.last?.origin ?? rule.origin
                if verdict.isFinal { decidedBy = origin }
                note(.rule(site), .verdict(verdict), origin, statement, found)
                return .verdict(verdict)
            }
        }
        if hasEffect, isRecording, steps.last?.place != .rule(site) {
            note(.rule(site), .passed, rule.origin, rule.statements.last, found)
        }
        return .next
    }

    private mutating func bind(
        _ end: Translation.End, to address: IPAddress, _ port: UInt16?, _ site: Trace.Site, _ origin: Origin,
        _ statement: Statement, _ found: [Trace.Found]
    ) -> RuleEnd {
        let before = packet.tracked?.connection.translated(.original)
        switch bind(end, to: address, port) {
        case .failed(let reason): return .stopped(.dropped(.kernel(reason)))
        case .bound(let isPortArbitrary):
            translatedBy = origin
            if isRecording, let before, let after = packet.tracked?.connection.translated(.original) {
                let translation = Translation(
                    end: end, before: before, after: after, isPortArbitrary: isPortArbitrary)
                note(.rule(site), .translated(translation), origin, statement, found)
            }
            return .verdict(.accept)
        }
    }

    private func numbers(_ fields: [Field]) -> [Number]? {
        var numbers: [Number] = []
        numbers.reserveCapacity(fields.count)
        for field in fields {
            guard let number = packet.number(field) else { return nil }
            numbers.append(number)
        }
        return numbers
    }

    private mutating func look(
        _ fields: [Field], in set: SetName, _ node: TracedNode, _ found: inout [Trace.Found]
    ) -> SetIndex.Entry? {
        numbers(fields).flatMap { look($0, in: set, node, &found) }
    }

    private mutating func look(
        _ numbers: [Number], in set: SetName, _ node: TracedNode, _ found: inout [Trace.Found]
    ) -> SetIndex.Entry? {
        guard let entry = node.sets[set]?.entry(for: numbers) else { return nil }
        // Beyond its rate an element is as if it were not there.
        if circumstances.limitsAreExceeded, node.plan.table?.sets[set]?.limit != nil { return nil }
        found.append(Trace.Found(set: set, key: entry.key, origin: entry.element.origin))
        if isRecording, node.plan.table?.sets[set]?.countsElements == true {
            counted.append(.element(set, entry.key, entry.element.origin))
        }
        return entry
    }

    private mutating func values(
        _ operand: Operand, _ node: TracedNode, _ found: inout [Trace.Found]
    ) -> [Number]? {
        switch operand {
        case .value(let value): return [value.numbers.lowerBound]
        case .field(let field): return packet.number(field).map { [$0] }
        case .map(let set, let key):
            return numbers(key).flatMap { values($0, in: set, node, &found) }
        }
    }

    private mutating func values(
        _ numbers: [Number], in set: SetName, _ node: TracedNode, _ found: inout [Trace.Found]
    ) -> [Number]? {
        guard let entry = look(numbers, in: set, node, &found), case .values(let values) = entry.element.content
        else { return nil }
        return values.map(\.numbers.lowerBound)
    }

    private mutating func slot(_ choice: Choice, in chain: ChainName) -> UInt32? {
        switch choice.way {
        case .inTurn: return choice.first + connections.turn(of: choice, in: chain)
        case .byHash(let field, let seed):
            guard let number = packet.number(field), let type = field.dataType else { return nil }
            let hash = jenkinsHash(number.bytes(type.bitCount / 8), seed: seed)
            return choice.first + UInt32((UInt64(hash) * UInt64(choice.count)) >> 32)
        }
    }
}

extension Verdict {
    /// It decides about the packet, as far as the chain is asked.
    fileprivate var isFinal: Bool { self == .accept || self == .drop }
}

extension IPAddress {
    init(_ number: Number, _ family: AddressFamily) {
        switch family {
        case .ipv4: self = .v4(IPv4Address(bits: UInt32(truncatingIfNeeded: number)))
        case .ipv6:
            self = .v6(
                IPv6Address(high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number)))
        }
    }
}
