import Glibc
import PacketTesting

extension Commands {
    /// Runs cases of packets; speaks to no daemon.
    static let test: Command = { _, words throws(Failure) in
        let usage = "test [--on model|kernel|both] [--keep DIR] [--step N] [--shell] [--record] DIR…"
        let words = try Words(
            words, options: ["--on", "--keep", "--step"], flags: ["--shell", "--record"], usage: usage)
        guard !words.plain.isEmpty else { throw .usage(usage) }
        var runner = geteuid() == 0 ? CaseRunner.both : .model
        if let name = words["--on"] {
            guard let chosen = CaseRunner(rawValue: name) else { throw .usage(usage) }
            runner = chosen
        }
        var options = CaseOptions(keep: words["--keep"])
        if let text = words["--step"] {
            guard let step = Int(text), step > 0 else { throw .usage(usage) }
            options.lastStep = step
        }
        if words.has("--record") {
            guard getenv("CI") == nil else { throw Failure("nothing is recorded where CI is set") }
            options.records = true
            runner = .model
        }
        if words.has("--shell") { options.inTopology = openShell }
        if runner != .model, geteuid() != 0 {
            throw Failure("cases on the kernel need root: sudo, or unshare --map-root-user")
        }
        if words.has("--shell"), runner == .model { throw Failure("the model has nothing to open a shell in") }
        return try run(words.plain, runner, options)
    }

    private static func run(
        _ roots: [String], _ runner: CaseRunner, _ options: CaseOptions
    ) throws(Failure) -> String {
        let start = ContinuousClock.now
        var (cases, steps, failed) = (0, 0, 0)
        do throws(CaseError) {
            for folder in try PacketCase.folders(below: roots) {
                let outcome = try PacketCase(folder: folder).run(on: runner, options)
                cases += 1
                steps += outcome.steps
                if let report = outcome.report { say(report) }
                guard let failure = outcome.failure else { continue }
                failed += 1
                say(failure)
            }
        } catch {
            throw Failure("\(error)")
        }
        let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
        let summary = "\(cases) cases, \(steps) steps, \(Int(milliseconds)) ms, on \(runner.rawValue)"
        if failed > 0 { throw Failure("\(failed) of \(summary) failed") }
        return summary
    }

    /// At once, and in order with what goes to the standard error.
    static func say(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
