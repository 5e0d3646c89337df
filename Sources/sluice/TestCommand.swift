import Glibc
import PacketTesting

extension Commands {
    /// Runs cases of packets; speaks to a daemon only to run them there.
    static let test: Command = { client, words throws(Failure) in
        let usage =
            "test [--on model|kernel|both|live] [--keep DIR] [--step N] [--shell] [--record] [--mutate [--survivors FILE]] DIR…"
        let words = try Words(
            words, options: ["--on", "--keep", "--step", "--survivors"], flags: ["--shell", "--record", "--mutate"],
            usage: usage)
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
        if words.has("--mutate") { return try mutate(words.plain, survivors: words["--survivors"]) }
        if runner == .kernel || runner == .both, geteuid() != 0 {
            throw Failure("cases on the kernel need root: sudo, or unshare --map-root-user")
        }
        if runner == .live {
            guard !words.has("--shell") else { throw Failure("sluice exec opens a shell in the daemon's namespaces") }
            return try runLive(client, words.plain, options)
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

    /// Makes every small mistake in the plans in turn, and says which of them no case notices.
    private static func mutate(_ roots: [String], survivors file: String?) throws(Failure) -> String {
        do {
            let run = try MutationRun(folders: PacketCase.folders(below: roots))
            let progress = Progress("mistakes")
            let outcome = try run.run { progress.tick("\($0) of \($1)") }
            progress.end()
            var explained = ExplainedSurvivors(parsing: "")
            if let file {
                guard let text = TextFile.read(file) else { throw CaseError(file: file, "cannot be read") }
                explained = ExplainedSurvivors(parsing: text)
            }
            let (left, gone) = (explained.unexplained(outcome), explained.outdated(outcome))
            let harmless = explained.harmless(outcome)
            let share = outcome.caught * 1000 / max(1, outcome.mutants - harmless)
            let summary =
                "\(outcome.caught) of \(outcome.mutants) mistakes are noticed; \(harmless) of the others make no difference: "
                + "\(share / 10).\(share % 10) % of those that do"
            for survivor in left { say("✘ nobody notices: \(survivor)") }
            for survivor in gone { say("✘ explained, and noticed now: \(survivor)") }
            guard left.isEmpty, gone.isEmpty, file == nil || share >= 950 else {
                throw CaseError(file: file ?? "mistakes", summary)
            }
            return summary
        } catch {
            throw Failure("\(error)")
        }
    }

    /// At once, and in order with what goes to the standard error.
    static func say(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
