import NetworkVocabulary
import PacketTrace
import Packets
import TestSupport

/// New packets for the router of `RandomRouter`.
struct RandomRouterScene: TrafficScene {
    var hosts: [IPv4Address] { RandomRouter.hosts }

    func mac(of link: InterfaceName) -> MACAddress? { RandomRouter.legs.first { $0.name == link }?.mac }

    func fresh(
        _ id: UInt16, _ numbers: inout SeededGenerator
    ) -> RandomTraffic<Self>.Arrival {
        let leg = numbers.pick(RandomRouter.legs)
        let near = RandomRouter.hosts.filter { leg.network.contains($0) }
        let source =
            numbers.chance(80)
            ? numbers.pick(near)
            : numbers.chance(70) ? numbers.pick(RandomRouter.far) : numbers.pick(RandomRouter.hosts + [leg.address])
        let destination = numbers.pick(
            RandomRouter.hosts + RandomRouter.hosts + RandomRouter.far + RandomRouter.publicAddresses
                + RandomRouter.legs.map(\.address))
        var packet = IPv4Packet(
            source: source, destination: destination, ttl: numbers.chance(3) ? 1 : 64, identification: id,
            body: body(&numbers))
        if numbers.chance(2) { packet.headerChecksum = .forced(0x1234) }
        let sender = numbers.chance(90) ? source : numbers.pick(RandomRouter.hosts)
        let receiver = numbers.chance(97) ? leg.mac : MACAddress(2, 0, 0, 0, 7, 7)
        return (
            Frame(destination: receiver, source: RandomRouter.mac(of: sender), body: .ipv4(packet)), leg.name
        )
    }

    private func body(_ numbers: inout SeededGenerator) -> Transport {
        let (source, destination) = (numbers.pick(RandomRouter.ports), numbers.pick(RandomRouter.ports))
        let checksum: Derived<UInt16> = numbers.chance(2) ? .forced(0x4321) : .computed
        switch Int.random(in: 0..<10, using: &numbers) {
        case 0...4:
            let flags: TCPSegment.Flags =
                numbers.chance(75)
                ? .syn : numbers.pick([.ack, [.ack, .psh], [.syn, .ack], .rst, [.fin, .ack], [], [.syn, .fin]])
            let isOdd = flags != .syn && !flags.contains(.ack) || flags.contains([.syn, .ack]) || flags.contains(.fin)
            return .tcp(TCPSegment(isOdd ? 9999 : source, destination, flags, isAnswer: false, checksum))
        case 5...7:
            return .udp(UDPDatagram(source: source, destination: destination, payload: [1, 2, 3], checksum: checksum))
        case 8:
            let type: UInt8 = numbers.chance(80) ? 8 : numbers.pick([0, 3, 13, 14, 42])
            let rest = UInt32.random(in: 1...3, using: &numbers) << 16 | 1
            return .icmp(ICMPMessage(type: type, rest: rest, payload: [5, 6, 7, 8], checksum: checksum))
        default: return .other([0, 80, 0, 81, 1, 2, 3, 4])
        }
    }
}
