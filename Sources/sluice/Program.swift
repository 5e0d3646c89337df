import Glibc

@main
struct Program {
    static func main() {
        var arguments = Array(CommandLine.arguments.dropFirst())
        do throws(Failure) {
            let settings = try Settings.take(from: &arguments)
            try run(arguments, settings)
        } catch {
            let bytes = Array("sluice: \(error)\n".utf8)
            _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            exit(error.status)
        }
    }

    private static func run(_ arguments: [String], _ settings: Settings) throws(Failure) {
        if let index = arguments.firstIndex(of: "--help") ?? arguments.firstIndex(of: "-h"),
            !arguments[..<index].contains("--")
        {
            print(Help.text(for: arguments[..<index].first))
            return
        }
        guard let word = arguments.first else { throw .usage("a command is needed") }
        switch word {
        case "--version", "version": print("sluice \(Version.text)")
        case "help": print(Help.text(for: arguments.dropFirst().first))
        default:
            guard let command = Commands.all[word] else { throw .usage("there is no command \(word)") }
            let client = APIClient(settings: settings)
            let output = try command(client, Array(arguments.dropFirst()))
            if !output.isEmpty { print(output, terminator: output.hasSuffix("\n") ? "" : "\n") }
        }
    }
}

enum Version {
    static let text = "0.1.0"
}
