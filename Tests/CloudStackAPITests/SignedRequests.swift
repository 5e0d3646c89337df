import CloudStackAPI
import Foundation
import NetworkVocabulary
import ServiceHosting
import Testing

/// Somebody with keys, or without.
struct Signer: Sendable, Hashable, CustomTestStringConvertible {
    let name: String
    let key: String?
    let secret: String

    var testDescription: String { name }

    /// The query of a signed request, put together as the specification says it, in another way than the server does.
    func query(_ command: String, _ parameters: [String: String]) -> String {
        var all = parameters.merging(["command": command, "response": "json"]) { $1 }
        guard let key else { return Client.encoded(all) }
        all["apikey"] = key
        let kept = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*")
        let text = all.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
            .map { "\($0.key)=\($0.value.addingPercentEncoding(withAllowedCharacters: kept) ?? "")" }
            .joined(separator: "&").lowercased()
        let digest = NettleDigest().hmacSHA1(key: Array(secret.utf8), message: Array(text.utf8))
        all["signature"] = Data(digest).base64EncodedString()
        return Client.encoded(all)
    }
}

extension Client {
    func signed(_ signer: Signer, _ command: String, _ parameters: [String: String] = [:]) -> APIResponse {
        get(signer.query(command, parameters), .signed)
    }

    /// The content of a signed request's answer.
    func content(_ signer: Signer, _ command: String, _ parameters: [String: String] = [:]) throws -> [String: Any] {
        let reply = signed(signer, command, parameters)
        guard reply.status == 200 else { throw Refused(status: reply.status, text: reply.description ?? reply.body) }
        let envelope = try JSONSerialization.jsonObject(with: Data(reply.body.utf8)) as? [String: Any]
        return envelope?["\(command.lowercased())response"] as? [String: Any] ?? [:]
    }

    /// What the job of somebody's asynchronous command came to.
    func job(_ signer: Signer, _ command: String, _ parameters: [String: String] = [:]) throws -> [String: Any] {
        let started = try content(signer, command, parameters)
        let job = try content(signer, "queryAsyncJobResult", ["jobid": started["jobid"] as? String ?? ""])
        guard job["jobstatus"] as? Int == 1 else { throw Refused(status: 200, text: "\(job)") }
        return job["jobresult"] as? [String: Any] ?? [:]
    }
}
