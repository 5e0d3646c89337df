import CloudModel
import ControlPlane
import NetworkVocabulary
import Reconciler
import RouterPlan
import Ruleset
import TestSupport
import Testing

@testable import Planner

/// A cloud with a network on two legs, to put rules into.
private struct RuledCloud {
    var planned: TestSupport.PlannedCloud
    var number: UInt64 = 0

    init() throws {
        planned = try TestSupport.PlannedCloud.onTwoLegs()
    }

    @discardableResult
    mutating func take(_ line: String) throws -> [Reconciler.Command] {
        number += 1
        return try planned.take(try RuleLine(line).records(in: planned.cloud, number: number).map { .put($0) })
    }

    var router: NodePlan {
        get throws { try #require(planned.plans.values.first { $0.kind == .router }) }
    }

    /// Keys of the set's elements in nft's words, with the number of the rule behind each.
    func elements(_ set: SetName) throws -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for (key, element) in try #require(try router.table).elements[set] ?? [:] {
            found["\(key)"] =
                planned.cloud.firewallRules[element.origin.id]?.number
                ?? planned.cloud.egressRules[element.origin.id]?.number
        }
        return found
    }
}

@Suite struct `Rules` {
    @Test func `of one port for everybody are one element each, however many there are`() throws {
        var cloud = try RuledCloud()
        for port in 1...300 { try cloud.take("firewall 203.0.113.10 tcp/\(port)") }
        let commands = try cloud.take("firewall 203.0.113.10 tcp/301")
        guard commands.count == 1, case .change(let delta, _, _, _) = commands[0] else {
            Issue.record("\(commands)")
            return
        }
        #expect(delta.addedElements.keys.sorted() == [Pipeline.firewallPorts])
        #expect(delta.addedElements.values.map(\.count) == [1])
        #expect(delta.removedElements.isEmpty && delta.addedRows.isEmpty && delta.removedRows.isEmpty)
    }

    @Test func `that overlap share packets by age`() throws {
        var cloud = try RuledCloud()
        try cloud.take("firewall 203.0.113.10 tcp/80-90 from 10.0.0.0/8")
        try cloud.take("firewall 203.0.113.10 tcp/85-95 from 0.0.0.0/0")
        // All of its packets are the first one's.
        try cloud.take("firewall 203.0.113.10 tcp/86 from 10.1.0.0/16")
        #expect(
            try cloud.elements(Pipeline.firewallRanges) == [
                "203.0.113.10 . tcp . 80-90 . 10.0.0.0/8": 1,
                "203.0.113.10 . tcp . 91-95 . 0.0.0.0/0": 2,
                "203.0.113.10 . tcp . 85-90 . 0.0.0.0-9.255.255.255": 2,
                "203.0.113.10 . tcp . 85-90 . 11.0.0.0-255.255.255.255": 2,
            ])
        let oldest = try #require(cloud.planned.cloud.firewallRules.values.first { $0.number == 1 })
        let commands = try cloud.planned.take([.remove(.firewallRule, oldest.id)])
        // In one step: the kernel refuses elements that overlap, also for a moment.
        #expect(commands.count == 1)
        #expect(
            try cloud.elements(Pipeline.firewallRanges) == ["203.0.113.10 . tcp . 85-95 . 0.0.0.0/0": 2])
    }

    @Test func `of whole protocols, of ICMP and of all there is lie in sets of their own`() throws {
        var cloud = try RuledCloud()
        for line in [
            "firewall 203.0.113.10 icmp/8/0 from 10.0.0.0/8", "firewall 203.0.113.10 icmp/3",
            "firewall 203.0.113.10 47", "firewall 203.0.113.10 all from 10.0.0.0/8", "firewall 203.0.113.10 udp",
        ] { try cloud.take(line) }
        #expect(
            try cloud.elements(Pipeline.firewallICMP) == [
                "203.0.113.10 . 8 . 0 . 10.0.0.0/8": 1, "203.0.113.10 . 3 . 0-255 . 0.0.0.0/0": 2,
            ])
        #expect(
            try cloud.elements(Pipeline.firewallProtocols) == [
                "203.0.113.10 . 47 . 0.0.0.0/0": 3, "203.0.113.10 . 0-46 . 10.0.0.0/8": 4,
                "203.0.113.10 . 48-255 . 10.0.0.0/8": 4, "203.0.113.10 . udp . 0.0.0.0-9.255.255.255": 5,
                "203.0.113.10 . udp . 11.0.0.0-255.255.255.255": 5,
            ])
    }

    @Test(arguments: 1...6)
    func `planned one by one are what planning from nothing gives`(seed: Int) throws {
        var numbers = SeededGenerator(seed: UInt64(seed))
        var cloud = try RuledCloud()
        let node = try cloud.router.name
        for _ in 0..<60 {
            let commands: [Reconciler.Command]
            do {
                if Int.random(in: 0..<3, using: &numbers) == 0, let change = randomUpdate(cloud, &numbers) {
                    commands = try cloud.planned.take([change])
                } else {
                    commands = try cloud.take(randomLine(&numbers))
                }
            } catch is ModelError {
                continue
            }
            for case .plan(let plan, _, _) in commands { Issue.record("\(plan.name) was planned whole") }
            #expect(commands.count <= 1)
            let whole = try #require(try cloud.planned.whole()[node])
            #expect(try cloud.router == whole)
            // Elements of sets of ranges do not overlap.
            #expect(throws: Never.self) { try whole.table?.validate() }
        }
        try expectOldestCounts(cloud)
    }

    private func randomLine(_ numbers: inout SeededGenerator) -> String {
        func one(_ words: [String]) -> String { words.randomElement(using: &numbers) ?? "" }
        let prefixes = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "198.51.100.0/24", "10.1.1.7/32"]
        let address = one(["203.0.113.10", "203.0.113.11", "192.0.2.10"])
        let traffic = one([
            "tcp/80", "tcp/80-90", "tcp/85", "tcp/1-65535", "udp/53", "udp/50-60", "tcp", "udp", "icmp", "icmp/8",
            "icmp/8/0", "icmp/3", "47", "all",
        ])
        let port = Int.random(in: 1...20, using: &numbers)
        switch Int.random(in: 0..<6, using: &numbers) {
        case 0: return "forward \(address) tcp \(port)-\(port + 3) 10.1.1.10 \(one(["1-4", "\(port)-\(port + 3)"]))"
        case 1: return "forward \(address) udp \(port) 10.1.1.20 53 from \(one(prefixes)),\(one(prefixes))"
        case 2:
            return
                "egress web \(traffic) from \(one(["10.1.1.0/24", "10.1.1.0/25", "10.1.1.10/32"])) to \(one(prefixes))"
        case 3: return one(["source-nat 192.0.2.10", "source-nat 203.0.113.10", "source-nat 203.0.113.11"])
        default: return "firewall \(address) \(traffic) from \(one(prefixes)),\(one(prefixes))"
        }
    }

    /// A rule that goes, or becomes another.
    private func randomUpdate(_ cloud: RuledCloud, _ numbers: inout SeededGenerator) -> Change? {
        let model = cloud.planned.cloud
        let traffic: [Traffic] = ["tcp/82-88", "tcp/80", "icmp/8", "all"].compactMap { Traffic($0) }
        if Bool.random(using: &numbers),
            var rule = model.firewallRules.values.map(\.self).randomElement(using: &numbers)
        {
            if Bool.random(using: &numbers) { return .remove(.firewallRule, rule.id) }
            rule.traffic = traffic.randomElement(using: &numbers) ?? .all
            return model.conflict(of: .firewallRule(rule)) == nil ? .put(.firewallRule(rule)) : nil
        }
        guard var rule = model.egressRules.values.map(\.self).randomElement(using: &numbers) else { return nil }
        if Bool.random(using: &numbers) { return .remove(.egressRule, rule.id) }
        rule.traffic = traffic.randomElement(using: &numbers) ?? .all
        return model.conflict(of: .egressRule(rule)) == nil ? .put(.egressRule(rule)) : nil
    }

    /// Of the rules of a set that speak of a packet the oldest has the element for it.
    private func expectOldestCounts(_ cloud: RuledCloud) throws {
        let elements = try #require(try cloud.router.table).elements[Pipeline.firewallRanges] ?? [:]
        let model = cloud.planned.cloud
        let sources = ["10.1.1.7", "10.1.1.8", "10.1.2.3", "10.9.9.9", "198.51.100.9", "192.0.2.3"]
        for address in model.publicAddresses.values {
            for source in sources.compactMap({ IPv4Address($0) }) {
                for port: UInt16 in [1, 53, 80, 82, 85, 88, 90, 91] {
                    let speaking = model.firewallRules.values.filter { rule in
                        guard rule.publicAddress == address.id, !rule.opensOnePort(toEverybodyOf: .ipv4),
                            case .tcp(let ports?) = rule.traffic, ports.contains(port)
                        else { return false }
                        return rule.sources.contains {
                            if case .v4(let prefix) = $0 { prefix.contains(source) } else { false }
                        }
                    }
                    let packet = Box([.ipv4(address.address), .ipProtocol(.tcp), .port(port), .ipv4(source)])
                    let holders = elements.filter { Box($0.key.values).overlaps(packet) }.map(\.value.origin)
                    let oldest = speaking.min { $0.number < $1.number }
                    #expect(holders == (oldest.map { [$0.origin] } ?? []))
                }
            }
        }
    }

    @Test func `that would be cut to dust are counted before they are taken`() throws {
        var cloud = try RuledCloud()
        for port in stride(from: 1, through: 399, by: 2) {
            try cloud.take("firewall 203.0.113.10 tcp/\(port) from 10.0.\(port % 256).0/24")
        }
        let rule = FirewallRule(
            id: ObjectID(random: 9, 9), number: 9_999,
            publicAddress: try #require(
                cloud.planned.cloud.publicAddresses.values.first { "\($0.address)" == "203.0.113.10" }
            ).id,
            traffic: .tcp(PortRange(1, 400)), sources: [.v4(.everything)])
        let count = Planner.elementCount(of: rule, in: cloud.planned.cloud)
        #expect(count > 200 && count <= Planner.mostElementsOfRule)
        try cloud.take("egress web tcp/1-400")
        let some = try #require(cloud.planned.cloud.egressRules.values.map(\.self).first)
        #expect(Planner.elementCount(of: some, in: cloud.planned.cloud) == 1)
    }
}

@Suite struct `Filters of both families` {
    @Test func `are each other's mirror`() throws {
        let cloud = try RuledCloud()
        let model = cloud.planned.cloud
        let mirror: [DataType: DataType] = [.ipv4: .ipv6, .icmpType: .icmpv6Type, .icmpCode: .icmpv6Code]
        let (router, network) = (
            try #require(model.routers.values.map(\.self).first), try #require(model.networks.values.map(\.self).first)
        )
        for allows in [true, false] {
            var offering = try #require(model.networkOfferings[network.offering])
            offering.egressDefaultAllow = allows
            let table = cloud.planned.planner.routerTable(
                router, network, offering, nil, families: [.ipv4, .ipv6])
            #expect(throws: Never.self) { try table.validate() }
            // What has to do with address translation, which IPv6 has none of.
            let translations: Set<ChainName> = [
                "raw-prerouting", "mangle-prerouting", "nat-prerouting", "nat-postrouting", "forward-sources",
                "filter-input", "nat-input", "hairpin-input", "refusal-input",
            ]
            var lines: [String] = []
            for chain in table.chains where !translations.contains(chain.name) {
                lines += chain.rules.map { "\(chain.name): \($0.syntax(in: .inet))" }
            }
            lines.removeAll { $0.contains("@limited-forwards") || $0.contains("@forward-") || $0.contains("@member-") }
            let four = lines.filter { $0.contains("nfproto ipv4") }
            let six = lines.filter { $0.contains("nfproto ipv6") }
            #expect(four.count >= 10)
            #expect(six == four.map(mirrored))
            for (name, set) in table.sets where name.text.hasSuffix("-6") {
                let twin = try #require(table.sets[SetName(String(name.text.dropLast(2)))])
                let types = twin.key.map { mirror[$0] ?? $0 }
                #expect(
                    set
                        == SetDeclaration(
                            name, key: types, yield: twin.yield, isInterval: twin.isInterval,
                            countsElements: twin.countsElements, origin: twin.origin))
            }
            #expect(Planner.meters([.ipv4, .ipv6]).keys.allSatisfy { table.sets[$0]?.countsElements == true })
            #expect(
                table.sets.values.allSatisfy { !$0.countsElements || Planner.meters([.ipv4, .ipv6])[$0.name] != nil })
            let single = cloud.planned.planner.routerTable(router, network, offering, nil, families: [.ipv4])
            #expect(!single.description.contains("ip6") && !single.description.contains("-6 "))
        }
    }

    /// An IPv4 rule's text as IPv6 would have it.
    private func mirrored(_ text: String) -> String {
        text.replacing("nfproto ipv4", with: "nfproto ipv6").replacing(/ip (saddr|daddr)/) { "ip6 \($0.1)" }
            .replacing("l4proto icmp", with: "l4proto ipv6-icmp").replacing(/icmp (type|code)/) { "icmpv6 \($0.1)" }
            .replacing(/@((?:firewall|egress|address)-[a-z]+)/) { "@\($0.1)-6" }
    }

    @Test func `hold the same rules`() throws {
        let traffic = ["tcp/80", "udp/1-9", "icmp/8", "icmp", "47", "all"].compactMap { Traffic($0) }
        for traffic in traffic {
            let rule = EgressRule(
                id: ObjectID(random: 1, 1), number: 1, network: ObjectID(random: 1, 2), traffic: traffic,
                sources: [try #require(IPPrefix("10.1.1.0/24")), try #require(IPPrefix("2001:db8::/64"))],
                destinations: [try #require(IPPrefix("0.0.0.0/0")), try #require(IPPrefix("::/0"))])
            let (four, six) = (rule.member(.ipv4), rule.member(.ipv6))
            #expect(four.set == six.set && four.boxes.count == 1 && six.boxes.count == 1)
            if traffic != Traffic("icmp") {
                #expect(four.boxes[0].ranges.dropFirst().dropLast() == six.boxes[0].ranges.dropFirst().dropLast())
            }
        }
    }
}
