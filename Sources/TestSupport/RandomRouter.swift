public import NetworkVocabulary
public import RouterPlan
public import Ruleset

/// A small router for random tables: three legs with known neighbours, a default route for either of two marks, and
/// pools of addresses and ports so small that rules and packets often meet.
public enum RandomRouter {
    public struct Leg: Sendable {
        public let name: InterfaceName
        public let mac: MACAddress
        public let address: IPv4Address
        public let network: IPv4Prefix

        init(_ number: UInt8, _ network: IPv4Prefix) {
            name = RulesetSamples.interface("eth\(number)")
            mac = MACAddress(2, 0, 0, 0, 1, number)
            self.network = network
            address = IPv4Address(bits: network.address.bits | 1)
        }
    }

    public static let legs = [
        Leg(0, RulesetSamples.prefix(10, 0, 0, 0, 24)), Leg(1, RulesetSamples.prefix(192, 0, 2, 0, 24)),
        Leg(2, RulesetSamples.prefix(198, 51, 100, 0, 24)),
    ]
    public static let owner = RulesetSamples.origin(1, "router")
    public static let ports: [UInt16] = [53, 80, 81, 443, 1000, 1005, 1010, 1011, 8080]

    /// Neighbours of each leg, somebody far away, and an address that rules translate to.
    public static let hosts: [IPv4Address] = legs.flatMap { leg in
        [7, 8, 9, 20].map { IPv4Address(bits: leg.network.address.bits | $0) }
    }
    public static let far = [IPv4Address(203, 0, 113, 5), IPv4Address(203, 0, 113, 6)]
    public static let publicAddresses = [IPv4Address(192, 0, 2, 50), IPv4Address(198, 51, 100, 50)]

    public static func mac(of host: IPv4Address) -> MACAddress {
        MACAddress(locallyAdministered: UInt64(host.bits))
    }

    /// The rows around a table.
    public static func plan(_ table: Table) throws -> NodePlan {
        var plan = NodePlan(NodeName("r-1-VM"), .router, owner: owner, table: table)
        var share = Contribution()
        share.add(.sysctl(Sysctl("net/ipv4/ip_forward", "1")), owner)
        share.add(.sysctl(Sysctl("net/ipv6/conf/default/disable_ipv6", "1")), owner)
        let tables = [Route.mainTable, 101, 102]
        for (index, leg) in legs.enumerated() {
            let kind = Link.Kind.leg(
                hostEnd: RulesetSamples.interface("peer\(index)"), bridge: RulesetSamples.interface("none0"))
            share.add(.link(Link(leg.name, kind, mac: leg.mac, mtu: 1500)), owner)
            share.add(.address(Address(InterfaceAddress(leg.address, in: leg.network), on: leg.name)), owner)
            for table in tables { share.add(.route(Route(.v4(leg.network), on: leg.name, table: table)), owner) }
            for host in hosts where leg.network.contains(host) {
                share.add(.neighbour(Neighbour(.v4(host), at: mac(of: host), on: leg.name)), owner)
            }
        }
        for (table, leg) in zip(tables, [1, 1, 2]) {
            let gateway = IPv4Address(bits: legs[leg].network.address.bits | 7)
            share.add(
                .route(Route(.v4(.everything), via: .v4(gateway), on: legs[leg].name, table: table)), owner)
        }
        for mark in [UInt32(101), 102] {
            share.add(
                .policyRule(PolicyRule(priority: 100 + mark, mark: mark, mask: 0xff, .lookup(table: mark))), owner)
        }
        share.add(.policyRule(PolicyRule(priority: 32000, .lookup(table: Route.mainTable))), owner)
        try plan.add(share)
        return plan
    }

    /// A valid table whose rules use every statement, field and kind of set that packets of the pools can meet.
    public static func table<Numbers: RandomNumberGenerator>(using numbers: inout Numbers) -> Table {
        var make = RandomTable(numbers)
        let table = make.table()
        numbers = make.numbers
        return table
    }
}

/// The making of one table.
struct RandomTable<Numbers: RandomNumberGenerator> {
    var numbers: Numbers
    private var result = Table(.inet, "sluice", comment: "sluice:test:random-router")
    private let targets: [ChainName] = ["target-0", "target-1", "target-2"]
    private var nextOrigin = 100

    init(_ numbers: Numbers) { self.numbers = numbers }

    // MARK: - Choices

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &numbers) < percent }
    mutating func pick<Thing>(_ things: [Thing]) -> Thing {
        things[Int.random(in: 0..<things.count, using: &numbers)]
    }
    mutating func comparison() -> Comparison { chance(75) ? .equal : .notEqual }

    mutating func origin() -> Origin {
        nextOrigin += 1
        return RulesetSamples.origin(nextOrigin)
    }

    mutating func address() -> IPv4Address {
        pick(
            RandomRouter.hosts + RandomRouter.far + RandomRouter.publicAddresses + RandomRouter.legs.map(\.address))
    }

    mutating func addresses() -> Value {
        let base = address()
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: return .ipv4(base)
        case 1:
            guard let range = IPv4Range(base, IPv4Address(bits: base.bits + UInt32.random(in: 0..<14, using: &numbers)))
            else { return .ipv4(base) }
            return .ipv4Range(range)
        default:
            let length = Int.random(in: 1...32, using: &numbers)
            return IPv4Prefix(containing: base, length: length).map(Value.ipv4Prefix) ?? .ipv4(base)
        }
    }

    mutating func port() -> UInt16 { pick(RandomRouter.ports) }

    mutating func portValue() -> Value {
        let first = Int(port())
        guard chance(50), let range = PortRange(first, min(65535, first + Int.random(in: 0..<900, using: &numbers)))
        else { return .port(UInt16(first)) }
        return .portRange(range)
    }

    mutating func transport() -> IPProtocol { pick([.tcp, .udp]) }
    mutating func link() -> Value { .interface(pick(RandomRouter.legs).name) }
    mutating func markNumber() -> UInt32 { pick([0, 101, 102, 0x165, 0x0200, 0x66]) }

    // MARK: - The table

    mutating func table() -> Table {
        declareSets()
        for (index, name) in targets.enumerated() {
            let rules = self.rules(hook: nil, later: Array(targets[(index + 1)...]))
            result.chains.append(Chain(name, rules: rules))
        }
        let hooks: [(ChainName, Hook.Kind, Hook.Point, Int32)] = [
            ("raw-prerouting", .filter, .prerouting, -300), ("mangle-prerouting", .filter, .prerouting, -150),
            ("nat-prerouting", .nat, .prerouting, -100), ("filter-input", .filter, .input, 0),
            ("filter-forward", .filter, .forward, 0), ("late-forward", .filter, .forward, 10),
            ("nat-postrouting", .nat, .postrouting, 100), ("late-postrouting", .filter, .postrouting, 150),
        ]
        for (name, kind, point, priority) in hooks where chance(80) {
            let mayDrop = kind == .filter && point != .prerouting && point != .postrouting
            let hook = Hook(kind, point, priority: priority, policy: mayDrop && chance(30) ? .drop : .accept)
            result.chains.append(Chain(name, hook: hook, rules: rules(hook: hook, later: targets)))
        }
        return result
    }

    mutating func declareSets() {
        let counts = chance(30)
        declare("exact", [.ipv4, .ipProtocol, .port], counts: counts) {
            ([.ipv4($0.address()), .ipProtocol($0.transport()), .port($0.port())], .none)
        }
        declare("ranges", [.ipv4, .ipProtocol, .port], interval: true, counts: counts) {
            ([$0.addresses(), .ipProtocol($0.transport()), $0.portValue()], .none)
        }
        declare("sources", [.ipv4], interval: true, counts: counts) { ([$0.addresses()], .none) }
        declare("some-ports", [.port], interval: true) { ([$0.portValue()], .none) }
        declare("some-links", [.interfaceName]) { ([$0.link()], .none) }
        declare("bindings", [.interfaceName, .etherAddress, .ipv4]) {
            let host = $0.pick(RandomRouter.hosts)
            return ([$0.link(), .mac(RandomRouter.mac(of: host)), .ipv4(host)], .none)
        }
        declare("questions", [.icmpType]) { ([.icmpType($0.pick([0, 3, 8, 11, 13]))], .none) }
        declare("messages", [.icmpType, .icmpCode], interval: true) {
            let type = $0.pick([0, 3, 8] as [UInt8])
            return (
                [.icmpTypeRange(type...type + $0.pick([0, 2, 5])), .icmpCodeRange(0...$0.pick([0, 1, 255]))], .none
            )
        }
        declare("protocols", [.ipv4, .ipProtocol], interval: true, counts: counts) {
            let first = $0.pick([0, 1, 6, 17] as [UInt8])
            return ([$0.addresses(), .ipProtocolRange(first...$0.pick([17, 89, 255]))], .none)
        }
        declare("link-marks", [.interfaceName], .values([.mark])) {
            ([$0.link()], .values([.mark($0.markNumber())]))
        }
        declare("firewall", [.ipv4, .ipv4, .ipProtocol, .port], .verdict, interval: true, counts: counts) {
            (
                [$0.addresses(), $0.addresses(), .ipProtocol($0.transport()), $0.portValue()],
                .verdict($0.elementVerdict())
            )
        }
        declare("verdicts", [.ipv4], .verdict) { ([.ipv4($0.address())], .verdict($0.elementVerdict())) }
        declare("forwards", [.ipv4, .ipProtocol, .port], .values([.ipv4, .port])) {
            (
                [.ipv4($0.address()), .ipProtocol($0.transport()), .port($0.port())],
                .values([.ipv4($0.address()), .port($0.port())])
            )
        }
        declare("translations", [.ipv4], .values([.ipv4]), interval: true) {
            ([$0.addresses()], .values([.ipv4($0.pick(RandomRouter.publicAddresses))]))
        }
        declare("targets", [.ipv4], .values([.ipv4])) { ([.ipv4($0.address())], .values([.ipv4($0.address())])) }
    }

    mutating func declare(
        _ name: SetName, _ key: [DataType], _ yield: SetDeclaration.Yield = .membership, interval: Bool = false,
        counts: Bool = false, _ make: (inout Self) -> ([Value], Element.Content)
    ) {
        result.sets[name] = SetDeclaration(
            name, key: key, yield: yield, isInterval: interval, countsElements: counts,
            origin: RulesetSamples.origin(2, "set"))
        for _ in 0..<Int.random(in: 0..<7, using: &numbers) {
            let (values, content) = make(&self)
            result.elements[name, default: [:]][ElementKey(values).normal] = Element(content, origin: origin())
        }
        if interval { removeOverlaps(in: name) }
    }

    mutating func elementVerdict() -> Verdict {
        switch Int.random(in: 0..<8, using: &numbers) {
        case 0, 1, 2: .accept
        case 3: .drop
        case 4: .return
        case 5: .goto(pick(targets))
        default: .jump(pick(targets))
        }
    }

    /// The kernel refuses overlaps, and the table's own check names them.
    mutating func removeOverlaps(in name: SetName) {
        var bare = Table(.inet, "sluice")
        bare.chains = targets.map { Chain($0) }
        bare.sets[name] = result.sets[name]
        bare.elements[name] = result.elements[name]
        while true {
            do throws(RulesetError) {
                try bare.validate()
                break
            } catch .overlap(_, _, let key) {
                bare.elements[name]?[key] = nil
            } catch {
                preconditionFailure("a random table is not valid: \(error)")
            }
        }
        result.elements[name] = bare.elements[name]
    }
}
