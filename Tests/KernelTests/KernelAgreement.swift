import LinuxKernel
import NetworkVocabulary
import PacketTrace
import Packets
import RouterPlan
import Ruleset
import TestSupport

/// The kernel and `PacketTrace` judge the same packets by the same table. Neither knows of the other: the kernel gets the
/// table as instructions, the trace reads its statements.
///
/// One arena serves any number of tables: only the table is exchanged, and the connections are ended one by one, which
/// shows at the same time that both had the same ones.
final class KernelAgreement {
    struct Disagreement: Error, CustomStringConvertible {
        let description: String
    }

    /// What was compared, so that a test can tell that it was about something.
    struct Tally: CustomStringConvertible {
        var tables = 0
        var packets = 0
        var forwarded = 0
        var translated = 0
        var taken = 0
        var dropped = 0
        var refused = 0
        var connections = 0
        /// Where the time went: checking tables, exchanging them, tracing, the kernel's packets, ending connections.
        var spent = [Duration](repeating: .zero, count: 5)

        var description: String {
            """
            \(tables) tables, \(packets) packets: \(forwarded) forwarded (\(translated) translated), \(taken) taken, \
            \(dropped) dropped, \(refused) refused; \(connections) connections; \(spent)
            """
        }
    }

    private let arena: PacketArena
    private let tables: NetfilterSocket
    private let connections: ConntrackSocket
    private let circumstances: Circumstances
    private(set) var tally = Tally()

    init() throws {
        arena = try PacketArena(try RandomRouter.plan(Table(.inet, "sluice")))
        tables = try NetfilterSocket()
        connections = try ConntrackSocket()
        var circumstances = Circumstances()
        circumstances.neighbours = PacketArena.unplanned
        self.circumstances = circumstances
    }

    /// A random table and random packets, the same for the same seed.
    func compare(seed: UInt64, packets: Int = 16) throws {
        var numbers = SeededGenerator(seed: seed)
        let table = RandomRouter.table(using: &numbers)
        try compare(table, RandomTraffic(numbers), packets: packets, name: "seed \(seed)")
    }

    func compare<Numbers>(
        _ table: Table, _ traffic: RandomTraffic<Numbers>, packets: Int, name: String
    ) throws {
        var lap = ContinuousClock.now
        func spend(_ phase: Int) {
            let now = ContinuousClock.now
            tally.spent[phase] += now - lap
            lap = now
        }
        do {
            try table.validate()
            spend(0)
            try tables.commit(.replacingEverything(with: table))
        } catch {
            throw Disagreement(description: "\(name): the table is refused: \(error)\n\(table)")
        }
        spend(1)
        let node = TracedNode(try RandomRouter.plan(table))
        var traffic = traffic
        var tracked = ConnectionTable()
        var expected: [(id: UInt16, arrival: RandomTraffic<Numbers>.Arrival, trace: Trace)] = []
        var isExact = true
        while expected.count < packets, isExact {
            let arrival = traffic.next()
            let trace = node.evaluate(
                arrival.frame, arrivingOn: arrival.link, connections: &tracked, under: circumstances)
            traffic.follow(trace)
            guard case .ipv4(let packet) = arrival.frame.body else { continue }
            expected.append((packet.identification, arrival, trace))
            // From here on only the kernel knows the port.
            isExact = !trace.translations.contains(where: \.isPortArbitrary)
        }
        spend(2)
        let seen = try arena.send(expected.map { ($0.arrival.frame.bytes, $0.arrival.link) })
        spend(3)
        for (id, arrival, trace) in expected {
            let found = seen[id] ?? PacketArena.Seen()
            if let complaint = complaint(trace, found) {
                let (listing, _) = try nft("list ruleset")
                let before = expected.prefix { $0.id != id }.map {
                    "\($0.arrival.link): \($0.arrival.frame.summary)\n\($0.trace)"
                }
                try forgetAll()
                throw Disagreement(
                    description: """
                        \(name), packet \(id): \(complaint)
                        arriving on \(arrival.link): \(arrival.frame.summary)
                        the trace says:
                        \(trace)
                        the kernel: \(found)
                        \(table)
                        counted by the kernel:
                        \(listing)
                        before:
                        \(before.joined(separator: "\n"))
                        """)
            }
        }
        try compareConnections(
            tracked, isExact: isExact, name, table, expected.map { "\($0.arrival.frame.summary)\n\($0.trace)" })
        spend(4)
        tally.tables += 1
        tally.packets += expected.count
    }

    private func complaint(_ trace: Trace, _ found: PacketArena.Seen) -> String? {
        switch trace.outcome {
        case .forwarded(let departure):
            tally.forwarded += 1
            if !trace.translations.isEmpty { tally.translated += 1 }
            guard found.taken.isEmpty else { return "the router itself took it" }
            guard found.forwarded.count == 1, let sighting = found.forwarded.first else { return "it did not come out" }
            if sighting.link != departure.link { return "it came out by \(sighting.link)" }
            if trace.translations.contains(where: \.isPortArbitrary) { return nil }
            let other = (try? Frame(parsing: sighting.bytes))?.summary ?? "\(sighting.bytes)"
            return sighting.bytes == departure.frame.bytes
                ? nil : "it came out as \(other)\n\(sighting.bytes)\n\(departure.frame.bytes)"
        case .local(let frame):
            tally.taken += 1
            guard found.forwarded.isEmpty else { return "it came out" }
            guard frame.ip?.protocol == .tcp || frame.ip?.protocol == .udp || frame.ip?.protocol == .icmp else {
                return nil
            }
            guard let taken = found.taken.first else { return "the router did not get it" }
            if trace.translations.contains(where: \.isPortArbitrary) { return nil }
            return taken == frame.ip?.bytes ? nil : "the router got \(taken)"
        case .dropped(let cause):
            tally.dropped += 1
            guard found.forwarded.isEmpty else { return "it came out" }
            guard found.taken.isEmpty else { return "the router itself took it" }
            if case .kernel = cause { return nil }
            return found.refusals.isEmpty ? nil : "its sender was told"
        case .rejected:
            guard found.forwarded.isEmpty else { return "it came out" }
            guard found.taken.isEmpty else { return "the router itself took it" }
            tally.refused += found.refusals.isEmpty ? 0 : 1
            return nil
        }
    }

    /// Ends every connection that the trace knows; the kernel must have had each, and no other.
    private func compareConnections(
        _ tracked: ConnectionTable, isExact: Bool, _ name: String, _ table: Table, _ history: [String]
    ) throws {
        guard isExact else { return try forgetAll() }
        let flows = tracked.flows
        tally.connections += flows.count
        let ended = try connections.delete(flows.map { Flow.Key($0.original, id: nil) })
        var left: [Flow] = []
        let remaining = try connections.count()
        if ended != flows.count || remaining > 0 { left = try connections.flows(.ipv4) }
        guard ended == flows.count, left.isEmpty else {
            try forgetAll()
            throw Disagreement(
                description: """
                    \(name): the kernel had \(ended) of the \(flows.count) connections
                    \(flows.map(\.description).joined(separator: "\n"))
                    and besides
                    \(left.map(\.description).joined(separator: "\n"))
                    \(table)
                    \(history.joined(separator: "\n"))
                    """)
        }
    }

    private func forgetAll() throws { try connections.deleteFlows(.ipv4) }
}

extension Frame {
    /// The packet in a line, for who has to find out why.
    var summary: String {
        guard case .ipv4(let packet) = body else { return "\(self)" }
        let what =
            switch packet.body {
            case .tcp(let segment):
                "tcp \(segment.source) > \(segment.destination) flags \(String(segment.flags.rawValue, radix: 16))"
            case .udp(let datagram): "udp \(datagram.source) > \(datagram.destination)"
            case .icmp(let message): "icmp type \(message.type) code \(message.code) rest \(message.rest)"
            default: "protocol \(packet.protocol)"
            }
        let faults = checksumFaults.map { " bad \($0.layer.rawValue) checksum" }.joined()
        return """
            \(source) > \(destination), \(packet.source) > \(packet.destination) id \(packet.identification) \
            ttl \(packet.ttl) \(what)\(faults)
            """
    }
}
