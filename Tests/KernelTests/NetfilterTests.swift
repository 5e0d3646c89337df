import Glibc
import LinuxKernel
import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

/// A table of the kernel against nft's own reading of it.
@Suite(.enabled(if: geteuid() == 0, Comment(rawValue: needsRoot)))
struct NetfilterTests {
    @Test(arguments: RulesetSamples.names)
    func `nft and our encoder make the same ruleset of a table`(name: String) async throws {
        let table = RulesetSamples.named(name)
        try await inFreshNamespace { try expectSameListing(table) }
    }

    @Test(arguments: RulesetSamples.names)
    func `a table reads back as it was written`(name: String) async throws {
        let table = RulesetSamples.named(name)
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            try socket.commit(table.difference(from: nil))
            let (read, generation) = try socket.readTable(table.family, table.name)
            let held = try #require(read)
            #expect(held.drift(from: table).findings == [])
            #expect(held == table.inKernel)
            #expect(try socket.generation() == generation)
        }
    }

    /// nft also joins header matches that follow each other: the samples have none.
    @Test(arguments: RulesetSamples.names)
    func `nft makes the same instructions of a table`(name: String) async throws {
        let table = RulesetSamples.named(name)
        try await inFreshNamespace {
            let (output, status) = try nft("", input: table.description)
            try #require(status == 0, "\(output)")
            let held = try readAsWrittenByNFT(table)
            #expect(held.drift(from: table).findings == [])
        }
    }

    @Test(arguments: 0..<50)
    func `random tables and their changes end as nft would have them`(seed: Int) async throws {
        try await inFreshNamespace {
            var numbers = SeededGenerator(seed: UInt64(seed) + 1000)
            let before = RulesetSamples.random(using: &numbers)
            let after = RulesetSamples.mutated(before, using: &numbers)
            try expectSameListing(before)
            let socket = try NetfilterSocket()
            let difference = after.difference(from: before)
            try socket.commit(difference)
            #expect(try socket.readTable(.inet, "sluice").table?.drift(from: after).findings == [])
            // Whatever is there, the whole replacement and the repair lead to the same place.
            let found = try #require(try socket.readTable(.inet, "sluice").table)
            try socket.commit(found.differs(from: before).transaction(.inet, "sluice"))
            #expect(try socket.readTable(.inet, "sluice").table?.drift(from: before).findings == [])
            try socket.commit(.replacingEverything(with: after))
            #expect(try socket.readTable(.inet, "sluice").table?.drift(from: after).findings == [])
        }
    }

    @Test(arguments: 0..<20)
    func `a transaction's text is what nft would do`(seed: Int) async throws {
        try await inFreshNamespace {
            var numbers = SeededGenerator(seed: UInt64(seed) + 2000)
            let before = RulesetSamples.random(using: &numbers)
            let after = RulesetSamples.mutated(before, using: &numbers)
            for transaction in [before.difference(from: nil), after.difference(from: before)] {
                let (output, status) = try nft("", input: transaction.description)
                #expect(status == 0, "\(output)")
            }
            #expect(try readAsWrittenByNFT(after).drift(from: after).findings == [])
        }
    }

    @Test func `counters survive a change beside them`() async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            let table = RulesetSamples.everything
            try socket.commit(table.difference(from: nil))
            // An element with counted packets, as traffic leaves it.
            let key = "203.0.113.5 . tcp . 80"
            let origin = RulesetSamples.origin(2)
            let (output, status) = try nft(
                "",
                input: """
                    delete element inet sluice dnat-4 { \(key) }
                    add element inet sluice dnat-4 { \(key) counter packets 7 bytes 700 comment "\(origin)" : 10.1.1.20 . 8080 }
                    """)
            #expect(status == 0, "\(output)")
            var after = table
            after.elements["dnat-4"]?[
                ElementKey([.ipv4(IPv4Address(203, 0, 113, 6)), .ipProtocol(.tcp), .port(80)])] = Element(
                    .values([.ipv4(IPv4Address(10, 1, 1, 21)), .port(80)]), origin: RulesetSamples.origin(500))
            let held = try #require(try socket.readTable(.inet, "sluice").table)
            try socket.commit(held.differs(from: after).transaction(.inet, "sluice"))
            let declaration = try #require(table.sets["dnat-4"])
            let counters = try socket.readElementCounters(.inet, "sluice", declaration)
            #expect(counters.count == 3)
            #expect(
                counters[ElementKey([.ipv4(IPv4Address(203, 0, 113, 5)), .ipProtocol(.tcp), .port(80)])]
                    == Counters(packets: 7, bytes: 700))
            let rules = try socket.readRuleCounters(.inet, "sluice")
            #expect(rules["from-public"]?.count == 1)
        }
    }

    @Test func `every element is found by its key, and none by another`() async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            let table = RulesetSamples.everything
            try socket.commit(table.difference(from: nil))
            for (name, declaration) in table.sets {
                for (key, element) in table.elements[name] ?? [:] {
                    let entry = try socket.readElement(key, of: declaration, in: .inet, "sluice")
                    #expect(entry == KernelSet.Entry(element.content, comment: element.origin.description), "\(key)")
                }
            }
            let web = Value.ipv4(IPv4Address(203, 0, 113, 5))
            let absent: [(SetName, [Value])] = [
                ("static-nat", [.ipv4(IPv4Address(203, 0, 113, 6))]),
                ("source-nat", [.ipv4(IPv4Address(10, 1, 0, 0))]),
                ("source-nat", [.ipv4Prefix(try #require(IPv4Prefix("10.1.0.0/17")))]),
                ("ports", [.port(1)]),
                ("firewall", [web, .ipv4(IPv4Address(198, 51, 100, 0)), .ipProtocol(.tcp), .port(8000)]),
                (
                    "firewall",
                    [web, .ipv4Prefix(try #require(IPv4Prefix("198.51.100.0/24"))), .ipProtocol(.tcp), .port(8000)]
                ),
            ]
            for (name, values) in absent {
                let declaration = try #require(table.sets[name])
                let entry = try socket.readElement(ElementKey(values), of: declaration, in: .inet, "sluice")
                #expect(entry == nil, "\(values)")
            }
        }
    }

    @Test func `ten thousand elements load and read back`() async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            var table = RulesetSamples.forwards(10_000)
            try table.validate()
            try socket.commit(table.difference(from: nil))
            #expect(try socket.readTable(.inet, "sluice").table == table.inKernel)
            // One more: the message, and the two that frame the batch.
            let before = table
            let key = ElementKey([.ipv4(IPv4Address(203, 0, 113, 5)), .ipProtocol(.udp), .port(53)])
            table.elements["forwards"]?[key] = Element(
                .values([.ipv4(IPv4Address(10, 1, 1, 9)), .port(53)]), origin: RulesetSamples.origin(1))
            let counted = socket.counters
            try socket.commit(table.difference(from: before))
            #expect(socket.counters.writes - counted.writes == 3)
            #expect(socket.counters.dumps == counted.dumps)
            #expect(try socket.readTable(.inet, "sluice").table == table.inKernel)
        }
    }

    @Test func `nothing to change sends nothing`() async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            let table = RulesetSamples.everything
            try socket.commit(table.difference(from: nil))
            let (read, generation) = try socket.readTable(.inet, "sluice")
            let counted = socket.counters
            let repair = try #require(read).differs(from: table).transaction(.inet, "sluice")
            #expect(try socket.commit(repair, expectedGeneration: generation) == generation)
            #expect(socket.counters.writes == counted.writes)
        }
    }

    @Test func `a table that is not there reads as none`() async throws {
        try await inFreshNamespace {
            let socket = try NetfilterSocket()
            #expect(try socket.readTable(.inet, "sluice").table == nil)
            try socket.commit(.removingTable(.inet, "sluice"))
            #expect(try listing() == "")
        }
    }
}

/// What nft has written, but for the changes of byte order that it puts into concatenations of ranges, where they do
/// nothing to a protocol's one byte.
func readAsWrittenByNFT(_ table: Table) throws -> KernelTable {
    var held = try #require(try NetfilterSocket().readTable(table.family, table.name).table)
    for chain in held.chains.indices {
        for rule in held.chains[chain].rules.indices {
            held.chains[chain].rules[rule].expressions.removeAll { $0 == .foreign("byteorder") }
        }
    }
    return held
}

/// Loads the table with nft and with our encoder; nft must list both alike.
func expectSameListing(_ table: Table) throws {
    let (output, status) = try nft("", input: table.description)
    #expect(status == 0, "\(output)")
    let theirs = try listing()
    try NetfilterSocket().commit(.removingTable(table.family, table.name))
    #expect(try listing() == "")
    try NetfilterSocket().commit(table.difference(from: nil))
    let ours = try listing()
    #expect(ours == theirs, "\(difference(ours, theirs))")
}
