import CloudModel
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import TestSupport

/// New packets for the router of a town: from guests, from outsiders and round about, to what rules are about and to
/// what lies just beside it.
struct RuleTownScene: TrafficScene {
    let hosts: [IPv4Address]
    private let town: RuleTown
    private let macs: [InterfaceName: MACAddress]
    private let ownMACs: [IPv4Address: MACAddress]
    private let guests: [IPv4Address]
    /// Addresses of guests' that not every list gives them.
    private let spares: [IPv4Address]
    private let aims: [Aim]
    private let outsiders: [IPv4Address]
    private let ports: [UInt16]
    private let legs: [InterfaceName]
    private let gatewayMAC: MACAddress

    /// Strangers that no rule names.
    static let strangers = [
        IPv4Address(198, 51, 100, 7), IPv4Address(198, 51, 100, 200), IPv4Address(198, 51, 101, 1),
        IPv4Address(198, 52, 0, 1), IPv4Address(8, 8, 8, 8), IPv4Address(10, 2, 2, 30),
    ]

    init(_ town: RuleTown, _ plan: NodePlan, _ cloud: Cloud) {
        self.town = town
        var macs: [InterfaceName: MACAddress] = [:]
        for case .link(let link) in plan.rows.values.map(\.content) where link.kind != .loopback {
            macs[link.name] = link.mac
        }
        self.macs = macs
        legs = macs.keys.sorted()
        gatewayMAC = town.mac(of: RuleTown.near[0])
        var ownMACs: [IPv4Address: MACAddress] = [:]
        for address in RuleTown.guests.flatMap({ [$0.address] + $0.spare }) { ownMACs[address] = town.mac(of: address) }
        self.ownMACs = ownMACs
        let rules = cloud.firewallRules.values
        let egress = cloud.egressRules.values
        let forwards = cloud.portForwardings.values
        ports =
            (rules.compactMap(\.traffic.ports) + egress.compactMap(\.traffic.ports) + forwards.map(\.publicPorts)
            + forwards.map(\.privatePorts)).flatMap(\.edges) + [80, 9]
        let segments = plan.rows.values.compactMap { row -> IPv4Prefix? in
            guard case .route(let route) = row.content, route.gateway == nil, case .v4(let prefix) = route.destination
            else { return nil }
            return prefix
        }
        // On a public segment only those near have anybody: who is not there is asked for, and never answers.
        func outside(_ prefixes: [IPPrefix]) -> [IPv4Address] {
            prefixes.flatMap(\.edges).filter { address in
                RuleTown.near.contains(address)
                    || !segments.contains { $0.contains(address) } && (1...223).contains(address.bits >> 24)
                        && address.bits >> 24 != 127
            }
        }
        let all =
            outside(rules.flatMap(\.sources) + egress.flatMap(\.destinations) + forwards.flatMap(\.sources))
            + Self.strangers + RuleTown.near
        outsiders = all
        let inside = town.network(in: cloud)
        let guests = inside.flatMap(\.addresses)
        self.guests = guests
        spares = RuleTown.guests.flatMap(\.spare)
        hosts = guests + Self.strangers + town.publicAddresses
        func aim(_ address: ObjectID, _ sources: [IPPrefix], _ traffic: Traffic) -> [Aim] {
            guard let destination = cloud.publicAddresses[address]?.address else { return [] }
            let named = outside(sources)
            return [
                Aim(isFromGuest: false, sources: named.isEmpty ? all : named, [destination], traffic),
                Aim(isFromGuest: false, sources: named.isEmpty ? all : named, [destination], traffic),
                Aim(isFromGuest: true, sources: guests, [destination], traffic),
            ]
        }
        aims =
            rules.flatMap { aim($0.publicAddress, $0.sources, $0.traffic) }
            + forwards.flatMap {
                aim($0.publicAddress, $0.sources, $0.transport == .tcp ? .tcp($0.publicPorts) : .udp($0.publicPorts))
            }
            + cloud.publicAddresses.values.filter { $0.staticNAT != nil }.flatMap { aim($0.id, [], .all) }
            + egress.flatMap { rule -> [Aim] in
                let named = outside(rule.destinations)
                let own = guests.filter { guest in rule.sources.contains { $0.contains(.v4(guest)) } }
                let aim = Aim(
                    isFromGuest: true, sources: own.isEmpty ? guests : own, named.isEmpty ? all : named, rule.traffic)
                return [aim, aim]
            }
    }

    /// Packets that a rule is about.
    private struct Aim {
        let isFromGuest: Bool
        let sources: [IPv4Address]
        let destinations: [IPv4Address]
        let traffic: Traffic

        init(isFromGuest: Bool, sources: [IPv4Address], _ destinations: [IPv4Address], _ traffic: Traffic) {
            self.isFromGuest = isFromGuest
            self.sources = sources
            self.destinations = destinations
            self.traffic = traffic
        }
    }

    func mac(of link: InterfaceName) -> MACAddress? { macs[link] }

    func fresh(_ id: UInt16, _ numbers: inout SeededGenerator) -> RandomTraffic<Self>.Arrival {
        let aim = aims.isEmpty || numbers.chance(25) ? somebody(&numbers) : numbers.pick(aims)
        let link = aim.isFromGuest ? legs[0] : numbers.pick(Array(legs.dropFirst()))
        let source =
            numbers.chance(95)
            ? numbers.pick(aim.sources) : numbers.pick(outsiders + guests + spares + town.publicAddresses)
        let destination =
            numbers.chance(95) ? numbers.pick(aim.destinations) : numbers.pick(guests + [RuleTown.gateway])
        var sender = gatewayMAC
        if aim.isFromGuest { sender = ownMACs[numbers.chance(97) ? source : numbers.pick(guests)] ?? gatewayMAC }
        let (number, body) = body(id, aim.traffic, &numbers)
        let packet = IPv4Packet(
            source: source, destination: destination, protocol: number, ttl: numbers.chance(2) ? 1 : 64,
            identification: id, body: body)
        let receiver = macs[link] ?? gatewayMAC
        return (Frame(destination: receiver, source: sender, body: .ipv4(packet)), link)
    }

    /// What no rule need be about.
    private func somebody(_ numbers: inout SeededGenerator) -> Aim {
        numbers.chance(50)
            ? Aim(
                isFromGuest: true, sources: guests, numbers.chance(60) ? outsiders : town.publicAddresses, .all)
            : Aim(isFromGuest: false, sources: outsiders, town.publicAddresses, .all)
    }

    /// Most have a source port of their own: where two would need one port, only the kernel knows which it takes.
    private func body(
        _ id: UInt16, _ traffic: Traffic, _ numbers: inout SeededGenerator
    ) -> (IPProtocol?, Transport) {
        let source = numbers.chance(97) ? 30_000 + id : numbers.pick([40_000, 80])
        let traffic = numbers.chance(90) ? traffic : .all
        func port(_ range: PortRange?) -> UInt16 { numbers.pick(range.map(\.edges) ?? ports) }
        switch traffic {
        case .tcp(let ports):
            let flags: TCPSegment.Flags = numbers.chance(95) ? .syn : .ack
            return (nil, .tcp(TCPSegment(source, port(ports), flags, isAnswer: false)))
        case .udp(let ports):
            return (nil, .udp(UDPDatagram(source: source, destination: port(ports), payload: [1, 2, 3])))
        case .icmp(let type, let code):
            let type = type ?? (numbers.chance(60) ? 8 : numbers.pick([0, 3, 11, 13, 15, 17, 42, 254, 255]))
            let code = code ?? (numbers.chance(70) ? 0 : numbers.pick([1, 2, 255]))
            return (
                nil, .icmp(ICMPMessage(type: type, code: code, rest: UInt32(id) << 16 | 1, payload: [5, 6, 7, 8]))
            )
        case .other(let number): return (number, .other([0, 80, 0, 81, 1, 2, 3, 4]))
        case .all:
            switch numbers.number(below: 10) {
            case 0..<4: return body(id, .tcp(nil), &numbers)
            case 4..<7: return body(id, .udp(nil), &numbers)
            case 7..<9: return body(id, .icmp(type: nil, code: nil), &numbers)
            default:
                // Not those that connection tracking has ideas of its own about.
                let number = numbers.pick([0, 4, 50, 51, 89, 253, 254, 255] as [UInt8])
                return body(id, .other(IPProtocol(number: number)), &numbers)
            }
        }
    }
}

extension PortRange {
    /// The ends, what lies within, and what misses by one.
    fileprivate var edges: [UInt16] {
        [first, first, last, last, first + UInt16((count - 1) / 2), first &- 1, last &+ 1]
    }
}

extension IPPrefix {
    fileprivate var edges: [IPv4Address] {
        guard case .v4(let prefix) = self else { return [] }
        let (first, last) = (prefix.first.bits, prefix.last.bits)
        return [first, first, last, last, first &- 1, last &+ 1].map { IPv4Address(bits: $0) }
    }
}

extension Traffic {
    fileprivate var ports: PortRange? {
        switch self {
        case .tcp(let ports), .udp(let ports): ports
        case .all, .icmp, .other: nil
        }
    }
}
