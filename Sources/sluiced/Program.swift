import CloudModel
import ControlPlane
import Glibc
import LinuxKernel
import NetworkVocabulary
import ServiceHosting

@main
struct Program {
    static func main() {
        do throws(Options.Answer) {
            let options = try Options.parse(Array(CommandLine.arguments.dropFirst()))
            run(options, Log(format: options.logFormat, level: options.logLevel))
        } catch {
            switch error {
            case .help: print(Help.text)
            case .version: print("sluiced \(Version.text)")
            case .wrong(let reason):
                Terminal.complain("sluiced: \(reason)")
                exit(ExitStatus.usage)
            }
        }
    }

    private static func run(_ options: Options, _ log: Log) {
        var status: Int32 = 0
        do {
            // Signals are waited for, not caught; blocked before the first thread, so in all of them.
            let signals = StopSignals()
            raiseDescriptorLimit()
            var listeners = try Listeners(options)
            if options.isRootless { try UserNamespace.enter() }
            let home = try DataHome(options)
            defer { home.remove() }
            let daemon = try Daemon(options, data: home.path, log)
            // Whatever happens from here on, what was built is taken down as the options say.
            defer { daemon.stop() }
            // The ledger has made the data directory by now, and holds it against others.
            let isSimulator = options.profile == .simulator
            // Before anybody can ask: clients take what they find for all there is.
            if isSimulator, daemon.service.view.cloud.zones.isEmpty { try Simulator.build(daemon) }
            let frontend = try Frontend(
                daemon.service, data: home.path, &listeners, certificate: try options.certificate(),
                publishesKeys: isSimulator, process: { daemon.facts })
            defer { frontend.stop() }
            announce(options, listeners.apiPort)
            if options.profile == .demo {
                // A ledger that holds something is continued: what was removed from the demo does not come back.
                if daemon.service.view.cloud.zones.isEmpty { try Demo.build(daemon) }
                Demo.explain(daemon, options, home, listeners.apiPort)
            }
            signals.wait()
            log(.info, "stopping")
            ServiceManager.notify("STOPPING=1")
        } catch {
            log(.error, "cannot start", ["reason": "\(error)"])
            status = ExitStatus.of(error)
        }
        if status != 0 { exit(status) }
    }

    private static func announce(_ options: Options, _ port: UInt16) {
        let url = options.apiURL(port)
        print("sluiced ready: api \(url)")
        fflush(nil)
        ServiceManager.notify("READY=1\nSTATUS=Serving \(url)")
    }

    /// A router takes a handful of descriptors; the default limit would end at some two hundred of them.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        let wanted = rlimit(rlim_cur: max(limit.rlim_max, 1 << 20), rlim_max: max(limit.rlim_max, 1 << 20))
        var attempt = wanted
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &attempt) != 0 {
            attempt = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &attempt)
        }
    }
}

/// How the daemon ends when it does not run: systemd is told not to try again where that would not help.
enum ExitStatus {
    static let failure: Int32 = 1
    /// As in sysexits.h: the command line or the configuration file is wrong.
    static let usage: Int32 = 64
    /// As in sysexits.h: what is in the data directory is not for this program.
    static let configuration: Int32 = 78

    static func of(_ error: any Error) -> Int32 {
        switch error {
        case LedgerError.newerSchema, LedgerError.damaged: configuration
        default: failure
        }
    }
}

/// The end of the daemon, as a signal.
struct StopSignals {
    private var set = sigset_t()

    init() {
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    func wait() {
        var set = set
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
    }
}

enum Terminal {
    static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
