import NetworkVocabulary
public import Ruleset

extension RulesetSamples {
    /// A valid table: some of the sets, chains and rules there could be.
    public static func random<Numbers: RandomNumberGenerator>(using numbers: inout Numbers) -> Table {
        var table = Table(.inet, "sluice", comment: "sluice:test:random")
        let targets = (0..<3).filter { _ in Bool.random(using: &numbers) }.map { ChainName("target-\($0)") }
        table.chains = targets.map { Chain($0) }
        for kind in SetKind.allCases where Int.random(in: 0..<10, using: &numbers) < 7 {
            let declaration = kind.declaration(counts: Int.random(in: 0..<8, using: &numbers) == 0)
            table.sets[declaration.name] = declaration
            for slot in 0..<8 where Bool.random(using: &numbers) {
                guard let key = kind.key(slot, using: &numbers) else { continue }
                table.elements[declaration.name, default: [:]][key] = kind.element(slot, targets, using: &numbers)
            }
        }
        for index in table.chains.indices {
            // Later targets only: no circles.
            table.chains[index].rules = rules(table, Array(targets[(index + 1)...]), nil, using: &numbers)
        }
        table.branches = branches(table, using: &numbers)
        let hooks = [
            ("base-prerouting", Hook(.nat, .prerouting, priority: -100, policy: .accept)),
            ("base-input", Hook(.filter, .input, priority: 0, policy: .drop)),
            ("base-forward", Hook(.filter, .forward, priority: 5, policy: .accept)),
            ("base-postrouting", Hook(.nat, .postrouting, priority: 100, policy: .accept)),
        ]
        for (name, hook) in hooks where Int.random(in: 0..<4, using: &numbers) > 0 {
            table.chains.append(
                Chain(ChainName(name), hook: hook, rules: rules(table, targets, hook, using: &numbers)))
        }
        return table
    }

    /// Chains that balance by the table's slots.
    private static func branches<Numbers: RandomNumberGenerator>(
        _ table: Table, using numbers: inout Numbers
    ) -> [ChainName: Chain] {
        guard table.sets[SetKind.slots.name] != nil else { return [:] }
        var branches: [ChainName: Chain] = [:]
        for number in 0..<4 where Bool.random(using: &numbers) {
            let name = ChainName("branch-\(number)")
            let way: Choice.Way =
                Bool.random(using: &numbers)
                ? .inTurn : .byHash(.ipv4Source, seed: UInt32.random(in: 0..<9, using: &numbers))
            let choice = Choice(
                way, first: UInt32(number) << 12, count: UInt32.random(in: 1..<5, using: &numbers))
            let head = [
                Statement.match(.networkProtocol, .equal, .family(.ipv4)),
                .match(.transportProtocol, .equal, .ipProtocol(Bool.random(using: &numbers) ? .tcp : .udp)),
            ]
            branches[name] = Chain(
                name,
                rules: [Rule(origin(number, "branch"), head + [.balance(.ipv4, SetKind.slots.name, choice, port: 80)])])
        }
        return branches
    }

    /// The table with some elements, rules, chains and sets other than before; sometimes a wholly different one.
    public static func mutated<Numbers: RandomNumberGenerator>(_ table: Table, using numbers: inout Numbers) -> Table {
        if Int.random(in: 0..<5, using: &numbers) == 0 { return random(using: &numbers) }
        var table = table
        let targets = table.chains.filter { $0.hook == nil }.map(\.name)
        for kind in SetKind.allCases where table.sets[kind.name] != nil {
            for slot in 0..<8 where Int.random(in: 0..<4, using: &numbers) == 0 {
                let old = (table.elements[kind.name] ?? [:]).keys.filter { kind.slot(of: $0) == slot }
                for key in old { table.elements[kind.name]?[key] = nil }
                guard Bool.random(using: &numbers), let key = kind.key(slot, using: &numbers) else { continue }
                table.elements[kind.name, default: [:]][key] = kind.element(slot, targets, using: &numbers)
            }
        }
        if Bool.random(using: &numbers) { table.branches = branches(table, using: &numbers) }
        for index in table.chains.indices where Int.random(in: 0..<3, using: &numbers) == 0 {
            let chain = table.chains[index]
            let later = chain.hook == nil ? targets.filter { $0 > chain.name } : targets
            table.chains[index].rules = rules(table, later, chain.hook, using: &numbers)
        }
        return table
    }

    private static func rules<Numbers: RandomNumberGenerator>(
        _ table: Table, _ targets: [ChainName], _ hook: Hook?, using numbers: inout Numbers
    ) -> [Rule] {
        let v4 = Statement.match(.networkProtocol, .equal, .family(.ipv4))
        let tcp = Statement.match(.transportProtocol, .equal, .ipProtocol(.tcp))
        let both = Statement.oneOf(.transportProtocol, .equal, [.ipProtocol(.tcp), .ipProtocol(.udp)])
        let number = UInt32.random(in: 1..<100, using: &numbers)
        let low = Int.random(in: 1..<1000, using: &numbers)
        var bodies: [[Statement]] = [
            [.counter],
            [.connectionState([.established, .related]), .verdict(.accept)],
            [.connectionState(.invalid), .counter, .verdict(.drop)],
            [.match(.inputInterface, .equal, .interface(interface("eth\(number)"))), .verdict(.return)],
            [v4, .match(.ipv4Source, .notEqual, .ipv4Prefix(prefix(10, 0, 0, 0, 8 + low % 25))), .counter],
            [tcp, .match(.destinationPort, .equal, .portRange(ports(low, low + 10)))],
            [both, .oneOf(.destinationPort, .equal, [.port(UInt16(low)), .port(UInt16(low + 5))]), .verdict(.accept)],
            [
                tcp, .oneOf(.sourcePort, .notEqual, [.portRange(ports(low, low + 3)), .port(UInt16(low + 9))]),
                .counter,
            ],
            [.setPacketMark(.value(.mark(number)))],
            [.maskedMark(.packetMark, mask: 0xff, .equal, number & 0xff), .setConnectionMark(.field(.packetMark))],
            [.limit(RateLimit(packets: UInt64(number), per: .second, burst: 5)), .log(prefix: "n \(number) ")],
        ]
        if let target = targets.randomElement(using: &numbers) {
            bodies.append([.counter, .verdict(.jump(target))])
            bodies.append([tcp, .verdict(.goto(target))])
        }
        for kind in SetKind.allCases where table.sets[kind.name] != nil {
            if let body = kind.use(hook) { bodies.append(body) }
        }
        return (0..<Int.random(in: 0..<6, using: &numbers)).compactMap { _ in
            guard let body = bodies.randomElement(using: &numbers) else { return nil }
            return Rule(origin(Int.random(in: 0..<1000, using: &numbers), "rule"), body)
        }
    }
}

/// The sets that random tables have.
private enum SetKind: Int, CaseIterable {
    case forwards, sources, legs, tuples, prefixes, ports, bindings, marks, slots

    var name: SetName { declaration(counts: false).name }

    func declaration(counts: Bool) -> SetDeclaration {
        func make(
            _ name: SetName, _ key: [DataType], _ yield: SetDeclaration.Yield = .membership, interval: Bool = false
        ) -> SetDeclaration {
            SetDeclaration(
                name, key: key, yield: yield, isInterval: interval, countsElements: counts,
                origin: RulesetSamples.origin(rawValue, "set"))
        }
        return switch self {
        case .forwards: make("forwards", [.ipv4, .ipProtocol, .port], .values([.ipv4, .port]))
        case .sources: make("sources", [.ipv4], .values([.ipv4]), interval: true)
        case .legs: make("legs", [.interfaceName], .verdict)
        case .tuples: make("tuples", [.ipv4, .ipProtocol, .port], interval: true)
        case .prefixes: make("prefixes", [.ipv6], interval: true)
        case .ports: make("port-ranges", [.port], interval: true)
        case .bindings: make("bindings", [.interfaceName, .etherAddress, .ipv4])
        case .marks: make("marks", [.mark], .values([.ipv4]))
        case .slots: make("slots", [.slot], .values([.ipv4]))
        }
    }

    /// Keys of different slots never overlap.
    func key<Numbers: RandomNumberGenerator>(_ slot: Int, using numbers: inout Numbers) -> ElementKey? {
        let number = UInt8(slot)
        let form = Int.random(in: 0..<4, using: &numbers)
        let address = IPv4Address(10, number, 0, 0)
        let addresses: Value =
            switch form {
            case 0: .ipv4(address)
            case 1: .ipv4Prefix(RulesetSamples.prefix(10, number, 0, 0, 17))
            case 2: .ipv4Range(RulesetSamples.range(address, 77))
            default: .ipv4Prefix(RulesetSamples.prefix(10, number, 0, 0, 16))
            }
        let port: Value =
            form == 0
            ? .port(UInt16(slot * 100 + 1)) : .portRange(RulesetSamples.ports(slot * 100 + 1, slot * 100 + 90 + form))
        switch self {
        case .forwards: return ElementKey([.ipv4(address), .ipProtocol(.tcp), .port(UInt16(slot + 1))])
        case .sources: return ElementKey([addresses])
        case .legs: return ElementKey([.interface(RulesetSamples.interface("eth\(slot)"))])
        case .tuples: return ElementKey([addresses, .ipProtocol(.udp), port])
        case .prefixes:
            let six = IPv6Address(high: 0x2001_0db8_0000_0000 | UInt64(slot) << 16, low: 0)
            guard form > 0, let prefix = IPv6Prefix(six, length: 48 + form) else { return ElementKey([.ipv6(six)]) }
            return ElementKey([.ipv6Prefix(prefix)])
        case .ports: return ElementKey([port])
        case .bindings:
            return ElementKey([
                .interface(RulesetSamples.interface("tap\(slot)")), .mac(MACAddress(2, 0, 0, 0, 0, number)),
                .ipv4(address),
            ])
        case .marks: return ElementKey([.mark(UInt32(slot) << 8)])
        case .slots: return ElementKey([.slot(UInt32(slot) << 11)])
        }
    }

    func slot(of key: ElementKey) -> Int? {
        (0..<8).first { slot in
            var numbers = SeededGenerator(seed: 0)
            return (0..<16).contains { _ in self.key(slot, using: &numbers) == key }
        }
    }

    func element<Numbers: RandomNumberGenerator>(
        _ slot: Int, _ targets: [ChainName], using numbers: inout Numbers
    ) -> Element {
        let number = UInt8.random(in: 1..<9, using: &numbers)
        let origin = RulesetSamples.origin(slot * 10 + Int(number))
        let address = Value.ipv4(IPv4Address(192, 0, 2, number))
        return switch self {
        case .forwards: Element(.values([address, .port(UInt16(number))]), origin: origin)
        case .sources, .marks, .slots: Element(.values([address]), origin: origin)
        case .legs:
            Element(
                .verdict(targets.randomElement(using: &numbers).map { .jump($0) } ?? .drop), origin: origin)
        case .tuples, .prefixes, .ports, .bindings: Element(origin: origin)
        }
    }

    /// A rule that asks the set, where one may.
    func use(_ hook: Hook?) -> [Statement]? {
        let v4 = Statement.match(.networkProtocol, .equal, .family(.ipv4))
        let v6 = Statement.match(.networkProtocol, .equal, .family(.ipv6))
        let both = Statement.oneOf(.transportProtocol, .equal, [.ipProtocol(.tcp), .ipProtocol(.udp)])
        switch self {
        case .forwards:
            guard hook?.point == .prerouting else { return nil }
            return [
                v4, both,
                .destinationNAT(
                    .ipv4, .map("forwards", key: [.ipv4Destination, .transportProtocol, .destinationPort]),
                    withPort: true),
            ]
        case .sources:
            return hook?.point == .postrouting ? [v4, .sourceNAT(.ipv4, .map("sources", key: [.ipv4Source]))] : nil
        case .marks:
            return hook?.point == .postrouting ? [v4, .sourceNAT(.ipv4, .map("marks", key: [.packetMark]))] : nil
        // Only branches ask it.
        case .slots: return nil
        case .legs: return hook == nil ? nil : [.verdictMap([.inputInterface], "legs")]
        case .tuples:
            return [
                v4, both, .lookup([.ipv4Source, .transportProtocol, .destinationPort], in: "tuples", .equal), .counter,
            ]
        case .prefixes: return [v6, .lookup([.ipv6Source], in: "prefixes", .notEqual), .verdict(.drop)]
        case .ports: return [both, .lookup([.sourcePort], in: "port-ranges", .equal), .counter]
        case .bindings:
            guard hook?.point != .postrouting else { return nil }
            return [v4, .lookup([.inputInterface, .etherSource, .ipv4Source], in: "bindings", .equal), .counter]
        }
    }
}
