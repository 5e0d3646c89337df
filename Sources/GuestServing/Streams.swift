internal import CServing
internal import DNSServer
internal import MetadataServer
internal import NetworkVocabulary
internal import Packets
internal import RouterPlan

/// All connections by TCP.
final class Streams {
    private let poll: Int32
    private var connections: [UInt64: StreamConnection] = [:]
    private var lastNumber: UInt64 = 0
    private var date: (second: UInt64, text: [UInt8]) = (0, [])
    private var dnsReply = DNSReply()
    private let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 65536)
    let saved: SavedPasswords

    static let limit = 20_000
    static let limitOfGuest = 128
    /// How long a guest may take for a request, and how long it may do nothing between two, in milliseconds.
    static let patience: UInt64 = 10_000
    static let idleness: UInt64 = 30_000
    private static let questionsAtOnce = 64

    init(poll: Int32, _ saved: SavedPasswords) {
        self.poll = poll
        self.saved = saved
    }

    deinit { buffer.deallocate() }

    var count: Int { connections.count }

    // MARK: Coming

    func accept(_ socket: Int32, _ kind: ServingSocket, _ router: ServedRouter, _ world: inout ServingWorld) {
        for _ in 0..<16 {
            var (address, port) = (UInt32(0), UInt16(0))
            let descriptor = serving_accept(socket, &address, &port)
            guard descriptor >= 0 else { return }
            guard let guest = router.guestsByAddress[address], guest.connections < Self.limitOfGuest,
                connections.count < Self.limit
            else {
                world.counters.refusedConnections += 1
                serving_close(descriptor)
                continue
            }
            let purpose: StreamConnection.Purpose =
                switch kind {
                case .dnsStream: .dns
                case .password: .http(.password)
                default: .http(.metadata)
                }
            guest.connections += 1
            add(descriptor, router, guest, at: address, purpose, world.now + Self.patience, isWriting: false)
        }
    }

    @discardableResult
    private func add(
        _ descriptor: Int32, _ router: ServedRouter, _ guest: ServedGuest?, at peer: UInt32,
        _ purpose: StreamConnection.Purpose, _ deadline: UInt64, isWriting: Bool
    ) -> StreamConnection {
        lastNumber += 1
        let connection = StreamConnection(
            descriptor, number: lastNumber, router, guest, at: peer, purpose, deadline: deadline)
        connection.watchesWriting = isWriting
        connections[lastNumber] = connection
        _ = serving_poll_set(poll, descriptor, 1, 1, isWriting ? 1 : 0, Tag.stream(lastNumber).word)
        return connection
    }

    func handle(_ number: UInt64, _ event: serving_event, _ datagrams: inout Datagrams, _ world: inout ServingWorld) {
        guard let connection = connections[number] else { return }
        if event.readable != 0 {
            switch connection.read(buffer, limit: 1 << 16) {
            case .some: serve(connection, &datagrams, &world)
            case .nothing: break
            case .end:
                if connection.waiting == 0, !connection.hasUnsent { return end(connection, &world) }
                connection.isClosing = true
            }
        }
        settle(connection, &world)
    }

    private func serve(_ connection: StreamConnection, _ datagrams: inout Datagrams, _ world: inout ServingWorld) {
        switch connection.purpose {
        case .http(let service): serveHTTP(connection, service, &world)
        case .dns: serveDNS(connection, &datagrams, &world)
        case .resolver(let number): hearResolver(connection, number, &world)
        }
    }

    /// Sends what there is to send, and waits for what there is to wait for.
    private func settle(_ connection: StreamConnection, _ world: inout ServingWorld) {
        guard connections[connection.number] === connection else { return }
        guard connection.flush() else { return end(connection, &world) }
        if connection.isClosing, !connection.hasUnsent, connection.waiting == 0 { return end(connection, &world) }
        guard connection.hasUnsent != connection.watchesWriting else { return }
        connection.watchesWriting = connection.hasUnsent
        // Who does not read its answers is not read from either.
        _ = serving_poll_set(
            poll, connection.descriptor, 0, connection.hasUnsent ? 0 : 1, connection.hasUnsent ? 1 : 0,
            Tag.stream(connection.number).word)
    }

    // MARK: Metadata and passwords

    private func serveHTTP(
        _ connection: StreamConnection, _ service: MetadataResponder.Service, _ world: inout ServingWorld
    ) {
        if date.second != world.wallSecond { date = (world.wallSecond, HTTPDate.text(world.wallSecond)) }
        while !connection.isClosing, !connection.received.isEmpty {
            switch connection.received.withUnsafeBytes({ HTTPRequest.read($0.bytes) }) {
            case .incomplete: return
            case .bad(let status):
                world.counters.badRequests += 1
                MetadataResponder.refuse(status, date: date.text, to: &connection.unsent)
                connection.isClosing = true
            case .request(var request, let length):
                if isDraining { request.keepsAlive = false }
                answer(connection, request, service, &world)
                connection.consume(length)
                connection.hasServed = true
                connection.deadline = world.now + Self.idleness
                if !request.keepsAlive { connection.isClosing = true }
            }
        }
    }

    private func answer(
        _ connection: StreamConnection, _ request: HTTPRequest, _ service: MetadataResponder.Service,
        _ world: inout ServingWorld
    ) {
        world.counters.requests += 1
        // As it is now: the NIC may have got another address, or have gone, since the connection began.
        let guest = connection.guest.flatMap { connection.router.guests[$0.nic.id] }
        let password = guest?.pages?.password
        let event = connection.received.withUnsafeBytes { received in
            var nobody: GuestPages?
            guard let guest else {
                return MetadataResponder.answer(
                    request, received.bytes, service, &nobody, date: date.text, to: &connection.unsent)
            }
            return MetadataResponder.answer(
                request, received.bytes, service, &guest.pages, date: date.text, to: &connection.unsent)
        }
        guard let guest else { return }
        switch event {
        case .none: break
        case .read:
            guest.activity.metadata = world.wallSecond
            guest.isNews = true
        case .passwordServed: world.tell(.passwordServed(guest: guest.nic.guest))
        case .passwordSaved:
            if let password { saved.note(password, guest.nic.guest) }
            // The guest's other NICs have the same one.
            for other in connection.router.guests.values where other.nic.guest == guest.nic.guest {
                other.pages?.forgetPassword()
            }
            world.tell(.passwordSaved(guest: guest.nic.guest))
        }
    }

    // MARK: DNS

    private func serveDNS(_ connection: StreamConnection, _ datagrams: inout Datagrams, _ world: inout ServingWorld) {
        guard let zone = connection.router.zone, let guest = connection.guest else {
            return connection.isClosing = true
        }
        while connection.received.count >= 2, connection.waiting < Self.questionsAtOnce {
            let length = Int(connection.received[0]) << 8 | Int(connection.received[1])
            guard connection.received.count >= 2 + length else { return }
            let message = Array(connection.received[2..<2 + length])
            connection.consume(2 + length)
            connection.deadline = world.now + Self.idleness
            guest.activity.queries += 1
            guest.isNews = true
            let bytes = message.span.bytes
            switch DNSResponder.answer(bytes, of: zone, stream: true, &dnsReply) {
            case .silent: connection.isClosing = true
            case .answered:
                world.counters.localAnswers += 1
                write(dnsReply.bytes, to: connection)
            case .forward(let query):
                guard connection.router.forwarder != nil else {
                    connection.isClosing = true
                    break
                }
                world.counters.forwards += 1
                connection.waiting += 1
                let client = DNSForwarder.Client(
                    address: guest.nic.address, port: 0, stream: connection.number)
                connection.router.forwarder?.ask(
                    query, bytes, for: client, now: world.now, &connection.router.actions)
                world.perform(connection.router, &datagrams)
            }
        }
    }

    private func write(_ message: [UInt8], to connection: StreamConnection) {
        connection.unsent.append(UInt8(truncatingIfNeeded: message.count >> 8))
        connection.unsent.append(UInt8(truncatingIfNeeded: message.count))
        connection.unsent += message
    }

    /// Answers that came for those who asked over TCP, and questions to be asked over it.
    func work(_ datagrams: inout Datagrams, _ world: inout ServingWorld) {
        while true {
            while let router = world.waiting.popLast() { world.perform(router, &datagrams) }
            let (replies, questions) = (world.streamReplies, world.streamQuestions)
            (world.streamReplies, world.streamQuestions) = ([], [])
            if replies.isEmpty, questions.isEmpty { return }
            for (number, bytes) in replies {
                guard let connection = connections[number] else { continue }
                connection.waiting -= 1
                write(bytes, to: connection)
                serve(connection, &datagrams, &world)
                settle(connection, &world)
            }
            for question in questions {
                ask(question.router, question.number, question.resolver, question.bytes, &world)
            }
        }
    }

    /// Tells the router's forwarder what came of a question by TCP.
    private func tell(_ router: ServedRouter, _ number: UInt64, _ answer: [UInt8]?, _ world: inout ServingWorld) {
        router.forwarder?.receive(stream: number, answer, now: world.now, &router.actions)
        if !router.actions.isEmpty { world.waiting.append(router) }
    }

    private func ask(
        _ router: ServedRouter, _ number: UInt64, _ resolver: IPv4Address, _ bytes: [UInt8], _ world: inout ServingWorld
    ) {
        guard let descriptor = router.freeStreams.popLast() else {
            return tell(router, number, nil, &world)
        }
        guard serving_connect(descriptor, resolver.bits, 53) >= 0 else {
            router.freeStreams.append(descriptor)
            return tell(router, number, nil, &world)
        }
        let connection = add(
            descriptor, router, nil, at: resolver.bits, .resolver(number), world.now + 3_000, isWriting: true)
        write(bytes, to: connection)
    }

    private func hearResolver(_ connection: StreamConnection, _ number: UInt64, _ world: inout ServingWorld) {
        guard connection.received.count >= 2 else { return }
        let length = Int(connection.received[0]) << 8 | Int(connection.received[1])
        guard connection.received.count >= 2 + length else { return }
        let message = Array(connection.received[2..<2 + length])
        tell(connection.router, number, message, &world)
        connection.isClosing = true
    }

    // MARK: Going

    private(set) var isDraining = false

    /// Connections end after the request that they are at, or that is on its way: closed at once, they would lose it.
    func drain(_ world: inout ServingWorld) {
        isDraining = true
        for connection in connections.values {
            connection.deadline = min(connection.deadline, world.now + (connection.hasServed ? 1_000 : 4_000))
        }
    }

    func expire(_ world: inout ServingWorld) {
        for connection in connections.values where connection.deadline <= world.now { end(connection, &world) }
    }

    func endAll(of router: ServedRouter, _ world: inout ServingWorld) {
        for connection in connections.values where connection.router === router { end(connection, &world) }
    }

    /// Ends what is open with these addresses, which are no longer whose they were. What has not arrived yet is taken back
    /// from the kernel: it would go on sending that, and whoever has the address next would hear it.
    func abandon(_ addresses: Set<UInt32>, of router: ServedRouter, _ world: inout ServingWorld) {
        guard !addresses.isEmpty else { return }
        for connection in connections.values
        where connection.guest != nil && connection.router === router && addresses.contains(connection.peer) {
            _ = serving_disconnect(connection.descriptor)
            end(connection, &world)
        }
    }

    private func end(_ connection: StreamConnection, _ world: inout ServingWorld) {
        guard connections.removeValue(forKey: connection.number) != nil else { return }
        connection.guest?.connections -= 1
        guard case .resolver(let number) = connection.purpose else { return serving_close(connection.descriptor) }
        // Its socket is used again; it was opened where this process may not open any.
        _ = serving_poll_set(poll, connection.descriptor, 0, 0, 0, 0)
        _ = serving_disconnect(connection.descriptor)
        if connection.router.sockets[.resolverStream]?.contains(connection.descriptor) == true {
            connection.router.freeStreams.append(connection.descriptor)
        }
        tell(connection.router, number, nil, &world)
    }
}
