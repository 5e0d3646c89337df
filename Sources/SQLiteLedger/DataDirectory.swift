import CLinux
import ControlPlane
import Glibc
import NetworkVocabulary

/// The directory that holds the ledger, private to its owner and locked by one process at a time.
final class DataDirectory {
    let path: String
    private let lock: Int32

    var ledger: String { path + "/ledger.sqlite" }
    /// A repaired ledger while it is being written.
    var rebuilding: String { path + "/ledger.sqlite.rebuilding" }
    /// A repaired ledger, whole, that has not taken the damaged one's place yet.
    var rebuilt: String { path + "/ledger.sqlite.rebuilt" }
    private var identity: String { path + "/installation" }

    init(_ path: String) throws(LedgerError) {
        self.path = path
        try Self.create(path)
        let file = path + "/lock"
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw systemError("cannot open \(file)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            var buffer = [UInt8](repeating: 0, count: 32)
            let count = pread(descriptor, &buffer, buffer.count, 0)
            close(descriptor)
            guard reason == EWOULDBLOCK else {
                throw .unavailable("cannot lock \(file): \(String(cString: strerror(reason)))")
            }
            let holder = String(decoding: buffer.prefix(max(0, count)).prefix { $0 >= 48 && $0 <= 57 }, as: UTF8.self)
            throw .inUse("\(path) is in use by process \(holder.isEmpty ? "unknown" : holder)")
        }
        lock = descriptor
        // The process id is only for the message of the one who comes second: a disk without space for it is no
        // reason not to start.
        _ = ftruncate(lock, 0)
        let text = Array("\(getpid())\n".utf8)
        _ = pwrite(lock, text, text.count, 0)
    }

    /// Let go in so many words: closing alone would leave the lock to a program that was started at this moment and is
    /// not yet itself, for it still has all our descriptors.
    deinit {
        flock(lock, LOCK_UN)
        close(lock)
    }

    /// The identity that the ledger of this directory was created with. Written after the ledger, so whoever finds
    /// one without the other knows that a ledger was lost.
    func installation() throws(LedgerError) -> ObjectID? {
        let descriptor = open(identity, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw systemError("cannot read \(identity)")
        }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw systemError("cannot read \(identity)") }
        return ObjectID(String(decoding: buffer.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    func hasInstallationFile() -> Bool { access(identity, F_OK) == 0 }

    func write(installation: ObjectID) throws(LedgerError) {
        let temporary = identity + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw systemError("cannot create \(temporary)") }
        defer { close(descriptor) }
        let text = Array("\(installation)\n".utf8)
        guard Glibc.write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
            throw systemError("cannot write \(temporary)")
        }
        try move(temporary, to: identity)
        try synchronize()
    }

    /// The size of a file, or nil when there is none.
    func size(_ file: String) -> Int? {
        var status = stat()
        return lstat(file, &status) == 0 ? Int(status.st_size) : nil
    }

    /// Creates a file that only its owner can read: SQLite's own would be readable to all, and its log copies the
    /// mode of the file it belongs to.
    func createPrivate(_ file: String) throws(LedgerError) {
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw systemError("cannot create \(file)") }
        close(descriptor)
    }

    func remove(_ file: String) { unlink(file) }

    func move(_ from: String, to: String) throws(LedgerError) {
        guard rename(from, to) == 0 else { throw systemError("cannot rename \(from)") }
    }

    /// Directory entries survive power loss only once the directory itself is written.
    func synchronize() throws(LedgerError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("cannot open \(path)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw systemError("cannot write \(path)") }
    }

    /// Puts a whole repaired ledger in the damaged one's place. The damaged one is kept beside it, as it was found.
    /// Every step can be the last one before power loss: `rebuilt` is there until all others are done.
    func installRebuilt(time: Int64) throws(LedgerError) -> String {
        var aside = ledger + ".damaged-\(time)"
        var attempt = 1
        while size(aside) != nil || size(aside + "-wal") != nil {
            attempt += 1
            aside = ledger + ".damaged-\(time)-\(attempt)"
        }
        for suffix in ["", "-wal"] where size(ledger + suffix) != nil {
            try move(ledger + suffix, to: aside + suffix)
        }
        try synchronize()
        try move(rebuilt, to: ledger)
        try synchronize()
        return aside
    }

    private static func create(_ path: String) throws(LedgerError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { throw .unavailable("\(path) is not a directory") }
            return
        }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try create(String(path[..<slash])) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw systemError("cannot create \(path)") }
    }
}

func systemError(_ text: String) -> LedgerError { .unavailable("\(text): \(String(cString: strerror(errno)))") }
