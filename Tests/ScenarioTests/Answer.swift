import CLinux
import Foundation

/// What the API said. The client is a socket and a few lines, so that the test asks from the namespace it is in.
struct Answer {
    let status: Int
    /// What is inside the reply's envelope.
    let content: [String: Any]
    var error: String? { content["errortext"] as? String }

    init(status: Int, content: [String: Any]) {
        self.status = status
        self.content = content
    }

    /// Asks, signed with the administrator's keys as CloudStack's clients sign.
    init(port: UInt16, keys: [String: String], parameters: [String: String]) throws {
        var all = parameters
        all["apiKey"] = keys["apikey"]
        let toSign = Self.query(all).lowercased()
        all["signature"] = Self.signature(of: toSign, secret: keys["secretkey"] ?? "")
        let query = Self.query(all)
        let socket = try Wire.tcp(to: "127.0.0.1", port)
        try socket.send(
            Array(
                """
                POST /client/api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: \(query.utf8.count)\r\n\r\n\(query)
                """.utf8))
        let reply = try socket.receiveAll()
        let words = reply.split(separator: " ", maxSplits: 2)
        guard let end = reply.range(of: "\r\n\r\n"), words.count > 2, let status = Int(words[1]) else {
            throw Trouble("not HTTP: \(reply)")
        }
        self.status = status
        let envelope = try? JSONSerialization.jsonObject(with: Data(reply[end.upperBound...].utf8)) as? [String: Any]
        content = envelope?.values.first as? [String: Any] ?? [:]
    }

    private static func query(_ parameters: [String: String]) -> String {
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_*")
        return parameters.sorted { $0.key < $1.key }.map {
            "\($0)=\($1.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "")"
        }.joined(separator: "&")
    }

    private static func signature(of text: String, secret: String) -> String {
        var context = hmac_sha1_ctx()
        var digest = [UInt8](repeating: 0, count: Int(SHA1_DIGEST_SIZE))
        nettle_hmac_sha1_set_key(&context, secret.utf8.count, Array(secret.utf8))
        nettle_hmac_sha1_update(&context, text.utf8.count, Array(text.utf8))
        nettle_hmac_sha1_digest(&context, digest.count, &digest)
        return Data(digest).base64EncodedString()
    }
}
