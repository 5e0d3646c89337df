internal import CLinux
internal import Glibc

/// A network namespace, held by a descriptor: it lives at least as long as this value, whether or not a file in
/// `/run/netns` still names it.
///
/// Sockets stay in the namespace they were opened in, so `enter` is only for opening them (and for sysctls, whose
/// files show the caller's namespace).
public final class NetworkNamespace: Sendable {
    /// Which namespace it is, whatever names it: two values with one identity are the same namespace.
    public struct Identity: Hashable, Sendable {
        public let device: UInt64
        public let inode: UInt64

        init(_ about: stat) {
            device = UInt64(about.st_dev)
            inode = UInt64(about.st_ino)
        }
    }

    public let descriptor: FileDescriptor
    public let identity: Identity

    init(_ descriptor: consuming FileDescriptor, _ name: String) throws(KernelError) {
        var about = stat()
        guard fstat(descriptor.rawValue, &about) == 0 else { throw .last("inspect network namespace", name) }
        identity = Identity(about)
        self.descriptor = descriptor
    }

    public var inode: UInt64 { identity.inode }

    /// The namespace of the calling thread.
    public static func current() throws(KernelError) -> NetworkNamespace {
        try NetworkNamespace(try .open(ownNamespace, O_RDONLY), "of this thread")
    }

    /// A new namespace that no file names: it ends with the last descriptor, socket or process in it.
    public static func unnamed() throws(KernelError) -> NetworkNamespace {
        let home = try FileDescriptor.open(ownNamespace, O_RDONLY)
        guard sluice_unshare(sluice_clone_newnet) == 0 else { throw .last("create network namespace", "") }
        defer { returnHome(home) }
        return try .current()
    }

    /// Runs `body` on this thread inside the namespace, and comes back.
    ///
    /// Synchronous on purpose: a body that could be suspended would wake up on another thread, and leave this one
    /// behind in the namespace for whatever task runs there next.
    public func enter<Result: ~Copyable>(
        _ body: () throws(KernelError) -> Result
    ) throws(KernelError) -> Result {
        let home = try FileDescriptor.open(ownNamespace, O_RDONLY)
        guard sluice_setns(descriptor.rawValue, sluice_clone_newnet) == 0 else {
            throw .last("enter network namespace", "\(inode)")
        }
        defer { returnHome(home) }
        return try body()
    }
}

/// The calling thread's own namespace: `/proc/self` would be the main thread's.
let ownNamespace = "/proc/thread-self/ns/net"

/// A thread that stayed in a foreign namespace would do its next work to the wrong network: no going on.
func returnHome(_ home: borrowing FileDescriptor) {
    let isBack = sluice_setns(home.rawValue, sluice_clone_newnet) == 0
    precondition(isBack, "a thread could not leave a network namespace: errno \(errno)")
}
