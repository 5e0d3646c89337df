import Glibc
import LinuxKernel
import NetworkVocabulary
import Ruleset
import TestSupport
import Testing

@Suite(.enabled(if: geteuid() == 0, Comment(rawValue: needsRoot)))
struct NetfilterTests {
    @Test(arguments: RulesetSamples.names)
    func `nft and our encoder make the same ruleset of a table`(name: String) async throws {
        let table = RulesetSamples.named(name)
        try await inFreshNamespace {
            let (output, status) = try nft("", input: table.description)
            #expect(status == 0, "\(output)")
            let theirs = try listing()
            try NetfilterSocket().commit(.removingTable(table.family, table.name))
            #expect(try listing() == "")
            try NetfilterSocket().commit(table.difference(from: nil))
            let ours = try listing()
            #expect(ours == theirs, "\(difference(ours, theirs))")
        }
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
}
