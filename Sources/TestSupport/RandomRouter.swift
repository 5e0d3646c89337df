public import NetworkVocabulary
public import RouterPlan
public import Ruleset

/// A small router for random tables: three legs with known neighbours, a default route for either of two marks, and
/// pools of addresses and ports so small that rules and packets often meet.
public enum RandomRouter {
    public struct Leg: Sendable {
        public let name: InterfaceName
        public let mac: MACAddress
        public let address: IPv4Address
        public let network: IPv4Prefix

        init(_ number: UInt8, _ network: IPv4Prefix) {
            name = RulesetSamples.interface("eth\(number)")
            mac = MACAddress(2, 0, 0, 0, 1, number)
            self.network = network
            address = IPv4Address(bits: network.address.bits | 1)
        }
    }

    public static let legs = [
        Leg(0, RulesetSamples.prefix(10, 0, 0, 0, 24)), Leg(1, RulesetSamples.prefix(192, 0, 2, 0, 24)),
        Leg(2, RulesetSamples.prefix(198, 51, 100, 0, 24)),
    ]
    public static let owner = RulesetSamples.origin(1, "router")
    public static let ports: [UInt16] = [53, 80, 81, 443, 1000, 1005, 1010, 1011, 8080]

    /// Neighbours of each leg, somebody far away, and an address that rules translate to.
    public static let hosts: [IPv4Address] = legs.flatMap { leg in
        [7, 8, 9, 20].map { IPv4Address(bits: leg.network.address.bits | $0) }
    }
    public static let far = [IPv4Address(203, 0, 113, 5), IPv4Address(203, 0, 113, 6)]
    public static let publicAddresses = [IPv4Address(192, 0, 2, 50), IPv4Address(198, 51, 100, 50)]

    public static func mac(of host: IPv4Address) -> MACAddress {
        MACAddress(locallyAdministered: UInt64(host.bits))
    }

    /// The rows around a table.
    public static func plan(_ table: Table) throws -> NodePlan {
        var plan = NodePlan(NodeName("r-1-VM"), .router, owner: owner, table: table)
        var share = Contribution()
        share.add(.sysctl(Sysctl("net/ipv4/ip_forward", "1")), owner)
        share.add(.sysctl(Sysctl("net/ipv6/conf/default/disable_ipv6", "1")), owner)
        let tables = [Route.mainTable, 101, 102]
        for (index, leg) in legs.enumerated() {
            let kind = Link.Kind.leg(
                hostEnd: RulesetSamples.interface("peer\(index)"), bridge: RulesetSamples.interface("none0"))
            share.add(.link(Link(leg.name, kind, mac: leg.mac, mtu: 1500)), owner)
            share.add(.address(Address(InterfaceAddress(leg.address, in: leg.network), on: leg.name)), owner)
            for table in tables { share.add(.route(Route(.v4(leg.network), on: leg.name, table: table)), owner) }
            for host in hosts where leg.network.contains(host) {
                share.add(.neighbour(Neighbour(.v4(host), at: mac(of: host), on: leg.name)), owner)
            }
        }
        for (table, leg) in zip(tables, [1, 1, 2]) {
            let gateway = IPv4Address(bits: legs[leg].network.address.bits | 7)
            share.add(
                .route(Route(.v4(.everything), via: .v4(gateway), on: legs[leg].name, table: table)), owner)
        }
        for mark in [UInt32(101), 102] {
            share.add(
                .policyRule(PolicyRule(priority: 100 + mark, mark: mark, mask: 0xff, .lookup(table: mark))), owner)
        }
        share.add(.policyRule(PolicyRule(priority: 32000, .lookup(table: Route.mainTable))), owner)
        try plan.add(share)
        return plan
    }

    /// A valid table whose rules use every statement, field and kind of set that packets of the pools can meet.
    public static func table<Numbers: RandomNumberGenerator>(using numbers: inout Numbers) -> Table {
        var make = RandomTable(numbers)
        let table = make.table()
        numbers = make.numbers
        return table
    }
}

/// The making of one table.
private struct RandomTable<Numbers: RandomNumberGenerator> {
    var numbers: Numbers
    private var result = Table(.inet, "sluice", comment: "sluice:test:random-router")
    private let targets: [ChainName] = ["target-0", "target-1", "target-2"]
    private var nextOrigin = 100

    init(_ numbers: Numbers) { self.numbers = numbers }

    // MARK: - Choices

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &numbers) < percent }
    private mutating func pick<Thing>(_ things: [Thing]) -> Thing {
        things[Int.random(in: 0..<things.count, using: &numbers)]
    }
    private mutating func comparison() -> Comparison { chance(75) ? .equal : .notEqual }

    private mutating func origin() -> Origin {
        nextOrigin += 1
        return RulesetSamples.origin(nextOrigin)
    }

    private mutating func address() -> IPv4Address {
        pick(
            RandomRouter.hosts + RandomRouter.far + RandomRouter.publicAddresses + RandomRouter.legs.map(\.address))
    }

    private mutating func addresses() -> Value {
        let base = address()
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: return .ipv4(base)
        case 1:
            guard let range = IPv4Range(base, IPv4Address(bits: base.bits + UInt32.random(in: 0..<14, using: &numbers)))
            else { return .ipv4(base) }
            return .ipv4Range(range)
        default:
            let length = Int.random(in: 1...32, using: &numbers)
            return IPv4Prefix(containing: base, length: length).map(Value.ipv4Prefix) ?? .ipv4(base)
        }
    }

    private mutating func port() -> UInt16 { pick(RandomRouter.ports) }

    private mutating func portValue() -> Value {
        let first = Int(port())
        guard chance(50), let range = PortRange(first, min(65535, first + Int.random(in: 0..<900, using: &numbers)))
        else { return .port(UInt16(first)) }
        return .portRange(range)
    }

    private mutating func transport() -> IPProtocol { pick([.tcp, .udp]) }
    private mutating func link() -> Value { .interface(pick(RandomRouter.legs).name) }
    private mutating func markNumber() -> UInt32 { pick([0, 101, 102, 0x165, 0x0200, 0x66]) }

    // MARK: - The table

    mutating func table() -> Table {
        declareSets()
        for (index, name) in targets.enumerated() {
            let rules = self.rules(hook: nil, later: Array(targets[(index + 1)...]))
            result.chains.append(Chain(name, rules: rules))
        }
        let hooks: [(ChainName, Hook.Kind, Hook.Point, Int32)] = [
            ("raw-prerouting", .filter, .prerouting, -300), ("mangle-prerouting", .filter, .prerouting, -150),
            ("nat-prerouting", .nat, .prerouting, -100), ("filter-input", .filter, .input, 0),
            ("filter-forward", .filter, .forward, 0), ("late-forward", .filter, .forward, 10),
            ("nat-postrouting", .nat, .postrouting, 100), ("late-postrouting", .filter, .postrouting, 150),
        ]
        for (name, kind, point, priority) in hooks where chance(80) {
            let mayDrop = kind == .filter && point != .prerouting && point != .postrouting
            let hook = Hook(kind, point, priority: priority, policy: mayDrop && chance(30) ? .drop : .accept)
            result.chains.append(Chain(name, hook: hook, rules: rules(hook: hook, later: targets)))
        }
        return result
    }

    private mutating func declareSets() {
        let counts = chance(30)
        declare("exact", [.ipv4, .ipProtocol, .port], counts: counts) {
            ([.ipv4($0.address()), .ipProtocol($0.transport()), .port($0.port())], .none)
        }
        declare("ranges", [.ipv4, .ipProtocol, .port], interval: true, counts: counts) {
            ([$0.addresses(), .ipProtocol($0.transport()), $0.portValue()], .none)
        }
        declare("sources", [.ipv4], interval: true, counts: counts) { ([$0.addresses()], .none) }
        declare("some-ports", [.port], interval: true) { ([$0.portValue()], .none) }
        declare("some-links", [.interfaceName]) { ([$0.link()], .none) }
        declare("bindings", [.interfaceName, .etherAddress, .ipv4]) {
            let host = $0.pick(RandomRouter.hosts)
            return ([$0.link(), .mac(RandomRouter.mac(of: host)), .ipv4(host)], .none)
        }
        declare("questions", [.icmpType]) { ([.icmpType($0.pick([0, 3, 8, 11, 13]))], .none) }
        declare("messages", [.icmpType, .icmpCode], interval: true) {
            let type = $0.pick([0, 3, 8] as [UInt8])
            return (
                [.icmpTypeRange(type...type + $0.pick([0, 2, 5])), .icmpCodeRange(0...$0.pick([0, 1, 255]))], .none
            )
        }
        declare("protocols", [.ipv4, .ipProtocol], interval: true, counts: counts) {
            let first = $0.pick([0, 1, 6, 17] as [UInt8])
            return ([$0.addresses(), .ipProtocolRange(first...$0.pick([17, 89, 255]))], .none)
        }
        declare("link-marks", [.interfaceName], .values([.mark])) {
            ([$0.link()], .values([.mark($0.markNumber())]))
        }
        declare("firewall", [.ipv4, .ipv4, .ipProtocol, .port], .verdict, interval: true, counts: counts) {
            (
                [$0.addresses(), $0.addresses(), .ipProtocol($0.transport()), $0.portValue()],
                .verdict($0.elementVerdict())
            )
        }
        declare("verdicts", [.ipv4], .verdict) { ([.ipv4($0.address())], .verdict($0.elementVerdict())) }
        declare("forwards", [.ipv4, .ipProtocol, .port], .values([.ipv4, .port])) {
            (
                [.ipv4($0.address()), .ipProtocol($0.transport()), .port($0.port())],
                .values([.ipv4($0.address()), .port($0.port())])
            )
        }
        declare("translations", [.ipv4], .values([.ipv4]), interval: true) {
            ([$0.addresses()], .values([.ipv4($0.pick(RandomRouter.publicAddresses))]))
        }
        declare("targets", [.ipv4], .values([.ipv4])) { ([.ipv4($0.address())], .values([.ipv4($0.address())])) }
    }

    private mutating func declare(
        _ name: SetName, _ key: [DataType], _ yield: SetDeclaration.Yield = .membership, interval: Bool = false,
        counts: Bool = false, _ make: (inout Self) -> ([Value], Element.Content)
    ) {
        result.sets[name] = SetDeclaration(
            name, key: key, yield: yield, isInterval: interval, countsElements: counts,
            origin: RulesetSamples.origin(2, "set"))
        for _ in 0..<Int.random(in: 0..<7, using: &numbers) {
            let (values, content) = make(&self)
            result.elements[name, default: [:]][ElementKey(values).normal] = Element(content, origin: origin())
        }
        if interval { removeOverlaps(in: name) }
    }

    private mutating func elementVerdict() -> Verdict {
        switch Int.random(in: 0..<8, using: &numbers) {
        case 0, 1, 2: .accept
        case 3: .drop
        case 4: .return
        case 5: .goto(pick(targets))
        default: .jump(pick(targets))
        }
    }

    /// The kernel refuses overlaps, and the table's own check names them.
    private mutating func removeOverlaps(in name: SetName) {
        var bare = Table(.inet, "sluice")
        bare.chains = targets.map { Chain($0) }
        bare.sets[name] = result.sets[name]
        bare.elements[name] = result.elements[name]
        while true {
            do throws(RulesetError) {
                try bare.validate()
                break
            } catch .overlap(_, _, let key) {
                bare.elements[name]?[key] = nil
            } catch {
                preconditionFailure("a random table is not valid: \(error)")
            }
        }
        result.elements[name] = bare.elements[name]
    }

    // MARK: - Rules

    private mutating func rules(hook: Hook?, later: [ChainName]) -> [Rule] {
        (0..<Int.random(in: 0..<6, using: &numbers)).map { _ in
            let origin = origin()
            return Rule(origin, rule(hook: hook, later: later))
        }
    }

    /// What a rule has made sure of while it is written.
    private struct Sure {
        var isIPv4 = false
        var transports: [IPProtocol] = []
        var hasPorts: Bool { !transports.isEmpty && !transports.contains(.icmp) }
    }

    private mutating func rule(hook: Hook?, later: [ChainName]) -> [Statement] {
        var statements: [Statement] = []
        var sure = Sure()
        for _ in 0..<Int.random(in: 0..<4, using: &numbers) { match(&statements, &sure) }
        if chance(30) { statements.append(.counter) }
        statements += action(&statements, &sure, hook, later)
        return statements
    }

    private mutating func makeSureOfIPv4(_ statements: inout [Statement], _ sure: inout Sure) {
        guard !sure.isIPv4 else { return }
        sure.isIPv4 = true
        statements.append(.match(.networkProtocol, .equal, .family(.ipv4)))
    }

    private mutating func makeSureOfPorts(_ statements: inout [Statement], _ sure: inout Sure) -> Bool {
        guard sure.transports.isEmpty else { return sure.hasPorts }
        sure.transports = pick([[.tcp], [.udp], [.tcp, .udp]])
        let values = sure.transports.map(Value.ipProtocol)
        statements.append(
            values.count == 1
                ? .match(.transportProtocol, .equal, values[0]) : .oneOf(.transportProtocol, .equal, values))
        return true
    }

    private mutating func match(_ statements: inout [Statement], _ sure: inout Sure) {
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

    private mutating func action(
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

    private mutating func translation(
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
