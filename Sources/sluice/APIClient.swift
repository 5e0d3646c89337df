import CLinux
import FoundationEssentials
import Glibc

/// Signed calls of the management API, one connection each.
struct APIClient {
    let settings: Settings

    /// What is inside the reply's envelope; the API's error text is thrown.
    func call(_ command: String, _ parameters: [String: String] = [:]) throws(Failure) -> JSONValue {
        let body = try signed(parameters.merging(["command": command, "response": "json"]) { $1 })
        let (status, reply) = try HTTPExchange(url: settings.api).post(body)
        guard status != 413 else {
            throw Failure(
                "the request is too long: \(body.utf8.count) bytes as sent, and the API takes 1 MiB. A cloud can be "
                    + "applied in several files: what one does not name stays.")
        }
        guard let envelope = try? JSONDecoder().decode(JSONValue.self, from: Data(reply)),
            case .object(let fields) = envelope, let content = fields.values.first
        else { throw Failure("\(settings.api) did not answer as the management API does (HTTP \(status))", status: 3) }
        guard status == 200 else { throw Failure(content["errortext"]?.text ?? "HTTP \(status)") }
        return content
    }

    /// A call that answers when the kernel is done: says how far it is when that takes a while.
    func callWithProgress(_ what: String, _ command: String, _ parameters: [String: String]) throws(Failure)
        -> JSONValue
    {
        guard isatty(STDERR_FILENO) == 1 else { return try call(command, parameters) }
        let background = BackgroundCall { [self] () throws(Failure) in try call(command, parameters) }
        let progress = Progress(what)
        defer { progress.end() }
        while true {
            if let result = background.wait(milliseconds: 250) { return try result.get() }
            guard progress.isDue else { continue }
            let nodes = try? call("getStatus")["status"]?["nodes"]
            progress.tick(nodes.map { "\($0["verified"]?.text ?? "?") of \($0["total"]?.text ?? "?") nodes" })
        }
    }

    /// A call whose answer may be a job: waits for the job and gives its result, saying so when that takes a while.
    func callAndWait(_ command: String, _ parameters: [String: String] = [:]) throws(Failure) -> JSONValue {
        let answer = try call(command, parameters)
        guard let job = answer["jobid"]?.text else { return answer }
        let progress = Progress("waiting for the kernel")
        defer { progress.end() }
        var pause: useconds_t = 5_000
        while true {
            let result = try call("queryAsyncJobResult", ["jobid": job])
            switch result["jobstatus"]?.text {
            case "1": return result["jobresult"] ?? .object([:])
            case "2": throw Failure(result["jobresult"]?["errortext"]?.text ?? "the job failed")
            default: break
            }
            progress.tick()
            usleep(pause)
            pause = min(pause * 2, 500_000)
        }
    }

    /// The form body with its signature. Without keys the call goes out unsigned: the integration port takes it.
    private func signed(_ parameters: [String: String]) throws(Failure) -> String {
        var all = parameters
        guard let key = settings.apiKey, let secret = settings.secretKey else {
            return Self.form(all)
        }
        all["apiKey"] = key
        let text = all.sorted { $0.key < $1.key }.map { "\($0)=\(Self.encoded($1))" }.joined(separator: "&")
            .lowercased()
        all["signature"] = Signer.signature(of: text, secret: secret)
        return Self.form(all)
    }

    private static func form(_ parameters: [String: String]) -> String {
        parameters.sorted { $0.key < $1.key }.map { "\(encoded($0))=\(encoded($1))" }.joined(separator: "&")
    }

    /// Letters, digits, `.`, `-`, `_` and `*` stay; everything else is `%XX`.
    private static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 0x2e, 0x2d, 0x5f, 0x2a: result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}

/// HMAC-SHA1 in base64, as CloudStack's clients sign.
enum Signer {
    static func signature(of text: String, secret: String) -> String {
        var context = hmac_sha1_ctx()
        let key = Array(secret.utf8)
        let message = Array(text.utf8)
        var digest = [UInt8](repeating: 0, count: Int(SHA1_DIGEST_SIZE))
        nettle_hmac_sha1_set_key(&context, key.count, key)
        nettle_hmac_sha1_update(&context, message.count, message)
        nettle_hmac_sha1_digest(&context, digest.count, &digest)
        return Data(digest).base64EncodedString()
    }
}
