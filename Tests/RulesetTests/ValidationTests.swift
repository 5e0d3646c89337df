import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

/// A mistake made in a table that is right otherwise, and what it is called.
struct Mistake: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable (inout Table) -> Void
    let isRight: @Sendable (RulesetError) -> Bool

    init(
        _ name: String, _ make: @escaping @Sendable (inout Table) -> Void,
        _ right: @escaping @Sendable (RulesetError) -> Bool
    ) {
        testDescription = name
        self.make = make
        isRight = right
    }
}

private let here = Origin("rule", ObjectID(random: 0, 1))
private let v4 = Statement.match(.networkProtocol, .equal, .family(.ipv4))
private let v6 = Statement.match(.networkProtocol, .equal, .family(.ipv6))
private let tcp = Statement.match(.transportProtocol, .equal, .ipProtocol(.tcp))
private let address = Value.ipv4(IPv4Address(10, 0, 0, 1))
private let port = Value.port(80)

/// A rule in a regular chain.
private func rule(
    _ name: String, _ statements: [Statement], _ right: @escaping @Sendable (RulesetError) -> Bool
) -> Mistake {
    Mistake(name, { $0.chains[1].rules.append(Rule(here, statements)) }, right)
}

private func unsure(_ name: String, _ field: Field, _ statements: [Statement]) -> Mistake {
    rule(name, statements) { $0 == .unsureHeader(field, here) }
}

private func badStatement(_ name: String, _ statements: [Statement]) -> Mistake {
    rule(name, statements) { if case .badStatement(_, here, _) = $0 { true } else { false } }
}

private func balance(_ set: SetName, first: UInt32 = 0, count: UInt32 = 2, port: UInt16 = 80) -> Statement {
    .balance(.ipv4, set, Choice(.inTurn, first: first, count: count), port: port)
}

private func declaration(
    _ name: String, _ set: SetDeclaration, _ right: @escaping @Sendable (RulesetError) -> Bool
) -> Mistake {
    Mistake(name, { $0.sets[set.name] = set }, right)
}

private func element(
    _ name: String, _ set: SetName, _ key: [Value], _ content: Element.Content = .none,
    _ right: @escaping @Sendable (RulesetError) -> Bool
) -> Mistake {
    Mistake(name, { $0.elements[set, default: [:]][ElementKey(key)] = Element(content, origin: here) }, right)
}

private func mismatch(_ name: String, _ set: SetName, _ key: [Value], _ content: Element.Content = .none) -> Mistake {
    element(name, set, key, content) { $0 == .elementMismatch(set, ElementKey(key), here) }
}

private let mistakes: [Mistake] = [
    // Names and comments.
    Mistake("a chain with a space", { $0.chains.append(Chain("a b")) }) { $0 == .badName("a b") },
    Mistake("a chain with a brace", { $0.chains.append(Chain("x{}")) }) { $0 == .badName("x{}") },
    Mistake("a chain named drop", { $0.chains.append(Chain("drop")) }) { $0 == .badName("drop") },
    Mistake("a chain without name", { $0.chains.append(Chain("")) }) { $0 == .badName("") },
    Mistake("a chain that begins with a digit", { $0.chains.append(Chain("4to6")) }) { $0 == .badName("4to6") },
    Mistake("two chains of one name", { $0.chains.append(Chain("from-guest")) }) {
        $0 == .duplicateChain("from-guest")
    },
    Mistake("a quotation in a comment", { $0.comment = "a\"b" }) { $0 == .badComment("a\"b") },
    Mistake(
        "an origin that is too long",
        {
            $0.chains[1].rules.append(
                Rule(Origin("rule", here.id, part: String(repeating: "x", count: 90)), [.counter]))
        }
    ) { if case .badComment = $0 { true } else { false } },
    // References.
    rule("a jump to nowhere", [.verdict(.jump("no-where"))]) { $0 == .unknownChain("no-where", here) },
    rule("a jump to a base chain", [.verdict(.goto("input-filter"))]) { $0 == .jumpToBaseChain("input-filter", here) },
    element(
        "an element that jumps to nowhere", "legs", [.interface(InterfaceName("e9") ?? any)],
        .verdict(.jump("no-where"))
    ) {
        $0 == .unknownChain("no-where", here)
    },
    rule("an unknown set", [v4, .lookup([.ipv4Source], in: "no-set", .equal)]) { $0 == .unknownSet("no-set", here) },
    Mistake("elements of no set", { $0.elements["no-set"] = [:] }) { $0 == .undeclaredElements("no-set") },
    Mistake(
        "a circle of jumps",
        {
            $0.chains[0].rules.insert(Rule(here, [.verdict(.jump("from-guest"))]), at: 0)
            $0.chains[1].rules.append(Rule(here, [.verdict(.jump("from-public"))]))
        }
    ) { if case .loop = $0 { true } else { false } },
    // Headers.
    unsure("an IPv4 address of any packet", .ipv4Source, [.match(.ipv4Source, .equal, address)]),
    unsure("an IPv4 address of an IPv6 packet", .ipv4Source, [v6, .match(.ipv4Source, .equal, address)]),
    unsure(
        "an IPv4 address of a packet that is not IPv4", .ipv4Source,
        [.match(.networkProtocol, .notEqual, .family(.ipv4)), .match(.ipv4Source, .equal, address)]),
    unsure("a port of any packet", .destinationPort, [v4, .match(.destinationPort, .equal, port)]),
    unsure(
        "a port of ICMP", .sourcePort,
        [
            .oneOf(.transportProtocol, .equal, [.ipProtocol(.tcp), .ipProtocol(.icmp)]),
            .match(.sourcePort, .equal, port),
        ]),
    unsure(
        "a port of what is not TCP", .sourcePort,
        [
            .oneOf(.transportProtocol, .notEqual, [.ipProtocol(.tcp), .ipProtocol(.udp)]),
            .match(.sourcePort, .equal, port),
        ]),
    unsure("an ICMP type of any packet", .icmpType, [v4, .match(.icmpType, .equal, .icmpType(8))]),
    unsure("an ICMPv6 type of TCP", .icmpv6Type, [v6, tcp, .match(.icmpv6Type, .equal, .icmpType(8))]),
    unsure("ARP without looking", .arpOperation, [.match(.arpOperation, .equal, .arpOperation(1))]),
    unsure(
        "a lookup that mixes fields", .destinationPort,
        [v4, .lookup([.ipv4Destination, .ipv4Source, .transportProtocol, .destinationPort], in: "firewall", .equal)]),
    unsure("a match that comes too late", .ipv4Source, [.match(.ipv4Source, .equal, address), v4]),
    // Types.
    badStatement("an address compared with a port", [v4, .match(.ipv4Source, .equal, port)]),
    badStatement(
        "ICMP codes as types",
        [.match(.transportProtocol, .equal, .ipProtocol(.icmp)), .match(.icmpType, .equal, .icmpCode(1))]),
    badStatement("a list of nothing", [.oneOf(.packetMark, .equal, [])]),
    badStatement("a list with a double", [tcp, .oneOf(.sourcePort, .equal, [port, port])]),
    badStatement("no state", [.connectionState([])]),
    badStatement("an unknown status", [.connectionStatus(ConnectionStatuses(rawValue: 1))]),
    badStatement("a mask of no mark", [.maskedMark(.transportProtocol, mask: 1, .equal, 1)]),
    badStatement("a mark outside its mask", [.maskedMark(.packetMark, mask: 1, .equal, 2)]),
    badStatement("a prefix of everything", [v4, .match(.ipv4Source, .equal, .ipv4Prefix(RulesetSamples.everywhere))]),
    badStatement("a key of another type", [v4, .lookup([.ipv4Source], in: "ports", .equal)]),
    badStatement("a map as a set", [v4, .lookup([.ipv4Source], in: "static-nat", .equal)]),
    badStatement("a set as a verdict map", [tcp, .verdictMap([.destinationPort], "ports")]),
    badStatement("a mark that is an address", [.setPacketMark(.value(address))]),
    badStatement("a mark from a map of addresses", [v4, .setPacketMark(.map("static-nat", key: [.ipv4Source]))]),
    badStatement("translation of any family", [.sourceNAT(.ipv4, .value(address))]),
    badStatement("IPv6 translated to IPv4", [v6, .sourceNAT(.ipv6, .value(address))]),
    badStatement("a port out of a value", [v4, tcp, .destinationNAT(.ipv4, .value(address), withPort: true)]),
    badStatement(
        "a port out of a map of addresses",
        [
            v4, tcp, .destinationNAT(.ipv4, .map("static-nat", key: [.ipv4Source]), withPort: true),
        ]),
    badStatement("a reset of anything", [.reject(.tcpReset)]),
    badStatement("a rate of nothing", [.limit(RateLimit(packets: 0, per: .second, burst: 1))]),
    badStatement("a quotation in a prefix", [.log(prefix: "a\"")]),
    badStatement("something after a verdict", [.verdict(.drop), .counter]),
    rule("a rule that says nothing", []) { if case .badStatement(_, here, _) = $0 { true } else { false } },
    Mistake(
        "source translation before routing",
        { $0.chains[3].rules.append(Rule(here, [v4, .sourceNAT(.ipv4, .value(address))])) }
    ) { if case .badStatement(_, here, _) = $0 { true } else { false } },
    Mistake("translation in a filter", { $0.chains[4].rules.append(Rule(here, [.masquerade])) }) {
        if case .badStatement(_, here, _) = $0 { true } else { false }
    },
    // Choices, and chains that come and go.
    Mistake(
        "a branch with a hook",
        {
            $0.branches["branch-3"] = Chain(
                "branch-3", hook: Hook(.filter, .forward, priority: 9, policy: .accept), rules: [Rule(here, [.counter])]
            )
        }
    ) { $0 == .hookedBranch("branch-3") },
    Mistake("a branch with the name of a chain", { $0.branches["from-guest"] = Chain("from-guest") }) {
        $0 == .duplicateChain("from-guest")
    },
    badStatement("nothing to choose from", [v4, tcp, balance("slots-4", count: 0)]),
    badStatement("slots beyond the last number", [v4, tcp, balance("slots-4", first: .max, count: 2)]),
    badStatement("port 0", [v4, tcp, balance("slots-4", port: 0)]),
    badStatement("a map that is no map of slots", [v4, tcp, balance("static-nat")]),
    badStatement("slots of the other family", [v4, tcp, balance("slots-6")]),
    unsure("a port for a packet that may have none", .destinationPort, [v4, balance("slots-4")]),
    declaration(
        "slots beside something else",
        SetDeclaration("mixed-slots", key: [.slot, .port], yield: .values([.ipv4]), origin: here)
    ) { if case .badDeclaration("mixed-slots", _) = $0 { true } else { false } },
    declaration("slots that lead nowhere", SetDeclaration("lone-slots", key: [.slot], origin: here)) {
        if case .badDeclaration("lone-slots", _) = $0 { true } else { false }
    },
    // Declarations and elements.
    declaration("a set without a key", SetDeclaration("no-key", key: [], origin: here)) {
        if case .badDeclaration("no-key", _) = $0 { true } else { false }
    },
    declaration("a key of six", SetDeclaration("six", key: .init(repeating: .port, count: 6), origin: here)) {
        if case .badDeclaration("six", _) = $0 { true } else { false }
    },
    declaration("a key of 80 bytes", SetDeclaration("long", key: .init(repeating: .ipv6, count: 5), origin: here)) {
        if case .badDeclaration("long", _) = $0 { true } else { false }
    },
    declaration("ranges of marks", SetDeclaration("mark-ranges", key: [.mark], isInterval: true, origin: here)) {
        if case .badDeclaration("mark-ranges", _) = $0 { true } else { false }
    },
    mismatch("a key of another type in a set", "ports", [address]),
    mismatch("a key that is too short", "dnat-4", [address], .values([address, port])),
    mismatch("content where none belongs", "ports", [.port(99)], .values([port])),
    mismatch("no content where some belongs", "static-nat", [address]),
    mismatch("content of another type", "static-nat", [address], .values([port])),
    mismatch("content that is a range", "static-nat", [address], .values([.ipv4Prefix(RulesetSamples.everywhere)])),
    mismatch("an interface with a star", "legs", [.interface(InterfaceName("eth*") ?? any)], .verdict(.drop)),
    element(
        "a prefix in a set of addresses", "static-nat", [.ipv4Prefix(RulesetSamples.everywhere)], .values([address])
    ) { if case .needsInterval("static-nat", _, here) = $0 { true } else { false } },
    element("ports that overlap", "ports", [.portRange(PortRange(5, 20) ?? all)]) {
        if case .overlap("ports", _, _) = $0 { true } else { false }
    },
    element("a port inside a range", "ports", [.port(7)]) {
        if case .overlap("ports", _, _) = $0 { true } else { false }
    },
    element(
        "tuples that overlap", "firewall",
        [
            .ipv4(IPv4Address(203, 0, 113, 5)), .ipv4(IPv4Address(198, 51, 100, 7)), .ipProtocol(.tcp), .port(8005),
        ]
    ) { if case .overlap("firewall", _, _) = $0 { true } else { false } },
]

private let any = RulesetSamples.anyInterface
private let all = RulesetSamples.allPorts

struct ValidationTests {
    @Test(arguments: mistakes)
    func `a mistake is refused and named`(mistake: Mistake) throws {
        var table = RulesetSamples.everything
        try table.validate()
        mistake.make(&table)
        do throws(RulesetError) {
            try table.validate()
            Issue.record("nothing was found")
        } catch {
            #expect(mistake.isRight(error), "\(error)")
        }
    }

    @Test func `tuples that differ in one component do not overlap`() throws {
        var table = RulesetSamples.everything
        let key = ElementKey([
            .ipv4(IPv4Address(203, 0, 113, 5)), .ipv4(IPv4Address(198, 51, 100, 7)), .ipProtocol(.tcp), .port(8011),
        ])
        table.elements["firewall"]?[key] = Element(origin: here)
        try table.validate()
    }
}
