import NetworkVocabulary
import RouterPlan
import Ruleset

// The rules of a random table: what they ask is always something that the packet is sure to have.
extension RandomTable {
    mutating func rules(hook: Hook?, later: [ChainName]) -> [Rule] {
        (0..<Int.random(in: 0..<6, using: &numbers)).map { _ in
            let origin = origin()
            return Rule(origin, rule(hook: hook, later: later))
        }
    }

    /// What a rule has made sure of while it is written.
    struct Sure {
        var isIPv4 = false
        var transports: [IPProtocol] = []
        var hasPorts: Bool { !transports.isEmpty && !transports.contains(.icmp) }
    }

    mutating func rule(hook: Hook?, later: [ChainName]) -> [Statement] {
        var statements: [Statement] = []
        var sure = Sure()
        for _ in 0..<Int.random(in: 0..<4, using: &numbers) { match(&statements, &sure) }
        if chance(30) { statements.append(.counter) }
        statements += action(&statements, &sure, hook, later)
        return statements
    }

    mutating func makeSureOfIPv4(_ statements: inout [Statement], _ sure: inout Sure) {
        guard !sure.isIPv4 else { return }
        sure.isIPv4 = true
        statements.append(.match(.networkProtocol, .equal, .family(.ipv4)))
    }

    mutating func makeSureOfPorts(_ statements: inout [Statement], _ sure: inout Sure) -> Bool {
        guard sure.transports.isEmpty else { return sure.hasPorts }
        sure.transports = pick([[.tcp], [.udp], [.tcp, .udp]])
        let values = sure.transports.map(Value.ipProtocol)
        statements.append(
            values.count == 1
                ? .match(.transportProtocol, .equal, values[0]) : .oneOf(.transportProtocol, .equal, values))
        return true
    }

    mutating func match(_ statements: inout [Statement], _ sure: inout Sure) {
        switch Int.random(in: 0..<20, using: &numbers) {
        case 15:
            statements.append(.match(.connectionDirection, comparison(), .direction(chance(50) ? .original : .reply)))
        case 16:
            makeSureOfIPv4(&statements, &sure)
            let field: Field = pick([
                .ipv4OriginalSource, .ipv4OriginalDestination, .ipv4ReplySource, .ipv4ReplyDestination,
            ])
            statements.append(
                chance(50) ? .match(field, comparison(), addresses()) : .lookup([field], in: "sources", comparison()))
        case 17:
            makeSureOfIPv4(&statements, &sure)
            guard makeSureOfPorts(&statements, &sure) else { return }
            statements.append(
                .lookup(
                    [
                        pick([.ipv4OriginalDestination, .ipv4ReplySource]), .transportProtocol,
                        pick([.originalDestinationPort, .originalSourcePort, .replySourcePort, .replyDestinationPort]),
                    ], in: pick(["exact", "ranges"]), comparison()))
        case 18:
            makeSureOfIPv4(&statements, &sure)
            statements.append(
                .lookup([pick([.ipv4Source, .ipv4Destination]), .transportProtocol], in: "protocols", comparison()))
        case 0: statements.append(.match(pick([.inputInterface, .outputInterface]), comparison(), link()))
        case 1:
            statements.append(
                .connectionState(
                    pick([
                        .new, .established, .related, .invalid, [.established, .related], [.new, .invalid], .untracked,
                    ])))
        case 2:
            statements.append(.connectionStatus(pick([.sourceNAT, .destinationNAT, [.sourceNAT, .destinationNAT]])))
        case 3:
            let mask = pick([0xff, 0xff00, 0xffff_ffff] as [UInt32])
            statements.append(
                .maskedMark(pick([.packetMark, .connectionMark]), mask: mask, comparison(), markNumber() & mask))
        case 4: statements.append(.match(.packetMark, comparison(), .mark(markNumber())))
        case 5:
            makeSureOfIPv4(&statements, &sure)
            let value = addresses()
            statements.append(.match(pick([.ipv4Source, .ipv4Destination]), comparison(), value))
        case 6:
            guard makeSureOfPorts(&statements, &sure) else { return }
            statements.append(.match(pick([.sourcePort, .destinationPort]), comparison(), portValue()))
        case 7:
            guard makeSureOfPorts(&statements, &sure) else { return }
            let values = Set((0..<3).map { _ in Value.port(port()) }).sorted()
            statements.append(.oneOf(.destinationPort, comparison(), values))
        case 8:
            guard sure.transports.isEmpty else { return }
            makeSureOfIPv4(&statements, &sure)
            sure.transports = [.icmp]
            statements.append(.match(.transportProtocol, .equal, .ipProtocol(.icmp)))
            statements.append(
                chance(50)
                    ? .match(.icmpType, comparison(), .icmpType(pick([0, 3, 8])))
                    : .lookup([.icmpType], in: "questions", comparison()))
            if chance(30) { statements.append(.lookup([.icmpType, .icmpCode], in: "messages", comparison())) }
            if chance(30) { statements.append(.match(.icmpCode, comparison(), .icmpCode(pick([0, 1])))) }
        case 9: statements.append(.lookup([.inputInterface], in: "some-links", comparison()))
        case 10:
            makeSureOfIPv4(&statements, &sure)
            statements.append(.lookup([pick([.ipv4Source, .ipv4Destination])], in: "sources", comparison()))
        case 11:
            makeSureOfIPv4(&statements, &sure)
            guard makeSureOfPorts(&statements, &sure) else { return }
            statements.append(
                .lookup(
                    [
                        pick([.ipv4Source, .ipv4Destination]), .transportProtocol,
                        pick([.sourcePort, .destinationPort]),
                    ],
                    in: pick(["exact", "ranges"]), comparison()))
        case 12:
            makeSureOfIPv4(&statements, &sure)
            statements.append(.lookup([.inputInterface, .etherSource, .ipv4Source], in: "bindings", comparison()))
        case 13:
            guard makeSureOfPorts(&statements, &sure) else { return }
            statements.append(.lookup([pick([.sourcePort, .destinationPort])], in: "some-ports", comparison()))
        case 14:
            let host = pick(RandomRouter.hosts)
            statements.append(.match(.etherSource, comparison(), .mac(RandomRouter.mac(of: host))))
        default: statements.append(.limit(RateLimit(packets: 1_000_000, per: .second, burst: 1_000_000)))
        }
    }

    mutating func action(
        _ statements: inout [Statement], _ sure: inout Sure, _ hook: Hook?, _ later: [ChainName]
    ) -> [Statement] {
        if hook?.kind == .nat, chance(70) { return translation(&statements, &sure, hook) }
        switch Int.random(in: 0..<20, using: &numbers) {
        case 0, 1, 2: return [.verdict(.accept)]
        case 3: return [.verdict(.drop)]
        case 4: return [.verdict(.return)]
        case 5, 6, 7: return later.isEmpty ? [.counter] : [.verdict(.jump(pick(later)))]
        case 8: return later.isEmpty ? [.counter] : [.verdict(.goto(pick(later)))]
        case 9, 10: return [.setPacketMark(.value(.mark(markNumber())))]
        case 11: return [.setConnectionMark(.value(.mark(markNumber())))]
        case 12: return [.setPacketMark(.field(.connectionMark))]
        case 13: return [.setConnectionMark(.field(.packetMark))]
        case 14: return [.setPacketMark(.map("link-marks", key: [.inputInterface])), .counter]
        case 15, 16:
            // Elements call any target: from one, that could be a circle.
            guard hook != nil else { return [.counter] }
            makeSureOfIPv4(&statements, &sure)
            if chance(50) { return [.verdictMap([pick([.ipv4Source, .ipv4Destination])], "verdicts")] }
            guard makeSureOfPorts(&statements, &sure) else { return [.counter] }
            return [
                .verdictMap([.ipv4Source, .ipv4Destination, .transportProtocol, .destinationPort], "firewall")
            ]
        case 17:
            guard hook?.point == .forward || hook?.point == .input else { return [.counter] }
            return [.reject(sure.transports == [.tcp] ? .tcpReset : pick([.adminProhibited, .portUnreachable]))]
        default: return [.counter]
        }
    }

    mutating func translation(
        _ statements: inout [Statement], _ sure: inout Sure, _ hook: Hook?
    ) -> [Statement] {
        makeSureOfIPv4(&statements, &sure)
        if hook?.point == .prerouting {
            switch Int.random(in: 0..<3, using: &numbers) {
            case 0: return [.destinationNAT(.ipv4, .value(.ipv4(address())), withPort: false)]
            case 1: return [.destinationNAT(.ipv4, .map("targets", key: [.ipv4Destination]), withPort: false)]
            default:
                guard makeSureOfPorts(&statements, &sure) else { return [.counter] }
                return [
                    .destinationNAT(
                        .ipv4, .map("forwards", key: [.ipv4Destination, .transportProtocol, .destinationPort]),
                        withPort: true)
                ]
            }
        }
        switch Int.random(in: 0..<3, using: &numbers) {
        case 0: return [.sourceNAT(.ipv4, .value(.ipv4(pick(RandomRouter.publicAddresses))))]
        case 1: return [.sourceNAT(.ipv4, .map("translations", key: [.ipv4Source]))]
        default: return [.masquerade]
        }
    }
}
