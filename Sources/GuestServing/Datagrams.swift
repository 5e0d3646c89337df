internal import CServing
internal import DHCPServer
internal import DNSServer
internal import NetworkVocabulary
internal import Packets
internal import RouterPlan

/// What guests send by datagram. A socket gets one batch a turn, so that no network waits for another; and in a batch that
/// is full, nobody gets more than a fair part of it, so that no guest waits for its neighbour.
struct Datagrams {
    static let count: Int32 = 64
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var dhcpReply = DHCPReply()
    private var dnsReply = DNSReply()
    private var shares = FairShares()

    init?() {
        guard let incoming = serving_batch_new(Self.count, 4096), let outgoing = serving_batch_new(Self.count, 4096)
        else { return nil }
        (self.incoming, self.outgoing) = (incoming, outgoing)
    }

    mutating func serveDHCP(_ router: ServedRouter, _ socket: Int32, _ world: inout ServingWorld) {
        let count = serving_batch_receive(incoming, socket)
        guard count > 0, let network = router.dhcp else { return }
        for index in 0..<count {
            let datagram = serving_batch_at(incoming, index).pointee
            let bytes = UnsafeRawBufferPointer(start: datagram.bytes, count: Int(datagram.length)).bytes
            let outcome = DHCPServer.answer(bytes, from: IPv4Address(bits: datagram.address), on: network, &dhcpReply)
            switch outcome {
            case .silent(let why): world.counters.count(why)
            case .answered(let type, let nic, let to):
                world.counters.count(type)
                note(type?.rawValue ?? 0, nic.id, router, world)
                dhcpReply.bytes.withUnsafeBufferPointer { bytes in
                    _ = serving_batch_stage(
                        outgoing, bytes.baseAddress, bytes.count, to.address.bits, to.port,
                        network.services.server.bits, datagram.link)
                }
            case .released(let nic):
                world.counters.releases += 1
                note(DHCPMessageType.release.rawValue, nic.id, router, world)
            case .declined(let nic):
                world.counters.declines += 1
                note(DHCPMessageType.decline.rawValue, nic.id, router, world)
                world.tell(.declined(nic: nic.origin, nic.address))
            }
        }
        _ = serving_batch_send(outgoing, socket)
    }

    private func note(_ kind: UInt8, _ nic: ObjectID, _ router: ServedRouter, _ world: borrowing ServingWorld) {
        guard let guest = router.guests[nic] else { return }
        guest.activity.dhcp = ServingReport.Exchange(kind: kind, second: world.wallSecond)
        guest.isNews = true
    }

    mutating func serveDNS(_ router: ServedRouter, _ socket: Int32, _ world: inout ServingWorld) {
        let count = serving_batch_receive(incoming, socket)
        guard count > 0, let zone = router.zone else { return }
        shares.begin(incoming, count)
        for index in 0..<count {
            let datagram = serving_batch_at(incoming, index).pointee
            guard shares.grants(datagram.address) else {
                world.counters.overBudget += 1
                continue
            }
            // Who is no guest here is nobody's to answer (AP12).
            guard let guest = router.guestsByAddress[datagram.address] else {
                world.counters.strangers += 1
                continue
            }
            guest.activity.queries += 1
            guest.isNews = true
            let bytes = UnsafeRawBufferPointer(start: datagram.bytes, count: Int(datagram.length)).bytes
            switch DNSResponder.answer(bytes, of: zone, &dnsReply) {
            case .silent: break
            case .answered:
                world.counters.localAnswers += 1
                stage(dnsReply.bytes, datagram.address, datagram.port, socket)
            case .forward(let query):
                world.counters.forwards += 1
                let client = DNSForwarder.Client(
                    address: IPv4Address(bits: datagram.address), port: datagram.port)
                router.forwarder?.ask(query, bytes, for: client, now: world.now, &router.actions)
                if router.forwarder == nil { refuse(query, bytes, client, socket) }
            }
        }
        _ = serving_batch_send(outgoing, socket)
        if !router.actions.isEmpty { world.perform(router, &self) }
    }

    private mutating func refuse(_ query: DNSQuery, _ bytes: RawSpan, _ client: DNSForwarder.Client, _ socket: Int32) {
        dnsReply.begin(query, of: bytes, flags: .recursionAvailable, code: DNSResponseCode.serverFailure)
        dnsReply.finish(query, limit: 512, size: UInt16(DNSResponder.datagramSize))
        stage(dnsReply.bytes, client.address.bits, client.port, socket)
    }

    /// Sent with the others of the batch, or at once when the batch is full.
    func stage(_ bytes: [UInt8], _ address: UInt32, _ port: UInt16, _ socket: Int32) {
        bytes.withUnsafeBufferPointer { bytes in
            if serving_batch_stage(outgoing, bytes.baseAddress, bytes.count, address, port, 0, 0) == 0 {
                _ = serving_batch_send(outgoing, socket)
                _ = serving_batch_stage(outgoing, bytes.baseAddress, bytes.count, address, port, 0, 0)
            }
        }
    }

    func flush(_ socket: Int32) { _ = serving_batch_send(outgoing, socket) }

    /// Answers of a resolver.
    mutating func hearResolver(_ router: ServedRouter, _ index: Int, _ world: inout ServingWorld) {
        guard let socket = router.sockets[.resolver]?[index] else { return }
        let count = serving_batch_receive(incoming, socket)
        if count < 0 { router.forwarder?.refused(socket: index, now: world.now, &router.actions) }
        for position in 0..<max(0, count) {
            let datagram = serving_batch_at(incoming, position).pointee
            let bytes = Array(UnsafeBufferPointer(start: datagram.bytes, count: Int(datagram.length)))
            router.forwarder?.receive(bytes, socket: index, now: world.now, &router.actions)
        }
        if !router.actions.isEmpty { world.perform(router, &self) }
    }
}

/// How much of a full batch each sender gets.
struct FairShares {
    private var left: [UInt32: Int] = [:]
    private var isFull = false

    mutating func begin(_ batch: OpaquePointer, _ count: Int32) {
        isFull = count == Datagrams.count
        guard isFull else { return }
        left.removeAll(keepingCapacity: true)
        for index in 0..<count { left[serving_batch_at(batch, index).pointee.address, default: 0] += 1 }
        // Alone, a sender may have it all.
        guard left.count > 1 else {
            isFull = false
            return
        }
        let share = max(2, Int(Datagrams.count) / left.count)
        for address in left.keys { left[address] = share }
    }

    mutating func grants(_ address: UInt32) -> Bool {
        guard isFull, let left = left[address] else { return true }
        self.left[address] = left - 1
        return left > 0
    }
}
