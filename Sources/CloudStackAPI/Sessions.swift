import CloudModel
import ControlPlane
import FoundationEssentials
import NetworkVocabulary
import Synchronization

extension Command {
    static let sessions: [Command] = [
        Command(
            name: "login", description: "Begins a session; by POST only",
            parameters: [
                Parameter("username", required: true, "the user's name"),
                Parameter("password", required: true, "the user's password"),
                Parameter("domain", "the path of the user's domain; ROOT when absent"),
                Parameter("domainid", .uuid, related: "listDomains", "instead of the path: the domain"),
            ], isAsync: false, isCreation: false, audience: .everybody, isCostly: true, unsupported: [], action: .login),
        Command(
            name: "logout", description: "Ends the session", parameters: [], isAsync: false, isCreation: false,
            audience: .everybody, isCostly: false, unsupported: [], action: .logout),
    ]
}

/// Who is signed in. Sessions live as long as the daemon, and end when nothing is heard of them.
final class Sessions: Sendable {
    struct Session: Sendable {
        let user: ObjectID
        /// Another password ends the session.
        let passwordHash: Secret?
        let key: String
        var lastUsed: Int64
    }

    /// Seconds without a call after which a session is over.
    static let idle: Int64 = 1_800
    static let capacity = 10_000

    private let table = Mutex<[String: Session]>([:])

    func begin(_ id: String, _ session: Session) {
        table.withLock { table in
            if table.count >= Self.capacity {
                table = table.filter { session.lastUsed - $0.value.lastUsed < Self.idle * 1_000 }
                // Somebody with a password could fill the table: then those who wait longest go.
                while table.count >= Self.capacity,
                    let oldest = table.min(by: { $0.value.lastUsed < $1.value.lastUsed })?.key
                {
                    table[oldest] = nil
                }
            }
            table[id] = session
        }
    }

    /// The session, which is used by that.
    func use(_ id: String, at now: Int64) -> Session? {
        table.withLock { table in
            guard var session = table[id] else { return nil }
            guard now - session.lastUsed < Self.idle * 1_000 else {
                table[id] = nil
                return nil
            }
            session.lastUsed = now
            table[id] = session
            return session
        }
    }

    func end(_ id: String) { table.withLock { $0[id] = nil } }
}

/// Slows down whoever guesses passwords: by name, so that one user's is safe from many machines, and by address, so that
/// one machine does not try many users.
final class LoginGuard: Sendable {
    private struct Failures {
        var count: Int
        var last: Int64
    }

    private let table = Mutex<[String: Failures]>([:])
    private static let capacity = 10_000
    /// So many are everybody's mistakes.
    private static let free = 3
    /// Milliseconds that are waited for at most; after twice that, all is forgotten.
    private static let longest: Int64 = 300_000

    /// Whether an attempt may be made now.
    func admits(_ names: [String], at now: Int64) -> Bool {
        table.withLock { table in names.allSatisfy { name in table[name].map { now >= Self.reopening($0) } ?? true } }
    }

    func failed(_ names: [String], at now: Int64) {
        table.withLock { table in
            if table.count >= Self.capacity { table = table.filter { now - $0.value.last < 2 * Self.longest } }
            for name in names {
                guard table[name] != nil || table.count < Self.capacity else { continue }
                let old = table[name].flatMap { now - $0.last < 2 * Self.longest ? $0 : nil }
                table[name] = Failures(count: (old?.count ?? 0) + 1, last: now)
            }
        }
    }

    func succeeded(_ names: [String]) { table.withLock { table in for name in names { table[name] = nil } } }

    /// A second after the fourth failure, then twice as long each time.
    private static func reopening(_ failures: Failures) -> Int64 {
        let exponent = failures.count - free - 1
        guard exponent >= 0 else { return failures.last }
        return failures.last + min(longest, 1_000 << Int64(min(exponent, 20)))
    }
}

extension CloudAPI {
    /// The session of a request, if it shows both the cookie and the key.
    func sessionCaller(_ request: APIRequest, _ parameters: RequestParameters, _ cloud: Cloud) throws(APIError)
        -> Caller
    {
        let refusal = APIError(status: 401, "unable to verify user credentials")
        guard let id = request.cookie(named: "JSESSIONID"),
            let session = sessions.use(id, at: surroundings.now())
        else { throw refusal }
        let key = Array((parameters["sessionkey"] ?? "").utf8)
        guard surroundings.digest.areEqual(key, Array(session.key.utf8)), let user = cloud.users[session.user],
            user.passwordHash == session.passwordHash, cloud.admits(user)
        else {
            sessions.end(id)
            throw refusal
        }
        return Caller(user, in: cloud)
    }

    func logIn(_ request: APIRequest, _ parameters: RequestParameters, _ command: Command, _ answer: Answer) {
        do throws(APIError) {
            guard request.method == "POST" else { throw APIError(status: 405, "login is for POST only") }
            let arguments: Arguments
            do throws(RequestError) { arguments = try Arguments(command, parameters) } catch { throw APIError(error) }
            let name = arguments.string("username") ?? ""
            let cloud = service.view.cloud
            let domain =
                arguments.id("domainid").map { cloud.domains[$0] }
                ?? cloud.domain(path: arguments.string("domain") ?? "/")
            let refusal = APIError(
                status: 531, exceptionCode: 4365,
                "Failed to authenticate user \(APIError.excerpt(name)) in domain "
                    + "\(APIError.excerpt(arguments.string("domain") ?? domain.map { cloud.path(ofDomain: $0.id) } ?? "")); "
                    + "please provide valid credentials")
            let guarded = ["address \(request.peer)", "user \(domain.map { "\($0.id)" } ?? "-")/\(name.lowercased())"]
            let now = surroundings.now()
            guard loginGuard.admits(guarded, at: now) else { throw refusal }
            let user = domain.flatMap { cloud.user(named: name, inDomain: $0.id) }
            // Whether there is such a user must not show in how long the answer takes.
            let hash = user?.passwordHash ?? surroundings.passwords.nobodys
            let isRight = surroundings.passwords.matches(arguments.string("password") ?? "", hash)
            guard isRight, let user, user.passwordHash != nil, cloud.admits(user) else {
                loginGuard.failed(guarded, at: now)
                throw refusal
            }
            loginGuard.succeeded(guarded)
            begin(user, cloud, now, answer)
        } catch {
            answer.fail(error)
        }
    }

    private func begin(_ user: User, _ cloud: Cloud, _ now: Int64, _ answer: Answer) {
        let id = surroundings.random(24).base64ForURLs
        let key = surroundings.random(20).base64ForURLs
        sessions.begin(
            id, Sessions.Session(user: user.id, passwordHash: user.passwordHash, key: key, lastUsed: now))
        let account = cloud.accounts[user.account]
        let content: APIObject = [
            "username": .string(user.name), "userid": .text(user.id), "domainid": .text(account?.domain),
            "timeout": .number(Sessions.idle), "account": .text(account?.name), "firstname": .string(user.firstName),
            "lastname": .string(user.lastName), "type": .string(String(account?.type.rawValue ?? 0)),
            "timezone": .string(user.timeZone ?? "UTC"), "timezoneoffset": "0.0", "registered": "false",
            "sessionkey": .string(key), "is2faenabled": "false", "is2faverified": "true",
            "managementserverid": .text(service.view.installation),
        ]
        answer.succeed(
            content,
            cookies: ["JSESSIONID=\(id); Path=/; HttpOnly", "sessionkey=\(key); Path=/; HttpOnly; SameSite=Lax"])
    }

    func logOut(_ request: APIRequest, _ answer: Answer) {
        if let id = request.cookie(named: "JSESSIONID") { sessions.end(id) }
        answer.succeed(
            ["description": "success"],
            cookies: ["JSESSIONID", "sessionkey"].map { "\($0)=; Path=/; HttpOnly; Max-Age=0" })
    }
}

extension Cloud {
    /// Whether a user may come in at all.
    func admits(_ user: User) -> Bool {
        user.state == .enabled && accounts[user.account]?.state == .enabled
    }
}

extension [UInt8] {
    /// Without padding (RFC 4648, section 5).
    var base64ForURLs: String {
        Data(self).base64EncodedString().filter { $0 != "=" }
            .map { $0 == "+" ? "-" : $0 == "/" ? "_" : String($0) }.joined()
    }
}
