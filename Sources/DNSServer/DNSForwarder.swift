public import NetworkVocabulary
public import Packets

/// Asks a network's resolvers what the network does not know. Without sockets and without a clock: what is to be sent
/// comes out, what was received and what time it is goes in.
///
/// A reply counts only if it came on the socket that the question left by, which hears the asked resolver's port 53 and
/// nobody else, with the random id of that question, and repeats the question letter by letter.
public struct DNSForwarder: Sendable {
    /// Who waits for an answer.
    public struct Client: Hashable, Sendable {
        public let address: IPv4Address
        public let port: UInt16
        /// The connection that it asked by; 0 for datagrams.
        public let stream: UInt64

        public init(address: IPv4Address, port: UInt16, stream: UInt64 = 0) {
            self.address = address
            self.port = port
            self.stream = stream
        }
    }

    public enum Action: Sendable {
        /// Send by this socket, which must be given a new port first where it says so.
        case datagram(socket: Int, IPv4Address, isFresh: Bool, [UInt8])
        /// Ask the same over TCP, under this number.
        case stream(UInt64, IPv4Address, [UInt8])
        case reply(Client, [UInt8])
    }

    struct Waiter: Sendable {
        let client: Client
        let query: DNSQuery
        let bytes: [UInt8]
    }

    struct Question: Sendable {
        let key: DNSCache.Key
        let message: [UInt8]
        var waiters: [Waiter]
        var attempts = 0
        var deadline: UInt64 = 0
        var place: Place?
        var isStream = false
    }

    struct Place: Hashable, Sendable {
        let socket: Int
        let id: UInt16
    }

    public private(set) var cache = DNSCache()
    var resolvers: Resolvers
    /// Where the router itself serves. No name of the outside may lead there: a page of a stranger's, open in a guest's
    /// browser, could read the guest's metadata and password under such a name.
    private let ownAddresses: [IPv4Address]
    private var sockets: UpstreamSockets
    private var questions: [UInt64: Question] = [:]
    private var byKey: [DNSCache.Key: UInt64] = [:]
    private var byPlace: [Place: UInt64] = [:]
    private var waiting: [IPv4Address: Int] = [:]
    private var lastNumber: UInt64 = 0
    private var random: any RandomNumberGenerator & Sendable
    private var scratch: [UInt8] = []

    /// Questions that may be open at one time, of a network and of one guest of it.
    public static let limit = 2048
    public static let limitOfClient = 256

    public init(
        _ resolvers: [IPv4Address], ownAddresses: [IPv4Address] = [], sockets: Int,
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.resolvers = Resolvers(resolvers)
        self.ownAddresses = ownAddresses
        self.sockets = UpstreamSockets(sockets)
        self.random = random
    }

    public var openQuestions: Int { questions.count }

    // MARK: Asking

    /// `now` in milliseconds.
    public mutating func ask(
        _ query: DNSQuery, _ bytes: RawSpan, for client: Client, now: UInt64, _ actions: inout [Action]
    ) {
        let key = DNSCache.Key(query, bytes)
        if let (answer, age) = cache.find(key, at: UInt32(truncatingIfNeeded: now / 1000)) {
            answer.write(
                query, of: bytes, age: age, limit: Self.limit(query, client),
                size: UInt16(DNSResponder.datagramSize), to: &scratch)
            return actions.append(.reply(client, scratch))
        }
        let waiter = Waiter(client: client, query: query, bytes: bytes.bytes(0..<query.questionEnd))
        guard query.flags.contains(.recursionDesired) else { return refuse(waiter, DNSResponseCode.refused, &actions) }
        guard questions.count < Self.limit, waiting[client.address, default: 0] < Self.limitOfClient,
            resolvers.isAnyUsable(now)
        else { return refuse(waiter, DNSResponseCode.serverFailure, &actions) }
        waiting[client.address, default: 0] += 1
        if let number = byKey[key] {
            questions[number]?.waiters.append(waiter)
            return
        }
        lastNumber += 1
        byKey[key] = lastNumber
        questions[lastNumber] = Question(key: key, message: Self.message(query, bytes), waiters: [waiter])
        send(lastNumber, now, &actions)
    }

    private static func limit(_ query: DNSQuery, _ client: Client) -> Int {
        client.stream == 0 ? query.datagramLimit(DNSResponder.datagramSize) : 0xffff
    }

    /// The client's question in a message of our own.
    private static func message(_ query: DNSQuery, _ bytes: RawSpan) -> [UInt8] {
        let flags = DNSFlags.recursionDesired.rawValue | query.flags.rawValue & DNSFlags.checkingDisabled.rawValue
        let size = UInt16(DNSResponder.datagramSize)
        return [0, 0, UInt8(flags >> 8), UInt8(flags & 0xff), 0, 1, 0, 0, 0, 0, 0, 1]
            + bytes.bytes(query.name.lowerBound..<query.questionEnd)
            + [0, 0, 41, UInt8(size >> 8), UInt8(size & 0xff), 0, 0]
            + [query.edns?.wantsSignatures == true ? 0x80 : 0, 0, 0, 0]
    }

    private mutating func send(_ number: UInt64, _ now: UInt64, _ actions: inout [Action]) {
        guard var question = questions[number] else { return }
        forget(question.place)
        question.place = nil
        guard question.attempts < Self.patience.count, let resolver = resolvers.next(question.attempts, now),
            let (socket, isFresh) = sockets.take(resolver, &random)
        else { return give(number, code: DNSResponseCode.serverFailure, &actions) }
        var place = Place(socket: socket, id: 0)
        repeat {
            place = Place(socket: socket, id: UInt16.random(in: 0 ... .max, using: &random))
        } while byPlace[place] != nil
        byPlace[place] = number
        question.place = place
        question.deadline = now + Self.patience[question.attempts]
        question.attempts += 1
        questions[number] = question
        var message = question.message
        message[0] = UInt8(place.id >> 8)
        message[1] = UInt8(place.id & 0xff)
        actions.append(.datagram(socket: socket, resolver, isFresh: isFresh, message))
    }

    /// Milliseconds that each attempt is waited for.
    private static let patience: [UInt64] = [700, 1000, 1500]

    private mutating func forget(_ place: Place?) {
        guard let place else { return }
        byPlace[place] = nil
        sockets.release(place.socket)
    }

    /// These addresses are no longer whose they were: what was asked from there is not answered any more.
    public mutating func forget(_ clients: [IPv4Address]) {
        let gone = Set(clients.filter { waiting.removeValue(forKey: $0) != nil })
        guard !gone.isEmpty else { return }
        for number in questions.keys {
            questions[number]?.waiters.removeAll { gone.contains($0.client.address) }
            if questions[number]?.waiters.isEmpty == true { close(number) }
        }
    }

    // MARK: Hearing

    /// A datagram that came on one of the sockets, from the resolver that the socket is connected to.
    public mutating func receive(
        _ bytes: [UInt8], socket: Int, now: UInt64, _ actions: inout [Action]
    ) {
        guard bytes.count >= 12 else { return }
        let place = Place(socket: socket, id: UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
        guard let number = byPlace[place], let question = questions[number],
            let answer = DNSAnswer(parsing: bytes, to: Array(question.message[12..<question.message.count - 11]))
        else { return }
        if let resolver = sockets.resolver(of: socket) { resolvers.answered(resolver) }
        if answer.flags.contains(.truncated) {
            guard let resolver = sockets.resolver(of: socket) else { return }
            forget(place)
            questions[number]?.place = nil
            questions[number]?.isStream = true
            questions[number]?.deadline = now + 3000
            actions.append(.stream(number, resolver, question.message))
            return
        }
        take(answer, number, now, &actions)
    }

    /// An answer that came by TCP; nil when there will be none.
    public mutating func receive(
        stream number: UInt64, _ bytes: [UInt8]?, now: UInt64, _ actions: inout [Action]
    ) {
        guard let question = questions[number], question.isStream else { return }
        let asked = Array(question.message[12..<question.message.count - 11])
        guard let bytes, let answer = DNSAnswer(parsing: bytes, to: asked) else {
            return give(number, code: DNSResponseCode.serverFailure, &actions)
        }
        take(answer, number, now, &actions)
    }

    /// Nobody listens at the resolver that the socket leads to.
    public mutating func refused(socket: Int, now: UInt64, _ actions: inout [Action]) {
        if let resolver = sockets.resolver(of: socket) { resolvers.failed(resolver, now) }
        for number in byPlace.filter({ $0.key.socket == socket }).values.sorted() { send(number, now, &actions) }
    }

    private mutating func take(_ answer: DNSAnswer, _ number: UInt64, _ now: UInt64, _ actions: inout [Action]) {
        guard let question = questions[number] else { return }
        let isSaying = [DNSResponseCode.noError, DNSResponseCode.nameError].contains(answer.flags.code)
        // Another resolver may know what this one cannot find out.
        if !isSaying, question.attempts < min(2, resolvers.count), !question.isStream {
            return send(number, now, &actions)
        }
        if answer.leads(to: { ownAddresses.contains($0) || $0.isLinkLocal }) {
            return give(number, code: DNSResponseCode.refused, &actions)
        }
        if isSaying { cache.store(answer, question.key, at: UInt32(truncatingIfNeeded: now / 1000)) }
        close(number)
        for waiter in question.waiters {
            answer.write(
                waiter.query, of: waiter.bytes.span.bytes, age: 0, limit: Self.limit(waiter.query, waiter.client),
                size: UInt16(DNSResponder.datagramSize), to: &scratch)
            actions.append(.reply(waiter.client, scratch))
        }
    }

    /// Ends what has waited long enough.
    public mutating func expire(now: UInt64, _ actions: inout [Action]) {
        for (number, question) in questions.filter({ $0.value.deadline <= now }).sorted(by: { $0.key < $1.key }) {
            if let place = question.place, let resolver = sockets.resolver(of: place.socket) {
                resolvers.failed(resolver, now)
            }
            if question.isStream {
                give(number, code: DNSResponseCode.serverFailure, &actions)
            } else {
                send(number, now, &actions)
            }
        }
    }

    private mutating func give(_ number: UInt64, code: UInt8, _ actions: inout [Action]) {
        guard let question = questions[number] else { return }
        close(number)
        for waiter in question.waiters { refuse(waiter, code, &actions) }
    }

    private mutating func close(_ number: UInt64) {
        guard let question = questions.removeValue(forKey: number) else { return }
        forget(question.place)
        byKey[question.key] = nil
        for waiter in question.waiters {
            let left = waiting[waiter.client.address, default: 1] - 1
            waiting[waiter.client.address] = left == 0 ? nil : left
        }
    }

    private func refuse(_ waiter: Waiter, _ code: UInt8, _ actions: inout [Action]) {
        var reply = DNSReply()
        reply.begin(waiter.query, of: waiter.bytes.span.bytes, flags: .recursionAvailable, code: code)
        reply.finish(waiter.query, limit: 512, size: UInt16(DNSResponder.datagramSize))
        actions.append(.reply(waiter.client, reply.bytes))
    }
}

extension RawSpan {
    func bytes(_ range: Range<Int>) -> [UInt8] {
        range.map { unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
}
