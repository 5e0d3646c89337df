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
    /// Neighbours that the kernel knows and the plan does not.
    private static let unplanned: [InterfaceName: [IPAddress: MACAddress]] = {
        var neighbours: [InterfaceName: [IPAddress: MACAddress]] = [:]
        for address in RandomRouter.publicAddresses {
            for leg in RandomRouter.legs where leg.network.contains(address) {
                neighbours[leg.name, default: [:]][.v4(address)] = RandomRouter.mac(of: address)
            }
        }
        return neighbours
    }()

    private let arena: PacketArena
    private let tables: NetfilterSocket
    private let connections: ConntrackSocket
    private let circumstances: Circumstances
    private(set) var tally = AgreementTally()

    init() throws {
        arena = try PacketArena(try RandomRouter.plan(Table(.inet, "sluice")), neighbours: Self.unplanned)
        tables = try NetfilterSocket()
        connections = try ConntrackSocket()
        var circumstances = Circumstances()
        circumstances.neighbours = Self.unplanned
        self.circumstances = circumstances
    }

    /// A random table and random packets, the same for the same seed.
    func compare(seed: UInt64, packets: Int = 16) throws {
        var numbers = SeededGenerator(seed: seed)
        let table = RandomRouter.table(using: &numbers)
        try compare(table, RandomTraffic(RandomRouterScene(), numbers), packets: packets, name: "seed \(seed)")
    }

    func compare(
        _ table: Table, _ traffic: RandomTraffic<RandomRouterScene>, packets: Int, name: String
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
        var expected: [(id: UInt16, arrival: RandomTraffic<RandomRouterScene>.Arrival, trace: Trace)] = []
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
            tally.count(trace, found)
            if let complaint = trace.complaint(found) {
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
