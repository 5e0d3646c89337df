import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset
import TestSupport

/// A router by hand: three legs, a table, and packets that go through it.
enum HandWritten {
    static let left = InterfaceName("eth0").known
    static let right = InterfaceName("eth1").known
    static let third = InterfaceName("eth2").known
    static let legs: [(name: InterfaceName, mac: MACAddress, address: IPv4Address)] = [
        (left, MACAddress(2, 0, 0, 0, 0, 0x10), IPv4Address(10, 0, 0, 1)),
        (right, MACAddress(2, 0, 0, 0, 0, 0x11), IPv4Address(192, 0, 2, 1)),
        (third, MACAddress(2, 0, 0, 0, 0, 0x12), IPv4Address(198, 51, 100, 1)),
    ]
    /// Somebody on each leg.
    static let inside = IPv4Address(10, 0, 0, 7)
    static let outside = IPv4Address(192, 0, 2, 7)
    static func mac(of address: IPv4Address) -> MACAddress { MACAddress(locallyAdministered: UInt64(address.bits)) }

    static func origin(_ number: Int, _ part: String? = nil) -> Origin { RulesetSamples.origin(number, part) }
    static let owner = Origin("router", ObjectID(random: 0, 1))

    static func plan(_ table: Table?, marks: Bool = false) throws -> NodePlan {
        var plan = NodePlan(NodeName("r-1-VM"), .router, owner: owner, table: table)
        var share = Contribution()
        share.add(.sysctl(Sysctl("net/ipv4/ip_forward", "1")), owner)
        share.add(.sysctl(Sysctl("net/ipv6/conf/default/disable_ipv6", "1")), owner)
        share.add(.link(Link(InterfaceName("lo").known, .loopback, mtu: 65536)), owner)
        for (index, leg) in legs.enumerated() {
            let host = InterfaceName("slr1e\(index)").known
            let kind = Link.Kind.leg(hostEnd: host, bridge: InterfaceName("slb1").known)
            let network = IPv4Prefix(containing: leg.address, length: 24).known
            share.add(.link(Link(leg.name, kind, mac: leg.mac, mtu: 1500)), owner)
            share.add(.address(Address(InterfaceAddress(leg.address, in: network), on: leg.name)), owner)
            share.add(.route(Route(.v4(network), on: leg.name, table: Route.mainTable)), owner)
            let neighbour = IPv4Address(bits: network.address.bits | 7)
            share.add(.neighbour(Neighbour(.v4(neighbour), at: mac(of: neighbour), on: leg.name)), owner)
        }
        share.add(
            .route(Route(.v4(.everything), via: .v4(outside), on: right, table: Route.mainTable)), owner)
        if marks {
            share.add(.policyRule(PolicyRule(priority: 200, mark: 0x65, mask: 0xff, .lookup(table: 254))), owner)
            share.add(.policyRule(PolicyRule(priority: 32000, .blackhole)), owner)
        }
        try plan.add(share)
        return plan
    }

    static func frame(
        from source: IPv4Address = inside, to destination: IPv4Address = outside, on leg: Int = 0,
        sender: MACAddress? = nil, ttl: UInt8 = 64, _ body: Transport
    ) -> Frame {
        Frame(
            destination: legs[leg].mac, source: sender ?? mac(of: source),
            body: .ipv4(IPv4Packet(source: source, destination: destination, ttl: ttl, body: body)))
    }

    static func table(
        _ chains: [Chain], sets: [SetDeclaration] = [], elements: [SetName: [ElementKey: Element]] = [:]
    ) -> Table {
        var table = Table(.inet, "sluice")
        table.chains = chains
        for set in sets { table.sets[set.name] = set }
        table.elements = elements
        return table
    }

    static func forward(_ rules: [Rule], policy: Hook.Policy = .accept) -> Chain {
        Chain("filter-forward", hook: Hook(.filter, .forward, priority: 0, policy: policy), rules: rules)
    }

    /// What becomes of a packet of a table with nothing tracked.
    static func trace(_ table: Table, _ frame: Frame, on link: InterfaceName = left) throws -> Trace {
        try table.validate()
        var connections = ConnectionTable()
        return TracedNode(try plan(table)).evaluate(frame, arrivingOn: link, connections: &connections)
    }
}

extension Optional {
    /// Names and networks in tests are written by hand.
    var known: Wrapped {
        guard let self else { preconditionFailure("misspelled in a test") }
        return self
    }
}

extension Transport {
    static func tcp(_ source: UInt16, _ destination: UInt16, _ flags: TCPSegment.Flags = .syn) -> Transport {
        .tcp(TCPSegment(source: source, destination: destination, flags: flags))
    }

    static func udp(_ source: UInt16, _ destination: UInt16, _ payload: [UInt8] = [1]) -> Transport {
        .udp(UDPDatagram(source: source, destination: destination, payload: payload))
    }

    static func echo(_ id: UInt16, sequence: UInt16 = 1) -> Transport {
        .icmp(ICMPMessage(type: 8, rest: UInt32(id) << 16 | UInt32(sequence)))
    }
}

extension Trace {
    var departure: Departure? { if case .forwarded(let departure) = outcome { departure } else { nil } }
    var isForwarded: Bool { departure != nil }
    var ip: IPPacket? { departure?.frame.ip }
}

extension Frame {
    /// The answer of who got it: everything turned round, TCP acknowledged.
    func answered(on leg: Int) -> Frame {
        var frame = self
        (frame.source, frame.destination) = (destination, HandWritten.legs[leg].mac)
        guard case .ipv4(var packet) = body else { return frame }
        (packet.source, packet.destination) = (packet.destination, packet.source)
        packet.ttl = 64
        switch packet.body {
        case .tcp(var segment):
            (segment.source, segment.destination) = (segment.destination, segment.source)
            segment.flags = [.syn, .ack]
            packet.body = .tcp(segment)
        case .udp(var datagram):
            (datagram.source, datagram.destination) = (datagram.destination, datagram.source)
            packet.body = .udp(datagram)
        case .icmp(var message):
            message.type = 0
            packet.body = .icmp(message)
        default: break
        }
        frame.body = .ipv4(packet)
        return frame
    }

    /// What a router on the way says when it cannot deliver this.
    func refused(by router: IPv4Address, on leg: Int, quoting count: Int = 28) -> Frame {
        guard case .ipv4(let packet) = body else { return self }
        let message = ICMPMessage(type: 3, code: 1, payload: Array(packet.bytes.prefix(count)))
        return Frame(
            destination: HandWritten.legs[leg].mac, source: HandWritten.mac(of: router),
            body: .ipv4(IPv4Packet(source: router, destination: packet.source, body: .icmp(message))))
    }
}
