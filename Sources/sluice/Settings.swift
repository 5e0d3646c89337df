import FoundationEssentials
import Glibc

/// Where the daemon is and who asks: from flags, then the environment, then the profile file, then, for root, from what
/// the daemon on this machine left for its administrator.
struct Settings {
    var api = "http://127.0.0.1:8080/client/api"
    var apiKey: String?
    var secretKey: String?
    var isJSON = false

    private static let administratorFile = "/var/lib/sluice/admin.json"

    /// Takes the global flags out of the arguments and completes the rest from elsewhere.
    static func take(from arguments: inout [String]) throws(Failure) -> Settings {
        var flags: [String: String] = [:]
        var rest: [String] = []
        var settings = Settings()
        var words = arguments[...]
        while let word = words.popFirst() {
            // What comes after -- belongs to the command that is run.
            if word == "--" {
                rest += [word] + words
                break
            }
            if word == "--json" {
                settings.isJSON = true
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard ["--api", "--api-key", "--secret-key", "--admin"].contains(parts[0]) else {
                rest.append(word)
                continue
            }
            guard let value = parts.count == 2 ? parts[1] : words.popFirst() else {
                throw .usage("\(parts[0]) needs a value")
            }
            flags[parts[0]] = value
        }
        arguments = rest
        try settings.complete(flags)
        return settings
    }

    private mutating func complete(_ flags: [String: String]) throws(Failure) {
        let environment = { (name: String) in getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        let profile = Self.profile(environment("HOME"))
        if let url = flags["--api"] ?? environment("SLUICE_API") ?? profile["api"] { api = url }
        apiKey = flags["--api-key"] ?? environment("SLUICE_API_KEY")
        secretKey = flags["--secret-key"] ?? environment("SLUICE_SECRET_KEY")
        if apiKey == nil, secretKey == nil, let file = flags["--admin"] ?? environment("SLUICE_ADMIN") {
            guard let keys = Self.keys(in: file) else {
                throw Failure("\(file): not readable, or without apikey and secretkey")
            }
            (apiKey, secretKey) = keys
        }
        apiKey = apiKey ?? profile["api-key"]
        secretKey = secretKey ?? profile["secret-key"]
        if apiKey == nil, secretKey == nil, let keys = Self.keys(in: Self.administratorFile) {
            (apiKey, secretKey) = keys
        }
    }

    /// `~/.config/sluice/config`: `api = …`, `api-key = …`, `secret-key = …`, one a line.
    private static func profile(_ home: String?) -> [String: String] {
        guard let home, let text = TextFile.read("\(home)/.config/sluice/config") else { return [:] }
        var profile: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            profile[parts[0].filter { !$0.isWhitespace }] = parts[1].filter { !$0.isWhitespace }
        }
        return profile
    }

    private static func keys(in file: String) -> (String, String)? {
        guard let text = TextFile.read(file),
            let value = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)),
            let key = value["apikey"]?.text, let secret = value["secretkey"]?.text
        else { return nil }
        return (key, secret)
    }
}

enum TextFile {
    /// False when it cannot be written; `errno` says why.
    static func write(_ text: String, to path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    /// Nil when it cannot be read; `errno` says why. `-` is standard input.
    static func read(_ path: String) -> String? {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 { return nil }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}
