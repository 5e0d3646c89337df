import CloudStackAPI
import ControlPlane
import Foundation
import TestSupport
import Testing

/// Requests as two clients sign them: `cs` 5.2.0 and libcloud 3.9.1, from PyPI, recorded.
@Suite struct `What clients sign` {
    private static let key = "plgWJfZK4gyS3mOMTVmjUVg-X-jlWlnfaUJ9GAbBbf9EdM"
    private static let secret = "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZK"
    private static let allBytes = Data((0...255).map { UInt8($0) }).base64EncodedString()

    private static let vectors: [(client: String, parameters: [String: String], signature: String)] = [
        (
            "cs",
            [
                "apiKey": key, "command": "listZones", "expires": "2026-11-28T22:12:37+0000", "response": "json",
                "signatureVersion": "3",
            ], "g+VBCDeFsrrubL1ZrGdH9syllZc="
        ),
        (
            "cs",
            [
                "apiKey": key, "command": "listVirtualMachines", "expires": "2026-11-28T22:12:37+0000",
                "keyword": "größe 網路", "name": "a b+c/d(e)'f\"g!h~i", "response": "json", "signatureVersion": "3",
            ], "+MkzD5f0BicKMLjsB0NPbqj82yM="
        ),
        (
            "cs",
            [
                "apiKey": key, "command": "createTags", "expires": "2026-11-28T22:12:37+0000", "resourceids": "1,2",
                "response": "json", "signatureVersion": "3", "tags[0].key": "Env:x", "tags[0].value": "[~]*-_.",
            ], "nWhyZBOUKTvJwaLMrK5tyqmO82A="
        ),
        (
            "cs",
            [
                "apiKey": key, "command": "deployVirtualMachine", "expires": "2026-11-28T22:12:37+0000",
                "response": "json", "signatureVersion": "3", "userdata": allBytes, "zoneid": "1",
            ], "LV/L+ieEXehOX3/I4fsbUxZvtDQ="
        ),
        ("libcloud", ["apikey": key, "command": "listZones", "response": "json"], "TXdLERERhtfY0jNp2j1sDp/cw+s="),
        (
            "libcloud",
            [
                "apikey": key, "command": "listVirtualMachines", "keyword": "größe 網路", "name": "a b+c/d(e)'f\"g!h~i",
                "response": "json",
            ], "0IH3kuvtqdUNF/b72oa2YOrVmYw="
        ),
        (
            "libcloud",
            [
                "apikey": key, "command": "createTags", "resourceids": "1,2", "response": "json",
                "tags[0].key": "Env:x", "tags[0].value": "[~]*-_.",
            ], "ybfkbz11Tt8BD3hjYbDCRN3vKkc="
        ),
        (
            "libcloud",
            [
                "apikey": key, "command": "deployVirtualMachine", "response": "json", "userdata": allBytes,
                "zoneid": "1",
            ], "baAEsSvWHt54OztUXxvg5FUg9BM="
        ),
    ]

    private func query(_ parameters: [String: String], _ signature: String) -> String {
        let all = parameters.sorted { $0.key < $1.key } + [("signature", signature)]
        return all.map { "\(Client.escaped($0.0))=\(Client.escaped($0.1))" }.joined(separator: "&")
    }

    @Test func `is accepted by GET and by POST`() throws {
        let client = try Client(key: Self.key, secret: Self.secret)
        for (name, parameters, signature) in Self.vectors {
            let query = query(parameters, signature)
            #expect(client.status(query, .signed) != 401, "\(name) \(parameters["command"] ?? "")")
            let form = APIRequest(
                method: "POST", path: "/client/api", body: Array(query.utf8),
                contentType: "application/x-www-form-urlencoded")
            #expect(client.send(form, .signed).status != 401, "\(name) \(parameters["command"] ?? "")")
        }
    }

    /// What the signature covers: the names and values without their case, which is how CloudStack's clients sign.
    private func covered(_ bytes: [UInt8]) -> Set<String>? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        return Set(
            text.split(separator: "&").map { pair in
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let words = parts.map {
                    $0.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? "\u{0}"
                }
                // The signature itself counts to the letter.
                let name = words[0].lowercased()
                let value = words.dropFirst().joined(separator: "=")
                return "\(name)=\(name == "signature" ? value : value.lowercased())"
            })
    }

    @Test func `is refused with any one bit changed`() throws {
        let client = try Client(key: Self.key, secret: Self.secret)
        let before = client.service.view.cloud
        var random = SeededGenerator(seed: 22)
        var refused = 0
        var tries = 0
        while refused < 10_000 {
            tries += 1
            let (_, parameters, signature) = Self.vectors[tries % Self.vectors.count]
            let good = Array(query(parameters, signature).utf8)
            var bad = good
            let place = Int.random(in: good.indices, using: &random)
            let bit = UInt8.random(in: 0..<8, using: &random)
            bad[place] ^= 1 << bit
            // HTTP's own lines cannot hold these, and a letter's case is not covered.
            guard bad[place] != 0, covered(bad) != covered(good) else { continue }
            let reply = client.send(
                APIRequest(
                    method: "POST", path: "/client/api", body: bad, contentType: "application/x-www-form-urlencoded"),
                .signed)
            #expect(
                [401, 430].contains(reply.status),
                "bit \(bit) of byte \(place) in \(String(decoding: good, as: UTF8.self))")
            refused += 1
            guard [401, 430].contains(reply.status) else { break }
        }
        #expect(client.service.view.cloud == before)
        #expect(refused == 10_000)
    }
}
