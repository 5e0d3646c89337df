import CloudModel
public import ControlPlane
public import NetworkVocabulary
import Synchronization

/// Who may sign requests.
public struct APIUser: Sendable, Hashable {
    public let caller: Caller
    public let secretKey: String
    public let isEnabled: Bool

    public init(caller: Caller, secretKey: String, isEnabled: Bool = true) {
        self.caller = caller
        self.secretKey = secretKey
        self.isEnabled = isEnabled
    }
}

/// What a client signs requests with.
public struct APIKeys: Sendable, Hashable {
    public let apiKey: String
    public let secretKey: String

    public init(apiKey: String, secretKey: String) {
        self.apiKey = apiKey
        self.secretKey = secretKey
    }

    /// As CloudStack's test image serves them.
    var published: APIResponse {
        let object: APIObject = ["apikey": .string(apiKey), "secretkey": .string(secretKey)]
        return APIResponse(
            status: 200, contentType: "application/json; charset=UTF-8", body: object.json)
    }
}

/// What `getStatus` says about the process that serves it.
public struct ProcessFacts: Sendable, Hashable {
    public let id: Int32
    /// It lives in a user namespace of its own: who wants to look into its namespaces enters that one first.
    public let isRootless: Bool
    /// Requests and settings that could have changed the kernel since the start; none after a start that found
    /// everything as planned.
    public let kernelWrites: Int

    public init(id: Int32, isRootless: Bool, kernelWrites: Int) {
        self.id = id
        self.isRootless = isRootless
        self.kernelWrites = kernelWrites
    }
}

/// The management API: text in, text out.
public final class CloudAPI: Sendable {
    /// How a request proves who it is from.
    public enum Access: Sendable, Hashable {
        case signed
        /// The integration listener: whoever reaches it is the administrator.
        case trusted
    }

    /// What the API needs of the world around it.
    public struct Surroundings: Sendable {
        /// The user behind an API key.
        public var user: @Sendable (_ apiKey: String) -> APIUser?
        /// Who comes in by the integration listener.
        public var system: Caller
        public var digest: any SignatureDigest
        public var keymaker: any Keymaker
        /// Milliseconds since 1970.
        public var now: @Sendable () -> Int64
        public var newID: @Sendable () -> ObjectID
        /// The program's own version, for `getStatus`.
        public var version: String
        /// So many jobs are remembered.
        public var jobCapacity: Int
        /// The administrator's keys, for whoever asks for `/admin.json`: only where nothing is worth protecting.
        public var publishedKeys: APIKeys?
        /// About the daemon's own process, for `getStatus`; nil where there is none to speak of.
        public var process: @Sendable () -> ProcessFacts?

        public init(
            user: @escaping @Sendable (_ apiKey: String) -> APIUser?, system: Caller, digest: any SignatureDigest,
            keymaker: any Keymaker,
            now: @escaping @Sendable () -> Int64, newID: @escaping @Sendable () -> ObjectID, version: String,
            jobCapacity: Int = 10_000, publishedKeys: APIKeys? = nil,
            process: @escaping @Sendable () -> ProcessFacts? = { nil }
        ) {
            self.user = user
            self.system = system
            self.digest = digest
            self.keymaker = keymaker
            self.now = now
            self.newID = newID
            self.version = version
            self.jobCapacity = jobCapacity
            self.publishedKeys = publishedKeys
            self.process = process
        }
    }

    let service: any CloudService
    let surroundings: Surroundings
    let jobs: Jobs
    private let commands: [String: Command]

    public init(_ service: any CloudService, _ surroundings: Surroundings) {
        self.service = service
        self.surroundings = surroundings
        jobs = Jobs(capacity: surroundings.jobCapacity)
        commands = Dictionary(uniqueKeysWithValues: Command.all.map { ($0.name, $0) })
    }

    /// Answers once, now or later, on any thread.
    public func answer(
        _ request: APIRequest, access: Access, reply: @escaping @Sendable (APIResponse) -> Void
    ) {
        if let keys = surroundings.publishedKeys, request.path == "/admin.json", request.method == "GET" {
            return reply(keys.published)
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
            let caller = try authenticate(parameters, access)
            guard let name = parameters["command"], !name.isEmpty else {
                throw APIError(status: 432, "Invalid request, no command sent")
            }
            guard let command else { throw .unknownCommand(name) }
            guard caller.isRootAdmin || !command.isAdminOnly else {
                throw APIError(
                    status: 401, "The given command '\(command.name)' either does not exist, is not available for user."
                )
            }
            try Self.checkCharacters(parameters, of: command)
            try run(command, parameters, caller, answer)
        } catch {
            answer.fail(error)
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

    private func authenticate(_ parameters: RequestParameters, _ access: Access) throws(APIError) -> Caller {
        if access == .trusted { return surroundings.system }
        guard let key = parameters["apikey"], let signature = parameters["signature"],
            let user = surroundings.user(key), user.isEnabled
        else { throw .unauthorized }
        if parameters["signatureversion"] == "3" {
            guard let expires = parameters["expires"].flatMap({ Timestamp($0) }),
                expires > Timestamp(milliseconds: surroundings.now())
            else { throw .unauthorized }
        }
        guard
            Signature(of: parameters.sent).isValid(signature, secret: user.secretKey, digest: surroundings.digest)
        else { throw .unauthorized }
        return user.caller
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

    /// The answer comes when the change is durable; the job waits for the kernel.
    private func begin(
        _ request: Request, _ command: Command, _ call: Call, _ answer: Answer,
        _ render: @escaping @Sendable (Call, Outcome) -> APIObject
    ) {
        let id = surroundings.newID()
        guard jobs.begin(id, command: command.name, caller: call.caller, at: surroundings.now()) else {
            answer.fail(APIError(status: 503, "Too many jobs are under way"))
            return
        }
        service.submit(request, caller: call.caller, dryRun: false) { [jobs, now = surroundings.now] report in
            switch report {
            case .refused(let error) where error.isJobs:
                jobs.update(id) {
                    $0.state = .failed(APIError(error))
                    $0.completed = now()
                }
                answer.succeed(["jobid": .text(id)])
            case .refused(let error):
                jobs.discard(id)
                answer.fail(APIError(error))
            case .durable(let outcome):
                let object = outcome.reply.object
                let result = render(call, outcome)
                jobs.update(id) {
                    $0.result = result
                    $0.object = object.map { ($0.kind.rawValue, $0.id) }
                }
                answer.succeed(["id": command.isCreation ? result.innerID : nil, "jobid": .text(id)])
            case .realized(let flows):
                jobs.update(id) {
                    $0.result = $0.result.counting(flows)
                    $0.state = .done
                    $0.completed = now()
                }
            case .failed(let error):
                jobs.update(id) {
                    $0.state = .failed(APIError(error))
                    $0.completed = now()
                }
            }
        }
    }

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

    /// The id of the object that a reply holds under its one key.
    fileprivate var innerID: APIValue? {
        guard case .object(let inner) = fields.first?.value else { return nil }
        return inner["id"]
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
}

/// One answer on its way: how to write it, and where to.
private struct Answer: Sendable {
    var isJSON: Bool
    var key: String
    let send: @Sendable (APIResponse) -> Void

    func succeed(_ content: APIObject) { respond(200, [key: .object(content)]) }

    func fail(_ error: APIError) {
        let key = error.status == 432 ? "errorresponse" : key
        let description = error.text.unicodeScalars.prefix(1_024)
            .map { (32..<127).contains($0.value) ? Character($0) : "?" }
        respond(error.status, error.envelope(key), description: String(description))
    }

    private func respond(_ status: Int, _ envelope: APIObject, description: String? = nil) {
        send(
            APIResponse(
                status: status, contentType: isJSON ? "application/json; charset=UTF-8" : "text/xml; charset=UTF-8",
                description: description, body: isJSON ? envelope.json : envelope.xml))
    }
}
