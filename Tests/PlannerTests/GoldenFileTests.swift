import Foundation
import TestSupport
import Testing

/// Goldens are worth what their comparison is worth.
@Suite struct `A golden file` {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-golden-\(UUID().uuidString)")

    private func withFile(_ text: String?, _ body: (URL) throws -> Void) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appending(path: "plan.txt")
        if let text { try Data(text.utf8).write(to: url) }
        try body(url)
    }

    @Test func `says nothing about the text it holds`() throws {
        try withFile("a\nb\n") { url in
            let found = try GoldenFile(url, of: "x/y", environment: [:]).mismatch(with: "a\nb\n")
            #expect(found == nil)
        }
    }

    @Test func `shows what differs and how to record it, and stays as it is`() throws {
        try withFile("a\nb\nc\n") { url in
            let found = try #require(try GoldenFile(url, of: "x/y", environment: [:]).mismatch(with: "a\nB\nc\n"))
            #expect(found.contains("- b\n+ B\n"))
            #expect(found.contains("SLUICE_RECORD=x/y"))
            let kept = try String(contentsOf: url, encoding: .utf8)
            #expect(kept == "a\nb\nc\n")
        }
    }

    @Test func `tells a last line that does not end`() throws {
        try withFile("a\n") { url in
            let found = try GoldenFile(url, of: "x/y", environment: [:]).mismatch(with: "a")
            #expect(found != nil)
        }
    }

    @Test(arguments: ["x/y", "x", "1"])
    func `records when it is asked for, and does not call that a match`(asked: String) throws {
        try withFile(nil) { url in
            let golden = GoldenFile(url, of: "x/y", environment: ["SLUICE_RECORD": asked])
            let (first, second) = (try golden.mismatch(with: "new\n"), try golden.mismatch(with: "new\n"))
            #expect(first != nil)
            #expect(second == nil)
        }
    }

    @Test(arguments: [["SLUICE_RECORD": "other/y"], ["SLUICE_RECORD": ""], ["SLUICE_RECORD": "1", "CI": "true"], [:]])
    func `does not record for others, nor on a build server`(environment: [String: String]) throws {
        try withFile(nil) { url in
            let found = try GoldenFile(url, of: "x/y", environment: environment).mismatch(with: "new\n")
            #expect(found != nil)
            #expect(!FileManager.default.fileExists(atPath: url.path))
        }
    }

    @Test func `shows long texts by their changed parts only`() {
        let old = (1...100).map { "line \($0)\n" }.joined()
        let new = old.replacing("line 50\n", with: "line fifty\n").replacing("line 90\n", with: "")
        #expect(
            lineDifference(old, new) == """
                @@ line 48 @@
                  line 48
                  line 49
                - line 50
                + line fifty
                  line 51
                  line 52
                @@ line 88 @@
                  line 88
                  line 89
                - line 90
                  line 91
                  line 92

                """)
    }
}
