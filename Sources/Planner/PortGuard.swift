import CloudModel
import NetworkVocabulary
import RouterPlan
import Ruleset

// The frame of the host's table, which guards the ports of guests. Chains are static and ports are elements, so a frame
// costs the same beside ten ports and ten thousand. Frames of other bridges leave after comparing a name.

extension Planner {
    func hostFrame() -> NodePlan {
        var plan = NodePlan(.host, .host, owner: installation, table: portGuard())
        plan.meters = [PortPipeline.refusals: .refused]
        return plan
    }

    private func portGuard() -> Table {
        var table = Table(
            NodePlan.portGuard.family, NodePlan.portGuard.name,
            comment: OwnershipMark(installation.id, installation).text)
        for set in portGuardSets() { table.sets[set.name] = set }
        table.chains = PortPipeline.BaseChain.allCases.map { chain in
            let rules =
                switch chain {
                case .prerouting: guardedPorts()
                case .input: hostRules()
                case .forward: deliveryRules()
                case .output: [guardRule([Self.toGuestPort, .counter, .verdict(.drop)])]
                }
            return Chain(chain.name, hook: chain.hook, rules: rules)
        }
        table.chains += fromGuestChains() + fromGuestIPv6Chains() + spoofedChains() + toGuestChains()
        table.chains += [
            // A bridge takes what is for its neighbourhood without asking before routing.
            Chain(
                PortPipeline.manyToHost,
                rules: Self.controlDestinations.map { refuse(.control, [$0]) } + [guardRule([.verdict(.drop)])]),
            Chain(PortPipeline.fromIsolated, rules: isolatedRules()),
            Chain(PortPipeline.fromTrunk, rules: trunkRules()),
        ]
        table.chains += refusalChains()
        return table
    }

    private func portGuardSets() -> [SetDeclaration] {
        func set(
            _ name: SetName, _ key: [DataType], counts: Bool = false, limit: RateLimit? = nil
        ) -> SetDeclaration {
            SetDeclaration(name, key: key, countsElements: counts, limit: limit, origin: installation)
        }
        return [
            set(PortPipeline.guestPorts, [.interfaceName]),
            set(PortPipeline.guestMACs, [.interfaceName, .etherAddress]),
            set(PortPipeline.guestDeliveries, [.interfaceName, .etherAddress]),
            set(PortPipeline.guestIdentities, [.interfaceName, .etherAddress, .ipv4]),
            set(PortPipeline.guestIdentities6, [.interfaceName, .etherAddress, .ipv6]),
            set(PortPipeline.guestHardware, [.interfaceName, .rawEther]),
            set(PortPipeline.guestTargets, [.interfaceName, .rawIPv6]),
            // Far above what machines send, far below what disturbs others.
            set(PortPipeline.arpRates, [.interfaceName], limit: RateLimit(packets: 100, per: .second, burst: 200)),
            set(PortPipeline.dhcpRates, [.interfaceName], limit: RateLimit(packets: 10, per: .second, burst: 20)),
            set(PortPipeline.floodRates, [.interfaceName], limit: RateLimit(packets: 500, per: .second, burst: 1000)),
            set(PortPipeline.addresslessPorts, [.interfaceName]),
            set(PortPipeline.spoofingPorts, [.interfaceName]),
            set(PortPipeline.spoofingGateways, [.interfaceName, .ipv4]),
            set(PortPipeline.isolatedPorts, [.interfaceName]),
            set(PortPipeline.reservedMACs, [.etherAddress]),
            set(PortPipeline.trunkPorts, [.interfaceName]),
            set(PortPipeline.refusals, [.interfaceName], counts: true),
        ] + RefusalReason.allCases.map { set($0.counters, [.interfaceName], counts: true) }
    }

    func guardRule(_ statements: [Statement]) -> Rule { Rule(installation, statements) }

    static let fromGuestPort = Statement.match(
        .inputInterface, .equal, .interfacePrefix(DeviceNames.guestPortPrefix))
    static let toGuestPort = Statement.match(.outputInterface, .equal, .interfacePrefix(DeviceNames.guestPortPrefix))
    private static let fromRouterLeg = Statement.match(
        .inputInterface, .equal, .interfacePrefix(DeviceNames.routerLegPrefix))
    private static let fromGuestPair = Statement.match(
        .inputInterface, .equal, .interfacePrefix(DeviceNames.guestPairPrefix))
    private static let fromTrunkPort = Statement.lookup([.inputInterface], in: PortPipeline.trunkPorts, .equal)
    static let isARP = Statement.match(.frameType, .equal, .etherType(.arp))
    static let isIPv4 = Statement.match(.frameType, .equal, .etherType(.ipv4))
    static let isIPv6 = Statement.match(.frameType, .equal, .etherType(.ipv6))
    static let isUDP = Statement.match(.transportProtocol, .equal, .ipProtocol(.udp))
    static let isICMPv6 = Statement.match(.transportProtocol, .equal, .ipProtocol(.icmpv6))
    /// Broadcast or multicast.
    static let isForMany = Statement.maskedByte(.bytes(.link, offset: 0, count: 1), mask: 1, .equal, 1)
    static let hasOwnMAC = Statement.lookup([.inputInterface, .etherSource], in: PortPipeline.guestMACs, .equal)

    func refuse(_ reason: RefusalReason, _ conditions: [Statement] = []) -> Rule {
        guardRule(conditions + [.verdict(.goto(reason.chain))])
    }

    /// What bridges, switches and their neighbours say to each other: spanning tree, LLDP, pause frames and the rest of
    /// that block, and Cisco's own.
    static let controlDestinations: [Statement] = [
        MACRange(MACAddress(0x01, 0x80, 0xc2, 0, 0, 0), MACAddress(0x01, 0x80, 0xc2, 0, 0, 0x2f)),
        MACRange(MACAddress(0x01, 0, 0x0c, 0xcc, 0xcc, 0xcc), MACAddress(0x01, 0, 0x0c, 0xcc, 0xcc, 0xcd)),
    ].compactMap { range in range.map { .match(.etherDestination, .equal, .macRange($0)) } }

    private func guardedPorts() -> [Rule] {
        [
            guardRule([Self.fromGuestPort, .verdict(.goto(PortPipeline.fromGuest))]),
            guardRule([Self.fromTrunkPort, .verdict(.goto(PortPipeline.fromTrunk))]),
        ]
    }

    /// Nothing of a guest network is for the host: its bridges have no address, and this holds also when they get one, and
    /// for a bridge of the host's own that an untagged network leaves by. What is for everybody comes by here too and is no
    /// fault of the sender's.
    private func hostRules() -> [Rule] {
        [
            guardRule([Self.fromGuestPort, Self.isForMany, .verdict(.goto(PortPipeline.manyToHost))]),
            refuse(.host, [Self.fromGuestPort]),
            guardRule([Self.fromTrunkPort, .counter, .verdict(.drop)]),
            guardRule([Self.fromRouterLeg, .counter, .verdict(.drop)]),
            guardRule([Self.fromGuestPair, .counter, .verdict(.drop)]),
        ]
    }

    /// Identity is the port: whoever is behind a router's leg may rely on the source. On its way to another bridge of the
    /// segment a frame carries what is known of its port.
    private func deliveryRules() -> [Rule] {
        let isStranger = Statement.maskedMark(.packetMark, mask: FrameMark.strangerMask, .equal, FrameMark.stranger)
        return [
            guardRule([Self.toGuestPort, .verdict(.goto(PortPipeline.toGuest))]),
            guardRule([
                .match(.outputInterface, .equal, .interfacePrefix(DeviceNames.routerLegPrefix)), isStranger, .counter,
                .verdict(.drop),
            ]),
            guardRule([
                .lookup([.inputInterface], in: PortPipeline.isolatedPorts, .equal),
                .verdict(.goto(PortPipeline.fromIsolated)),
            ]),
        ]
    }

    private func isolatedRules() -> [Rule] {
        [
            guardRule([
                .match(.packetMark, .equal, .mark(FrameMark.stranger)),
                .setPacketMark(.value(.mark(FrameMark.isolatedStranger))), .verdict(.accept),
            ]),
            guardRule([.setPacketMark(.value(.mark(FrameMark.isolated)))]),
        ]
    }

    private func toGuestChains() -> [Chain] {
        let isAllowedOthers = Statement.lookup([.outputInterface], in: PortPipeline.spoofingPorts, .equal)
        let fromIsolated: [[Statement]] = [
            [.lookup([.inputInterface], in: PortPipeline.isolatedPorts, .equal)],
            [.oneOf(.packetMark, .equal, [.mark(FrameMark.isolated), .mark(FrameMark.isolatedStranger)])],
        ]
        let toMany: [Statement] = [
            Self.isForMany, .lookup([.outputInterface], in: PortPipeline.guestPorts, .equal), .verdict(.accept),
        ]
        return [
            Chain(
                PortPipeline.toGuest,
                rules: [
                    guardRule([
                        .lookup([.outputInterface, .etherDestination], in: PortPipeline.guestDeliveries, .equal),
                        .verdict(.accept),
                    ]),
                    guardRule([
                        .lookup([.outputInterface], in: PortPipeline.isolatedPorts, .equal),
                        .verdict(.goto(PortPipeline.toIsolatedGuest)),
                    ]),
                    guardRule(toMany),
                    guardRule([isAllowedOthers, .verdict(.accept)]),
                    refuse(.unaddressed),
                ]),
            Chain(
                PortPipeline.toIsolatedGuest,
                rules: fromIsolated.map { refuse(.isolated, $0) } + [
                    guardRule([
                        .lookup([.outputInterface, .etherDestination], in: PortPipeline.guestMACs, .equal),
                        .verdict(.accept),
                    ]),
                    guardRule(toMany),
                    guardRule([isAllowedOthers, .verdict(.accept)]),
                    refuse(.unaddressed),
                ]),
        ]
    }

    /// What comes from other hosts has passed their ports. What would speak for this host's routers is dropped all the same,
    /// and what guests have no use for.
    private func trunkRules() -> [Rule] {
        let drop: [Statement] = [.counter, .verdict(.drop)]
        return [
            guardRule(
                [.oneOf(.frameType, .notEqual, [.etherType(.ipv4), .etherType(.arp), .etherType(.ipv6)])] + drop)
        ] + Self.controlDestinations.map { guardRule([$0] + drop) } + [
            guardRule([Self.isUDP, .oneOf(.sourcePort, .equal, [.port(67), .port(547)])] + drop),
            guardRule([Self.isIPv6, Self.isICMPv6, .match(.icmpv6Type, .equal, .icmpType(134))] + drop),
        ]
    }

    /// The port's own counters, and one for ports that have no elements. The sum is of what the port's own guest sent: a
    /// bridge asks everywhere for whom it does not know, and that is not the doing of those it asks.
    private func refusalChains() -> [Chain] {
        RefusalReason.allCases.map { reason in
            let isTowardsPort = reason == .unaddressed
            let end: Field = isTowardsPort ? .outputInterface : .inputInterface
            let sum = isTowardsPort ? [] : [guardRule([.lookup([end], in: PortPipeline.refusals, .equal)])]
            return Chain(
                reason.chain,
                rules: sum + [
                    guardRule([.lookup([end], in: reason.counters, .equal), .verdict(.drop)]),
                    guardRule([.counter, .verdict(.drop)]),
                ])
        }
    }
}
