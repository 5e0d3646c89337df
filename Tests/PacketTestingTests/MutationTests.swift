import Foundation
import PacketTesting
import Testing

private let folders = (try? PacketCase.folders(below: [root.appending(path: "pcaps").path])) ?? []

@Suite struct `Mistakes in the plans` {
    /// All of them take minutes in a debug build, so every fiftieth here; `make mutants` makes all.
    @Test func `are noticed by the cases, but for those that are explained`() throws {
        let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG"] != nil
        let outcome = try MutationRun(folders: folders).run(each: isLong ? 1 : 50)
        let text = try String(contentsOf: root.appending(path: "pcaps/survivors.txt"), encoding: .utf8)
        let explained = ExplainedSurvivors(parsing: text)
        #expect(explained.unexplained(outcome) == [])
        #expect(outcome.mutants >= (isLong ? 500 : 8))
        let share = Double(outcome.caught) / Double(outcome.mutants - explained.harmless(outcome))
        #expect(!isLong || share >= 0.95)
    }

    @Test func `are made in cases that pass without`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "mutation-\(UUID())/source-nat/keeps-the-port")
        let good = try #require(folders.first { $0.hasSuffix("source-nat/keeps-the-port") })
        try FileManager.default.createDirectory(
            at: folder.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: URL(filePath: good), to: folder)
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = folder.appending(path: "traffic.packets")
        let text = try String(contentsOf: script, encoding: .utf8)
        try (text + "at one send udp 10.1.1.10:40009 > 198.51.100.1:53\nexpect nothing\n").write(
            to: script, atomically: true, encoding: .utf8)
        let run = try MutationRun(folders: [folder.path])
        #expect(throws: CaseError.self) { try run.run() }
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
        let sorted = ExplainedSurvivors(parsing: "[no difference]\na\n  because\nb\n[no case yet]\nc*\n  because\n")
        let outcome = MutationRun.Outcome(mutants: 9, survivors: ["a", "b", "cd"])
        // What nobody has explained is no excuse.
        #expect(sorted.harmless(outcome) == 1 && sorted.unexplained(outcome) == ["b"])
    }
}
