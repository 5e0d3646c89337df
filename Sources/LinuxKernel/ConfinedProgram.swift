internal import CLinux
internal import Glibc

/// A program that runs in a network namespace, as an unprivileged user and without a way to become anybody else. It outlives
/// the daemon, and the next daemon finds it again by its number.
public struct ConfinedProgram: Hashable, Sendable {
    public let process: Int32

    /// Whom it runs as: the first of these users that there is, else one that owns nothing.
    public struct User: Hashable, Sendable {
        public let user: UInt32
        public let group: UInt32

        public init(firstOf names: [String]) {
            var (user, group): (UInt32, UInt32) = (65_534, 65_534)
            for name in names where sluice_user(name, &user, &group) == 1 { break }
            (self.user, self.group) = (user, group)
        }
    }

    /// Starts the program; that it has come up is for its own socket to say.
    public init(
        _ path: String, _ arguments: [String], in namespace: NetworkNamespace, as user: User
    ) throws(KernelError) {
        guard access(path, X_OK) == 0 else { throw .last("start", path) }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let process = sluice_start_program(path, &words, namespace.descriptor.rawValue, user.user, user.group)
        guard process > 0 else { throw .last("start", path) }
        self.process = process
    }

    private init(process: Int32) { self.process = process }

    /// The processes of a program in a namespace that were started with this argument.
    public static func running(_ path: String, with argument: String, in namespace: NetworkNamespace)
        -> [ConfinedProgram]
    {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var found: [ConfinedProgram] = []
        while let entry = readdir(directory) {
            guard let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) else { continue }
            let name = String(cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self))
            guard let number = Int32(name) else { continue }
            let program = ConfinedProgram(process: number)
            if program.isRunning(path, with: argument), program.isIn(namespace) { found.append(program) }
        }
        return found.sorted { $0.process < $1.process }
    }

    private func isRunning(_ path: String, with argument: String) -> Bool {
        let words = Self.bytes(of: "/proc/\(process)/cmdline").split(separator: 0).map {
            String(decoding: $0, as: UTF8.self)
        }
        return words.first == path && words.contains(argument)
    }

    public func isIn(_ namespace: NetworkNamespace) -> Bool {
        var about = stat()
        guard stat("/proc/\(process)/ns/net", &about) == 0 else { return false }
        return NetworkNamespace.Identity(about) == namespace.identity
    }

    /// Whether it still runs. A child of ours that has ended is laid to rest.
    public var isAlive: Bool {
        if waitpid(process, nil, WNOHANG) == process { return false }
        guard kill(process, 0) == 0 else { return false }
        // Somebody else's, dead and not yet laid to rest: the state stands behind the name, which may hold anything.
        let about = String(decoding: Self.bytes(of: "/proc/\(process)/stat"), as: UTF8.self)
        return about.split(separator: ")").last?.hasPrefix(" Z") == false
    }

    /// Asks it to take nothing new and to end when what it has is done.
    public func finish() { kill(process, SIGUSR1) }
    /// Ends it.
    public func end() { kill(process, SIGTERM) }

    private static func bytes(of path: String) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(file, &part, part.count)
            guard count > 0 else { return all }
            all += part[..<count]
        }
    }
}
