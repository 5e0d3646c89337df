import NetworkVocabulary
import Ruleset

// What a guest may send: IPv4 and ARP here, IPv6 in `PortGuardIPv6.swift`. Most frames are IPv4 from the port's own address,
// so they are asked about first and least. A frame that is not the port's own goes to `unbound`.

extension Planner {
    private static let isOwnIPv4: [Statement] = [
        isIPv4, .lookup([.inputInterface, .etherSource, .ipv4Source], in: PortPipeline.guestIdentities, .equal),
    ]
    private static let maySpoof = Statement.lookup([.inputInterface], in: PortPipeline.spoofingPorts, .equal)
    /// A request (1) of a client with an Ethernet address (1) of six bytes.
    private static let isDHCPRequest: [Statement] = [
        isUDP, .match(.bytes(.transport, offset: 8, count: 3), .equal, .bytes([1, 1, 6])),
    ]
    /// The client's own word for its hardware address (`chaddr`) is the port's.
    private static let hasOwnHardware = Statement.lookup(
        [.inputInterface, .bytes(.transport, offset: 36, count: 6)], in: PortPipeline.guestHardware, .equal)
    /// Ethernet and IPv4, with addresses as long as they are there: else the rest would lie elsewhere.
    private static let isPlainARP: [Statement] = [
        isARP, .match(.bytes(.network, offset: 0, count: 6), .equal, .bytes([0, 1, 8, 0, 6, 4])),
    ]
    private static let isARPRequest = Statement.match(.arpOperation, .equal, .arpOperation(1))

    func fromGuestChains() -> [Chain] {
        [
            Chain(PortPipeline.fromGuest, rules: sourceRules()),
            Chain(PortPipeline.fromGuestIPv4, rules: ipv4Rules()),
            Chain(PortPipeline.fromGuestUDP, rules: udpRules()),
            Chain(PortPipeline.dhcpRequest, rules: dhcpRules()),
            limited(PortPipeline.dhcpLimited, by: PortPipeline.dhcpRates),
            Chain(PortPipeline.fromAddressless, rules: addresslessRules()),
            Chain(PortPipeline.fromGuestARP, rules: arpRules()),
            limited(PortPipeline.arpLimited, by: PortPipeline.arpRates),
            Chain(PortPipeline.toMany, rules: Self.controlDestinations.map { refuse(.control, [$0]) } + floodRules()),
            Chain(PortPipeline.unbound, rules: unboundRules()),
        ]
    }

    private func sourceRules() -> [Rule] {
        [
            guardRule(Self.isOwnIPv4 + [.verdict(.goto(PortPipeline.fromGuestIPv4))]),
            guardRule([
                .lookup([.inputInterface], in: PortPipeline.addresslessPorts, .equal), Self.hasOwnMAC,
                .verdict(.goto(PortPipeline.fromAddressless)),
            ]),
            guardRule([Self.isARP, .verdict(.goto(PortPipeline.fromGuestARP))]),
            guardRule([Self.isIPv6, .verdict(.goto(PortPipeline.fromGuestIPv6))]),
            // A machine that has no address yet.
            guardRule([
                Self.isIPv4, .match(.ipv4Source, .equal, .ipv4(IPv4Address(bits: 0))), Self.hasOwnMAC, Self.isUDP,
                .match(.sourcePort, .equal, .port(68)), .match(.destinationPort, .equal, .port(67)),
                .verdict(.goto(PortPipeline.dhcpRequest)),
            ]),
            guardRule([.verdict(.goto(PortPipeline.unbound))]),
        ]
    }

    private func addresslessRules() -> [Rule] {
        let senderIsOwn = Statement.lookup(
            [.inputInterface, .arpSenderMAC], in: PortPipeline.guestMACs, .equal)
        return [
            guardRule(Self.isPlainARP + [senderIsOwn, .verdict(.goto(PortPipeline.arpLimited))]),
            refuse(.arp, [Self.isARP]),
            guardRule([
                .oneOf(.frameType, .notEqual, [.etherType(.ipv4), .etherType(.ipv6)]),
                .verdict(.goto(PortPipeline.unbound)),
            ]),
            guardRule([Self.isForMany, .verdict(.goto(PortPipeline.toMany))]),
            guardRule([.verdict(.accept)]),
        ]
    }

    private func ipv4Rules() -> [Rule] {
        [
            guardRule([Self.isUDP, .verdict(.jump(PortPipeline.fromGuestUDP))]),
            guardRule([Self.isForMany, .verdict(.goto(PortPipeline.toMany))]),
            guardRule([.verdict(.accept)]),
        ]
    }

    private func udpRules() -> [Rule] {
        [
            refuse(.dhcp, [Self.isUDP, .match(.sourcePort, .equal, .port(67))]),
            guardRule([
                Self.isUDP, .match(.destinationPort, .equal, .port(67)), .verdict(.goto(PortPipeline.dhcpRequest)),
            ]),
        ]
    }

    private func dhcpRules() -> [Rule] {
        [
            guardRule(Self.isDHCPRequest + [Self.hasOwnHardware, .verdict(.goto(PortPipeline.dhcpLimited))]),
            refuse(.dhcp),
        ]
    }

    /// Both hardware addresses are the port's, and the sender's address is; one who only probes has none, and may ask about
    /// its own.
    private func arpRules() -> [Rule] {
        func isBound(_ address: Field) -> [Statement] {
            [.etherSource, .arpSenderMAC].map { mac in
                .lookup([.inputInterface, mac, address], in: PortPipeline.guestIdentities, .equal)
            }
        }
        return [
            guardRule(Self.isPlainARP + isBound(.arpSenderIPv4) + [.verdict(.goto(PortPipeline.arpLimited))]),
            guardRule(
                Self.isPlainARP + [Self.isARPRequest, .match(.arpSenderIPv4, .equal, .ipv4(IPv4Address(bits: 0)))]
                    + isBound(.arpTargetIPv4) + [.verdict(.goto(PortPipeline.arpLimited))]),
            guardRule([Self.maySpoof, .verdict(.goto(PortPipeline.spoofed))]),
            guardRule([Self.hasOwnMAC, .verdict(.goto(RefusalReason.arp.chain))]),
            refuse(.mac),
        ]
    }

    private func limited(_ name: ChainName, by rates: SetName) -> Chain {
        Chain(
            name,
            rules: [guardRule([.lookup([.inputInterface], in: rates, .equal), .verdict(.accept)]), refuse(.flood)])
    }

    private func floodRules() -> [Rule] {
        [
            guardRule([.lookup([.inputInterface], in: PortPipeline.floodRates, .equal), .verdict(.accept)]),
            refuse(.flood),
        ]
    }

    /// Not the port's own: let through marked where spoofing is allowed, else refused by what is wrong with it.
    private func unboundRules() -> [Rule] {
        let tags: [Value] = [.etherType(.vlan), .etherType(.serviceVLAN), .etherType(.oldServiceVLAN)]
        return [refuse(.tagged, [.oneOf(.frameType, .equal, tags)])]
            + Self.controlDestinations.map { refuse(.control, [$0]) }
            + [
                refuse(
                    .protocol, [.oneOf(.frameType, .notEqual, [.etherType(.ipv4), .etherType(.ipv6)])]),
                guardRule([Self.maySpoof, .verdict(.goto(PortPipeline.spoofed))]),
                guardRule([Self.hasOwnMAC, Self.isIPv4, .verdict(.goto(RefusalReason.address.chain))]),
                guardRule([Self.hasOwnMAC, .verdict(.goto(RefusalReason.ipv6.chain))]),
                refuse(.mac),
            ]
    }

    /// Spoofing is allowed, but not everything is: what speaks for a router stays forbidden, what belongs to others by plan
    /// does, and no router sees the frame (`FrameMark.stranger`).
    func spoofedChains() -> [Chain] {
        func isGateways(_ field: Field) -> Statement {
            .lookup([.inputInterface, field], in: PortPipeline.spoofingGateways, .equal)
        }
        let advertisements: [Value] = [.icmpType(134), .icmpType(137)]
        return [
            Chain(
                PortPipeline.spoofed,
                rules: [
                    guardRule([Self.hasOwnMAC, .verdict(.jump(PortPipeline.spoofedContent))]),
                    guardRule([
                        .lookup([.etherSource], in: PortPipeline.reservedMACs, .notEqual),
                        .verdict(.jump(PortPipeline.spoofedContent)),
                    ]),
                    refuse(.mac),
                ]),
            Chain(
                PortPipeline.spoofedContent,
                rules: [
                    refuse(.arp, [Self.isARP, isGateways(.arpSenderIPv4)]),
                    guardRule([Self.isUDP, .verdict(.jump(PortPipeline.spoofedUDP))]),
                    // Its names and addresses are believed, so nobody answers for it.
                    refuse(.address, [Self.isIPv4, isGateways(.ipv4Source)]),
                    refuse(.ipv6, [Self.isIPv6, Self.isICMPv6, .oneOf(.icmpv6Type, .equal, advertisements)]),
                    guardRule([.setPacketMark(.value(.mark(FrameMark.stranger)))]),
                    guardRule([Self.isForMany, .verdict(.goto(PortPipeline.toMany))]),
                    guardRule([.verdict(.accept)]),
                ]),
            Chain(
                PortPipeline.spoofedUDP,
                rules: [
                    refuse(.dhcp, [Self.isUDP, .oneOf(.sourcePort, .equal, [.port(67), .port(547)])]),
                    refuse(.dhcp, [Self.isUDP, .oneOf(.destinationPort, .equal, [.port(67), .port(547)])]),
                ]),
        ]
    }
}
