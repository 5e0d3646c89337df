import CloudModel
import ControlPlane
import NetworkVocabulary
import Planner
import RouterPlan
import Ruleset
import TestSupport
import Testing

/// Clouds to hold every plan against: those of the goldens, and some that random requests led to.
enum PlannedCloud: CustomStringConvertible, Sendable {
    case golden(GoldenCase)
    case random(UInt64)

    static let all = GoldenCase.all.map(PlannedCloud.golden) + (1...6).map(PlannedCloud.random)

    var description: String {
        switch self {
        case .golden(let golden): golden.name
        case .random(let seed): "random requests, seed \(seed)"
        }
    }

    func cloud() throws -> Cloud {
        switch self {
        case .golden(let golden): return try golden.decided().cloud
        case .random(let seed):
            var decided = DecidedCloud()
            try decided.take(.bootstrap)
            var requests = RandomRequests(seed: seed)
            for _ in 0..<600 { _ = try? decided.take(requests.next(in: decided.cloud)) }
            return decided.cloud
        }
    }
}

@Suite struct `Every plan` {
    private let planner = Planner(installation: DecidedCloud.installation, simulatesInternet: true)

    @Test(arguments: PlannedCloud.all)
    func `names objects of the cloud behind all it has`(planned: PlannedCloud) throws {
        let cloud = try planned.cloud()
        for plan in try planner.plans(of: cloud) {
            for origin in origins(of: plan) {
                let isKnown =
                    origin == planner.installation
                    || RecordKind(rawValue: origin.kind).map { cloud[Reference($0, origin.id)] != nil } ?? false
                #expect(isKnown, "\(plan.name): \(origin)")
            }
        }
    }

    @Test(arguments: PlannedCloud.all)
    func `has a ruleset without mistakes, and an origin behind every rule of its text`(planned: PlannedCloud) throws {
        for plan in try planner.plans(of: try planned.cloud()) {
            guard let table = plan.table else {
                #expect(plan.kind != .router)
                continue
            }
            #expect(throws: Never.self) { try table.validate() }
            let mark = OwnershipMark(planner.installation.id, plan.owner)
            #expect(table.comment == mark.text)
            let comments = ruleLines(of: table.description).map { line in
                line.split(separator: "comment \"").last.flatMap { Origin(String($0.dropLast())) }
            }
            #expect(comments == table.allChains.flatMap(\.rules).map(\.origin))
        }
    }

    @Test(arguments: PlannedCloud.all)
    func `hangs its legs on bridges that the host has, by names of their own`(planned: PlannedCloud) throws {
        let cloud = try planned.cloud()
        let plans = try planner.plans(of: cloud)
        let host = try #require(plans.first { $0.name.isHost })
        let trunks = Set(cloud.physicalNetworks.values.flatMap { [$0.trunk, $0.publicTrunk].compactMap(\.self) })
        let bridges = Set(
            host.rows.values.compactMap { row in
                if case .link(let link) = row.content, case .bridge = link.kind { link.name } else { nil }
            })
        var names: [InterfaceName] = []
        for row in plans.flatMap(\.rows.values) {
            guard case .link(let link) = row.content else { continue }
            if let root = link.bridge { #expect(bridges.contains(root)) }
            switch link.kind {
            case .leg(let hostEnd, let bridge):
                names.append(hostEnd)
                #expect(bridges.contains(bridge), "\(row.origin): there is no \(bridge)")
            case .bridgeLink(let peer, let bridge):
                names += [link.name, peer]
                // Untagged frames go to a bridge of the operator's.
                #expect(bridges.contains(bridge) || trunks.contains(bridge))
            case .bridge, .vlan, .vxlan, .tap, .plug: names.append(link.name)
            case .loopback, .foreign: break
            }
        }
        #expect(Set(names).count == names.count)
    }

    @Test(arguments: PlannedCloud.all)
    func `is the same, byte for byte, whatever the order in which its objects were made`(planned: PlannedCloud) throws {
        let cloud = try planned.cloud()
        let text = try planner.plans(of: cloud).map(\.description)
        var random = SeededGenerator(seed: 1)
        for _ in 0..<3 {
            let other = try reassembled(cloud.checkpoint().shuffled(using: &random))
            #expect(try planner.plans(of: other).map(\.description) == text)
        }
    }

    /// The cloud that these records make, in this order as far as what refers to others lets them.
    private func reassembled(_ records: [Record]) throws -> Cloud {
        var (cloud, waiting) = (Cloud(), records)
        while !waiting.isEmpty {
            let count = waiting.count
            waiting.removeAll { (try? cloud.apply(.put($0))) != nil }
            try #require(waiting.count < count)
        }
        return cloud
    }

    private func origins(of plan: NodePlan) -> Set<Origin> {
        var origins = Set([plan.owner] + plan.rows.values.map(\.origin))
        if let table = plan.table {
            origins.formUnion(table.chains.flatMap(\.rules).map(\.origin))
            origins.formUnion(table.sets.values.map(\.origin))
            origins.formUnion(table.elements.values.flatMap(\.values).map(\.origin))
        }
        return Set(origins.map(\.object))
    }

    /// The lines between a chain's head and its end that are not its hook.
    private func ruleLines(of text: String) -> [Substring] {
        var isInChain = false
        return text.split(separator: "\n").filter { line in
            if line.hasPrefix("\tchain ") {
                isInChain = true
                return false
            }
            if line == "\t}" { isInChain = false }
            return isInChain && !line.contains(" hook ")
        }
    }
}

@Suite struct `A network with more ports than a bridge takes` {
    @Test func `is several bridges that hang together, none of them over the kernel's limit`() throws {
        var file = try CloudFile(json: try GoldenCase(name: "source-nat/one-network").text(of: "cloud.json"))
        file.networks[0].cidr = "10.1.0.0/16"
        file.guests = (0..<2500).map { CloudFile.Guest(name: "guest\($0)", nics: [CloudFile.NIC(network: "web")]) }
        var decided = DecidedCloud()
        try decided.take(.bootstrap)
        try decided.take(.applyCloud(.init(file: file)))
        let planner = Planner(installation: DecidedCloud.installation, simulatesInternet: false)
        var ports: [InterfaceName: Int] = [:]
        var joined: [InterfaceName: InterfaceName] = [:]
        for row in try planner.plans(of: decided.cloud).flatMap(\.rows.values) {
            guard case .link(let link) = row.content else { continue }
            if let bridge = link.bridge { ports[bridge, default: 0] += 1 }
            switch link.kind {
            case .leg(_, let bridge): ports[bridge, default: 0] += 1
            case .bridgeLink(_, let bridge):
                ports[bridge, default: 0] += 1
                joined[bridge] = link.bridge
            default: break
            }
        }
        let root = try #require(InterfaceName("slb1"))
        let shards = try (1...2).map { try #require(InterfaceName("slb1.\($0)")) }
        #expect(joined == Dictionary(uniqueKeysWithValues: shards.map { ($0, root) }))
        // The router and the guests, and a port at either end of each link.
        #expect(ports.filter { $0.key == root || shards.contains($0.key) }.values.reduce(0, +) == 2501 + 2 * 2)
        // BR_PORT_BITS is 10, and port 0 is none.
        #expect(ports.values.allSatisfy { $0 <= 1023 })
    }
}
