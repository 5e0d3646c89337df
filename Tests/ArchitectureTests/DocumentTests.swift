import Foundation
import Testing

/// Documents rot where nothing looks at them: links, numbers and the list of promises are looked at here.
@Suite struct DocumentTests {
    /// Markdown files by their path from the root.
    static func documents() throws -> [String: String] {
        var found: [String: String] = [:]
        let inDocs = try FileManager.default.subpathsOfDirectory(atPath: SourceTree.root.appending(path: "docs").path)
        for path in inDocs.map({ "docs/" + $0 }) + ["README.md"] where path.hasSuffix(".md") {
            found[path] = try? String(contentsOf: SourceTree.root.appending(path: path), encoding: .utf8)
        }
        return found
    }

    /// Links to files of this repository that are not there.
    static func deadLinks(in documents: [String: String], exists: (String) -> Bool) -> [String] {
        documents.sorted { $0.key < $1.key }.flatMap { path, text in
            text.matches(of: /\]\(([^)\s]+)\)/).compactMap { match in
                let target = String(match.1.prefix { $0 != "#" })
                guard !target.isEmpty, !target.contains("://") else { return nil }
                let folder = path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
                return exists("\(folder)/\(target)") ? nil : "\(path) links to \(target)"
            }
        }
    }

    @Test func `every link inside the repository leads somewhere`() throws {
        let documents = try Self.documents()
        #expect(documents["docs/testing.md"] != nil)
        let dead = Self.deadLinks(in: documents) {
            FileManager.default.fileExists(atPath: SourceTree.root.appending(path: $0).path)
        }
        #expect(dead == [])
    }

    @Test func `a dead link is found`() {
        let documents = ["docs/a.md": "[b](b.md) [c](../c.md#part) [d](https://example.org/d) [here](#part)"]
        #expect(Self.deadLinks(in: documents) { $0 == "docs/b.md" } == ["docs/a.md links to ../c.md"])
        #expect(Self.deadLinks(in: ["README.md": "[b](docs/b.md)"]) { $0 == "./docs/b.md" } == [])
    }

    @Test func `each of the twelve promises has its page, which says what holds it`() throws {
        let pages = try Self.documents().filter { $0.key.hasPrefix("docs/promises/P") }
        #expect(pages.keys.compactMap { Int($0.dropFirst(15).prefix(2)) }.sorted() == Array(1...12))
        for (path, text) in pages {
            #expect(text.contains("## How it is kept") && text.contains("## What holds it"), "\(path)")
        }
    }

    /// What stands in backticks behind "What holds it" and has a space in it is the name of a test.
    @Test func `every test that a promise rests on exists`() throws {
        var tests: Set<String> = []
        for (_, _, text) in try SourceTree(folder: "Tests").files {
            tests.formUnion(text.matches(of: /func `([^`]+)`/).map { String($0.output.1) })
        }
        for (path, text) in try Self.documents() where path.hasPrefix("docs/promises/P") {
            let evidence = text.components(separatedBy: "## What holds it").last ?? ""
            let named = evidence.matches(of: /`([^`]+)`/).map { String($0.output.1) }.filter { $0.contains(" ") }
            #expect(named.filter { !tests.contains($0) } == [], "\(path)")
        }
    }

    @Test func `decisions have a number each, are short, and listed`() throws {
        let documents = try Self.documents()
        let list = try #require(documents["docs/decisions/README.md"])
        let records = documents.filter { $0.key.hasPrefix("docs/decisions/0") }.sorted { $0.key < $1.key }
        #expect(!records.isEmpty)
        #expect(Set(records.map { $0.key.prefix("docs/decisions/0000".count) }).count == records.count)
        for (path, text) in records {
            let name = String(path.dropFirst("docs/decisions/".count))
            let number = try #require(Int(name.prefix(4)), "\(path)")
            #expect(text.hasPrefix("# \(number). "), "\(path)")
            #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 41, "\(path)")
            #expect(list.contains("](\(name))"), "\(path) is not in the list")
            for part in ["**Context.**", "**Decision.**", "**Consequences.**"] {
                #expect(text.contains(part), "\(path)")
            }
        }
    }
}
