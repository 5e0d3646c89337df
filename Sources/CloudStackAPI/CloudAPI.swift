import CloudModel
public import ControlPlane
import NetworkVocabulary
import Synchronization

/// The management API: text in, text out.
public final class CloudAPI: Sendable {
    /// How a request proves who it is from.
    public enum Access: Sendable, Hashable {
        case signed
        /// The integration listener: whoever reaches it is the administrator.
        case trusted
    }

    public typealias Surroundings = APISurroundings

    let service: any CloudService
    let surroundings: Surroundings
    let jobs: Jobs
    let sessions = Sessions()
    let loginGuard = LoginGuard()
    private let commands: [String: Command]

    public init(_ service: any CloudService, _ surroundings: Surroundings) {
        self.service = service
        self.surroundings = surroundings
        jobs = Jobs(capacity: surroundings.jobCapacity)
        commands = Dictionary(uniqueKeysWithValues: Command.all.map { ($0.name, $0) })
    }

    /// The administrator's keys, as CloudStack's test image serves them.
    private var publishedKeys: APIResponse {
        let admin = service.view.cloud.user(named: "admin", inDomain: Domain.root.id)
        let keys: APIObject = ["apikey": .text(admin?.apiKey), "secretkey": .text(admin?.secretKey?.revealed)]
        return APIResponse(
            status: admin?.apiKey == nil ? 503 : 200, contentType: "application/json; charset=UTF-8", body: keys.json)
    }

    /// Answers once, now or later, on any thread.
    public func answer(
        _ request: APIRequest, access: Access, reply: @escaping @Sendable (APIResponse) -> Void
    ) {
        if surroundings.publishesKeys, request.path == "/admin.json", request.method == "GET" {
            return reply(publishedKeys)
        }
        // Parameters that cannot be parsed still get their error in the form that the client reads.
        var answer = Answer(
            isJSON: request.query.lowercased().contains("response=json"), key: "errorresponse", send: reply)
        do throws(APIError) {
            try Self.check(request, access)
            let parameters = try RequestParameters(request, allowingBody: access == .signed)
            answer.isJSON = parameters["response"]?.lowercased() == "json"
            let command = parameters["command"].flatMap { commands[$0] }
            if let command { answer.key = command.responseKey }
            if access == .signed, let command {
                if case .login = command.action { try Self.checkCharacters(parameters, of: command) }
                switch command.action {
                case .login: return try aside(answer) { self.logIn(request, parameters, command, $0) }
                case .logout: return logOut(request, answer)
                case .read, .change: break
                }
            }
            let cloud = service.view.cloud
            let caller = try authenticate(request, parameters, access, cloud)
            guard let name = parameters["command"], !name.isEmpty else {
                throw APIError(status: 432, "Invalid request, no command sent")
            }
            guard let command else { throw .unknownCommand(name) }
            guard let role = cloud.roles[caller.role], command.isAllowed(by: role) else {
                throw APIError(
                    status: 401, "The given command '\(command.name)' either does not exist, is not available for user."
                )
            }
            try Self.checkCharacters(parameters, of: command)
            if command.isCostly {
                try aside(answer) { answer in
                    do throws(APIError) { try self.run(command, parameters, caller, answer) } catch {
                        answer.fail(error)
                    }
                }
            } else {
                try run(command, parameters, caller, answer)
            }
        } catch {
            answer.fail(error)
        }
    }

    /// Does it where it keeps nobody waiting.
    private func aside(_ answer: Answer, _ body: @escaping @Sendable (Answer) -> Void) throws(APIError) {
        guard surroundings.aside({ body(answer) }) else {
            throw APIError(status: 503, "Too many such calls are under way")
        }
    }

    private static func check(_ request: APIRequest, _ access: Access) throws(APIError) {
        guard request.method == "GET" || request.method == "POST" else {
            throw APIError(status: 405, "Method \(APIError.excerpt(request.method)) is not allowed")
        }
        var path = request.path
        while path.count > 1, path.last == "/" { path.removeLast() }
        guard access == .trusted || path == "/client/api" || path == "/api" else {
            throw APIError(status: 404, "There is nothing here; the API is at /client/api")
        }
    }

    /// Who asks: by signature, by session, or nobody in particular on the integration listener. In this order: a known
    /// key, a user who may come in, a role that allows the command, the proof.
    private func authenticate(
        _ request: APIRequest, _ parameters: RequestParameters, _ access: Access, _ cloud: Cloud
    ) throws(APIError) -> Caller {
        if access == .trusted { return surroundings.system }
        guard parameters["apikey"] != nil || parameters["signature"] != nil else {
            guard request.cookie != nil else { throw .unauthorized }
            let caller = try sessionCaller(request, parameters, cloud)
            guard parameters["command"] != nil else { throw APIError(status: 400, "Invalid request, no command sent") }
            return caller
        }
        guard let key = parameters["apikey"], let signature = parameters["signature"],
            let user = cloud.user(apiKey: key), let secret = user.secretKey, cloud.admits(user)
        else { throw .unauthorized }
        if parameters["signatureversion"] == "3" {
            guard let expires = parameters["expires"].flatMap({ Timestamp(withZone: $0) }),
                expires > Timestamp(milliseconds: surroundings.now())
            else { throw .unauthorized }
        }
        guard
            Signature(of: parameters.sent).isValid(signature, secret: secret.revealed, digest: surroundings.digest)
        else { throw .unauthorized }
        return Caller(user, in: cloud)
    }

    /// No control characters in any value; tabs are at home in the text of a file.
    private static func checkCharacters(_ parameters: RequestParameters, of command: Command) throws(APIError) {
        for name in parameters.names.sorted() {
            let isFile = command.parameters.contains { $0.name == name && $0.maxLength > 65_536 }
            let bad = parameters[name]?.utf8.contains { byte in
                (byte < 0x20 && byte != 0x0a && byte != 0x0d && !(isFile && byte == 0x09)) || byte == 0x7f
            }
            guard bad != true else {
                throw .parameter(
                    "Received value containing illegal ASCII non-printable characters for parameter "
                        + APIError.excerpt(name))
            }
        }
    }

    private func run(
        _ command: Command, _ parameters: RequestParameters, _ caller: Caller, _ answer: Answer
    ) throws(APIError) {
        let call: Call
        do throws(RequestError) {
            call = Call(
                arguments: try Arguments(command, parameters), caller: caller, view: service.view, api: self)
            switch command.action {
            case .login, .logout: answer.fail(.unknownCommand(command.name))
            case .read(let body): answer.succeed(try body(call))
            case .change(let body, let render):
                let request = try body(call)
                if call.isDryRun {
                    show(request, call, answer)
                } else if command.isAsync {
                    begin(request, command, call, answer, render)
                } else {
                    perform(request, call, answer, render)
                }
            }
        } catch {
            throw APIError(error)
        }
    }

    /// The answer waits for the kernel.
    private func perform(
        _ request: Request, _ call: Call, _ answer: Answer, _ render: @escaping @Sendable (Call, Outcome) -> APIObject
    ) {
        let result = Held<APIObject>([:])
        service.submit(request, caller: call.caller, dryRun: false) { report in
            switch report {
            case .refused(let error), .failed(let error): answer.fail(APIError(error))
            case .durable(let outcome): result.value = render(call, outcome)
            case .realized(let flows): answer.succeed(result.value.counting(flows))
            }
        }
    }

    /// The answer comes when the job is done or, if that takes a while, when the change is durable: clients ask at once
    /// how far a job is, and then only after seconds again. The job waits for the kernel.
    ///
    /// A job's id follows from its entry in the ledger, so that it can be answered for after the daemon has died.
    private func begin(
        _ request: Request, _ command: Command, _ call: Call, _ answer: Answer,
        _ render: @escaping @Sendable (Call, Outcome) -> APIObject
    ) {
        let place = surroundings.newID()
        guard jobs.begin(place, command: command.name, caller: call.caller, at: surroundings.now()) else {
            answer.fail(APIError(status: 503, "Too many jobs are under way"))
            return
        }
        let name = Held(place)
        let reply = Held<APIObject?>(nil)
        let send: @Sendable () -> Void = { if let content = reply.take() { answer.succeed(content) } }
        let installation = call.view.installation
        service.submit(request, caller: call.caller, dryRun: false) { [jobs, surroundings] report in
            switch report {
            case .refused(let error) where error.isJobs:
                jobs.update(place) {
                    $0.state = .failed(APIError(error))
                    $0.completed = surroundings.now()
                }
                answer.succeed(["jobid": .text(place)])
            case .refused(let error):
                jobs.discard(place)
                answer.fail(APIError(error))
            case .durable(let outcome):
                if !outcome.changes.isEmpty { name.value = ObjectID(of: outcome.revision, in: installation, part: 0) }
                let id = name.value
                jobs.rename(place, to: id)
                let object = outcome.reply.object
                let result = render(call, outcome)
                jobs.update(id) {
                    $0.result = result
                    $0.object = object.map { ($0.kind.rawValue, $0.id) }
                }
                reply.value = ["id": command.isCreation ? result.innerID : nil, "jobid": .text(id)]
                surroundings.later(send)
            case .realized(let flows):
                jobs.update(name.value) {
                    $0.result = $0.result.counting(flows)
                    $0.state = .done
                    $0.completed = surroundings.now()
                }
                send()
            case .failed(let error):
                jobs.update(name.value) {
                    $0.state = .failed(APIError(error))
                    $0.completed = surroundings.now()
                }
                send()
            }
        }
    }

    func isAsync(_ command: String) -> Bool { commands[command]?.isAsync ?? false }
    func command(named name: String) -> Command? { commands[name] }

    private func show(_ request: Request, _ call: Call, _ answer: Answer) {
        service.submit(request, caller: call.caller, dryRun: true) { report in
            switch report {
            case .refused(let error), .failed(let error): answer.fail(APIError(error))
            case .durable(let outcome):
                answer.succeed([
                    "plan": .object([
                        "revision": .number(call.view.revision.number),
                        "changes": .array(outcome.changes.map { .string($0.summary) }),
                        "difference": .string(outcome.planDifference ?? ""),
                    ])
                ])
            case .realized: break
            }
        }
    }
}

extension APIObject {
    /// With the number of connections that the change ended, if any: in the object that is answered, where there is one,
    /// because clients expect nothing beside it.
    fileprivate func counting(_ flowsEnded: Int) -> APIObject {
        guard flowsEnded > 0 else { return self }
        var copy = self
        if fields.count == 1, let key = fields.first?.key, case .object(var inner)? = self[key] {
            inner["flowsended"] = .number(flowsEnded)
            copy[key] = .object(inner)
        } else {
            copy["flowsended"] = .number(flowsEnded)
        }
        return copy
    }

    /// The id of the object that a reply holds under its one key; policies are in a list in there.
    fileprivate var innerID: APIValue? {
        guard case .object(let inner) = fields.first?.value else { return nil }
        if let id = inner["id"] { return id }
        for case .array(let items) in inner.fields.map(\.value) {
            if case .object(let item)? = items.first, let id = item["id"] { return id }
        }
        return nil
    }
}

/// A value that reports on different threads hand to each other.
private final class Held<Value: Sendable>: Sendable {
    private let stored: Mutex<Value>

    init(_ value: Value) { stored = Mutex(value) }

    var value: Value {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }

    /// For the first who asks, and nobody after.
    func take<Wrapped>() -> Wrapped? where Value == Wrapped? {
        stored.withLock { value in
            defer { value = nil }
            return value
        }
    }
}

/// One answer on its way: how to write it, and where to.
struct Answer: Sendable {
    var isJSON: Bool
    var key: String
    let send: @Sendable (APIResponse) -> Void

    func succeed(_ content: APIObject, cookies: [String] = []) {
        respond(200, [key: .object(content)], cookies: cookies)
    }

    func fail(_ error: APIError) {
        let key = error.status == 432 ? "errorresponse" : key
        let description = error.text.unicodeScalars.prefix(1_024)
            .map { (32..<127).contains($0.value) ? Character($0) : "?" }
        respond(error.status, error.envelope(key), description: String(description))
    }

    private func respond(
        _ status: Int, _ envelope: APIObject, description: String? = nil, cookies: [String] = []
    ) {
        send(
            APIResponse(
                status: status, contentType: isJSON ? "application/json; charset=UTF-8" : "text/xml; charset=UTF-8",
                description: description, cookies: cookies, body: isJSON ? envelope.json : envelope.xml))
    }
}
