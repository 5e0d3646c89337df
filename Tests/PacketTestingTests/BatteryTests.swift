import NetworkVocabulary
import PacketTesting
import Packets
import Testing

@Suite struct `What neighbours on a shared network may hear` {
    private let sender = Battery.Port(
        name: "anna-square", place: "admin/square", mac: MACAddress(2, 0, 0, 0, 0, 1),
        gatewayMAC: MACAddress(2, 0, 0, 0, 0, 9), address: IPv4Address(10, 1, 1, 110), gateway: IPv4Address(10, 1, 1, 1)
    )

    private func isForged(_ line: String) throws -> Bool {
        let defaults = PacketDefaults(source: sender.mac, destination: MACAddress(2, 0, 0, 0, 0, 2))
        return battery.isForged(try PacketPattern(parsing: line).frame(defaults, bindings: [:]).bytes, by: sender)
    }

    private var battery: Battery { Battery([sender], seed: 1) }

    @Test(arguments: [
        "udp 10.1.1.110:5000 > 10.1.1.111:9", "udp 0.0.0.0:68 > 255.255.255.255:67",
        "arp 10.1.1.110 is-at 02:00:00:00:00:01 tell 10.1.1.111",
    ])
    func `is what is said in one's own name`(line: String) throws { #expect(try !isForged(line)) }

    @Test(arguments: [
        "udp 10.1.1.111:5000 > 10.1.1.112:9", "udp 10.1.1.110:5000 > 10.1.1.111:9 from 02:00:00:00:00:02",
        "arp 10.1.1.1 is-at 02:00:00:00:00:01 tell 10.1.1.111", "udp 10.1.1.110:67 > 10.1.1.111:68",
        "udp 0.0.0.0:5000 > 10.1.1.111:9",
    ])
    func `is nothing that is said in another's, nor what only a server says`(line: String) throws {
        #expect(try isForged(line))
    }
}
