import NetworkVocabulary
public import Ruleset

extension RulesetSamples {
    /// What keeps the guests on a bridge honest.
    public static var bridge: Table {
        var table = Table(.bridge, "sluice", comment: "sluice:test:host/1")
        let port = interface("tap-1")
        let mac = MACAddress(2, 0, 0, 0, 0, 0x11)
        let address = IPv4Address(10, 1, 1, 20)
        table.sets["identities"] = SetDeclaration(
            "identities", key: [.interfaceName, .etherAddress, .ipv4], origin: origin(1, "set"))
        table.elements["identities"] = [
            ElementKey([.interface(port), .mac(mac), .ipv4(address)]): Element(origin: origin(2))
        ]
        table.sets["macs"] = SetDeclaration("macs", key: [.interfaceName, .etherAddress], origin: origin(3, "set"))
        table.elements["macs"] = [ElementKey([.interface(port), .mac(mac)]): Element(origin: origin(4))]
        for (number, name, type, value) in [
            (11, "hardware", DataType.rawEther, Value.rawEther(mac)),
            (12, "targets", .rawIPv6, .rawIPv6(IPv6Address(linkLocalOf: mac))),
        ] as [(Int, SetName, DataType, Value)] {
            table.sets[name] = SetDeclaration(name, key: [.interfaceName, type], origin: origin(number, "set"))
            table.elements[name] = [ElementKey([.interface(port), value]): Element(origin: origin(number))]
        }
        table.sets["rates"] = SetDeclaration(
            "rates", key: [.interfaceName], limit: RateLimit(packets: 100, per: .second, burst: 200),
            origin: origin(13, "set"))
        table.elements["rates"] = [ElementKey([.interface(port)]): Element(origin: origin(13))]
        let arp = Statement.match(.etherType, .equal, .etherType(.arp))
        table.chains = [
            Chain(
                "prerouting-filter", hook: Hook(.filter, .prerouting, priority: -200, policy: .drop),
                rules: [
                    Rule(
                        origin(5), [.lookup([.inputInterface, .etherSource], in: "macs", .notEqual), .verdict(.drop)]),
                    Rule(
                        origin(6),
                        [
                            arp, .lookup([.inputInterface, .arpSenderMAC, .arpSenderIPv4], in: "identities", .equal),
                            .verdict(.accept),
                        ]),
                    Rule(
                        origin(7),
                        [
                            arp, .match(.arpOperation, .equal, .arpOperation(1)), .counter,
                            .match(.arpTargetIPv4, .equal, .ipv4(address)), .verdict(.drop),
                        ]),
                    Rule(
                        origin(8),
                        [
                            .match(.networkProtocol, .equal, .family(.ipv4)),
                            .match(.transportProtocol, .equal, .ipProtocol(.udp)),
                            .match(.sourcePort, .equal, .port(67)), .verdict(.drop),
                        ]),
                    Rule(
                        origin(9),
                        [
                            .match(.networkProtocol, .equal, .family(.ipv6)),
                            .match(.transportProtocol, .equal, .ipProtocol(.icmpv6)),
                            .match(.icmpv6Type, .equal, .icmpType(134)), .verdict(.drop),
                        ]),
                    Rule(
                        origin(10),
                        [
                            .oneOf(.etherType, .equal, [.etherType(.arp), .etherType(.ipv4)]),
                            .match(.etherDestination, .notEqual, .mac(mac)), .verdict(.accept),
                        ]),
                ] + unnamedFields)
        ]
        return table
    }

    /// Fields by their place, devices by how their names begin, rates of elements.
    private static var unnamedFields: [Rule] {
        let isUDP = Statement.match(.transportProtocol, .equal, .ipProtocol(.udp))
        let isICMPv6 = Statement.match(.transportProtocol, .equal, .ipProtocol(.icmpv6))
        let fromTap = Statement.match(.inputInterface, .equal, .interfacePrefix("tap"))
        let controls = MACRange(MACAddress(1, 0x80, 0xc2, 0, 0, 0), MACAddress(1, 0x80, 0xc2, 0, 0, 0x0f))
        return [
            Rule(origin(14), [.match(.frameType, .equal, .etherType(.vlan)), .verdict(.drop)]),
            Rule(
                origin(15),
                [
                    .oneOf(.frameType, .equal, [.etherType(.serviceVLAN), .etherType(.oldServiceVLAN)]),
                    .verdict(.drop),
                ]),
            Rule(
                origin(16),
                [
                    fromTap, .maskedByte(.bytes(.link, offset: 0, count: 1), mask: 1, .equal, 1),
                    .lookup([.inputInterface], in: "rates", .equal), .verdict(.accept),
                ]),
            Rule(
                origin(17),
                [
                    isUDP, .match(.bytes(.transport, offset: 8, count: 3), .equal, .bytes([1, 1, 6])),
                    .lookup(
                        [.inputInterface, .bytes(.transport, offset: 36, count: 6)], in: "hardware", .notEqual),
                    .verdict(.drop),
                ]),
            Rule(
                origin(18),
                [
                    isICMPv6,
                    .lookup([.inputInterface, .bytes(.transport, offset: 8, count: 16)], in: "targets", .equal),
                    .verdict(.accept),
                ]),
        ]
            + [controls].compactMap { range in
                range.map {
                    Rule(origin(19), [.match(.etherDestination, .equal, .macRange($0)), .verdict(.drop)])
                }
            }
    }
}
