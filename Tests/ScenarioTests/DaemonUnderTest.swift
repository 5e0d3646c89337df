import Foundation
import Testing

/// A real `sluiced` as a child process, and its doors: the command line and the API's integration port.
final class DaemonUnderTest {
    /// The folder that the test bundle was built into; the programs are beside it.
    static let programs = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        .path

    let world: World
    let process: Child
    /// The API's address, as the line of readiness says.
    let api: String
    let log: String
    private let port: UInt16
    private let adminFile: String
    private let keys: [String: String]

    /// Starts it and waits for the line that says that it is ready. Without a data directory it is ephemeral.
    init(
        _ world: World, profile: String = "demo", data: String? = nil, options: [String] = [],
        environment: [String: String] = [:], runner: [String] = [], programs: String = DaemonUnderTest.programs,
        home temporary: String? = nil
    ) throws {
        self.world = world
        log = "\(world.directory)/log"
        let keeping = data.map { ["--data", $0] } ?? ["--ephemeral"]
        process = try world.start(
            runner + ["\(programs)/sluiced", "--api", "127.0.0.1:0", "--profile", profile] + keeping + options,
            environment: ["TMPDIR": world.directory].merging(environment) { $1 }, log: log)
        let isReady = { (output: String) in
            guard output.contains("sluiced ready: api ") else { return false }
            // The demo's hints come when its cloud is in the kernel.
            return profile != "demo" || output.contains("Ctrl-C ends")
        }
        guard try process.read(until: isReady) else {
            let status = try process.wait()
            throw Trouble("ended with \(status): \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
        }
        let words = process.output.split(whereSeparator: \.isWhitespace).map(String.init)
        api = words.first { $0.hasPrefix("http://") } ?? ""
        let home = try data ?? Self.temporaryHome(in: temporary ?? world.directory)
        adminFile = "\(home)/admin.json"
        let text = try Data(contentsOf: URL(filePath: adminFile))
        keys = try JSONSerialization.jsonObject(with: text) as? [String: String] ?? [:]
        port = URL(string: api)?.port.map(UInt16.init) ?? 0
    }

    private static func temporaryHome(in directory: String) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        return "\(directory)/\(try #require(names.first { $0.hasPrefix("sluice-") }))"
    }

    var logText: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
    /// Where the API is, and what its administrator signs with: for clients of other kinds.
    var credentials: [String] { [api, keys["apikey"] ?? "", keys["secretkey"] ?? ""] }
    var environment: [String: String] { ["SLUICE_API": api, "SLUICE_ADMIN": adminFile] }

    /// Stops it in order, and waits for the end.
    func stop(with signal: Int32 = SIGTERM) throws -> Int32 {
        process.signal(signal)
        return try process.wait()
    }

    /// The command line's answer.
    func sluice(_ words: String...) throws -> Finished {
        try world.run(["\(Self.programs)/sluice"] + words, environment: environment)
    }

    /// One call of the API, as far as its immediate answer.
    func call(_ command: String, _ parameters: [String: String] = [:]) throws -> Answer {
        try Answer(
            port: port, keys: keys, parameters: parameters.merging(["command": command, "response": "json"]) { $1 })
    }

    /// One call and, where it starts a job, the job's result, which must be good.
    @discardableResult
    func perform(_ command: String, _ parameters: [String: String] = [:]) throws -> [String: Any] {
        let answer = try finish(command, parameters)
        guard answer.status == 200 else { throw Trouble("\(command): \(answer.status) \(answer.error ?? "")") }
        return answer.content
    }

    /// One call and, where it starts a job, the job's result, good or bad.
    func finish(_ command: String, _ parameters: [String: String] = [:]) throws -> Answer {
        let answer = try call(command, parameters)
        guard answer.status == 200, let job = answer.content["jobid"] as? String else { return answer }
        return try seen("the end of \(command)", within: .seconds(60)) {
            let state = try call("queryAsyncJobResult", ["jobid": job])
            guard let word = state.content["jobstatus"] as? Int, word != 0 else { return nil }
            return Answer(
                status: word == 1 ? 200 : state.content["jobresultcode"] as? Int ?? 530,
                content: state.content["jobresult"] as? [String: Any] ?? [:])
        }
    }

    func list(_ command: String, _ key: String, _ parameters: [String: String] = [:]) throws -> [[String: Any]] {
        try perform(command, parameters.merging(["listall": "true", "pagesize": "-1"]) { a, _ in a })[key]
            as? [[String: Any]] ?? []
    }

    var status: [String: Any] { get throws { try perform("getStatus")["status"] as? [String: Any] ?? [:] } }
    var revision: Int { get throws { try status["revision"] as? Int ?? -1 } }

    /// Every plan as text.
    var plans: String { get throws { try sluice("plan", "show").output } }

    /// Waits until every planned node is in the kernel, read back.
    func waitUntilVerified() throws {
        try seen("all nodes verified") {
            let nodes = try status["nodes"] as? [String: Any] ?? [:]
            let total = nodes["total"] as? Int ?? 0
            return total > 0 && nodes["verified"] as? Int == total ? true : nil
        }
    }

    func events(_ type: String? = nil) throws -> [String] {
        try list("listEvents", "event", type.map { ["type": $0] } ?? [:]).filter {
            type == nil || $0["type"] as? String == type
        }.map { $0["description"] as? String ?? "" }
    }
}

extension [String: Any] {
    subscript(text key: String) -> String { self[key] as? String ?? "" }
}
