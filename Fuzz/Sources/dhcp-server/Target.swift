import DHCPServer
import NetworkVocabulary
import Packets
import RouterPlan

private let server = IPv4Address(10, 1, 1, 1)

private func nic(_ number: UInt8) -> ServedNIC {
    ServedNIC(
        origin: Origin("nic", ObjectID(random: 0, UInt64(number))), guest: ObjectID(random: 1, UInt64(number)),
        mac: MACAddress(2, 0, 0, 0, 0, number), address: IPv4Address(10, 1, 1, 10 + number), hostName: "g\(number)",
        isDefault: number == 1,
        options: number == 2 ? [DHCPExtra(67, Array("boot".utf8)), DHCPExtra(66, Array("10.1.1.9".utf8))] : [])
}

private let network = DHCPNetwork(
    GuestServices(
        kinds: [.dhcp, .metadata], server: server, subnet: IPv4Prefix("10.1.1.0/24") ?? .everything, gateway: server,
        mtu: 1450, domain: "cs1.example", nameServers: [server], resolvers: [], routerName: "r-1-VM"),
    [nic(1), nic(2), nic(3)])

/// FZ2: packets of up to three clients, each behind two bytes of length and one that chooses its source. No answer gives
/// an address that is not the client's, speaks in another server's name, or goes to another's address.
@_cdecl("LLVMFuzzerTestOneInput")
public func target(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var rest = Array(UnsafeBufferPointer(start: start, count: count))[...]
    var reply = DHCPReply()
    for _ in 0..<20 {
        guard rest.count > 3, let first = rest.first else { return 0 }
        let length = Int(rest[rest.startIndex + 1]) << 8 | Int(rest[rest.startIndex + 2])
        let packet = Array(rest.dropFirst(3).prefix(length))
        rest = rest.dropFirst(3 + length)
        let source = first & 1 == 0 ? IPv4Address(bits: 0) : IPv4Address(10, 1, 1, 10 + first >> 1 % 4)
        guard
            case .answered(_, let nic, let to) = DHCPServer.answer(
                packet.span.bytes, from: source, on: network, &reply)
        else { continue }
        guard let message = DHCPMessage(parsing: reply.bytes) else { preconditionFailure("an answer that is none") }
        precondition(message.hardwareAddress.prefix(6).elementsEqual(nic.mac.octets))
        precondition(message.yourAddress == nic.address || message.yourAddress.bits == 0)
        precondition(
            message.options.map { _ in message.address(.serverIdentifier) == server || message.type == nil } ?? true)
        precondition(to.address == nic.address || to.address.bits == .max)
    }
    return 0
}
