import Foundation
import Testing

@Suite(.enabled(if: geteuid() == 0, Comment(rawValue: needsRoot)))
struct `The kernel and the trace` {
    private static let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG"] != nil

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
            #expect(agreement.tally.refused > count / 10)
            #expect(agreement.tally.connections > count)
        }
    }
}
