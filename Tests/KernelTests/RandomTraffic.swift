import NetworkVocabulary
import PacketTrace
import Packets
import TestSupport

/// Packets for the router of `RandomRouter`: new connections, answers to what came out, errors about it, repetitions, and
/// what belongs nowhere. The identification of the IP header tells them apart.
///
/// Which segments of TCP the kernel believes once a connection closes, resets or opens from both sides depends on sequence
/// numbers, which the trace does not follow: such segments belong to no connection here.
struct RandomTraffic<Numbers: RandomNumberGenerator> {
    typealias Arrival = (frame: Frame, link: InterfaceName)

    var numbers: Numbers
    private var sent: [Arrival] = []
    private var departed: [Trace.Departure] = []
    private var nextID: UInt16 = 1

    init(_ numbers: Numbers) { self.numbers = numbers }

    mutating func next() -> Arrival {
        defer { nextID += 1 }
        let arrival =
            switch Int.random(in: 0..<10, using: &numbers) {
            case 0, 1, 2, 3: departed.randomElement(using: &numbers).flatMap { answer(to: $0) } ?? fresh()
            case 4: departed.randomElement(using: &numbers).flatMap { error(about: $0) } ?? fresh()
            case 5: sent.randomElement(using: &numbers).map { again($0) } ?? fresh()
            default: fresh()
            }
        sent.append(arrival)
        return arrival
    }

    /// What came out may be answered.
    mutating func follow(_ trace: Trace) {
        if case .forwarded(let departure) = trace.outcome { departed.append(departure) }
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &numbers) < percent }
    private mutating func pick<Thing>(_ things: [Thing]) -> Thing {
        things[Int.random(in: 0..<things.count, using: &numbers)]
    }

    private mutating func fresh() -> Arrival {
        let leg = pick(RandomRouter.legs)
        let near = RandomRouter.hosts.filter { leg.network.contains($0) }
        let source =
            chance(80) ? pick(near) : chance(70) ? pick(RandomRouter.far) : pick(RandomRouter.hosts + [leg.address])
        let destination = pick(
            RandomRouter.hosts + RandomRouter.hosts + RandomRouter.far + RandomRouter.publicAddresses
                + RandomRouter.legs.map(\.address))
        var packet = IPv4Packet(
            source: source, destination: destination, ttl: chance(3) ? 1 : 64, identification: nextID, body: body())
        if chance(2) { packet.headerChecksum = .forced(0x1234) }
        let sender = chance(90) ? source : pick(RandomRouter.hosts)
        let receiver = chance(97) ? leg.mac : MACAddress(2, 0, 0, 0, 7, 7)
        return (
            Frame(destination: receiver, source: RandomRouter.mac(of: sender), body: .ipv4(packet)), leg.name
        )
    }

    private mutating func body() -> Transport {
        let (source, destination) = (pick(RandomRouter.ports), pick(RandomRouter.ports))
        let checksum: Derived<UInt16> = chance(2) ? .forced(0x4321) : .computed
        switch Int.random(in: 0..<10, using: &numbers) {
        case 0...4:
            let flags: TCPSegment.Flags =
                chance(75) ? .syn : pick([.ack, [.ack, .psh], [.syn, .ack], .rst, [.fin, .ack], [], [.syn, .fin]])
            let isOdd = flags != .syn && !flags.contains(.ack) || flags.contains([.syn, .ack]) || flags.contains(.fin)
            return .tcp(segment(isOdd ? 9999 : source, destination, flags, isAnswer: false, checksum))
        case 5...7:
            return .udp(UDPDatagram(source: source, destination: destination, payload: [1, 2, 3], checksum: checksum))
        case 8:
            let type: UInt8 = chance(80) ? 8 : pick([0, 3, 13, 14, 42])
            let rest = UInt32.random(in: 1...3, using: &numbers) << 16 | 1
            return .icmp(ICMPMessage(type: type, rest: rest, payload: [5, 6, 7, 8], checksum: checksum))
        default: return .other([0, 80, 0, 81, 1, 2, 3, 4])
        }
    }

    private func segment(
        _ source: UInt16, _ destination: UInt16, _ flags: TCPSegment.Flags, isAnswer: Bool,
        _ checksum: Derived<UInt16> = .computed
    ) -> TCPSegment {
        let isFirst = flags.contains(.syn)
        let (own, other): (UInt32, UInt32) = isAnswer ? (5000, 1001) : (1000, 5001)
        return TCPSegment(
            source: source, destination: destination, sequence: isFirst ? own : own + 1,
            acknowledgment: flags.contains(.ack) ? other : 0, flags: flags, checksum: checksum)
    }

    private mutating func answer(to departure: Trace.Departure) -> Arrival? {
        guard case .ipv4(var packet) = departure.frame.body,
            let leg = RandomRouter.legs.first(where: { $0.name == departure.link })
        else { return nil }
        (packet.source, packet.destination) = (packet.destination, packet.source)
        packet.ttl = 64
        packet.identification = nextID
        switch packet.body {
        case .tcp(let asked):
            let isOpening = asked.flags.contains(.syn) && !asked.flags.contains(.ack)
            let flags: TCPSegment.Flags =
                isOpening && chance(80) ? [.syn, .ack] : .ack
            packet.body = .tcp(
                segment(asked.destination, asked.source, flags, isAnswer: asked.sequence < 5000))
        case .udp(var datagram):
            (datagram.source, datagram.destination) = (datagram.destination, datagram.source)
            packet.body = .udp(datagram)
        case .icmp(var message):
            guard message.type == 8 || message.type == 13 else { return nil }
            message.type = message.type == 8 ? 0 : 14
            packet.body = .icmp(message)
        case .icmpv6, .fragment, .other, .malformed: break
        }
        let frame = Frame(destination: leg.mac, source: departure.frame.destination, body: .ipv4(packet))
        return (frame, leg.name)
    }

    private mutating func error(about departure: Trace.Departure) -> Arrival? {
        guard case .ipv4(let packet) = departure.frame.body,
            let leg = RandomRouter.legs.first(where: { $0.name == departure.link })
        else { return nil }
        let who = chance(50) ? packet.destination : pick(RandomRouter.hosts)
        let length = chance(50) ? 28 : 200
        let message = ICMPMessage(
            type: pick([3, 11]), code: pick([0, 1, 3]), payload: Array(packet.bytes.prefix(length)))
        let whole = IPv4Packet(
            source: who, destination: chance(90) ? packet.source : pick(RandomRouter.hosts), identification: nextID,
            body: .icmp(message))
        return (
            Frame(destination: leg.mac, source: departure.frame.destination, body: .ipv4(whole)), leg.name
        )
    }

    private mutating func again(_ earlier: Arrival) -> Arrival {
        var frame = earlier.frame
        guard case .ipv4(var packet) = frame.body else { return earlier }
        packet.identification = nextID
        if case .tcp(let asked) = packet.body {
            guard asked.source != 9999 else { return fresh() }
            let flags: TCPSegment.Flags = asked.sequence < 5000 ? pick([.ack, .ack, .syn]) : .ack
            packet.body = .tcp(
                segment(asked.source, asked.destination, flags, isAnswer: asked.sequence >= 5000))
        }
        frame.body = .ipv4(packet)
        return (frame, earlier.link)
    }
}
