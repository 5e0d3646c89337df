import NetworkVocabulary
import PacketTrace
import Packets
import TestSupport

/// Where packets are sent: who is there, and what somebody may begin with.
protocol TrafficScene {
    /// Where to send what the router of the scene shall get by a link.
    func mac(of link: InterfaceName) -> MACAddress?
    var hosts: [IPv4Address] { get }
    /// Something that belongs to nothing before it, with this identification.
    func fresh(_ id: UInt16, _ numbers: inout SeededGenerator) -> RandomTraffic<Self>.Arrival
}

/// Packets for a router: new connections, answers to what came out, errors about it, repetitions, and what belongs
/// nowhere. The identification of the IP header tells them apart.
///
/// Which segments of TCP the kernel believes once a connection closes, resets or opens from both sides depends on sequence
/// numbers, which the trace does not follow: such segments belong to no connection here.
struct RandomTraffic<Scene: TrafficScene> {
    typealias Arrival = (frame: Frame, link: InterfaceName)

    let scene: Scene
    var numbers: SeededGenerator
    /// How many of a hundred packets belong to nothing before them.
    let freshness: Int
    private var sent: [Arrival] = []
    private var departed: [Trace.Departure] = []
    private var nextID: UInt16 = 1

    init(_ scene: Scene, _ numbers: SeededGenerator, freshness: Int = 40) {
        self.scene = scene
        self.numbers = numbers
        self.freshness = freshness
    }

    mutating func next() -> Arrival {
        defer { nextID += 1 }
        let arrival =
            switch numbers.number(below: 100) {
            case 0..<freshness: fresh()
            case ..<(freshness + (100 - freshness) * 2 / 3):
                departed.randomElement(using: &numbers).flatMap { answer(to: $0) } ?? fresh()
            case ..<(freshness + (100 - freshness) * 5 / 6):
                departed.randomElement(using: &numbers).flatMap { error(about: $0) } ?? fresh()
            default: sent.randomElement(using: &numbers).map { again($0) } ?? fresh()
            }
        sent.append(arrival)
        return arrival
    }

    /// What came out may be answered.
    mutating func follow(_ trace: Trace) {
        if case .forwarded(let departure) = trace.outcome { departed.append(departure) }
    }

    private mutating func fresh() -> Arrival { scene.fresh(nextID, &numbers) }

    private mutating func answer(to departure: Trace.Departure) -> Arrival? {
        guard case .ipv4(var packet) = departure.frame.body,
            let mac = scene.mac(of: departure.link)
        else { return nil }
        (packet.source, packet.destination) = (packet.destination, packet.source)
        packet.ttl = 64
        packet.identification = nextID
        switch packet.body {
        case .tcp(let asked):
            let isOpening = asked.flags.contains(.syn) && !asked.flags.contains(.ack)
            let flags: TCPSegment.Flags =
                isOpening && numbers.chance(80) ? [.syn, .ack] : .ack
            packet.body = .tcp(
                TCPSegment(asked.destination, asked.source, flags, isAnswer: asked.sequence < 5000))
        case .udp(var datagram):
            (datagram.source, datagram.destination) = (datagram.destination, datagram.source)
            packet.body = .udp(datagram)
        case .icmp(var message):
            guard message.type == 8 || message.type == 13 else { return nil }
            message.type = message.type == 8 ? 0 : 14
            packet.body = .icmp(message)
        case .icmpv6, .fragment, .other, .malformed: break
        }
        let frame = Frame(destination: mac, source: departure.frame.destination, body: .ipv4(packet))
        return (frame, departure.link)
    }

    private mutating func error(about departure: Trace.Departure) -> Arrival? {
        guard case .ipv4(let packet) = departure.frame.body,
            let mac = scene.mac(of: departure.link)
        else { return nil }
        let who = numbers.chance(50) ? packet.destination : numbers.pick(scene.hosts)
        let length = numbers.chance(50) ? 28 : 200
        let message = ICMPMessage(
            type: numbers.pick([3, 11]), code: numbers.pick([0, 1, 3]), payload: Array(packet.bytes.prefix(length)))
        let whole = IPv4Packet(
            source: who, destination: numbers.chance(90) ? packet.source : numbers.pick(scene.hosts),
            identification: nextID,
            body: .icmp(message))
        return (
            Frame(destination: mac, source: departure.frame.destination, body: .ipv4(whole)), departure.link
        )
    }

    private mutating func again(_ earlier: Arrival) -> Arrival {
        var frame = earlier.frame
        guard case .ipv4(var packet) = frame.body else { return earlier }
        packet.identification = nextID
        if case .tcp(let asked) = packet.body {
            guard asked.source != 9999 else { return fresh() }
            let flags: TCPSegment.Flags = asked.sequence < 5000 && numbers.chance(33) ? .syn : .ack
            packet.body = .tcp(
                TCPSegment(asked.source, asked.destination, flags, isAnswer: asked.sequence >= 5000))
        }
        frame.body = .ipv4(packet)
        return (frame, earlier.link)
    }
}

extension TCPSegment {
    /// Sequence numbers that fit one another within a connection, whatever was sent of it.
    init(
        _ source: UInt16, _ destination: UInt16, _ flags: TCPSegment.Flags, isAnswer: Bool,
        _ checksum: Derived<UInt16> = .computed
    ) {
        let isFirst = flags.contains(.syn)
        let (own, other): (UInt32, UInt32) = isAnswer ? (5000, 1001) : (1000, 5001)
        self.init(
            source: source, destination: destination, sequence: isFirst ? own : own + 1,
            acknowledgment: flags.contains(.ack) ? other : 0, flags: flags, checksum: checksum)
    }
}

extension SeededGenerator {
    mutating func number(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    mutating func chance(_ percent: Int) -> Bool { number(below: 100) < percent }
    mutating func pick<Thing>(_ things: [Thing]) -> Thing { things[number(below: things.count)] }
}
