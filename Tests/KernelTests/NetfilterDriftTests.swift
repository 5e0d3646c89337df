import Glibc
import LinuxKernel
import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

/// What somebody did by hand, and what must be found.
struct Meddling: Sendable, CustomTestStringConvertible {
    let commands: String
    let finding: String
    /// Whether all else stays as it is.
    var isSmall = true

    var testDescription: String { commands }
}

@Suite(.enabled(if: geteuid() == 0, Comment(rawValue: needsRoot)))
struct NetfilterDriftTests {
    @Test(arguments: [
        Meddling(commands: "flush chain inet sluice from-public", finding: "rule 1 of from-public is missing"),
        Meddling(commands: "add rule inet sluice from-public drop", finding: "a foreign rule is at 2 of from-public"),
        Meddling(
            commands: "insert rule inet sluice input-filter meta length 5 accept",
            finding: "a foreign rule is at 1 of input-filter"),
        Meddling(
            commands: "delete element inet sluice static-nat { 203.0.113.5 }",
            finding: "element 203.0.113.5 of static-nat is missing"),
        Meddling(
            commands: "add element inet sluice static-nat { 203.0.113.6 : 10.0.0.1 }",
            finding: "a foreign element 203.0.113.6 is in static-nat"),
        Meddling(
            commands: "delete element inet sluice source-nat { 10.1.0.0/16 }",
            finding: "element 10.1.0.0/16 of source-nat is missing"),
        Meddling(
            commands: "add element inet sluice source-nat { 172.16.0.1-172.16.0.9 : 10.0.0.1 }",
            finding: "a foreign element 172.16.0.1-172.16.0.9 is in source-nat"),
        Meddling(
            commands: """
                delete element inet sluice static-nat { 203.0.113.5 }
                add element inet sluice static-nat { 203.0.113.5 : 10.6.6.6 }
                """, finding: "element 203.0.113.5 of static-nat is another"),
        Meddling(
            commands: "flush set inet sluice firewall",
            finding: "element 203.0.113.5 . 0.0.0.0/0 . udp . 53 of firewall is missing"),
        Meddling(
            commands: "delete element inet sluice legs { \"eth0\" }", finding: "element \"eth0\" of legs is missing"),
        Meddling(
            commands: """
                add chain inet sluice spy
                add rule inet sluice spy accept
                add rule inet sluice from-public jump spy
                """, finding: "a foreign chain spy is there"),
        Meddling(
            commands: """
                add chain inet sluice spy
                add map inet sluice spies { type ifname : verdict; }
                add element inet sluice spies { "eth0" : jump spy }
                add rule inet sluice from-public iifname vmap @spies
                """, finding: "a foreign map spies is there"),
        Meddling(
            commands: "add set inet sluice spies { type ipv4_addr; flags timeout; }",
            finding: "a foreign set spies is there", isSmall: false),
        Meddling(
            commands: "add chain inet sluice input-filter { policy accept; }",
            finding: "chain input-filter is attached otherwise", isSmall: false),
    ])
    func `what was done by hand is found and undone`(meddling: Meddling) async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            let table = RulesetSamples.everything
            try socket.commit(table.difference(from: nil))
            let right = try listing()
            let (output, status) = try nft("", input: meddling.commands)
            try #require(status == 0, "\(output)")
            let (read, generation) = try socket.readTable(.inet, "sluice")
            let drift = try #require(read).drift(from: table)
            #expect(drift.findings.contains { $0.hasPrefix(meddling.finding) }, "\(drift.findings)")
            #expect((drift.repair.replacement == nil) == meddling.isSmall)
            let repair = drift.repair.transaction(.inet, "sluice")
            try socket.commit(repair, expectedGeneration: generation)
            #expect(try socket.readTable(.inet, "sluice").table?.drift(from: table).findings == [])
            let now = try listing()
            #expect(now == right, "\(difference(now, right))")
        }
    }

    @Test func `a table of another owner is made anew, and other tables are let alone`() async throws {
        try await inFreshNamespace {
            let other = "table ip mine {\n\tchain c {\n\t\tcounter packets 0 bytes 0 drop\n\t}\n}\n"
            #expect(try nft("", input: other + "table inet sluice {\n set s { type mark; }\n}\n").status == 0)
            let socket = try NetfilterSocket()
            let table = RulesetSamples.everything
            let held = try #require(try socket.readTable(.inet, "sluice").table)
            #expect(held.drift(from: table).findings == ["the table's comment is absent"])
            try socket.commit(held.differs(from: table).transaction(.inet, "sluice"))
            #expect(try socket.readTable(.inet, "sluice").table == table.inKernel)
            #expect(try nft("list table ip mine").output == other)
        }
    }
}
