import Foundation
import Testing

extension Scenarios {
    /// Clients that CloudStack's users have, as PyPI has them, against a daemon with the real data plane. What they do and
    /// which packets show it is told in `Tests/clients`.
    @Suite struct ClientStoryTests {
        private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "clients").path
        private static let python = URL(filePath: folder).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: ".build/clients/venv/bin/python").path

        @Test(arguments: ["cs", "libcloud"])
        func `a client of CloudStack's users makes, uses and gives back a cloud`(_ client: String) async throws {
            try #require(
                FileManager.default.isExecutableFile(atPath: Self.python),
                "Tests/clients/install has not been run: `make test` does it")
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let story = try world.run(
                    [Self.python, "-B", "\(Self.folder)/\(client)-story.py"] + daemon.credentials)
                #expect(story.status == 0, "\(story.output)\(story.errors)")
                #expect(story.output.hasSuffix("- done\n"))
                try daemon.waitUntilVerified()
                #expect(try daemon.list("listVirtualMachines", "virtualmachine").count == 2)
            }
        }
    }
}
