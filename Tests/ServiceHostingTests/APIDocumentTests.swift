import CloudStackAPI
import Foundation
import NetworkVocabulary
import ServiceHosting
import Synchronization
import TestSupport
import Testing

/// `docs/api/` is what `listApis` says, written out: nobody writes it by hand, and it is never behind.
@Suite struct `The documentation of the API` {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs/api")

    private func commands() throws -> [[String: Any]] {
        let service = try ImmediateCloudService()
        let api = CloudAPI(
            service,
            CloudAPI.Surroundings(
                system: service.admin, digest: NettleDigest(), passwords: CryptPasswords(), keymaker: NettleKeys(),
                certificates: GnuTLSCertificates(),
                now: { 0 },
                newID: { .init(random: 1, 1) }, version: "1"))
        let body = Mutex("")
        api.answer(
            APIRequest(method: "GET", path: "/client/api", query: "command=listApis&response=json"), access: .trusted
        ) { reply in body.withLock { $0 = reply.body } }
        let envelope = try JSONSerialization.jsonObject(with: Data(body.withLock { $0 }.utf8)) as? [String: Any]
        let content = try #require(envelope?["listapisresponse"] as? [String: Any])
        let commands = try #require(content["api"] as? [[String: Any]])
        return commands.sorted { ($0["name"] as? String ?? "") < ($1["name"] as? String ?? "") }
    }

    private func page(_ commands: [[String: Any]]) -> String {
        var text = """
            # Commands

            Generated from the commands' declarations, which validate requests and which `listApis` shows; a test compares.
            Every list also takes `keyword`, `page` and `pagesize`; every command that changes something takes `plan=true`,
            which shows what would change and changes nothing.

            """
        for command in commands {
            let params = (command["params"] as? [[String: Any]] ?? []).filter { parameter in
                !["keyword", "page", "pagesize", "plan"].contains(parameter["name"] as? String ?? "")
            }
            let response = (command["response"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
            let words = [
                command["audience"] as? String, command["isasync"] as? Bool == true ? "asynchronous" : nil,
            ].compactMap(\.self)
            text += "\n## \(command["name"] ?? "")\n\n\(command["description"] ?? "").\n"
            if !words.isEmpty { text += "For \(words.joined(separator: ", ")).\n" }
            if !params.isEmpty { text += "\n| parameter | type | |\n|---|---|---|\n" }
            for parameter in params {
                let mark = parameter["required"] as? Bool == true ? " (required)" : ""
                let words = (parameter["description"] as? String ?? "").replacingOccurrences(of: "|", with: "\\|")
                text += "| `\(parameter["name"] ?? "")`\(mark) | \(parameter["type"] ?? "") | \(words) |\n"
            }
            if !response.isEmpty {
                text += "\nAnswers with " + response.map { "`\($0)`" }.joined(separator: " ") + ".\n"
            }
        }
        return text
    }

    @Test func `is not behind the commands`() throws {
        let golden = GoldenFile(Self.folder.appendingPathComponent("commands.md"), of: "docs/api")
        let mismatch = try golden.mismatch(with: page(try commands()))
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }

    @Test func `knows every command by what it does`() throws {
        let commands = try commands()
        #expect(commands.count > 100)
        for command in commands {
            #expect((command["description"] as? String)?.isEmpty == false)
            for parameter in command["params"] as? [[String: Any]] ?? [] {
                #expect((parameter["description"] as? String)?.isEmpty == false, "\(command["name"] ?? "")")
            }
        }
    }
}
