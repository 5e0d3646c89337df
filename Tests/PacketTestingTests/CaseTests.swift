import Foundation
import PacketTesting
import Testing

private let folders = (try? PacketCase.folders(below: [root.appending(path: "pcaps").path])) ?? []

@Suite struct `The cases in pcaps` {
    @Test func `are there, each with a story`() throws {
        #expect(folders.count >= 80)
        for folder in folders { #expect(try !PacketCase(folder: folder).title.isEmpty) }
    }

    @Test(arguments: folders) func `hold on the model`(_ folder: String) throws {
        let outcome = try PacketCase(folder: folder).run(on: .model)
        #expect(outcome.failure == nil, "\(outcome.failure ?? "")")
        #expect(outcome.steps > 0)
    }

    @Test(.needsRoot, arguments: folders) func `hold on the kernel, which decides as the model does`(
        _ folder: String
    ) throws {
        let outcome = try PacketCase(folder: folder).run(on: .both)
        #expect(outcome.failure == nil, "\(outcome.failure ?? "")")
    }
}
