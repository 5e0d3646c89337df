import NetworkVocabulary
import TestSupport
import Testing

@testable import CloudModel

struct RuleConflictTests {
    /// What a rule speaks of, spelled out packet by packet over the few numbers that the rules below use.
    private static func packets(_ record: Record) -> Set<String> {
        func ports(_ name: String, _ range: PortRange?) -> [String] {
            (1...12).filter { range?.contains($0) ?? true }.map { "\(name) \($0)" }
        }
        func kinds(_ traffic: Traffic) -> [String] {
            switch traffic {
            case .all: return ["all"]
            case .tcp(let range): return ports("tcp", range)
            case .udp(let range): return ports("udp", range)
            case .other(let number): return ["\(number.number)"]
            case .icmp(let type, let code):
                var spelled: [String] = []
                for aType in UInt8(0)..<4 where (type ?? aType) == aType {
                    for aCode in UInt8(0)..<4 where (code ?? aCode) == aCode {
                        spelled.append("icmp \(aType) \(aCode)")
                    }
                }
                return spelled
            }
        }
        switch record {
        case .firewallRule(let rule):
            return Set(
                rule.sources.flatMap { source in
                    kinds(rule.traffic).map { "in \(rule.publicAddress) \(source) \($0)" }
                })
        case .egressRule(let rule):
            return Set(
                rule.sources.flatMap { source in
                    rule.destinations.flatMap { destination in
                        kinds(rule.traffic).map { "out \(rule.network) \(source) \(destination) \($0)" }
                    }
                })
        case .portForwarding(let rule):
            return Set(
                ports(rule.transport.rawValue, rule.publicPorts).map { "forward \(rule.publicAddress) \($0)" })
        default: return []
        }
    }

    private static func traffic(_ random: inout SeededGenerator) -> Traffic {
        func ports(_ random: inout SeededGenerator) -> PortRange? {
            guard Int.random(in: 0..<8, using: &random) > 0 else { return nil }
            let first = Int.random(in: 1...12, using: &random)
            return PortRange(first, min(12, first + Int.random(in: 0..<3, using: &random)))
        }
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: return .tcp(ports(&random))
        case 2: return .udp(ports(&random))
        case 3:
            let type = Int.random(in: 0..<5, using: &random)
            let code = Int.random(in: 0..<6, using: &random)
            return .icmp(type: type == 4 ? nil : UInt8(type), code: type == 4 || code > 3 ? nil : UInt8(code))
        case 4: return .all
        default: return .other(IPProtocol(number: UInt8.random(in: 47...49, using: &random)))
        }
    }

    private static func prefixes(_ random: inout SeededGenerator) -> [IPPrefix] {
        let all = ["0.0.0.0/0", "10.1.1.0/24", "10.1.1.0/25", "10.1.1.128/25", "10.1.1.7/32"]
        let some = all.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
        return (some.isEmpty ? [all[1]] : some).compactMap { IPPrefix($0) }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the index finds a conflict exactly where comparing with every rule does`(seed: UInt64) throws {
        var sample = try RuleSample()
        var random = SeededGenerator(seed: seed)
        var held: [ObjectID: Record] = [:]
        var conflicts = 0
        for step in 0..<2_500 {
            // Mostly new rules, some in the place of others, some removals.
            let old = Int.random(in: 0..<3, using: &random) == 0 ? Array(held.keys).min() : nil
            if let old, let reference = held[old]?.reference, Int.random(in: 0..<2, using: &random) == 0 {
                try sample.cloud.apply(.remove(reference.kind, old))
                held[old] = nil
                continue
            }
            var record = sample.rule(
                Self.traffic(&random), Self.prefixes(&random), Self.prefixes(&random),
                kind: Int.random(in: 0..<3, using: &random), place: Int.random(in: 0..<2, using: &random))
            if case .firewallRule(var rule) = old.flatMap({ held[$0] }) {
                rule.traffic = Self.traffic(&random)
                rule.sources = Self.prefixes(&random)
                record = .firewallRule(rule)
            }
            let id = try #require(record.reference).id
            let packets = Self.packets(record)
            let rivals = held.filter { $0.key != id && !Self.packets($0.value).isDisjoint(with: packets) }
            let found = sample.cloud.conflict(of: record)
            #expect((found != nil) == !rivals.isEmpty, "step \(step): \(record)")
            if let found {
                conflicts += 1
                #expect(rivals[found.id]?.reference == found)
                #expect(throws: ModelError.self) { try sample.cloud.apply(.put(record)) }
            } else {
                try sample.cloud.apply(.put(record))
                held[id] = record
            }
        }
        #expect(conflicts > 100)
        #expect(held.count > 20)
        #expect(sample.cloud.ruleSpots.count == held.values.map { spotCount($0) }.reduce(0, +))
    }

    private func spotCount(_ record: Record) -> Int {
        switch record {
        case .firewallRule(let rule): rule.sources.count
        case .egressRule(let rule): rule.sources.count * rule.destinations.count
        case .portForwarding: 1
        default: 0
        }
    }

    @Test func `a new rule is compared with its neighbours, however many there are`() throws {
        var sample = try RuleSample()
        var compared = 0
        for port in 1...10_000 {
            let record = Record.portForwarding(
                PortForwarding(
                    id: sample.sample.ids.next(), publicAddress: sample.addresses[0], transport: .tcp,
                    publicPorts: try #require(PortRange(port, port)), privatePorts: try #require(PortRange(80, 80)),
                    nic: sample.nic, guestAddress: IPv4Address(10, 1, 1, 9)))
            #expect(sample.cloud.conflict(of: record) { _ in compared += 1 } == nil)
            try sample.cloud.apply(.put(record))
        }
        #expect(compared <= 10_000)
    }
}

/// The small cloud with two public addresses of a network, another network, and a NIC.
struct RuleSample {
    var sample: SampleCloud
    var cloud: Cloud {
        get { sample.cloud }
        set { sample.cloud = newValue }
    }
    private(set) var addresses: [ObjectID] = []
    let networks: [ObjectID]
    let nic: ObjectID

    init() throws {
        sample = try SampleCloud()
        var other = Network(
            id: sample.ids.next(), number: 2, name: "m", displayText: "m", account: sample.account.id,
            zone: sample.zone.id, physicalNetwork: sample.wire.id, offering: sample.offering.id,
            cidr: sample.network.cidr, gateway: sample.network.gateway, state: .allocated, mtu: 1500)
        other.networkDomain = nil
        networks = [sample.network.id, other.id]
        let nic = try sample.nic(IPv4Address(10, 1, 1, 9))
        self.nic = nic.id
        try sample.cloud.apply(.put(.network(other)))
        try sample.cloud.apply(.put(.nic(nic)))
        for last in [10, 11] as [UInt8] {
            let address = PublicAddress(
                id: sample.ids.next(), range: sample.range.id, address: IPv4Address(203, 0, 113, last),
                account: sample.account.id, network: sample.network.id, isSourceNAT: false)
            try sample.cloud.apply(.put(.publicAddress(address)))
            addresses.append(address.id)
        }
    }

    private var number: UInt64 = 0

    /// A firewall rule, an egress rule, or a forwarding of the same ports.
    mutating func rule(
        _ traffic: Traffic, _ sources: [IPPrefix], _ destinations: [IPPrefix], kind: Int, place: Int
    ) -> Record {
        number += 1
        switch (kind, traffic) {
        case (0, .tcp(let ports?)), (0, .udp(let ports?)):
            var transport = PortForwarding.Transport.tcp
            if case .udp = traffic { transport = .udp }
            return .portForwarding(
                PortForwarding(
                    id: sample.ids.next(), publicAddress: addresses[place], transport: transport, publicPorts: ports,
                    privatePorts: ports, nic: nic, guestAddress: IPv4Address(10, 1, 1, 9)))
        case (1, _):
            return .egressRule(
                EgressRule(
                    id: sample.ids.next(), number: number, network: networks[place], traffic: traffic, sources: sources,
                    destinations: destinations))
        default:
            return .firewallRule(
                FirewallRule(
                    id: sample.ids.next(), number: number, publicAddress: addresses[place], traffic: traffic,
                    sources: sources))
        }
    }
}
