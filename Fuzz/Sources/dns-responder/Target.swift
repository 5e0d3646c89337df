import DNSServer
import NetworkVocabulary
import Packets
import RouterPlan

private let zone: LocalZone = {
    let services = GuestServices(
        kinds: .dns, server: IPv4Address(10, 1, 1, 1), subnet: IPv4Prefix("10.1.1.0/24") ?? .everything, gateway: nil,
        mtu: 1500, domain: "cs1.example", nameServers: [], resolvers: [], routerName: "r-1-VM")
    let nics = (1...50 as ClosedRange<UInt8>).map { number in
        ServedNIC(
            origin: Origin("nic", ObjectID(random: 0, UInt64(number))), guest: ObjectID(random: 1, UInt64(number)),
            mac: MACAddress(2, 0, 0, 0, 0, number), address: IPv4Address(10, 1, 1, number), hostName: "g\(number)",
            isDefault: true)
    }
    return LocalZone(services, nics)
}()

/// FZ4: every answer decodes, repeats the id and, where it could be read, the question, and is no larger than was asked.
@_cdecl("LLVMFuzzerTestOneInput")
public func target(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    var reply = DNSReply()
    guard case .answered = DNSResponder.answer(bytes.span.bytes, of: zone, &reply) else { return 0 }
    guard let message = DNSMessage(parsing: reply.bytes) else { preconditionFailure("an answer that is none") }
    precondition(message.flags.contains(.response))
    precondition(reply.bytes[0] == bytes[0] && reply.bytes[1] == bytes[1])
    guard case .query(let query) = DNSQuery.read(bytes.span.bytes) else { return 0 }
    precondition(reply.bytes.count <= query.datagramLimit(DNSResponder.datagramSize))
    precondition(reply.bytes[12..<query.questionEnd] == bytes[12..<query.questionEnd])
    return 0
}
