import CloudTrace
import LinuxKernel
import NetworkVocabulary
import Packets

/// The ports of a wiring as bare network cards in a namespace of their own, where nobody answers anything, plugged into
/// the bridges of the calling thread's namespace; everything that reaches them is heard.
///
/// Nothing is waited for: a packet is through when frames that were sent after it, and cannot be lost, have taken more
/// steps than any packet does. The thread stays on one processor, whose queue keeps the order.
final class Field {
    private(set) var wiring: Wiring
    private let host: RouteSocket
    private let field: NetworkNamespace
    private let route: RouteSocket
    private let socket: PacketSocket
    private var indexes: [Wiring.Port: Int32] = [:]
    private var portNumber = 0
    private let prefix: String
    private let sentinel: Sentinel
    private var collected = Fragments()
    /// Who has just been made to send something.
    private var speakers: Set<MACAddress> = []

    /// `prefix` begins the names of the devices in this namespace that the ports hang on.
    init(_ wiring: Wiring, prefix: String = "case") throws {
        self.wiring = wiring
        self.prefix = prefix
        host = try RouteSocket()
        field = try .unnamed()
        try Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1", in: field)
        route = try RouteSocket(in: field)
        socket = try PacketSocket(in: field)
        sentinel = try Sentinel(in: field, heardBy: socket)
    }

    // MARK: Ports

    func follow(_ wiring: Wiring) throws {
        self.wiring = wiring
        try plug()
    }

    /// Plugs in who is not, and pulls out who is gone.
    func plug() throws {
        for (port, index) in indexes where !wiring.ports.contains(port) {
            try route.deleteLink(index)
            indexes[port] = nil
        }
        for port in wiring.ports where indexes[port] == nil {
            portNumber += 1
            guard let near = InterfaceName("\(prefix)\(portNumber)"), let far = InterfaceName("port\(portNumber)")
            else { continue }
            let bridge = try host.link(named: port.segment.rawValue).index
            try host.addVeth(LinkSpecification(near), peer: LinkSpecification(far, mac: port.mac), in: field)
            let index = try route.link(named: far.rawValue).index
            try route.setLink(index, LinkChange(isUp: true))
            try host.setLink(
                try host.link(named: near.rawValue).index, LinkChange(master: .index(bridge), isUp: true))
            indexes[port] = index
        }
    }

    /// A bridge begins to carry a new port's frames some time after the port is up: when a router's leg has answered a
    /// probe (RFC 5227 section 2.1.1), which leaves nothing behind in it, both ways are open.
    func awaitPaths() throws {
        for port in wiring.ports {
            for leg in wiring.legs where leg.segment == port.segment {
                guard let index = indexes[port], case .v4(let address)? = leg.addresses.sorted().first else { continue }
                let question = ARPPacket.request(for: address, tell: IPv4Address(0, 0, 0, 0), at: port.mac)
                let probe = Frame(
                    destination: MACAddress(255, 255, 255, 255, 255, 255), source: port.mac, body: .arp(question))
                let deadline = ContinuousClock.now + .seconds(20)
                var isOpen = false
                while !isOpen {
                    guard ContinuousClock.now < deadline else {
                        throw Refusal(description: "\(leg.link) of \(leg.node) does not answer \(port.name)")
                    }
                    try socket.send(probe.bytes, on: index)
                    for _ in 0..<Sentinel.calmRounds where !isOpen {
                        var heard: [Journey.Arrival] = []
                        _ = try round(&heard)
                        isOpen = heard.contains { $0.port == port.name && $0.frame.source == leg.mac }
                    }
                }
            }
        }
        // Late answers are not to be taken for something else.
        for _ in 0..<Sentinel.calmRounds {
            var heard: [Journey.Arrival] = []
            _ = try round(&heard)
        }
    }

    /// A name in `/run/netns` for the namespace that the ports are in.
    func name(_ name: String) throws { try NamespaceDirectory.system.mount(field, as: name) }

    // MARK: Packets

    /// Sends, and returns what has arrived anywhere when all that follows from it is through.
    func send(_ frames: [Frame], at port: Wiring.Port) throws -> [Journey.Arrival] {
        guard let index = indexes[port] else { throw Refusal(description: "\(port.name) is not plugged in") }
        speakers = Set(frames.map(\.source))
        for frame in frames { try socket.send(frame.bytes, on: index) }
        var arrivals: [Journey.Arrival] = []
        var calm = 0
        while calm < Sentinel.calmRounds { calm = try round(&arrivals) ? 0 : calm + 1 }
        return arrivals
    }

    /// One sentinel's way; what came meanwhile is taken in. Returns whether somebody had to be answered, so that a packet
    /// may have been waiting.
    private func round(_ arrivals: inout [Journey.Arrival]) throws -> Bool {
        let tag = try sentinel.send()
        var hasAnswered = false
        while true {
            let sighting = try socket.receive()
            if sentinel.isSentinel(sighting) {
                if sentinel.isSentinel(sighting, tagged: tag) { return hasAnswered }
                continue
            }
            guard let port = indexes.first(where: { $0.value == sighting.link })?.key,
                let frame = (try? Frame(parsing: sighting.bytes))?.finished
            else { continue }
            if try answer(frame, port) {
                hasAnswered = true
            } else if port.takes(frame, from: speakers), let whole = collected.take(frame) {
                arrivals.append(.init(port: port.name, frame: whole))
            }
        }
    }

    /// Routers ask who has an address; the ports say so, of their own and, outside, of everybody's.
    private func answer(_ frame: Frame, _ port: Wiring.Port) throws -> Bool {
        guard let index = indexes[port], let answer = wiring.answer(to: frame, at: port) else { return false }
        if case .says(let reply) = answer { try socket.send(reply.bytes, on: index) }
        return true
    }
}

/// What a port does about a router's question for an address.
enum PortAnswer {
    case says(Frame)
    /// The question is for somebody else.
    case keepsSilent
}

extension Wiring.Port {
    /// Whether a frame is meant for it, and said by somebody rather than by a kernel of its own accord.
    func takes(_ frame: Frame, from speakers: Set<MACAddress>) -> Bool {
        (frame.destination == mac || frame.destination.isMulticast)
            && (speakers.contains(frame.source) || !frame.isChatter)
    }
}

extension Wiring {
    /// Nil where nobody has asked, or somebody who is no router.
    func answer(to frame: Frame, at port: Port) -> PortAnswer? {
        guard case .arp(let arp) = frame.body, arp.operation == 1, legs.contains(where: { $0.mac == frame.source })
        else { return nil }
        let target = IPAddress.v4(arp.targetAddress)
        let isMine =
            port.isOutside ? !isOwnedByRouter(target, on: port.segment) : port.addresses.contains(target)
        guard isMine else { return .keepsSilent }
        let answer = ARPPacket(
            operation: 2, senderMAC: port.mac, senderAddress: arp.targetAddress, targetMAC: arp.senderMAC,
            targetAddress: arp.senderAddress)
        return .says(Frame(destination: arp.senderMAC, source: port.mac, body: .arp(answer)))
    }
}

extension Frame {
    /// With the checksum of a segment that a router made itself: its kernel leaves all but the pseudo header to a network
    /// card, and these wires are none.
    var finished: Frame {
        guard case .ipv4(var packet) = body, case .tcp(var segment) = packet.body,
            case .forced(let found) = segment.checksum
        else { return self }
        let length = 20 + segment.options.count + segment.payload.count
        let number = packet.protocol.number
        guard found == ~InternetChecksum(packet.source, packet.destination, protocol: number, length: length).value
        else { return self }
        segment.checksum = .computed
        packet.body = .tcp(segment)
        var frame = self
        frame.body = .ipv4(packet)
        return frame
    }

    /// What a kernel says of its own accord on a new link: neighbour discovery, and memberships of groups.
    var isChatter: Bool {
        switch ip {
        case .v4(let packet): packet.protocol.number == 2
        case .v6(let packet):
            if case .icmpv6(let message) = packet.body {
                (130...136).contains(message.type) || message.type == 143
            } else {
                // Reports of memberships have a hop-by-hop header in front.
                packet.protocol.number == 0
            }
        case nil: false
        }
    }
}

/// What a world on the kernel cannot do.
struct Refusal: Error, CustomStringConvertible { let description: String }
