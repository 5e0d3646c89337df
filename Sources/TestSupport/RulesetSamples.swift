public import NetworkVocabulary
public import Ruleset

/// Tables for tests: one with everything in it, and random ones.
public enum RulesetSamples {
    public static func origin(_ number: Int, _ part: String? = nil) -> Origin {
        Origin("sample", ObjectID(random: 0, UInt64(number)), part: part)
    }

    public static let names = ["everything", "bridge"]
    public static func named(_ name: String) -> Table { name == "bridge" ? bridge : everything }

    /// A router with so many port forwards.
    public static func forwards(_ count: Int) -> Table {
        var table = Table(.inet, "sluice", comment: "sluice:test:router/2")
        table.sets["forwards"] = SetDeclaration(
            "forwards", key: [.ipv4, .ipProtocol, .port], yield: .values([.ipv4, .port]), countsElements: true,
            origin: origin(1, "set"))
        for number in 0..<count {
            let key = ElementKey([
                .ipv4(IPv4Address(203, 0, UInt8(number >> 8 & 0xff), UInt8(number & 0xff))), .ipProtocol(.tcp),
                .port(UInt16(1 + (number >> 16))),
            ])
            table.elements["forwards", default: [:]][key] = Element(
                .values([.ipv4(IPv4Address(10, 1, 1, 20)), .port(80)]), origin: origin(number))
        }
        table.chains = [
            Chain(
                "nat-prerouting", hook: Hook(.nat, .prerouting, priority: -100, policy: .accept),
                rules: [
                    Rule(
                        origin(2),
                        [
                            .match(.networkProtocol, .equal, .family(.ipv4)),
                            .oneOf(.transportProtocol, .equal, [.ipProtocol(.tcp), .ipProtocol(.udp)]),
                            .destinationNAT(
                                .ipv4,
                                .map("forwards", key: [.ipv4Destination, .transportProtocol, .destinationPort]),
                                withPort: true),
                        ])
                ])
        ]
        return table
    }

    public static let everywhere = prefix(0, 0, 0, 0, 0)
    public static let anyInterface = interface("any0")
    public static let allPorts = ports(1, 65535)

    static func interface(_ text: String) -> InterfaceName { known(InterfaceName(text)) }

    /// Samples are written by hand: one that cannot be read is a mistake in this file.
    static func known<Thing>(_ thing: Thing?) -> Thing {
        guard let thing else { preconditionFailure("a sample is misspelled") }
        return thing
    }

    /// Every statement, every kind of set, every form of value.
    public static var everything: Table {
        var table = Table(.inet, "sluice", comment: "sluice:test:router/1")
        var count = 0
        func origin(_ part: String? = nil) -> Origin {
            count += 1
            return Self.origin(count, part)
        }
        func rule(_ statements: Statement...) -> Rule { Rule(origin("rule"), statements) }
        func declare(
            _ name: SetName, _ key: [DataType], _ yield: SetDeclaration.Yield, interval: Bool = false,
            counts: Bool = false, _ elements: [([Value], Element.Content)]
        ) {
            table.sets[name] = SetDeclaration(
                name, key: key, yield: yield, isInterval: interval, countsElements: counts, origin: origin("set"))
            for (key, content) in elements {
                table.elements[name, default: [:]][ElementKey(key)] = Element(content, origin: origin())
            }
        }
        let web = IPv4Address(203, 0, 113, 5)
        let inside = IPv4Address(10, 1, 1, 20)
        let six = IPv6Address(high: 0x2001_0db8_0000_0000, low: 5)
        let net6 = known(IPv6Prefix("2001:db8::/32"))
        let odd6 = known(IPv6Prefix("fe80::/10"))
        let eth0 = interface("eth0")
        let mac = MACAddress(2, 0, 0, 0, 0, 0x11)
        declare(
            "dnat-4", [.ipv4, .ipProtocol, .port], .values([.ipv4, .port]), counts: true,
            [
                ([.ipv4(web), .ipProtocol(.tcp), .port(80)], .values([.ipv4(inside), .port(8080)])),
                ([.ipv4(web), .ipProtocol(.udp), .port(53)], .values([.ipv4(inside), .port(53)])),
            ])
        declare(
            "dnat-6", [.ipv6, .ipProtocol, .port], .values([.ipv6, .port]),
            [([.ipv6(six), .ipProtocol(.tcp), .port(80)], .values([.ipv6(six), .port(8080)]))])
        declare("static-nat", [.ipv4], .values([.ipv4]), [([.ipv4(web)], .values([.ipv4(inside)]))])
        declare(
            "source-nat", [.ipv4], .values([.ipv4]), interval: true,
            [
                ([.ipv4Prefix(prefix(10, 1, 0, 0, 16))], .values([.ipv4(web)])),
                ([.ipv4Range(range(web, 3))], .values([.ipv4(web)])),
                ([.ipv4(IPv4Address(192, 0, 2, 1))], .values([.ipv4(web)])),
                ([.ipv4Prefix(prefix(255, 0, 0, 0, 8))], .values([.ipv4(inside)])),
                ([.ipv4Prefix(prefix(0, 0, 0, 0, 8))], .values([.ipv4(inside)])),
                ([.ipv4Prefix(prefix(1, 0, 0, 0, 8))], .values([.ipv4(web)])),
            ])
        declare(
            "legs", [.interfaceName], .verdict,
            [
                ([.interface(eth0)], .verdict(.jump("from-public"))),
                ([.interface(interface("eth1"))], .verdict(.goto("from-guest"))),
                ([.interface(interface("eth2"))], .verdict(.drop)),
                ([.interface(interface("eth3"))], .verdict(.accept)),
                ([.interface(interface("eth4"))], .verdict(.return)),
            ])
        declare(
            "leg-marks", [.interfaceName, .ipv4], .values([.mark]),
            [([.interface(eth0), .ipv4(web)], .values([.mark(0x10001)]))])
        declare(
            "slots-4", [.slot], .values([.ipv4]), counts: true,
            [
                ([.slot(0)], .values([.ipv4(inside)])), ([.slot(7 << 12)], .values([.ipv4(inside)])),
                ([.slot(7 << 12 + 1)], .values([.ipv4(web)])), ([.slot(.max)], .values([.ipv4(inside)])),
            ])
        declare("slots-6", [.slot], .values([.ipv6]), [([.slot(3)], .values([.ipv6(six)]))])
        declare(
            "balanced", [.ipv4, .ipProtocol, .port], .verdict,
            [
                ([.ipv4(web), .ipProtocol(.tcp), .port(81)], .verdict(.goto("branch-2"))),
                ([.ipv4(web), .ipProtocol(.udp), .port(81)], .verdict(.jump("branch-10"))),
            ])
        declare("mark-sources", [.mark], .values([.ipv4]), [([.mark(7)], .values([.ipv4(web)]))])
        declare(
            "firewall", [.ipv4, .ipv4, .ipProtocol, .port], .membership, interval: true, counts: true,
            [
                (
                    [
                        .ipv4(web), .ipv4Prefix(prefix(198, 51, 100, 0, 24)), .ipProtocol(.tcp),
                        .portRange(ports(8000, 8010)),
                    ], .none
                ),
                ([.ipv4(web), .ipv4Prefix(prefix(0, 0, 0, 0, 0)), .ipProtocol(.udp), .port(53)], .none),
            ])
        declare(
            "acl", [.interfaceName, .ipv4, .port], .verdict, interval: true,
            [
                (
                    [.interface(eth0), .ipv4Prefix(prefix(10, 0, 0, 0, 9)), .portRange(ports(1, 1023))],
                    .verdict(.jump("from-guest"))
                ),
                ([.interface(eth0), .ipv4Prefix(prefix(10, 128, 0, 0, 9)), .port(1)], .verdict(.drop)),
            ])
        declare(
            "prefixes-6", [.ipv6], .membership, interval: true,
            [([.ipv6Prefix(net6)], .none), ([.ipv6(odd6.address)], .none)])
        declare(
            "ports", [.port], .membership, interval: true, [([.portRange(ports(1, 10))], .none), ([.port(11)], .none)])
        declare(
            "bindings", [.interfaceName, .etherAddress, .ipv4], .membership,
            [([.interface(eth0), .mac(mac), .ipv4(inside)], .none)])
        declare(
            "icmp-codes", [.ipv4, .icmpType, .icmpCode, .ipv4], .membership, interval: true, counts: true,
            [
                (
                    [.ipv4(web), .icmpType(8), .icmpCodeRange(0...255), .ipv4Prefix(prefix(10, 0, 0, 0, 8))], .none
                ),
                ([.ipv4(web), .icmpTypeRange(3...5), .icmpCode(1), .ipv4Range(range(inside, 3))], .none),
            ])
        declare(
            "icmpv6-codes", [.icmpv6Type, .icmpv6Code, .ipv6], .membership, interval: true,
            [
                ([.icmpType(128), .icmpCodeRange(0...255), .ipv6Prefix(net6)], .none),
                ([.icmpTypeRange(1...4), .icmpCode(7), .ipv6Range(known(IPv6Range(six, odd6.address)))], .none),
            ])
        declare(
            "any-protocol", [.ipv4, .ipProtocol, .ipv4], .membership, interval: true, counts: true,
            [
                (
                    [.ipv4(web), .ipProtocolRange(0...255), .ipv4Prefix(prefix(10, 0, 0, 0, 8))], .none
                ),
                ([.ipv4(inside), .ipProtocolRange(18...46), .ipv4Prefix(everywhere)], .none),
            ])
        declare(
            "range-forwards", [.ipv4, .ipProtocol, .port], .values([.ipv4]), interval: true, counts: true,
            [
                ([.ipv4(web), .ipProtocol(.tcp), .portRange(ports(8000, 8010))], .values([.ipv4(inside)])),
                ([.ipv4(web), .ipProtocol(.udp), .port(8011)], .values([.ipv4(inside)])),
            ])
        declare(
            "original-ports", [.ipv4, .ipProtocol, .port], .membership, counts: true,
            [
                ([.ipv4(web), .ipProtocol(.tcp), .port(22)], .none)
            ])
        declare(
            "original-ports-6", [.ipv6, .ipProtocol, .port], .membership,
            [
                ([.ipv6(six), .ipProtocol(.tcp), .port(22)], .none)
            ])
        declare("icmp-types", [.icmpType], .membership, [([.icmpType(8)], .none), ([.icmpType(3)], .none)])
        declare("icmpv6-types", [.icmpv6Type], .membership, [([.icmpType(128)], .none)])
        declare(
            "protocols", [.ipProtocol], .membership, counts: true, [([.ipProtocol(IPProtocol(number: 132))], .none)])
        declare(
            "families", [.networkProtocol, .ipProtocol], .membership, [([.family(.ipv6), .ipProtocol(.tcp)], .none)])
        declare("empty", [.mark], .membership, [])

        let v4 = Statement.match(.networkProtocol, .equal, .family(.ipv4))
        let v6 = Statement.match(.networkProtocol, .equal, .family(.ipv6))
        let transports = Statement.oneOf(.transportProtocol, .equal, [.ipProtocol(.tcp), .ipProtocol(.udp)])
        let tcp = Statement.match(.transportProtocol, .equal, .ipProtocol(.tcp))
        table.branches = balancers(origin())
        table.chains = [
            Chain("from-public", rules: [rule(.counter, .verdict(.return))]),
            Chain(
                "from-guest",
                rules: [
                    rule(v4, .match(.ipv4Source, .notEqual, .ipv4Prefix(prefix(10, 1, 0, 0, 16))), .verdict(.drop)),
                    rule(v4, .match(.ipv4Source, .equal, .ipv4Prefix(prefix(10, 1, 0, 0, 16))), .counter),
                    rule(v4, .match(.ipv4Source, .equal, .ipv4Prefix(prefix(10, 128, 0, 0, 9))), .counter),
                    rule(v4, .match(.ipv4Destination, .equal, .ipv4Range(range(web, 3))), .counter),
                    rule(v4, .match(.ipv4Destination, .notEqual, .ipv4Range(range(web, 3))), .counter),
                    rule(v4, .oneOf(.ipv4Source, .equal, [.ipv4(web), .ipv4Prefix(prefix(10, 0, 0, 0, 8))]), .counter),
                    rule(v6, .match(.ipv6Source, .equal, .ipv6(six)), .counter),
                    rule(v6, .match(.ipv6Source, .equal, .ipv6Prefix(net6)), .counter),
                    rule(v6, .match(.ipv6Destination, .notEqual, .ipv6Prefix(odd6)), .counter),
                    rule(v6, .lookup([.ipv6Source], in: "prefixes-6", .equal), .verdict(.accept)),
                ]),
            Chain(
                "prerouting-mangle", hook: Hook(.filter, .prerouting, priority: -150, policy: .accept),
                rules: [
                    rule(.connectionState(.invalid), .verdict(.drop)),
                    rule(.connectionState([.established, .related]), .setPacketMark(.field(.connectionMark))),
                    rule(v4, .setPacketMark(.map("leg-marks", key: [.inputInterface, .ipv4Source]))),
                    rule(
                        .match(.inputInterface, .equal, .interface(eth0)), .connectionState(.new),
                        .setConnectionMark(.value(.mark(0x20)))),
                    rule(.setConnectionMark(.field(.packetMark))),
                    rule(.maskedMark(.packetMark, mask: 0xffff, .equal, 0x17), .verdict(.accept)),
                    rule(.maskedMark(.connectionMark, mask: 0xff00, .notEqual, 0x100), .counter),
                    rule(.match(.packetMark, .equal, .mark(0x1234)), .counter),
                    rule(.match(.etherSource, .equal, .mac(mac)), .counter),
                    rule(
                        v4, .lookup([.inputInterface, .etherSource, .ipv4Source], in: "bindings", .notEqual), .counter),
                    rule(.lookup([.networkProtocol, .transportProtocol], in: "families", .equal), .counter),
                    rule(.lookup([.transportProtocol], in: "protocols", .equal), .counter),
                    rule(.lookup([.packetMark], in: "empty", .notEqual), .counter),
                ]),
            Chain(
                "prerouting-nat", hook: Hook(.nat, .prerouting, priority: -100, policy: .accept),
                rules: [
                    rule(
                        v4, transports,
                        .destinationNAT(
                            .ipv4,
                            .map("dnat-4", key: [.ipv4Destination, .transportProtocol, .destinationPort]),
                            withPort: true)),
                    rule(
                        v6, transports,
                        .destinationNAT(
                            .ipv6,
                            .map("dnat-6", key: [.ipv6Destination, .transportProtocol, .destinationPort]),
                            withPort: true)),
                    rule(
                        v4, transports,
                        .destinationNAT(
                            .ipv4,
                            .map("range-forwards", key: [.ipv4Destination, .transportProtocol, .destinationPort]),
                            withPort: false)),
                    rule(
                        v4, transports,
                        .verdictMap([.ipv4Destination, .transportProtocol, .destinationPort], "balanced")),
                    rule(v4, tcp, .balance(.ipv4, "slots-4", Choice(.inTurn, first: .max, count: 1), port: 1)),
                    rule(
                        v6, tcp,
                        .balance(
                            .ipv6, "slots-6", Choice(.byHash(.ipv6Source, seed: 1), first: 0, count: 4), port: 65535)),
                    rule(
                        v4,
                        .destinationNAT(.ipv4, .map("static-nat", key: [.ipv4Destination]), withPort: false)),
                    rule(
                        v4, .match(.ipv4Destination, .equal, .ipv4(web)),
                        .destinationNAT(.ipv4, .value(.ipv4(inside)), withPort: false)),
                ]),
            Chain(
                "input-filter", hook: Hook(.filter, .input, priority: 0, policy: .drop),
                rules: [
                    rule(
                        v4, .match(.transportProtocol, .equal, .ipProtocol(.icmp)),
                        .match(.icmpType, .equal, .icmpType(8)),
                        .limit(RateLimit(packets: 10, per: .second, burst: 20)), .verdict(.accept)),
                    rule(
                        v4, .match(.transportProtocol, .equal, .ipProtocol(.icmp)),
                        .lookup([.icmpType], in: "icmp-types", .equal), .verdict(.accept)),
                    rule(
                        v4, .match(.transportProtocol, .equal, .ipProtocol(.icmp)),
                        .oneOf(.icmpCode, .equal, [.icmpCode(1), .icmpCode(3)]), .counter),
                    rule(
                        v6, .match(.transportProtocol, .equal, .ipProtocol(.icmpv6)),
                        .oneOf(.icmpv6Type, .equal, [.icmpType(133), .icmpType(135), .icmpType(136)]),
                        .verdict(.accept)),
                    rule(
                        v6, .match(.transportProtocol, .equal, .ipProtocol(.icmpv6)),
                        .lookup([.icmpv6Type], in: "icmpv6-types", .equal), .match(.icmpv6Code, .equal, .icmpCode(0)),
                        .verdict(.accept)),
                    rule(transports, .match(.destinationPort, .equal, .port(53)), .counter, .verdict(.accept)),
                    rule(tcp, .match(.destinationPort, .equal, .portRange(ports(20, 30))), .counter),
                    rule(tcp, .match(.sourcePort, .notEqual, .portRange(ports(20, 30))), .counter),
                    rule(
                        tcp,
                        .oneOf(.destinationPort, .notEqual, [.port(80), .portRange(ports(443, 445)), .port(446)]),
                        .counter),
                    rule(tcp, .lookup([.destinationPort], in: "ports", .equal), .counter),
                    rule(.limit(RateLimit(packets: 3, per: .minute, burst: 1)), .log(prefix: "sluice input ")),
                    rule(.oneOf(.inputInterface, .equal, [.interface(eth0), .interface(interface("eth1"))]), .counter),
                    rule(.oneOf(.transportProtocol, .notEqual, [.ipProtocol(.tcp)]), .counter),
                    rule(tcp, .reject(.tcpReset)),
                    rule(v4, .reject(.adminProhibited)),
                    rule(.reject(.portUnreachable)),
                ]),
            Chain(
                "forward-filter", hook: Hook(.filter, .forward, priority: 0, policy: .drop),
                rules: [
                    rule(.connectionStatus(.destinationNAT), .verdict(.accept)),
                    rule(.connectionStatus([.sourceNAT, .destinationNAT]), .counter),
                    rule(.match(.connectionDirection, .equal, .direction(.original)), .counter),
                    rule(.match(.connectionDirection, .notEqual, .direction(.reply)), .counter),
                    rule(v4, .match(.ipv4OriginalSource, .equal, .ipv4(web)), .counter),
                    rule(v4, .match(.ipv4OriginalDestination, .equal, .ipv4Prefix(prefix(10, 1, 0, 0, 16))), .counter),
                    rule(v4, .match(.ipv4ReplySource, .notEqual, .ipv4(web)), .counter),
                    rule(v4, .match(.ipv4ReplyDestination, .equal, .ipv4(web)), .counter),
                    rule(v6, .match(.ipv6OriginalSource, .equal, .ipv6(six)), .counter),
                    rule(v6, .match(.ipv6OriginalDestination, .equal, .ipv6(six)), .counter),
                    rule(v6, .match(.ipv6ReplySource, .equal, .ipv6(six)), .counter),
                    rule(v6, .match(.ipv6ReplyDestination, .equal, .ipv6(six)), .counter),
                    rule(tcp, .match(.originalSourcePort, .equal, .port(1024)), .counter),
                    rule(tcp, .match(.originalDestinationPort, .equal, .port(80)), .counter),
                    rule(tcp, .match(.replySourcePort, .equal, .port(80)), .counter),
                    rule(tcp, .match(.replyDestinationPort, .equal, .port(1024)), .counter),
                    rule(
                        v4, transports,
                        .lookup(
                            [.ipv4OriginalDestination, .transportProtocol, .originalDestinationPort],
                            in: "original-ports", .equal)),
                    rule(
                        v4, transports,
                        .lookup(
                            [.ipv4ReplySource, .transportProtocol, .replySourcePort], in: "original-ports", .equal),
                        .verdict(.accept)),
                    rule(
                        v6, transports,
                        .lookup(
                            [.ipv6OriginalDestination, .transportProtocol, .originalDestinationPort],
                            in: "original-ports-6", .equal), .verdict(.accept)),
                    rule(
                        v4, .match(.transportProtocol, .equal, .ipProtocol(.icmp)),
                        .lookup(
                            [.ipv4OriginalDestination, .icmpType, .icmpCode, .ipv4Source], in: "icmp-codes", .equal),
                        .verdict(.accept)),
                    rule(
                        v6, .match(.transportProtocol, .equal, .ipProtocol(.icmpv6)),
                        .lookup([.icmpv6Type, .icmpv6Code, .ipv6Source], in: "icmpv6-codes", .equal),
                        .verdict(.accept)),
                    rule(
                        v4,
                        .lookup(
                            [.ipv4OriginalDestination, .transportProtocol, .ipv4Source], in: "any-protocol", .equal),
                        .verdict(.accept)),
                    rule(.verdictMap([.inputInterface], "legs")),
                    rule(
                        v4, transports,
                        .lookup(
                            [.ipv4Destination, .ipv4Source, .transportProtocol, .destinationPort], in: "firewall",
                            .equal), .verdict(.accept)),
                    rule(v4, transports, .verdictMap([.inputInterface, .ipv4Source, .destinationPort], "acl")),
                    rule(.match(.outputInterface, .notEqual, .interface(eth0)), .verdict(.goto("from-guest"))),
                ]),
            Chain(
                "postrouting-nat", hook: Hook(.nat, .postrouting, priority: 100, policy: .accept),
                rules: [
                    rule(v4, .sourceNAT(.ipv4, .map("source-nat", key: [.ipv4Source]))),
                    rule(v4, .sourceNAT(.ipv4, .map("mark-sources", key: [.packetMark]))),
                    rule(v4, .sourceNAT(.ipv4, .value(.ipv4(web)))),
                    rule(v6, .sourceNAT(.ipv6, .value(.ipv6(six)))),
                    rule(.match(.outputInterface, .equal, .interface(eth0)), .masquerade),
                ]),
            Chain("output-route", hook: Hook(.route, .output, priority: -150, policy: .accept)),
        ]
        return table
    }

    static func prefix(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ length: Int) -> IPv4Prefix {
        known(IPv4Prefix(containing: IPv4Address(a, b, c, d), length: length))
    }

    static func range(_ first: IPv4Address, _ count: UInt32) -> IPv4Range {
        known(IPv4Range(first, IPv4Address(bits: first.bits + count - 1)))
    }

    static func ports(_ first: Int, _ last: Int) -> PortRange { known(PortRange(first, last)) }
}
