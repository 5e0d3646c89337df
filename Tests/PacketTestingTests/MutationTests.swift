import Foundation
import PacketTesting
import Testing

private let folders = (try? PacketCase.folders(below: [root.appending(path: "pcaps").path])) ?? []

@Suite struct `Mistakes in the plans` {
    /// Every one of them takes minutes, so every fiftieth here; `make mutants` makes all.
    @Test func `are noticed by the cases, but for those that are explained`() throws {
        let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG"] != nil
        let outcome = try MutationRun(folders: folders).run(each: isLong ? 1 : 50)
        let text = try String(contentsOf: root.appending(path: "pcaps/survivors.txt"), encoding: .utf8)
        #expect(ExplainedSurvivors(parsing: text).unexplained(outcome) == [])
        #expect(outcome.mutants >= (isLong ? 500 : 8))
    }

    @Test func `that no case asks about survive`() throws {
        let folder = try #require(folders.first { $0.hasSuffix("source-nat/keeps-the-port") })
        let outcome = try MutationRun(folders: [folder]).run()
        #expect(outcome.survivors.contains { $0.hasPrefix("public-firewall: removed: ") })
        #expect(!outcome.survivors.isEmpty && outcome.caught > 0)
    }

    @Test func `are explained line by line`() {
        let survivors = ExplainedSurvivors(parsing: "# why\na: removed: b\n  because c\n  and d\ne: turned: f\n")
        #expect(survivors.reasons == ["a: removed: b": "because c and d", "e: turned: f": ""])
    }
}
