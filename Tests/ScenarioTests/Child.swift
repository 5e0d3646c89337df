import CLinux
import Foundation

/// A program that has ended.
struct Finished {
    /// The exit code; 128 and the signal's number when a signal ended it.
    let status: Int32
    let output: String
    let errors: String
}

/// A program started by a test, in the namespaces of the calling thread. It dies with that thread: `setpriv` sets the
/// signal between fork and exec, where a test could not.
final class Child {
    let id: pid_t
    private let pipe: Int32
    private var bytes: [UInt8] = []
    private var status: Int32?

    /// What it wrote to standard output so far. Standard error goes to the log.
    var output: String { String(decoding: bytes, as: UTF8.self) }

    init(_ words: [String], environment: [String: String] = [:], log: String? = nil) throws {
        // A socket pair, because its descriptors can be made close-on-exec from the start: another test's child must
        // not hold our end open.
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Trouble("socketpair: \(errno)")
        }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, log ?? "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var all = ProcessInfo.processInfo.environment
        all.merge(environment) { $1 }
        let arguments = ["setpriv", "--pdeathsig", "KILL"] + words
        let argv = arguments.map { strdup($0) } + [nil]
        let envp = all.map { strdup("\($0)=\($1)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var id: pid_t = 0
        let failure = posix_spawnp(&id, "setpriv", &actions, &attributes, argv, envp)
        guard failure == 0 else {
            close(ends[0])
            throw Trouble("\(words.first ?? ""): \(String(cString: strerror(failure)))")
        }
        self.id = id
        pipe = ends[0]
    }

    deinit {
        end()
        close(pipe)
    }

    /// Reads until the output is as wanted, or has ended. False at its end.
    @discardableResult
    func read(within limit: Duration = .seconds(60), until isEnough: (String) -> Bool = { _ in false }) throws -> Bool {
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        var chunk = [UInt8](repeating: 0, count: 65536)
        while !isEnough(output) {
            var entry = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 1_000) > 0 else {
                guard clock.now < deadline else { throw Trouble("silent for \(limit); said: \(output)") }
                continue
            }
            let count = Foundation.read(pipe, &chunk, chunk.count)
            if count <= 0 { return false }
            bytes += chunk[..<count]
        }
        return true
    }

    /// Waits for its end.
    func wait(within limit: Duration = .seconds(60)) throws -> Int32 {
        if let status { return status }
        try read(within: limit)
        return reap()
    }

    func signal(_ number: Int32) { if status == nil { kill(id, number) } }

    /// Ends it at once.
    func end() {
        signal(SIGKILL)
        if status == nil { _ = reap() }
    }

    private func reap() -> Int32 {
        var word: Int32 = 0
        while waitpid(id, &word, 0) < 0, errno == EINTR {}
        let result = word & 0x7f == 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f)
        status = result
        return result
    }
}
