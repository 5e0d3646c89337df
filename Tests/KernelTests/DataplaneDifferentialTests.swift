import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import Reconciler
import RouterPlan
import Ruleset
import TestSupport
import Testing

/// The fake kernel and this one are given the same random moves, sensible or not, and must show and refuse the same.
@Suite(.needsRoot) struct `The fake kernel` {
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `shows and refuses what this kernel shows and refuses`(seed: UInt64) async throws {
        try await withFreshNamespace {
            let installation = ObjectID(random: 1, seed)
            let real = try LinuxDataplane(installation: installation)
            let kernel = FakeKernel()
            let fake = FakeDataplane(kernel)
            var moves = try Moves(seed: seed)
            var history: [String] = []
            for _ in 0..<250 {
                let move = moves.next(kernel)
                history.append("\(move)")
                let (theirs, ours) = (try move.make(real), try move.make(fake))
                var difference = theirs == ours ? "" : "errno \(theirs) is \(ours) in the fake\n"
                for plan in moves.plans {
                    let (theirs, ours) = (Seen(try real.observe(plan)), Seen(try fake.observe(plan)))
                    difference += ours.difference(from: theirs)
                }
                guard difference.isEmpty else {
                    Issue.record("seed \(seed): \(difference)after\n\(history.suffix(60).joined(separator: "\n"))")
                    return
                }
            }
        }
    }
}

/// An observation in a form that can be compared: without what a kernel may choose for itself.
private struct Seen {
    let lines: Set<String>
    let table: KernelTable?

    init(_ observation: Observation) {
        var lines = Set(
            observation.contents.values.map { content -> String in
                guard case .link(let link) = content else { return "\(content)" }
                let mac = link.name.rawValue.hasPrefix("sl") ? nil : link.mac
                return "\(Link(link.name, link.kind, mac: mac, mtu: link.mtu, bridge: link.bridge))"
            })
        lines.formUnion(observation.linksDown.map { "\($0) is down" })
        lines.insert("exists \(observation.exists)")
        lines.insert("owner \(observation.owner.map { "\($0)" } ?? "none")")
        if observation.lostItsName { lines.insert("lost its name") }
        self.lines = lines
        table = observation.table
    }

    func difference(from other: Seen) -> String {
        var text = other.lines.subtracting(lines).sorted().map { "not in the fake: \($0)\n" }.joined()
        text += lines.subtracting(other.lines).sorted().map { "only in the fake: \($0)\n" }.joined()
        var (ours, theirs) = (table, other.table)
        ours?.chains.sort { $0.name < $1.name }
        theirs?.chains.sort { $0.name < $1.name }
        return text + (ours == theirs ? "" : "the tables differ\n")
    }
}

private enum Move: CustomStringConvertible {
    case step(NodeName, Step)
    /// A change by somebody else: as a command, and on the fake.
    case deed(String, (FakeKernel) throws -> Void)

    /// The error's number, or 0. A route that cannot be has several reasons, and which one is named first means nothing.
    func make(_ dataplane: some Dataplane) throws -> Int32 {
        switch self {
        case .step(let node, let step):
            do throws(DataplaneError) {
                try dataplane.perform([step], on: node)
                return 0
            } catch {
                return [22, 100, 101].contains(error.errno) ? 101 : error.errno
            }
        case .deed(let command, let body):
            if let fake = dataplane as? FakeDataplane {
                fake.kernel.edit { try? body($0) }
            } else {
                _ = try output(of: command)
            }
            return 0
        }
    }

    var description: String {
        switch self {
        case .step(let node, let step): "\(node): \(step)"
        case .deed(let command, _): command
        }
    }
}

private struct Moves {
    private var random: SeededGenerator
    private var queue: [Move] = []
    private let origin = Origin("thing", ObjectID(random: 7, 7))
    private let nodes = [NodeName("n-0"), NodeName("n-1")]
    private let table: Table
    let plans: [NodePlan]

    static let settings = [
        "net/ipv4/ip_forward", "net/ipv4/conf/all/promote_secondaries", "net/ipv4/conf/all/accept_redirects",
    ]

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        let origin = self.origin
        let table = try #require(try PlannedCloud().inOrder.first { $0.kind == .router }?.table)
        self.table = table
        let host = NodePlan(.host, .host, owner: origin)
        plans =
            [host]
            + (try nodes.map { name in
                var plan = NodePlan(name, .router, owner: origin, table: table)
                var share = Contribution()
                for path in Self.settings { share.add(.sysctl(Sysctl(path, "0")), origin) }
                try plan.add(share)
                return plan
            })
    }

    private mutating func pick<Item>(_ items: [Item]) -> Item { items[Int.random(in: 0..<items.count, using: &random)] }

    mutating func next(_ kernel: FakeKernel) -> Move {
        if !queue.isEmpty { return queue.removeFirst() }
        let index = Int.random(in: 0..<nodes.count, using: &random)
        let node = nodes[index]
        if kernel.place(node) == nil {
            // A new namespace takes some settings from the machine's own: bring both kernels to the same.
            let paths = Self.settings + ["net/ipv4/conf/default/promote_secondaries"]
            queue = paths.map { .step(node, .change(Row(.sysctl(Sysctl($0, "0")), origin: origin))) }
            queue.append(.step(node, .raise(FakeKernel.loopback, origin: origin)))
            return .step(node, .createNamespace(owner: origin))
        }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<15: return hostStep()
        case 15..<97: return nodeStep(node, index)
        default: return deed(node)
        }
    }

    private mutating func row(_ node: NodeName, _ content: Row.Content) -> Move {
        let row = Row(content, origin: origin)
        return .step(node, pick([.add(row), .add(row), .add(row), .change(row), .remove(content)]))
    }

    private func name(_ text: String) -> InterfaceName { InterfaceName(text) ?? FakeKernel.loopback }

    private mutating func hostStep() -> Move {
        let bridge = name(pick(["slb1", "slb2"]))
        if Int.random(in: 0..<4, using: &random) == 0 {
            return .step(.host, .raise(pick([bridge, name("slub1.1")]), origin: origin))
        }
        if Int.random(in: 0..<3, using: &random) == 0 {
            let link = Link(
                name("slub1.1"), .bridgeLink(peer: name("sldb1.1"), peerBridge: name("slb2")), mtu: 1500,
                bridge: name("slb1"))
            return row(.host, .link(link))
        }
        return row(.host, .link(Link(bridge, .bridge, mtu: 1500)))
    }

    private mutating func nodeStep(_ node: NodeName, _ index: Int) -> Move {
        let number = Int.random(in: 0..<2, using: &random)
        let eth = name("eth\(number)")
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<3:
            let link = Link(
                eth, .leg(hostEnd: name("slr\(index)e\(number)"), bridge: name(pick(["slb1", "slb2"]))),
                mac: MACAddress(2, 0, 0, 0, UInt8(index), UInt8(pick([number, 9]))), mtu: 1500)
            return row(node, .link(link))
        case 3..<6: return .step(node, .raise(eth, origin: origin))
        case 6..<9:
            let text = pick(["10.0.\(number).1/24", "10.0.\(number).2/24", "10.0.\(number).3/24", "192.0.2.1/32"])
            guard let address = InterfaceAddress(text) else { return nodeStep(node, index) }
            return row(node, .address(Address(address, on: eth)))
        case 9..<14:
            let table: UInt32 = pick([254, 101])
            let source = pick([nil, nil, IPAddress("10.0.\(number).1")])
            let gateway = pick([nil, IPAddress("10.0.\(number).254")])
            let target =
                gateway == nil
                ? pick(["10.0.\(number).0/24", "10.0.\(number).0/24", "10.0.0.0/16"])
                : pick(["0.0.0.0/0", "10.9.0.0/16"])
            guard let prefix = IPPrefix(target) else { return nodeStep(node, index) }
            return row(node, .route(Route(prefix, via: gateway, on: eth, table: table, source: source)))
        case 14..<16:
            let rules = [
                PolicyRule(priority: 100, isForLocalOutput: true, .lookup(table: 254)),
                PolicyRule(priority: 201, mark: 101, mask: 255, .lookup(table: 101)),
                PolicyRule(priority: 201, mark: 102, mask: 255, .lookup(table: 101)),
                PolicyRule(priority: 32000, .blackhole),
            ]
            // The kernel's own can go; one that we add beside it would be a second, by its maker.
            if number == 0 {
                return .step(node, .remove(.policyRule(PolicyRule(priority: pick([32766, 32767]), .blackhole))))
            }
            return row(node, .policyRule(pick(rules)))
        case 16:
            guard let address = IPAddress("10.0.\(number).\(pick([7, 8]))") else { return nodeStep(node, index) }
            return row(node, .neighbour(Neighbour(address, at: MACAddress(2, 0, 0, 0, 9, pick([1, 2])), on: eth)))
        case 17: return row(node, .sysctl(Sysctl(pick(Self.settings), pick(["0", "1"]))))
        case 18:
            let transactions = [
                Transaction.replacingEverything(with: table), .removingTable(table.family, table.name),
                Transaction(table.family, table.name, [.addChain("more", nil)]),
                Transaction(table.family, table.name, [.flushChain("filter-forward")]),
            ]
            return .step(node, .ruleset(pick(transactions)))
        default: return .step(node, pick([.removeNamespace, .createNamespace(owner: origin), .restoreName]))
        }
    }

    private mutating func deed(_ node: NodeName) -> Move {
        let number = Int.random(in: 0..<2, using: &random)
        let eth = name("eth\(number)")
        let (end, bridge) = (name("slr\(node == nodes[0] ? 0 : 1)e\(number)"), name("slb1"))
        switch Int.random(in: 0..<7, using: &random) {
        case 0:
            return .deed("ip -n \(node) link set \(eth) down") { kernel in
                guard let place = kernel.place(node) else { return }
                try kernel.setDevice(eth, in: place) { $0.isUp = false }
            }
        case 1:
            return .deed("ip -n \(node) link del \(eth)") { kernel in
                guard let place = kernel.place(node) else { return }
                try kernel.removeDevice(eth, in: place)
            }
        case 2: return .deed("ip link set \(end) nomaster") { try $0.setDevice(end) { $0.master = nil } }
        case 3: return .deed("ip link set \(end) down") { try $0.setDevice(end) { $0.isUp = false } }
        case 4: return .deed("ip link del \(bridge)") { try $0.removeDevice(bridge) }
        case 5: return .deed("ip link set \(bridge) alias ''") { try $0.setDevice(bridge) { $0.mark = nil } }
        default: return .deed("ip netns del \(node)") { $0.removeName(node) }
        }
    }
}
