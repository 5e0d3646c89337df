import Glibc
import PacketTesting

extension Commands {
    /// Runs cases of packets; speaks to no daemon.
    static let test: Command = { _, words throws(Failure) in
        let usage = "test [--on model|kernel|both] [--keep DIR] DIR…"
        var runner = geteuid() == 0 ? CaseRunner.both : .model
        var keep: String?
        var roots: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "--on":
                guard let chosen = rest.popFirst().flatMap(CaseRunner.init) else { throw .usage(usage) }
                runner = chosen
            case "--keep":
                guard let folder = rest.popFirst() else { throw .usage(usage) }
                keep = folder
            case _ where word.hasPrefix("--"): throw .usage("test has no option \(word)")
            default: roots.append(word)
            }
        }
        if roots.isEmpty { throw .usage(usage) }
        if runner != .model, geteuid() != 0 {
            throw Failure("cases on the kernel need root: sudo, or unshare --map-root-user")
        }
        let start = ContinuousClock.now
        var (cases, steps, failed) = (0, 0, 0)
        do throws(CaseError) {
            for folder in try PacketCase.folders(below: roots) {
                let outcome = try PacketCase(folder: folder).run(on: runner, keep: keep)
                cases += 1
                steps += outcome.steps
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
    private static func say(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
