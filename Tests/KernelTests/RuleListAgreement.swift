import CloudModel
import LinuxKernel
import NetworkVocabulary
import PacketTrace
import Packets
import Planner
import RouterPlan
import Ruleset
import TestSupport

/// What the kernel and `PacketTrace` make of the same packets under the same list of rules: rules as users declare them,
/// admitted by the model and planned by the planner.
///
/// One arena serves any number of lists of a town: from one to the next only elements change, in one transaction, as they
/// do in a router that lives. Besides the packets and the connections the elements' counters are compared: what the trace
/// says that an object decided is what the kernel has counted for it.
final class RuleListAgreement {
    typealias Arrival = RandomTraffic<RuleTownScene>.Arrival

    private(set) var tally = AgreementTally()
    private(set) var decisions = 0
    private(set) var rules = 0

    private let town: RuleTown
    private let arena: PacketArena
    private let tables: NetfilterSocket
    private let connections: ConntrackSocket
    private let circumstances: Circumstances
    private let name: String
    /// What the kernel has.
    private var table: Table
    /// What its elements had counted when they were last read.
    private var counted: [SetName: [ElementKey: UInt64]] = [:]

    /// `name` says in reports which town it is.
    init(_ shape: RuleTown.Shape, name: String) throws {
        self.name = name
        town = try RuleTown(shape)
        let plan = try town.plan(town.cloud)
        var neighbours: [InterfaceName: [IPAddress: MACAddress]] = [:]
        for case .route(let route) in plan.rows.values.map(\.content) where route.gateway == nil {
            let there = RuleTown.near + RuleTown.guests.flatMap { [$0.address] + $0.spare }
            for address in there where route.destination.contains(.v4(address)) {
                neighbours[route.link, default: [:]][.v4(address)] = town.mac(of: address)
            }
        }
        var circumstances = Circumstances()
        circumstances.neighbours = neighbours
        self.circumstances = circumstances
        arena = try PacketArena(plan, neighbours: neighbours)
        tables = try NetfilterSocket()
        connections = try ConntrackSocket()
        table = Self.patientTable(plan)
        try table.validate()
        try tables.commit(.replacingEverything(with: table))
    }

    /// A random list and random packets, the same for the same seed.
    ///
    /// - Parameter tampering: what happens to the table before the trace sees it, to show that differences are found.
    func compare(seed: UInt64, packets: Int = 20, tampering: (inout Table) -> Void = { _ in }) throws {
        var lap = ContinuousClock.now
        func spend(_ phase: Int) {
            let now = ContinuousClock.now
            tally.spent[phase] += now - lap
            lap = now
        }
        var numbers = SeededGenerator(seed: seed)
        let list = RuleList(in: town, using: &numbers)
        let plan = try town.plan(list.cloud)
        spend(0)
        let about =
            "SLUICE_RULE_LIST=\(seed) Tests/run --filter 'rule lists'\n\(name)\n\(list.lines.joined(separator: "\n"))"
        try exchange(Self.patientTable(plan), about)
        spend(1)
        let (batch, tracked, isExact) = try trace(packets, list, plan, numbers, tampering)
        spend(2)
        let seen = try arena.send(batch.map { ($0.arrival.frame.bytes, $0.arrival.link) })
        spend(3)
        for (place, (id, _, trace)) in batch.enumerated() {
            let found = seen[id] ?? PacketArena.Seen()
            tally.count(trace, found)
            if let complaint = trace.complaint(found) {
                throw try disagreement("\(complaint)\nthe kernel: \(found)", batch.prefix(place + 1), about)
            }
        }
        try compareCounters(batch, about)
        spend(4)
        try compareConnections(tracked, isExact, batch, about)
        spend(5)
        tally.tables += 1
        tally.packets += batch.count
        rules += list.lines.count
    }

    private typealias Batch = [(id: UInt16, arrival: Arrival, trace: Trace)]

    /// The plan's table. How often somebody may ask for an echo depends on the time, which is no part of this comparison.
    private static func patientTable(_ plan: NodePlan) -> Table {
        var table = plan.table ?? Table(.inet, "sluice")
        for (place, chain) in table.chains.enumerated() {
            for (index, rule) in chain.rules.enumerated() {
                table.chains[place].rules[index].statements = rule.statements.map { statement in
                    guard case .limit = statement else { return statement }
                    return .limit(RateLimit(packets: 1_000_000, per: .second, burst: 1_000_000))
                }
            }
        }
        return table
    }

    private func exchange(_ next: Table, _ about: String) throws {
        let delta = next.delta(from: table)
        guard delta == RulesetDelta(elements: delta.elements) else {
            throw Disagreement(description: "more than elements depends on rules\n\(about)")
        }
        do {
            try tables.commit(delta.transaction(next.family, next.name))
        } catch {
            throw Disagreement(description: "the kernel refuses: \(error)\n\(about)")
        }
        for (set, changes) in delta.elements {
            for key in changes.removed.union(changes.changed.keys) { counted[set]?[key] = nil }
        }
        table = next
    }

    private func trace(
        _ packets: Int, _ list: RuleList, _ plan: NodePlan, _ numbers: SeededGenerator,
        _ tampering: (inout Table) -> Void
    ) throws -> (Batch, ConnectionTable, isExact: Bool) {
        var table = table
        tampering(&table)
        let node = TracedNode(try plan.with(table))
        var traffic = RandomTraffic(RuleTownScene(town, plan, list.cloud), numbers, freshness: 70)
        var tracked = ConnectionTable()
        var batch: Batch = []
        var isExact = true
        while batch.count < packets, isExact {
            let arrival = traffic.next()
            let trace = node.evaluate(
                arrival.frame, arrivingOn: arrival.link, connections: &tracked, under: circumstances)
            traffic.follow(trace)
            guard case .ipv4(let packet) = arrival.frame.body else { continue }
            batch.append((packet.identification, arrival, trace))
            // From here on only the kernel knows the port.
            isExact = !trace.translations.contains(where: \.isPortArbitrary)
        }
        return (batch, tracked, isExact)
    }

    // MARK: - What was counted

    private func compareCounters(_ batch: Batch, _ about: String) throws {
        var expected: [SetName: [ElementKey: UInt64]] = [:]
        for (place, (_, _, trace)) in batch.enumerated() {
            var isCounted = false
            for case .element(let set, let key, let origin) in trace.counted {
                expected[set, default: [:]][key, default: 0] += 1
                if origin == trace.decidedBy { isCounted = true }
            }
            guard trace.isDecidedByRule else { continue }
            decisions += 1
            if !isCounted {
                throw try disagreement("\(trace.decidedBy) decided and counted nothing", batch.prefix(place + 1), about)
            }
        }
        for (set, declaration) in table.sets where declaration.countsElements {
            guard let elements = table.elements[set], !elements.isEmpty else { continue }
            let now = try tables.readElementCounters(table.family, table.name, declaration).mapValues(\.packets)
            let before = counted[set] ?? [:]
            counted[set] = now
            for key in elements.keys {
                let (moved, wanted) = ((now[key] ?? 0) - (before[key] ?? 0), expected[set]?[key] ?? 0)
                if moved == wanted { continue }
                let place = try firstMiscounted(batch, declaration) ?? batch.count - 1
                throw try disagreement(
                    "\(set) { \(key) } of \(elements[key]?.origin.description ?? "nobody") counted \(moved), not \(wanted)",
                    batch.prefix(place + 1), about)
            }
        }
    }

    /// The packets once more, one by one, until the elements of a set count one that the trace does not, or not one that
    /// it does.
    private func firstMiscounted(_ batch: Batch, _ declaration: SetDeclaration) throws -> Int? {
        func counters() throws -> [ElementKey: UInt64] {
            try tables.readElementCounters(table.family, table.name, declaration).mapValues(\.packets)
        }
        _ = try connections.deleteFlows(.ipv4)
        var before = try counters()
        for (place, (_, arrival, trace)) in batch.enumerated() {
            _ = try arena.send([(arrival.frame.bytes, arrival.link)])
            let now = try counters()
            for (key, count) in now where (count > before[key] ?? 0) != trace.counts(declaration.name, key) {
                return place
            }
            before = now
        }
        return nil
    }

    /// Ends every connection that the trace knows; the kernel must have had each, and no other.
    private func compareConnections(
        _ tracked: ConnectionTable, _ isExact: Bool, _ batch: Batch, _ about: String
    ) throws {
        guard isExact else { return _ = try connections.deleteFlows(.ipv4) }
        let flows = tracked.flows
        tally.connections += flows.count
        let ended = try connections.delete(flows.map { Flow.Key($0.original, id: nil) })
        guard try ended != flows.count || connections.count() > 0 else { return }
        let left = try connections.flows(.ipv4)
        if ended == flows.count, left.isEmpty { return }
        throw try disagreement(
            """
            the kernel had \(ended) of these connections
            \(flows.map(\.description).joined(separator: "\n"))
            and besides
            \(left.map(\.description).joined(separator: "\n"))
            """, batch[...], about)
    }

    // MARK: - Reports

    /// Sends the packets once more, from nothing, and has the kernel say what it does with the last.
    private func disagreement(
        _ complaint: String, _ batch: Batch.SubSequence, _ about: String
    ) throws -> Disagreement {
        _ = try connections.deleteFlows(.ipv4)
        var words: [String] = []
        if let last = batch.last {
            _ = try arena.send(batch.dropLast().map { ($0.arrival.frame.bytes, $0.arrival.link) })
            let comments = try tables.readRuleComments(table.family, table.name)
            let trace = try NetfilterTrace()
            _ = try arena.send([(last.arrival.frame.bytes, last.arrival.link)])
            words = try trace.read().filter { $0.table == table.name }.map { $0.text(comments) }
        }
        _ = try connections.deleteFlows(.ipv4)
        for (set, declaration) in table.sets where declaration.countsElements {
            counted[set] = try tables.readElementCounters(table.family, table.name, declaration).mapValues(\.packets)
        }
        return Disagreement(
            description: """
                \(about)
                \(complaint)
                \(batch.last.map { "arriving on \($0.arrival.link): \($0.arrival.frame) (\($0.arrival.frame.summary))" } ?? "")
                the trace says:
                \(batch.last?.trace.description ?? "")
                the kernel says, sent the same once more:
                \(words.joined(separator: "\n"))
                before:
                \(batch.dropLast().map { "\($0.arrival.link): \($0.arrival.frame)" }.joined(separator: "\n"))
                """)
    }
}

extension Trace {
    /// Decided by a user's rule whose elements count.
    fileprivate var isDecidedByRule: Bool {
        [RecordKind.firewallRule, .egressRule].contains { $0.rawValue == decidedBy.kind }
    }

    fileprivate func counts(_ set: SetName, _ key: ElementKey) -> Bool {
        counted.contains { if case .element(set, key, _) = $0 { true } else { false } }
    }
}

extension NodePlan {
    /// The plan with another table.
    fileprivate func with(_ table: Table) throws -> NodePlan {
        var plan = NodePlan(name, kind, owner: owner, table: table)
        var share = Contribution()
        for row in rows.values { share.add(row.content, row.origin) }
        try plan.add(share)
        return plan
    }
}
