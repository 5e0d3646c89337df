internal import CLinux
internal import Glibc

/// A folder that a confined program and the daemon share, and nobody else looks into.
public struct PrivateFolder: Sendable {
    public let path: String
    public let owner: ConfinedProgram.User

    /// Makes `name` in `home`, which is made too.
    public init(_ home: String, _ name: String, owner: ConfinedProgram.User) throws(KernelError) {
        path = "\(home)/\(name)"
        self.owner = owner
        for (folder, mode) in [(home, 0o711), (path, 0o700)] {
            guard mkdir(folder, mode_t(mode)) == 0 || errno == EEXIST else { throw .last("create directory", folder) }
        }
        // In a user namespace that has no such user it stays ours, as the process does.
        guard chown(path, owner.user, owner.group) == 0 || errno == EINVAL else { throw .last("hand over", path) }
    }

    /// What lies in `home`; nothing where there is no such folder.
    public static func names(in home: String) -> [String] {
        guard let directory = opendir(home) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            guard let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) else { continue }
            let name = String(cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self))
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Whole or not at all.
    public func write(_ text: String, to name: String) throws(KernelError) {
        let draft = file(name + ".new")
        let descriptor = try FileDescriptor.open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count) }
            guard count > 0 else { throw .last("write", draft) }
            rest = rest.dropFirst(count)
        }
        guard fchown(descriptor.rawValue, owner.user, owner.group) == 0 || errno == EINVAL else {
            throw .last("hand over", draft)
        }
        guard rename(draft, file(name)) == 0 else { throw .last("write", file(name)) }
    }

    /// Nil where there is no such file.
    public func read(_ name: String) -> String? {
        guard let descriptor = try? FileDescriptor.open(file(name), O_RDONLY | O_NOFOLLOW) else { return nil }
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor.rawValue, &part, part.count)
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all += part[..<count]
        }
    }

    /// With these files.
    public func remove(_ names: [String]) {
        delete(names)
        rmdir(path)
    }

    public func delete(_ names: [String]) {
        for name in names { unlink(file(name)) }
    }
}
