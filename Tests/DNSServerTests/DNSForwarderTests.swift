import DNSServer
import NetworkVocabulary
import Packets
import Testing

/// Asking others, without a network: what is sent comes out, what is heard goes in.
@Suite struct DNSForwarderTests {
    private static let first = IPv4Address(192, 0, 2, 1)
    private static let second = IPv4Address(192, 0, 2, 2)
    private static let ownAddress = IPv4Address(10, 1, 1, 1)
    private static let client = DNSForwarder.Client(address: IPv4Address(10, 1, 1, 10), port: 4000)

    private struct Sent {
        let socket: Int
        let resolver: IPv4Address
        let isFresh: Bool
        let bytes: [UInt8]
    }

    /// A forwarder and what it did since it was last looked at.
    private struct Bench {
        var forwarder: DNSForwarder
        var now: UInt64 = 1_000_000
        var sent: [Sent] = []
        var replies: [(DNSForwarder.Client, DNSMessage)] = []
        var streams: [(UInt64, IPv4Address)] = []

        init(_ resolvers: [IPv4Address] = [first, second], sockets: Int = 4) {
            forwarder = DNSForwarder(resolvers, ownAddresses: [ownAddress], sockets: sockets)
        }

        private mutating func note(_ actions: [DNSForwarder.Action]) {
            for action in actions {
                switch action {
                case .datagram(let socket, let resolver, let isFresh, let bytes):
                    sent.append(Sent(socket: socket, resolver: resolver, isFresh: isFresh, bytes: bytes))
                case .stream(let number, let resolver, _): streams.append((number, resolver))
                case .reply(let client, let bytes):
                    if let message = DNSMessage(parsing: bytes) { replies.append((client, message)) }
                }
            }
        }

        mutating func ask(
            _ name: String, _ client: DNSForwarder.Client = client, id: UInt16 = 77, flags: DNSFlags = .recursionDesired
        ) throws {
            let bytes = DNSMessage(
                id: id, flags: flags, questions: [.init(try #require(DNSName(name)), .a)]
            ).bytes
            guard case .query(let query) = DNSQuery.read(bytes.span.bytes) else { return }
            var actions: [DNSForwarder.Action] = []
            forwarder.ask(query, bytes.span.bytes, for: client, now: now, &actions)
            note(actions)
        }

        mutating func hear(_ bytes: [UInt8], socket: Int) {
            var actions: [DNSForwarder.Action] = []
            forwarder.receive(bytes, socket: socket, now: now, &actions)
            note(actions)
        }

        mutating func refuse(_ socket: Int) {
            var actions: [DNSForwarder.Action] = []
            forwarder.refused(socket: socket, now: now, &actions)
            note(actions)
        }

        mutating func wait(_ milliseconds: UInt64) {
            now += milliseconds
            var actions: [DNSForwarder.Action] = []
            forwarder.expire(now: now, &actions)
            note(actions)
        }

        mutating func hear(stream number: UInt64, _ bytes: [UInt8]?) {
            var actions: [DNSForwarder.Action] = []
            forwarder.receive(stream: number, bytes, now: now, &actions)
            note(actions)
        }
    }

    /// What an honest resolver says to a question.
    private static func answer(_ question: [UInt8], code: UInt8 = 0, ttl: UInt32 = 60, flags: DNSFlags = []) throws
        -> [UInt8]
    {
        var message = try #require(DNSMessage(parsing: question))
        message.flags = DNSFlags([.response, .recursionAvailable, .recursionDesired]).union(flags).with(code: code)
        let name = message.questions[0].name
        if code == 0, !flags.contains(.truncated) {
            message.answers = [.init(name, .a, ttl: ttl, data: [198, 51, 100, 7])]
        } else if code == 3 {
            let numbers: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 30]
            message.authorities = [.init(.root, .soa, ttl: 100, data: [0, 0] + numbers)]
        }
        message.additional = [.init(.root, .opt, class: 4096, ttl: 0, data: [])]
        return message.bytes
    }

    @Test func `a question goes out by a socket with a fresh port, and its answer comes back to who asked`() throws {
        var bench = Bench()
        try bench.ask("www.Example.org")
        #expect(bench.sent.count == 1 && bench.sent[0].isFresh)
        bench.hear(try Self.answer(bench.sent[0].bytes), socket: bench.sent[0].socket)
        let (client, reply) = try #require(bench.replies.first)
        #expect(client == Self.client)
        #expect(reply.id == 77)
        #expect(reply.answers.map(\.data) == [[198, 51, 100, 7]])
        // The resolver's EDNS is not the client's.
        #expect(reply.additional == [])
    }

    @Test func `a reply counts only with the id, the socket and the very question that went out`() throws {
        var bench = Bench()
        try bench.ask("www.Example.org")
        let sent = bench.sent[0]
        let good = try Self.answer(sent.bytes)
        // FZ5: every bit of id and question, every other socket, every beginning.
        for bit in (0..<16).map({ $0 }) + (96..<96 + 21 * 8).map({ $0 }) {
            var forged = good
            forged[bit / 8] ^= 1 << UInt8(bit % 8)
            bench.hear(forged, socket: sent.socket)
        }
        for socket in 0..<4 where socket != sent.socket { bench.hear(good, socket: socket) }
        for length in 0..<good.count { bench.hear(Array(good[..<length]), socket: sent.socket) }
        var query = good
        query[2] &= 0x7f
        bench.hear(query, socket: sent.socket)
        #expect(bench.replies.isEmpty)
        bench.hear(good, socket: sent.socket)
        #expect(bench.replies.count == 1)
        bench.hear(good, socket: sent.socket)
        #expect(bench.replies.count == 1)
    }

    @Test func `ids and sockets of questions cannot be foreseen`() throws {
        var bench = Bench(sockets: 8)
        var ids: Set<UInt16> = []
        for number in 0..<400 {
            try bench.ask("n\(number).example.org", .init(address: IPv4Address(bits: UInt32(number)), port: 1))
        }
        for sent in bench.sent { ids.insert(UInt16(sent.bytes[0]) << 8 | UInt16(sent.bytes[1])) }
        #expect(ids.count > 380)
        #expect(Set(bench.sent.map(\.socket)).count == 8)
    }

    @Test func `an answer is kept as long as it may be, and absence too`() throws {
        var bench = Bench()
        try bench.ask("www.example.org")
        bench.hear(try Self.answer(bench.sent[0].bytes), socket: bench.sent[0].socket)
        bench.wait(20_000)
        try bench.ask("WWW.example.org", id: 5)
        #expect(bench.sent.count == 1)
        #expect(bench.replies[1].1.answers[0].ttl == 40)
        #expect(bench.replies[1].1.questions[0].name.description == "WWW.example.org.")
        bench.wait(41_000)
        try bench.ask("www.example.org")
        #expect(bench.sent.count == 2)

        var absent = Bench()
        try absent.ask("no.example.org")
        absent.hear(try Self.answer(absent.sent[0].bytes, code: 3), socket: absent.sent[0].socket)
        absent.wait(29_000)
        try absent.ask("no.example.org")
        #expect(absent.sent.count == 1 && absent.replies[1].1.flags.code == 3)
        absent.wait(2_000)
        try absent.ask("no.example.org")
        #expect(absent.sent.count == 2)
    }

    @Test func `who asks what is being asked waits for the same answer`() throws {
        var bench = Bench()
        for port in 1...5 { try bench.ask("www.example.org", .init(address: Self.client.address, port: UInt16(port))) }
        #expect(bench.sent.count == 1)
        bench.hear(try Self.answer(bench.sent[0].bytes), socket: bench.sent[0].socket)
        #expect(bench.replies.map(\.0.port) == [1, 2, 3, 4, 5])
    }

    @Test func `silence leads to the other resolver, and at last to a failure`() throws {
        var bench = Bench()
        try bench.ask("www.example.org")
        bench.wait(700)
        #expect(bench.sent.map(\.resolver) == [Self.first, Self.second])
        bench.wait(1000)
        bench.wait(1500)
        #expect(bench.replies.map(\.1.flags.code) == [2])
        #expect(bench.forwarder.openQuestions == 0)
    }

    @Test func `resolvers that are dead are not waited for`() throws {
        // FT14: a failure comes at once, and a live resolver is noticed soon.
        var bench = Bench()
        for number in 0..<2 {
            try bench.ask("n\(number).example.org")
            for patience in [700, 1000, 1500] as [UInt64] { bench.wait(patience) }
        }
        let before = bench.sent.count
        try bench.ask("last.example.org")
        #expect(bench.sent.count == before)
        #expect(bench.replies.last?.1.flags.code == 2)
        bench.wait(5_000)
        for number in 0..<5 { try bench.ask("again\(number).example.org") }
        // One question to each finds out; the others are not made to wait for it.
        #expect(bench.sent.count == before + 2)
        #expect(bench.replies.suffix(3).map(\.1.flags.code) == [2, 2, 2])
    }

    @Test func `a port where nobody listens is not waited for either`() throws {
        var bench = Bench()
        try bench.ask("www.example.org")
        bench.refuse(bench.sent[0].socket)
        #expect(bench.sent.map(\.resolver) == [Self.first, Self.second])
    }

    @Test func `what the first resolver cannot find out the second is asked`() throws {
        var bench = Bench()
        try bench.ask("www.example.org")
        bench.hear(try Self.answer(bench.sent[0].bytes, code: 2), socket: bench.sent[0].socket)
        #expect(bench.sent.count == 2 && bench.replies.isEmpty)
        bench.hear(try Self.answer(bench.sent[1].bytes, code: 2), socket: bench.sent[1].socket)
        #expect(bench.replies.map(\.1.flags.code) == [2])
        try bench.ask("www.example.org")
        #expect(bench.sent.count == 3, "a failure is not kept")
    }

    @Test func `an answer that does not fit is asked for over TCP`() throws {
        var bench = Bench()
        try bench.ask("www.example.org", .init(address: Self.client.address, port: 9, stream: 3))
        bench.hear(try Self.answer(bench.sent[0].bytes, flags: .truncated), socket: bench.sent[0].socket)
        #expect(bench.replies.isEmpty)
        let (number, resolver) = try #require(bench.streams.first)
        #expect(resolver == Self.first)
        var long = try #require(DNSMessage(parsing: try Self.answer(bench.sent[0].bytes)))
        long.answers = (0..<100).map { .init(long.questions[0].name, .a, ttl: 5, data: [1, 2, 3, $0]) }
        bench.hear(stream: number, long.bytes)
        #expect(bench.replies[0].1.answers.count == 100)
        // By datagram the same answer says that it is longer.
        try bench.ask("www.example.org")
        #expect(bench.replies[1].1.flags.contains(.truncated) && bench.replies[1].1.answers.isEmpty)
    }

    @Test func `one guest's questions leave room for the others'`() throws {
        var bench = Bench(sockets: 8)
        for number in 0..<1000 { try bench.ask("n\(number).example.org") }
        #expect(bench.forwarder.openQuestions == DNSForwarder.limitOfClient)
        try bench.ask("x.example.org", .init(address: IPv4Address(10, 1, 1, 20), port: 1))
        #expect(bench.forwarder.openQuestions == DNSForwarder.limitOfClient + 1)
    }

    @Test func `whose address goes to another is not answered there any more, and others are`() throws {
        var bench = Bench(sockets: 8)
        let (next, neighbour) = (Self.client, DNSForwarder.Client(address: IPv4Address(10, 1, 1, 20), port: 4000))
        for client in [Self.client, neighbour] { try bench.ask("www.example.org", client) }
        for number in 0..<DNSForwarder.limitOfClient - 1 { try bench.ask("n\(number).example.org") }
        bench.forwarder.forget([Self.client.address])
        #expect(bench.forwarder.openQuestions == 1)
        let question = try #require(bench.sent.first)
        bench.hear(try Self.answer(question.bytes), socket: question.socket)
        #expect(bench.replies.map(\.0) == [neighbour])
        // Who comes next has all the room that there is for one.
        for number in 0..<DNSForwarder.limitOfClient { try bench.ask("m\(number).example.org", next) }
        #expect(bench.replies.count == 1)
        try bench.ask("one.too.many", next)
        #expect(bench.replies.count == 2)
    }

    @Test func `who does not want recursion is refused what is not here`() throws {
        var bench = Bench()
        try bench.ask("www.example.org", flags: [])
        #expect(bench.sent.isEmpty && bench.replies[0].1.flags.code == 5)
    }

    @Test(
        arguments: [
            (DNSType.a, [10, 1, 1, 1]), (.a, [169, 254, 169, 254]), (.a, [169, 254, 0, 1]),
            (.aaaa, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 169, 254, 169, 254]),
            (.aaaa, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 1, 1]),
        ] as [(DNSType, [UInt8])])
    func `no name of the outside leads to what the router serves`(_ type: DNSType, _ data: [UInt8]) throws {
        var bench = Bench()
        for round in 1...2 {
            try bench.ask("rebound.example.org")
            let sent = try #require(bench.sent.last)
            var message = try #require(DNSMessage(parsing: try Self.answer(sent.bytes)))
            message.answers.append(.init(message.questions[0].name, type, ttl: 5, data: data))
            bench.hear(message.bytes, socket: sent.socket)
            #expect(bench.replies.last?.1.flags.code == 5 && bench.replies.last?.1.answers == [])
            #expect(bench.sent.count == round, "what was refused is not kept")
        }
    }

    @Test func `names of the outside may lead to other private addresses`() throws {
        var bench = Bench()
        try bench.ask("intranet.example.org")
        var message = try #require(DNSMessage(parsing: try Self.answer(bench.sent[0].bytes)))
        let values: [[UInt8]] = [[10, 1, 1, 2], [127, 0, 0, 2], [192, 168, 0, 1]]
        message.answers = values.map { .init(message.questions[0].name, .a, ttl: 5, data: $0) }
        bench.hear(message.bytes, socket: bench.sent[0].socket)
        #expect(bench.replies.map(\.1.answers.count) == [3])
    }

    @Test func `the memory of answers has an end`() throws {
        var bench = Bench()
        for number in 0..<DNSCache.entryLimit + 500 {
            try bench.ask("n\(number).example.org")
            let sent = try #require(bench.sent.last)
            bench.hear(try Self.answer(sent.bytes, ttl: 9000), socket: sent.socket)
        }
        #expect(bench.forwarder.cache.count <= DNSCache.entryLimit)
    }
}
