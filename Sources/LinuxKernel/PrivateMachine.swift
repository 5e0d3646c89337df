internal import CLinux
internal import Glibc

/// A thread that stays on one processor, whose queue keeps packets in order.
public enum PinnedThread {
    /// Runs `body` on it, and waits for it.
    public static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let inbox = try Inbox<Result<Value, any Error>>()
        let thread = try KernelThread(name: "pinned") {
            inbox.send(
                Result {
                    guard sluice_stay_on_this_processor() == 0 else {
                        throw KernelError.last("keep the processor", "for a thread")
                    }
                    return try body()
                })
        }
        defer { thread.join() }
        guard let result = inbox.receive(timeout: nil)?.first else {
            throw KernelError(operation: "wait for", object: "a thread", errno: ECANCELED)
        }
        return try result.get()
    }
}

/// A thread with networks and names of its own: what is done on it reaches nobody, and nothing stays when it ends.
public enum PrivateMachine {
    /// Runs `body` in a fresh network and mount namespace with an empty `/run`, on a thread that stays on one processor.
    public static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        try PinnedThread.run {
            try enter()
            return try body()
        }
    }

    private static func enter() throws(KernelError) {
        let object = "for a private machine"
        guard sluice_unshare(sluice_clone_newnet | sluice_clone_newns) == 0 else { throw .last("unshare", object) }
        guard mount("none", "/", nil, sluice_ms_private | sluice_ms_recursive, nil) == 0 else {
            throw .last("make mounts private", object)
        }
        guard mount("tmpfs", "/run", "tmpfs", 0, nil) == 0 else { throw .last("mount /run", object) }
    }
}
