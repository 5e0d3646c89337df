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
                ])
        ]
        return table
    }
}
