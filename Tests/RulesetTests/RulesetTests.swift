import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

struct RulesetTests {
    @Test func `a table prints as nft reads it`() throws {
        var table = Table(.inet, "sluice", comment: "sluice:test:router/1")
        let origin = Origin("portForwarding", ObjectID(random: 1, 2), part: "tcp")
        table.sets["forwards"] = SetDeclaration(
            "forwards", key: [.ipv4, .ipProtocol, .port], yield: .values([.ipv4, .port]), countsElements: true,
            origin: origin)
        for port in [443, 80] as [UInt16] {
            let key = ElementKey([.ipv4(IPv4Address(203, 0, 113, 5)), .ipProtocol(.tcp), .port(port)])
            table.elements["forwards", default: [:]][key] = Element(
                .values([.ipv4(IPv4Address(10, 1, 1, 20)), .port(8000 + port)]), origin: origin)
        }
        table.chains = [
            Chain(
                "nat-prerouting", hook: Hook(.nat, .prerouting, priority: -100, policy: .accept),
                rules: [
                    Rule(
                        origin,
                        [
                            .match(.networkProtocol, .equal, .family(.ipv4)),
                            .oneOf(.transportProtocol, .equal, [.ipProtocol(.udp), .ipProtocol(.tcp)]),
                            .destinationNAT(
                                .ipv4,
                                .map("forwards", key: [.ipv4Destination, .transportProtocol, .destinationPort]),
                                withPort: true),
                        ])
                ]),
            Chain("empty-one"),
        ]
        let comment = "portForwarding/00000000-0000-4001-8000-000000000002#tcp"
        #expect(origin.description == comment)
        try table.validate()
        let expected = """
            table inet sluice {
            \tcomment "sluice:test:router/1"

            \tmap forwards {
            \t\ttype ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;
            \t\tcounter;
            \t\tcomment "\(comment)";
            \t\telements = {
            \t\t\t203.0.113.5 . tcp . 80 comment "\(comment)" : 10.1.1.20 . 8080,
            \t\t\t203.0.113.5 . tcp . 443 comment "\(comment)" : 10.1.1.20 . 8443,
            \t\t}
            \t}

            \tchain nat-prerouting {
            \t\ttype nat hook prerouting priority -100; policy accept;
            \t\tmeta nfproto ipv4 meta l4proto { tcp, udp } dnat ip addr . port to \
            ip daddr . meta l4proto . th dport map @forwards comment "\(comment)"
            \t}

            \tchain empty-one {
            \t}
            }

            """
        #expect(table.description == expected)
    }

    @Test func `the samples are valid`() throws {
        try RulesetSamples.everything.validate()
        try RulesetSamples.bridge.validate()
    }

    /// Compared with what `nft --debug=netlink` prints for the same rule.
    @Test func `a concatenation fills one register behind the other`() {
        let rule = Rule(
            RulesetSamples.origin(1),
            [
                .destinationNAT(
                    .ipv6, .map("m", key: [.ipv6Destination, .transportProtocol, .destinationPort]), withPort: true)
            ])
        let (first, second) = (Register(word: 0), Register(word: 4))
        #expect(
            rule.expressions(in: .inet) == [
                .loadPayload(.network, offset: 24, length: 16, into: first),
                .loadMeta(.transportProtocol, into: second),
                .loadPayload(.transport, offset: 2, length: 2, into: Register(word: 5)),
                .lookup(first, in: .named("m"), .data(first), inverted: false),
                .translate(.destination, .ipv6, address: first, port: second, flags: 0),
            ])
        // NFT_REG_2 and NFT_REG32_05.
        #expect(second.number == 2)
        #expect(Register(word: 5).number == 13)
        for number in [1, 2, 3, 4, 9, 10, 11, 13, 23] as [UInt32] {
            #expect(Register(number: number)?.number == number)
        }
    }

    @Test(arguments: [
        ("10.0.0.0-10.0.0.255", "10.0.0.0/24"), ("10.0.0.1-10.0.0.1", "10.0.0.1"),
        ("10.0.0.0-10.0.1.0", "10.0.0.0-10.0.1.0"), ("0.0.0.0-255.255.255.255", "0.0.0.0/0"),
        ("10.0.0.1-10.0.0.2", "10.0.0.1-10.0.0.2"),
    ])
    func `ranges have one spelling`(range: String, normal: String) throws {
        let value = Value.ipv4Range(try #require(IPv4Range(range)))
        #expect(ElementKey([value]).description == normal)
        let bounds = value.bounds
        #expect(Value(.ipv4, first: bounds.first, last: bounds.last) == value.normal)
    }

    @Test func `touching ranges of a list become one`() throws {
        let ports = try #require(PortRange(443, 445))
        let rule = Rule(
            RulesetSamples.origin(1),
            [.oneOf(.destinationPort, .equal, [.port(446), .port(80), .portRange(ports)])])
        guard case .lookup(_, .anonymous(let set), _, _)? = rule.expressions(in: .inet).last else {
            Issue.record("no anonymous set")
            return
        }
        #expect(
            set.members == [
                .init(first: [0, 80], last: [0, 80]), .init(first: [1, 0xbb], last: [1, 0xbe]),
            ])
    }
}
