internal import CLinux
internal import Glibc

/// An open file descriptor with exactly one owner, who closes it by going away.
public struct FileDescriptor: ~Copyable, Sendable {
    /// The number, valid as long as this value lives.
    public let rawValue: Int32

    /// Takes over a descriptor that nobody else closes.
    public init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit { close(rawValue) }

    /// Hands the descriptor over: whoever takes the number closes it.
    public consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }

    /// A second descriptor of the same open file.
    public borrowing func duplicate() throws(KernelError) -> FileDescriptor {
        let copy = fcntl(rawValue, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .last("duplicate descriptor", "\(rawValue)") }
        return FileDescriptor(owning: copy)
    }

    /// Opens a file; `O_CLOEXEC` is always set.
    static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(KernelError) -> FileDescriptor {
        let number = Glibc.open(path, flags | O_CLOEXEC, mode)
        guard number >= 0 else { throw .last("open", path) }
        return FileDescriptor(owning: number)
    }
}
