import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import NetworkVocabulary
import ServiceHosting
import Synchronization
import TestSupport

/// A client of an API over a service that is done at once.
final class Client: Sendable {
    static let key = "the-key"
    static let secret = "the-secret"
    static let now: Int64 = 1_795_000_000_000

    let service: ImmediateCloudService
    let api: CloudAPI
    let clock = Clock()
    private let replies = Mutex<[APIResponse]>([])

    convenience init(
        jobCapacity: Int = 100, key: String = Client.key, secret: String = Client.secret,
        keymaker: any Keymaker = NettleKeys()
    ) throws {
        let service = try ImmediateCloudService()
        var cloud = service.view.cloud
        let user = User(
            id: ObjectID(random: 78, 1), account: service.admin.account, name: "admin", apiKey: key,
            secretKey: Secret(secret))
        try cloud.apply(.put(.user(user)))
        service.restore(cloud)
        self.init(service, service.admin, jobCapacity: jobCapacity, keymaker: keymaker)
    }

    /// Somebody else at the same service, with an account of the name.
    convenience init(besides other: Client, account name: String) throws {
        let account = Mutex<ObjectID?>(nil)
        other.service.submit(
            .createAccount(Request.CreateAccount(name: name)), caller: other.service.admin, dryRun: false
        ) { report in
            if case .durable(let outcome) = report { account.withLock { $0 = outcome.reply.object?.id } }
        }
        guard let id = account.withLock({ $0 }) else { throw Refused(status: 0, text: "no account \(name)") }
        self.init(other.service, Caller(account: id, isRootAdmin: false))
    }

    /// Somebody at a service, by the integration listener.
    init(
        _ service: ImmediateCloudService, _ caller: Caller, jobCapacity: Int = 100,
        keymaker: any Keymaker = NettleKeys()
    ) {
        self.service = service
        let ids = Mutex(UInt64(0))
        let clock = clock
        api = CloudAPI(
            service,
            CloudAPI.Surroundings(
                system: caller, digest: NettleDigest(), passwords: PlainPasswords(), keymaker: keymaker,
                certificates: GnuTLSCertificates(), now: { clock.now },
                newID: {
                    ids.withLock {
                        $0 += 1
                        return ObjectID(random: 77, $0)
                    }
                }, version: "1.2.3", jobCapacity: jobCapacity))
    }

    static func encoded(_ parameters: [String: String]) -> String {
        parameters.map { "\(escaped($0.key))=\(escaped($0.value))" }.joined(separator: "&")
    }

    static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        .joined()
    }

    /// The reply, which must have come once and at once.
    func send(_ request: APIRequest, _ access: CloudAPI.Access = .trusted) -> APIResponse {
        replies.withLock { $0 = [] }
        api.answer(request, access: access) { reply in self.replies.withLock { $0.append(reply) } }
        let all = replies.withLock { $0 }
        return all.count == 1 ? all[0] : APIResponse(status: 0, contentType: "", body: "\(all.count) replies")
    }

    func get(_ query: String, _ access: CloudAPI.Access = .trusted) -> APIResponse {
        send(APIRequest(method: "GET", path: "/client/api", query: query), access)
    }

    /// The content of the envelope of a successful command, parsed by another JSON reader than ours.
    func call(_ command: String, _ parameters: [String: String] = [:]) throws -> [String: Any] {
        let reply = get(Client.encoded(parameters.merging(["command": command, "response": "json"]) { $1 }))
        guard reply.status == 200 else { throw Refused(status: reply.status, text: reply.description ?? reply.body) }
        guard let envelope = try JSONSerialization.jsonObject(with: Data(reply.body.utf8)) as? [String: Any],
            envelope.count == 1, let content = envelope["\(command.lowercased())response"] as? [String: Any]
        else { throw Refused(status: 200, text: reply.body) }
        return content
    }

    func list(_ command: String, _ key: String, _ parameters: [String: String] = [:]) throws -> [[String: Any]] {
        try call(command, parameters)[key] as? [[String: Any]] ?? []
    }

    /// What the job of an async command came to, by its inner key.
    func finish(_ command: String, _ key: String, _ parameters: [String: String] = [:]) throws -> [String: Any] {
        let started = try call(command, parameters)
        guard let id = started["jobid"] as? String else { throw Refused(status: 200, text: "no jobid") }
        let job = try call("queryAsyncJobResult", ["jobid": id])
        guard job["jobstatus"] as? Int == 1, let result = job["jobresult"] as? [String: Any],
            let object = result[key] as? [String: Any]
        else { throw Refused(status: 200, text: "\(job)") }
        return object
    }

    func status(_ query: String, _ access: CloudAPI.Access = .trusted) -> Int { get(query, access).status }
}

/// A time that stands still until it is moved.
final class Clock: Sendable {
    private let moment = Mutex(Client.now)
    var now: Int64 { moment.withLock { $0 } }
    func advance(seconds: Int64) { moment.withLock { $0 += seconds * 1_000 } }
}

/// Passwords that are hashed in no time.
struct PlainPasswords: PasswordHashing {
    func hash(_ password: String) -> Secret? { Secret("plain:" + password) }
    func matches(_ password: String, _ hash: Secret) -> Bool { hash.revealed == "plain:" + password }
    var nobodys: Secret { Secret("nobody's") }
}

/// The same key every time: for tests that ask for very many.
struct OneKey: Keymaker {
    private static let key = NettleKeys().makeKey()

    func makeKey() -> (key: SSHPublicKey, privateKey: Secret)? { Self.key }
    func encrypt(_ secret: Secret, for key: SSHPublicKey) -> [UInt8]? { NettleKeys().encrypt(secret, for: key) }
}

struct Refused: Error, Equatable {
    let status: Int
    let text: String
}

/// The text of an id in a parsed reply.
func id(_ object: [String: Any]) -> String { object["id"] as? String ?? "" }

/// HMAC-SHA1 in base64 by Python.
func hmac(_ text: String, _ secret: String) -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
        "python3", "-c",
        "import hmac,sys,base64;print(base64.b64encode(hmac.new(sys.argv[1].encode(),sys.argv[2].encode(),'sha1').digest()).decode())",
        secret, text,
    ]
    process.standardOutput = pipe
    do { try process.run() } catch { return "\(error)" }
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return output.trimmingCharacters(in: .whitespacesAndNewlines)
}
