internal import CLinux
internal import Glibc

/// A directory of named network namespaces, laid out as `ip netns` does: a file a namespace, the namespace mounted
/// on it, and the directory itself a shared mount, so that a name made or removed here is made or removed in every
/// mount namespace that follows.
public struct NamespaceDirectory: Hashable, Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    /// Where `ip netns` looks.
    public static let system = NamespaceDirectory("/run/netns")

    /// Makes the directory exist and be a shared mount. Nothing happens when it is a mount already.
    public func prepare() throws(KernelError) {
        switch sluice_is_mount_root(path) {
        case 1: return
        case 0: break
        default:
            guard errno == ENOENT else { throw .last("inspect", path) }
            guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .last("create directory", path) }
        }
        guard CLinux.mount(path, path, "none", sluice_ms_bind | sluice_ms_recursive, nil) == 0 else {
            throw .last("mount", path)
        }
        guard CLinux.mount("", path, "none", sluice_ms_shared | sluice_ms_recursive, nil) == 0 else {
            throw .last("share mount", path)
        }
    }

    /// Creates a namespace under a name that is free. A file left behind by an interrupted creation is reused.
    public func create(_ name: String) throws(KernelError) -> NetworkNamespace {
        guard try !isMounted(name) else {
            throw KernelError(operation: "create network namespace", object: name, errno: EEXIST)
        }
        let created = try NetworkNamespace.unnamed()
        try mount(created, as: name)
        return created
    }

    /// The namespace that a name stands for.
    public func open(_ name: String) throws(KernelError) -> NetworkNamespace {
        let file = try file(name, "open network namespace")
        guard try isMounted(name) else {
            throw KernelError(operation: "open network namespace", object: name, errno: ENOENT)
        }
        return try NetworkNamespace(try .open(file, O_RDONLY), name)
    }

    /// The names that stand for a namespace, sorted. A directory that does not exist holds none.
    public func names() throws(KernelError) -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw .last("list", path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            // Read where it stands: an entry is shorter than the structure that declares it.
            guard let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) else { continue }
            let name = String(cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self))
            if name != ".", name != "..", (try? isMounted(name)) == true { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a name. The namespace itself ends with its last user.
    public func delete(_ name: String) throws(KernelError) {
        let file = try file(name, "delete network namespace")
        // Not a mount (EINVAL) is a leftover file: removing it is what was asked for.
        guard umount2(file, sluice_mnt_detach) == 0 || errno == EINVAL else {
            throw .last("delete network namespace", name)
        }
        guard unlink(file) == 0 else { throw .last("delete network namespace", name) }
    }

    /// Whether a namespace (any) is mounted under the name.
    public func isMounted(_ name: String) throws(KernelError) -> Bool {
        let file = try file(name, "look up network namespace")
        var about = statfs()
        guard statfs(file, &about) == 0 else {
            if errno == ENOENT { return false }
            throw .last("look up network namespace", name)
        }
        return about.f_type == Int(NSFS_MAGIC)
    }

    /// Whether the name stands for this very namespace.
    public func isMounted(_ namespace: NetworkNamespace, as name: String) throws(KernelError) -> Bool {
        let file = try file(name, "look up network namespace")
        var about = stat()
        guard stat(file, &about) == 0 else {
            if errno == ENOENT { return false }
            throw .last("look up network namespace", name)
        }
        return namespace.identity == NetworkNamespace.Identity(about)
    }

    /// Gives a namespace that we hold its name (again): the repair after somebody deleted the name under us.
    public func mount(_ namespace: NetworkNamespace, as name: String) throws(KernelError) {
        let operation = "name network namespace"
        let file = try file(name, operation)
        try prepare()
        let created = Glibc.open(file, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0)
        let isNew = created >= 0
        if isNew {
            close(created)
        } else if errno != EEXIST {
            throw .last(operation, name)
        } else if try isMounted(name) {
            throw KernelError(operation: operation, object: name, errno: EEXIST)
        }
        let source = "/proc/thread-self/fd/\(namespace.descriptor.rawValue)"
        guard CLinux.mount(source, file, "none", sluice_ms_bind, nil) == 0 else {
            let failure = KernelError.last(operation, name)
            if isNew { unlink(file) }
            throw failure
        }
    }

    /// A name is one path component, so that no name reaches outside the directory.
    private func file(_ name: String, _ operation: String) throws(KernelError) -> String {
        guard !name.isEmpty, name != ".", name != "..", name.utf8.count <= 255,
            !name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 })
        else {
            throw KernelError(
                operation: operation, object: name, errno: EINVAL, explanation: "not a name for a namespace")
        }
        return "\(path)/\(name)"
    }
}
