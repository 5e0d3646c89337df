import Foundation
import PacketTesting
import Testing

/// A line of `pcaps/egress/table.txt`.
struct EgressRow: CustomStringConvertible, Sendable {
    let policy: String
    let rule: String
    /// By column.
    let passes: [String: Bool]

    var description: String { "\(policy), rule \(rule)" }

    static let columns = [
        "new-out", "new-in", "established-out", "established-in", "related-out", "related-in",
    ]

    static let all: [EgressRow] = {
        let path = root.appending(path: "pcaps/egress/table.txt").path
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 2 + columns.count else { return nil }
            let passes = zip(columns, words.dropFirst(2)).map { ($0, $1 == "pass") }
            return EgressRow(policy: words[0], rule: words[1], passes: Dictionary(uniqueKeysWithValues: passes))
        }
    }()

    var cloud: String {
        let offering =
            policy == "allow"
            ? "DefaultIsolatedNetworkOfferingWithSourceNatService" : "IsolatedNetworkOfferingWithEgressDeny"
        let egress = rule == "none" ? "" : "{\"traffic\": \"\(rule)\"}"
        return """
            {"zones": [{"name": "west", "dns1": "198.51.100.53",
              "physicalNetworks": [{"name": "wire", "segments": ["100-199"]}],
              "publicRanges": [
                {"subnet": "203.0.113.0/24", "gateway": "203.0.113.1", "addresses": "203.0.113.10-203.0.113.19"}]}],
             "networks": [
              {"name": "web", "zone": "west", "cidr": "10.1.1.0/24", "offering": "\(offering)", "egress": [\(egress)]}],
             "guests": [
              {"name": "one", "nics": [{"network": "web", "address": "10.1.1.10"}]},
              {"name": "two", "nics": [{"network": "web", "address": "10.1.1.20"}]}],
             "publicAddresses": [{"address": "203.0.113.11", "network": "web", "staticNAT": {"guest": "two"},
              "firewall": [{"traffic": "all"}]}]}
            """
    }

    /// A packet that opens a connection of the rule's kind, and one that answers it.
    private func opening(_ from: String, _ to: String) -> String {
        switch rule {
        case "udp/50-60": "udp \(from):40000 > \(to):55"
        case "all": "udp \(from):40000 > \(to):9"
        case "icmp": "icmp \(from) > \(to) type 13 code 0 payload 0x000102030405060708090a0b"
        case "icmp/8/0": "icmp \(from) > \(to) echo request id 5 seq 1"
        case "50": "ip \(from) > \(to) proto 50 len 16"
        default: "tcp \(from):40000 > \(to):80 S"
        }
    }

    private func answer(_ from: String, _ to: String) -> String {
        switch rule {
        case "udp/50-60": "udp \(from):55 > \(to):40000"
        case "all": "udp \(from):9 > \(to):40000"
        case "icmp": "icmp \(from) > \(to) type 14 code 0 payload 0x000102030405060708090a0b"
        case "icmp/8/0": "icmp \(from) > \(to) echo reply id 5 seq 1"
        case "50": "ip \(from) > \(to) proto 50 len 16"
        default: "tcp \(from):80 > \(to):40000 S. ack 1"
        }
    }

    private func error(_ from: String, _ to: String, about packet: String) -> String {
        "icmp \(from) > \(to) unreachable host { \(packet) }"
    }

    /// Each column with a host outside of its own.
    var script: String {
        var lines: [String] = []
        func step(_ port: String, _ sent: String, _ far: String, _ seen: String, _ passes: Bool) {
            lines += ["at \(port) send \(sent)", passes ? "expect at \(far) \(seen)" : "expect nothing"]
        }
        func out(_ host: String) {
            step(
                "one", opening("10.1.1.10", host), "outside", opening("203.0.113.10", host), passes["new-out"] ?? false)
        }
        func come(_ host: String) {
            step("outside", opening(host, "203.0.113.11"), "two", opening(host, "10.1.1.20"), passes["new-in"] ?? false)
        }
        out("198.51.100.1")
        come("198.51.100.2")
        come("198.51.100.3")
        step(
            "two", answer("10.1.1.20", "198.51.100.3"), "outside", answer("203.0.113.11", "198.51.100.3"),
            passes["established-out"] ?? false)
        out("198.51.100.4")
        step(
            "outside", answer("198.51.100.4", "203.0.113.10"), "one", answer("198.51.100.4", "10.1.1.10"),
            passes["established-in"] ?? false)
        come("198.51.100.5")
        step(
            "two", error("10.1.1.20", "198.51.100.5", about: opening("198.51.100.5", "10.1.1.20")), "outside",
            error("203.0.113.11", "198.51.100.5", about: opening("198.51.100.5", "203.0.113.11")),
            passes["related-out"] ?? false)
        out("198.51.100.6")
        step(
            "outside", error("198.51.100.6", "203.0.113.10", about: opening("203.0.113.10", "198.51.100.6")), "one",
            error("198.51.100.6", "10.1.1.10", about: opening("10.1.1.10", "198.51.100.6")),
            passes["related-in"] ?? false)
        return lines.joined(separator: "\n")
    }
}

@Suite struct `The table of egress policies` {
    @Test func `has every policy with every kind of rule`() {
        let rules = ["none", "all", "tcp", "tcp/80", "udp/50-60", "icmp", "icmp/8/0", "50"]
        #expect(EgressRow.all.map(\.rule) == rules + rules)
        #expect(EgressRow.all.map(\.policy) == rules.map { _ in "allow" } + rules.map { _ in "deny" })
        #expect(EgressRow.all.reduce(0) { $0 + $1.passes.count } == 96)
    }

    @Test(arguments: EgressRow.all) func `holds on the model`(_ row: EgressRow) throws {
        try expect(row, .model)
    }

    @Test(.needsRoot, arguments: EgressRow.all) func `holds on the kernel`(_ row: EgressRow) throws {
        try expect(row, .both)
    }

    private func expect(_ row: EgressRow, _ runner: CaseRunner) throws {
        let test = try PacketCase(
            name: "egress/\(row)", files: ["cloud.json": row.cloud, "traffic.packets": row.script])
        let outcome = test.run(on: runner)
        #expect(outcome.failure == nil, "\(outcome.failure ?? "")\n\(row.script)")
    }
}
