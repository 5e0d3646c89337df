import DHCPServer
import NetworkVocabulary
import Packets
import Testing

/// Whatever clients send, in whatever order (FZ2 in small).
@Suite struct DHCPSequenceTests {
    @Test func `no sequence of packets gives a client an address that is not its own, or speaks in another's name`()
        throws
    {
        let talk = try Conversation()
        var random = Generator(state: 20)
        let addresses = [
            Conversation.nobody, Conversation.webAddress, Conversation.dbAddress, Conversation.extra,
            Conversation.server,
            Conversation.everybody, IPv4Address(8, 8, 8, 8),
        ]
        let owners = [Conversation.web: Conversation.webAddress, Conversation.db: Conversation.dbAddress]
        var answers = 0
        for _ in 0..<20_000 {
            func any() -> IPv4Address { addresses[Int(random.next() % UInt64(addresses.count))] }
            let mac = [Conversation.web, Conversation.db, Conversation.stranger][Int(random.next() % 3)]
            let type = DHCPMessageType(rawValue: UInt8(random.next() % 8) + 1) ?? .discover
            var message = Conversation.message(
                type, mac, requested: random.next() % 2 == 0 ? any() : nil,
                server: random.next() % 2 == 0 ? any() : nil, own: random.next() % 2 == 0 ? any() : Conversation.nobody)
            message.relayAddress = random.next() % 4 == 0 ? any() : Conversation.nobody
            message.flags = UInt16(truncatingIfNeeded: random.next())
            let heard = talk.say(message, from: any())
            guard let reply = heard.reply, let to = heard.destination else { continue }
            answers += 1
            let own = try #require(owners[mac], "a stranger was answered")
            #expect(reply.yourAddress == own || reply.yourAddress == Conversation.nobody)
            #expect(reply[.serverIdentifier] == Conversation.server.octets)
            let allowed = [own, Conversation.everybody] + (mac == Conversation.web ? [Conversation.extra] : [])
            #expect(allowed.contains(to.address))
        }
        #expect(answers > 500)
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }
}
