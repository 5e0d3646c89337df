import DNSServer
import NetworkVocabulary
import Packets

/// The same ids and sockets each time, so that inputs mean the same.
private struct Sequence: RandomNumberGenerator, Sendable {
    var state: UInt64 = 1
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state
    }
}

private let resolver = IPv4Address(192, 0, 2, 53)
private let query = DNSMessage(
    id: 77, flags: .recursionDesired, questions: [.init(DNSName("wWw.example.org") ?? .root, .a)]
).bytes

/// FZ5: one question is open, and the input is what is heard: its first byte says on which socket, its second whether the
/// id is made right. What is accepted has id, socket and question of what was sent, and decodes.
@_cdecl("LLVMFuzzerTestOneInput")
public func target(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard count > 4, case .query(let asked) = DNSQuery.read(query.span.bytes) else { return 0 }
    var heard = Array(UnsafeBufferPointer(start: start, count: count).dropFirst(2))
    let choice = (start?[0] ?? 0, start?[1] ?? 0)
    var forwarder = DNSForwarder([resolver], sockets: 2, random: Sequence())
    var actions: [DNSForwarder.Action] = []
    let client = DNSForwarder.Client(address: IPv4Address(10, 1, 1, 10), port: 4000)
    forwarder.ask(asked, query.span.bytes, for: client, now: 1_000_000, &actions)
    guard case .datagram(let socket, _, _, let sent)? = actions.first else { return 0 }
    if choice.1 & 1 == 0 { (heard[0], heard[1]) = (sent[0], sent[1]) }
    actions = []
    forwarder.receive(heard, socket: Int(choice.0 & 1), now: 1_000_001, &actions)
    for case .reply(_, let bytes) in actions {
        precondition(Int(choice.0 & 1) == socket && heard[0] == sent[0] && heard[1] == sent[1])
        precondition(heard.count >= 33 && heard[12..<33] == sent[12..<33] && heard[2] & 0x80 != 0)
        precondition(bytes.count <= 512 && bytes[0] == 0 && bytes[1] == 77)
        precondition(DNSMessage(parsing: bytes) != nil || bytes.count == 512)
    }
    return 0
}
