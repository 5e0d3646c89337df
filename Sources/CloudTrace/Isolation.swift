public import CloudModel
public import NetworkVocabulary
import PacketTrace
public import Packets
public import Planner
public import RouterPlan

/// Who reaches whom: computed from the model, with the packets that show it.
///
/// Each packet carries a canary, 16 bytes that say which packet it is. By the model it arrives where it arrives; a canary
/// of one tenant at a port of another needs a rule of the other's behind it, else the isolation is broken.
public struct Isolation: Sendable {
    /// A network, or the outside: a row and a column.
    public struct Place: Hashable, Sendable {
        public let name: String
        public let account: String?
        public let ports: [String]
    }

    /// What one place may send to another.
    public enum Reach: String, Hashable, Sendable {
        case nothing
        /// They are one network.
        case network
        /// Something, by rules of the receiver.
        case rules
        /// Something, by the egress policy of the sender.
        case policy
        /// Something, and nobody allowed it.
        case leak
    }

    public struct Probe: Sendable {
        public let number: Int
        /// What is tried, in words.
        public let attempt: String
        public let from: String
        public let to: String
        public let frame: Frame
        /// Where it arrives by the model.
        public let arrivals: Set<String>
        /// What made it arrive, where it did.
        public let reasons: [Origin]
        public let reach: Reach
        /// Whether elements that belong to tenants count it.
        public let isCounted: Bool
    }

    public private(set) var places: [Place] = []
    public private(set) var probes: [Probe] = []
    /// By the numbers of places: what the first may send to the second.
    public private(set) var reach: [[Reach]] = []

    public var leaks: [Probe] { probes.filter { $0.reach == .leak } }

    private let cloud: Cloud
    private let wiring: Wiring
    private var traced: TracedCloud
    private let fresh: TracedCloud

    /// `guests`: how many of each network take part; of a network that tenants share, how many of each tenant.
    public init(_ cloud: Cloud, _ planner: Planner, guests: Int) throws(PlanError) {
        self.cloud = cloud
        var plans: [NodePlan] = []
        for router in cloud.routers.values where router.isRunning {
            if let plan = try planner.plan(NodeName(router.name), in: cloud) { plans.append(plan) }
        }
        wiring = Wiring(cloud, routers: plans)
        fresh = TracedCloud(wiring, routers: plans)
        traced = fresh
        addPlaces(guests)
        reach = places.map { _ in places.map { _ in .nothing } }
        for (row, from) in places.enumerated() {
            for (column, to) in places.enumerated() {
                for port in from.ports { probe(port, row, to, column) }
            }
        }
    }

    private mutating func addPlaces(_ count: Int) {
        for network in cloud.networks.values.sorted(by: { $0.number < $1.number }) {
            let ids = Set(cloud.nics(ofNetwork: network.id).map(\.id))
            var taken: [ObjectID: Int] = [:]
            let ports = wiring.ports.filter { port in
                guard let nic = port.nic, ids.contains(nic),
                    let guest = cloud.nics[nic].flatMap({ cloud.guests[$0.guest] })
                else { return false }
                taken[guest.account, default: 0] += 1
                return taken[guest.account, default: 0] <= max(1, count)
            }
            guard !ports.isEmpty else { continue }
            let account = cloud.accounts[network.account]?.name
            places.append(
                Place(
                    name: "\(account ?? "?")/\(network.name)", account: account, ports: ports.map(\.name)))
        }
        let outside = wiring.ports.filter(\.isOutside).map(\.name)
        if !outside.isEmpty { places.append(Place(name: "outside", account: nil, ports: outside)) }
    }

    // MARK: Probes

    private mutating func probe(_ name: String, _ row: Int, _ to: Place, _ column: Int) {
        guard let port = wiring.port(name) else { return }
        for target in to.ports where target != name {
            guard let goal = wiring.port(target) else { continue }
            for attempt in Attempt.all(from: port, to: goal, in: cloud, wiring) {
                run(attempt, port, goal, row, column)
            }
        }
    }

    private mutating func run(
        _ attempt: Attempt, _ port: Wiring.Port, _ goal: Wiring.Port, _ row: Int, _ column: Int
    ) {
        let number = probes.count + 1
        let canary = Canary(number)
        var defaults = wiring.defaults(at: port, to: attempt.destination)
        if let mac = attempt.mac { defaults.destination = mac }
        var pattern = attempt.pattern
        pattern.payload = canary.bytes
        guard let frame = try? pattern.frame(defaults, bindings: [:]) else { return }
        traced = fresh
        let journey = traced.send([frame], at: port)
        let carriers = journey.arrivals.filter { canary.isIn($0.frame.bytes) }
        let arrivals = Set(carriers.map(\.port))
        let reasons = journey.hops.compactMap { hop -> Origin? in
            if case .forwarded = hop.trace.outcome { hop.trace.decidedBy } else { nil }
        }
        let isCounted = journey.hops.contains { hop in
            let meters = traced.plan(hop.node)?.meters ?? [:]
            return hop.trace.counted.contains {
                if case .element(let set, _, _) = $0 { meters[set] != nil } else { false }
            }
        }
        var found = Reach.nothing
        for arrival in arrivals {
            guard let place = places.firstIndex(where: { $0.ports.contains(arrival) }) ?? self.place(of: arrival) else {
                continue
            }
            let kind = judge(row, place, reasons)
            if kind.weight > reach[row][place].weight { reach[row][place] = kind }
            if kind.weight > found.weight { found = kind }
        }
        probes.append(
            Probe(
                number: number, attempt: attempt.words, from: port.name, to: goal.name, frame: frame,
                arrivals: arrivals, reasons: reasons, reach: found, isCounted: isCounted))
    }

    /// The place of a port that does not take part itself.
    private func place(of port: String) -> Int? {
        guard let nic = wiring.port(port)?.nic.flatMap({ cloud.nics[$0] }),
            let other = places.firstIndex(where: { place in
                place.ports.contains { name in
                    wiring.port(name)?.nic.flatMap { cloud.nics[$0]?.network } == nic.network
                }
            })
        else { return nil }
        return other
    }

    /// Whether what arrived was allowed, and by whom.
    private func judge(_ row: Int, _ column: Int, _ reasons: [Origin]) -> Reach {
        if row == column, places[row].account != nil { return .network }
        // The outside hears what a sender's policy lets out; who lets in is the receiver.
        if places[column].account == nil { return reasons.isEmpty ? .leak : .policy }
        guard let last = reasons.last else { return .leak }
        return owner(of: last) == places[column].account && last.kind != RecordKind.router.rawValue ? .rules : .leak
    }

    private func owner(of origin: Origin) -> String? {
        let account: ObjectID?
        switch RecordKind(rawValue: origin.kind) {
        case .firewallRule: account = cloud.firewallRules[origin.id].flatMap { owner(ofAddress: $0.publicAddress) }
        case .portForwarding: account = cloud.portForwardings[origin.id].flatMap { owner(ofAddress: $0.publicAddress) }
        case .loadBalancerRule:
            account = cloud.loadBalancerRules[origin.id].flatMap { cloud.place(of: $0)?.account }
        case .loadBalancerMember:
            account = cloud.loadBalancerMembers[origin.id].flatMap { cloud.loadBalancerRules[$0.rule] }
                .flatMap { cloud.place(of: $0)?.account }
        case .publicAddress: account = owner(ofAddress: origin.id)
        case .network: account = cloud.networks[origin.id]?.account
        case .nic: account = cloud.nics[origin.id].flatMap { cloud.guests[$0.guest]?.account }
        default: account = nil
        }
        return account.flatMap { cloud.accounts[$0]?.name }
    }

    private func owner(ofAddress id: ObjectID) -> ObjectID? { cloud.publicAddresses[id]?.account }
}

extension Isolation.Reach {
    fileprivate var weight: Int {
        switch self {
        case .nothing: 0
        case .network: 1
        case .policy: 2
        case .rules: 3
        case .leak: 4
        }
    }
}

/// Sixteen bytes that no packet has by chance, with the number of the probe.
public struct Canary: Hashable, Sendable {
    public let number: Int

    public init(_ number: Int) { self.number = number }

    private static let mark: [UInt8] = Array("sluice canary".utf8.prefix(12))

    public var bytes: [UInt8] {
        Self.mark + (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }

    /// Whether it is somewhere in a frame, however that is wrapped.
    public func isIn(_ frame: [UInt8]) -> Bool { Canary(in: frame) == self }

    /// The first in a frame.
    public init?(in frame: [UInt8]) {
        let mark = Self.mark
        guard frame.count >= 16 else { return nil }
        var start = 14
        while start + 16 <= frame.count {
            if frame[start] == mark[0], frame[start..<start + 12].elementsEqual(mark) {
                number = frame[start + 12..<start + 16].reduce(0) { $0 << 8 | Int($1) }
                return
            }
            start += 1
        }
        return nil
    }
}
