import CLinux
import Foundation

/// Packets to every port of interest, as fast as they go, and what comes back by the link that they left by.
///
/// The answer of whoever has nothing to hide is a reset or an ICMP error; that of a service is its own. Only echo may come.
struct Probe {
    /// Ports that services and routers of this kind are known to have open.
    static let known: [UInt16] = [
        7, 21, 22, 23, 25, 53, 67, 68, 69, 80, 111, 123, 161, 179, 443, 500, 514, 546, 1080, 3128, 3922, 8080,
    ]

    /// What came back: a word for each packet.
    private(set) var answers: [String] = []
    /// How many packets went out.
    private(set) var sent = 0

    init(
        _ world: World, from node: String, _ source: String, to targets: [String], _ ports: [UInt16]
    ) throws {
        let (raw, ear) = try world.inside(node) {
            (
                try Wire(AF_INET, SOCK_RAW, Int32(IPPROTO_RAW)),
                try Wire(AF_PACKET, SOCK_DGRAM, Int32(UInt16(ETH_P_IP).bigEndian))
            )
        }
        ear.set(SO_RCVBUFFORCE, Int32(8 << 20))
        for target in targets {
            let ping = ["ping", "-c", "1", "-W", "5", "-I", source, target]
            // Neighbours know each other by then, so that nothing waits for an address.
            _ = try world.run(ping, in: node)
            for port in ports {
                for packet in [
                    Wire.datagram(from: source, to: target, port, "probe"),
                    Wire.opening(from: source, to: target, port),
                ] where raw.tell(packet, to: target, port) {
                    sent += 1
                }
            }
            // By the same way and later: when the answer to this is here, all others that there are have come.
            _ = try world.run(ping, in: node)
        }
        let own = source.split(separator: ".").compactMap { UInt8($0) }
        while let packet = ear.arrived() {
            guard packet.count >= 24, Array(packet[12..<16]) != own else { continue }
            let head = Int(packet[0] & 0xf) * 4
            switch packet[9] {
            case 1 where packet[head] == 0: continue
            case 1: answers.append("ICMP \(packet[head])")
            default: answers.append("protocol \(packet[9]) from port \(Int(packet[head]) << 8 | Int(packet[head + 1]))")
            }
        }
    }
}

extension Wire {
    /// The first segment of a TCP connection, as an IPv4 packet for raw sockets.
    static func opening(from source: String, to target: String, _ port: UInt16) -> [UInt8] {
        var packet = datagram(from: source, 40_000, to: target, port, String(repeating: "\0", count: 12))
        packet[9] = UInt8(IPPROTO_TCP)
        // The kernel fills in the header's checksum for raw sockets, and not the segment's.
        packet.replaceSubrange(24..<40, with: [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0])
        let pseudo = packet[12..<20] + [0, UInt8(IPPROTO_TCP), 0, 20] + packet[20...]
        let bytes = Array(pseudo)
        var sum = stride(from: 0, to: bytes.count, by: 2).reduce(0) { $0 + Int(bytes[$1]) << 8 + Int(bytes[$1 + 1]) }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        packet[36] = UInt8(~sum >> 8 & 0xff)
        packet[37] = UInt8(~sum & 0xff)
        return packet
    }
}
