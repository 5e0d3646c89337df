import Foundation
import Ruleset
import TestSupport
import Testing

@Suite(.enabled(if: geteuid() == 0, Comment(rawValue: needsRoot)))
struct `The kernel and the trace` {
    private static let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG"] != nil
    private static let onlyRuleList = ProcessInfo.processInfo.environment["SLUICE_RULE_LIST"].flatMap { UInt64($0) }
    /// How many packets over random clouds, where more than a few are asked for.
    private static let packetsAsked = ProcessInfo.processInfo.environment["SLUICE_AGREEMENT"].flatMap { Int($0) }

    /// Each of these opens namespaces once and then judges many tables in them. They wait for the kernel most of the time,
    /// which frees a table only after everybody has let go of it: so there are more of them than processors.
    @Test(arguments: 0..<8)
    func `do the same with random packets and random tables`(part: Int) async throws {
        let count = Self.isLong ? 12_500 : 100
        try await inFreshNamespace {
            let agreement = try KernelAgreement()
            let start = ContinuousClock.now
            for seed in part * 1_000_000..<part * 1_000_000 + count { try agreement.compare(seed: UInt64(seed)) }
            print("\(agreement.tally), \(ContinuousClock.now - start)")
            // Both ways of getting through, and both of not: else nothing was compared.
            #expect(agreement.tally.translated > count / 10)
            #expect(agreement.tally.taken > count / 10)
            #expect(agreement.tally.dropped > count / 10)
            #expect(agreement.tally.refused > count / 20)
            #expect(agreement.tally.connections > count)
        }
    }

    /// Parts of the random rule lists: as above, more than processors where many lists are to be judged.
    private static let parts: Range<Int> =
        if let only = onlyRuleList { Int(only / 1_000_000)..<Int(only / 1_000_000) + 1 } else { 0..<(isLong ? 16 : 4) }

    /// Rules as users declare them: 100,000 lists in the long run.
    @Test(arguments: parts)
    func `do the same with random packets and random rule lists`(part: Int) async throws {
        let first = UInt64(part) * 1_000_000
        let seeds = Self.onlyRuleList.map { $0..<$0 + 1 } ?? first..<first + (Self.isLong ? 6_250 : 150)
        try await inFreshNamespace {
            let agreement = try RuleListAgreement(RuleTown.Shape.allCases[part % 4], name: "town \(part % 4)")
            let start = ContinuousClock.now
            for seed in seeds {
                if seed > seeds.lowerBound, (seed - seeds.lowerBound) % 2_500 == 0 {
                    print("rule lists to \(seed): \(agreement.tally), \(ContinuousClock.now - start)")
                }
                try agreement.compare(seed: seed, packets: Self.onlyRuleList == nil ? 20 : Self.packetsOfAList)
            }
            print(
                "\(agreement.rules) rules, \(agreement.decisions) decided: \(agreement.tally), \(ContinuousClock.now - start)"
            )
            guard seeds.count >= 100 else { return }
            let lists = seeds.count
            #expect(agreement.rules > lists * 4)
            #expect(agreement.decisions > lists)
            #expect(agreement.tally.translated > lists)
            #expect(agreement.tally.taken > lists / 5)
            #expect(agreement.tally.dropped > lists)
            #expect(agreement.tally.connections > lists)
        }
    }

    /// Most of the time goes into making and exchanging lists: with more packets for each there are more in all.
    private static let packetsOfAList = 50
    private static let agreementParts = 100..<108

    @Test(arguments: agreementParts)
    func `agree about any number of random packets over random clouds`(part: Int) async throws {
        let share = (Self.packetsAsked ?? 4_000) / Self.agreementParts.count
        let first = UInt64(part) * 1_000_000
        try await inFreshNamespace {
            let agreement = try RuleListAgreement(RuleTown.Shape.allCases[part % 4], name: "town \(part % 4)")
            let start = ContinuousClock.now
            var seed = first
            while agreement.tally.packets < share {
                try agreement.compare(seed: seed, packets: Self.packetsOfAList)
                seed += 1
                if seed % 500 == 0 {
                    print("to \(seed): \(agreement.tally.packets) packets, \(ContinuousClock.now - start)")
                }
            }
            print("seeds \(first)..<\(seed): \(agreement.tally), \(ContinuousClock.now - start)")
        }
    }

    /// Packets whose time ran out at the router: the kernel has its news of that go by as part of the connection.
    @Test(arguments: [1_000_638, 11_001_219] as [UInt64])
    func `agree about lists that they once did not agree about`(seed: UInt64) async throws {
        try await inFreshNamespace {
            let town = Int(seed / 1_000_000) % 4
            try RuleListAgreement(RuleTown.Shape.allCases[town], name: "town \(town)").compare(seed: seed)
        }
    }

    @Test func `differ where one of them sees other rules, and both are quoted then`() async throws {
        try await inFreshNamespace {
            let agreement = try RuleListAgreement(RuleTown.Shape.allCases[0], name: "town 0")
            var found: Disagreement?
            for seed in UInt64(0)..<100 where found == nil {
                do {
                    try agreement.compare(seed: seed) { $0.elements["firewall-ranges"] = [:] }
                } catch let error as Disagreement {
                    found = error
                }
            }
            let text = try #require(found).description
            #expect(text.contains("the trace says:") && text.contains("public-firewall"))
            #expect(text.contains("accept") && text.contains("SLUICE_RULE_LIST="))
            // And nothing of it stays for those that come after.
            try agreement.compare(seed: 1_000)
        }
    }
}
