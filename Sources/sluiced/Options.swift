import Glibc
import NetworkVocabulary
import ServiceHosting

/// What the command line and the configuration file say.
struct Options: Sendable {
    enum Profile: String, Sendable { case empty, demo, simulator }
    enum LogFormat: String, Sendable { case text, json }

    /// A host and a port to listen on.
    struct Endpoint: Sendable, CustomStringConvertible {
        let host: String
        let port: UInt16

        init?(_ text: String) {
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
                return nil
            }
            var host = String(text[..<colon])
            if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
            guard IPAddress(host) != nil || host == "localhost" else { return nil }
            self.host = host == "localhost" ? "127.0.0.1" : host
            self.port = port
        }

        var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" }
        var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    var data = "/var/lib/sluice"
    var api = Endpoint("127.0.0.1:8080")
    var integration: Endpoint?
    /// Files in PEM: with them the API is served by HTTPS.
    var certificateFile: String?
    var keyFile: String?
    var metrics: Endpoint?
    var profile = Profile.empty
    var isEphemeral = false
    var isRootless = false
    /// Who the process that serves guests runs as.
    var serviceUser = "nobody"
    var logFormat = LogFormat.text
    var logLevel = Log.Level.info

    /// Where clients find the API, with the port that was bound.
    func apiURL(_ port: UInt16) -> String {
        let host = api?.host ?? "127.0.0.1"
        return
            "\(certificateFile == nil ? "http" : "https")://\(host.contains(":") ? "[\(host)]" : host):\(port)/client/api"
    }

    /// What the API shows of itself, read anew at every start.
    func certificate() throws -> HTTPCertificate? {
        guard let certificateFile, let keyFile else { return nil }
        func read(_ path: String, _ option: String) throws -> String {
            guard let text = TextFile.read(path) else {
                throw StartFailure("\(option) \(path): \(String(cString: strerror(errno)))")
            }
            return text
        }
        return HTTPCertificate(
            chain: try read(certificateFile, "--tls-cert"), key: Secret(try read(keyFile, "--tls-key")))
    }

    var simulatesInternet: Bool { profile != .empty }

    /// What to do instead of running.
    enum Answer: Error {
        case help, version
        case wrong(String)
    }

    /// The configuration file first, then the command line over it.
    static func parse(_ arguments: [String]) throws(Answer) -> Options {
        var options = Options()
        if let index = arguments.firstIndex(where: { $0 == "--config" || $0.hasPrefix("--config=") }) {
            let word = arguments[index]
            let file =
                word == "--config"
                ? arguments.dropFirst(index + 1).first : String(word.dropFirst("--config=".count))
            guard let file else { throw .wrong("--config needs a file") }
            try options.read(file)
        }
        var words = arguments[...]
        while let word = words.popFirst() {
            if word == "--help" || word == "-h" { throw .help }
            if word == "--version" { throw .version }
            guard word.hasPrefix("--") else { throw .wrong("unexpected argument: \(word)") }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if Self.switches.contains(name) {
                guard parts.count == 1 else { throw .wrong("--\(name) takes no value") }
                try options.set(name, "yes", "--\(name)")
                continue
            }
            guard Self.valued.contains(name) else { throw .wrong("--\(name): no such option (see --help)") }
            guard let value = parts.count == 2 ? String(parts[1]) : words.popFirst() else {
                throw .wrong("--\(name) needs a value")
            }
            if name != "config" { try options.set(name, value, "--\(name)") }
        }
        if options.isEphemeral, arguments.contains(where: { $0.hasPrefix("--data") }) {
            throw .wrong("--ephemeral keeps nothing, so --data has no meaning beside it")
        }
        if let integration = options.integration, !integration.isLoopback {
            throw .wrong("--integration serves callers without asking who they are: only a loopback address will do")
        }
        if (options.certificateFile == nil) != (options.keyFile == nil) {
            throw .wrong("--tls-cert and --tls-key go together")
        }
        if options.profile == .simulator, options.api?.isLoopback != true {
            throw .wrong("--profile simulator is for tests: only a loopback address will do for --api")
        }
        return options
    }

    private static let switches: Set<String> = ["ephemeral", "rootless"]
    private static let valued: Set<String> = [
        "api", "config", "data", "integration", "log-format", "log-level", "metrics", "profile",
        "service-user", "tls-cert", "tls-key",
    ]

    private mutating func set(_ name: String, _ value: String, _ place: String) throws(Answer) {
        switch name {
        case "data": data = value
        case "api":
            guard let endpoint = Endpoint(value) else { throw .wrong("\(place): not an address and a port: \(value)") }
            api = endpoint
        case "tls-cert": certificateFile = value
        case "tls-key": keyFile = value
        case "integration": integration = try endpoint(value, place)
        case "metrics": metrics = try endpoint(value, place)
        case "profile": profile = try choice(value, place, "empty, demo or simulator")
        case "log-format": logFormat = try choice(value, place, "text or json")
        case "log-level": logLevel = try choice(value, place, "debug, info, warning or error")
        case "service-user": serviceUser = value
        case "ephemeral": isEphemeral = try flag(value, place)
        case "rootless": isRootless = try flag(value, place)
        default: throw .wrong("\(place): no such option (see --help)")
        }
    }

    /// Nil for `off`.
    private func endpoint(_ text: String, _ place: String) throws(Answer) -> Endpoint? {
        if text == "off" { return nil }
        guard let endpoint = Endpoint(text) else {
            throw .wrong("\(place): neither an address and a port nor off: \(text)")
        }
        return endpoint
    }

    private func choice<Value: RawRepresentable<String>>(
        _ text: String, _ place: String, _ choices: String
    ) throws(Answer) -> Value {
        guard let value = Value(rawValue: text) else { throw .wrong("\(place): must be \(choices), not \(text)") }
        return value
    }

    private func flag(_ text: String, _ place: String) throws(Answer) -> Bool {
        switch text {
        case "yes", "true", "on": true
        case "no", "false", "off": false
        default: throw .wrong("\(place): must be yes or no, not \(text)")
        }
    }

    /// `key = value` a line, `#` begins a comment.
    private mutating func read(_ file: String) throws(Answer) {
        guard let text = TextFile.read(file) else {
            throw .wrong("--config \(file): \(String(cString: strerror(errno)))")
        }
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
            if content.allSatisfy(\.isWhitespace) { continue }
            let parts = content.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw .wrong("\(file):\(number + 1): not of the form key = value") }
            let trim = { (part: Substring) in
                String(part.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
            }
            try set(trim(parts[0]), trim(parts[1]), "\(file):\(number + 1): \(trim(parts[0]))")
        }
    }
}
