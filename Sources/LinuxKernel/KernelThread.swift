internal import CLinux
internal import Glibc
internal import Synchronization

/// A named thread of its own for synchronous work: where a namespace must not leak into a pool, and where blocking
/// is the point.
///
/// Dropping the last reference does not stop the thread; `join` waits for it, any number of times.
public final class KernelThread: Sendable {
    private enum Fate { case running, joined }

    private let handle: pthread_t
    private let fate = Mutex(Fate.running)

    /// Starts `body`. The name shows in `ps -L` and is cut to 15 bytes, as the kernel wants it.
    public init(name: String, _ body: @escaping @Sendable () -> Void) throws(KernelError) {
        let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var handle = pthread_t()
        let failure = pthread_create(&handle, nil, runThread, start.toOpaque())
        guard failure == 0 else {
            start.release()
            throw KernelError(operation: "start thread", object: name, errno: failure)
        }
        self.handle = handle
    }

    deinit {
        fate.withLock { if $0 == .running { pthread_detach(handle) } }
    }

    /// Lets the calling thread rest.
    public static func pause(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        var rest = timespec()
        while nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
    }

    /// Waits until the thread's body has returned.
    public func join() {
        fate.withLock {
            guard $0 == .running else { return }
            pthread_join(handle, nil)
            $0 = .joined
        }
    }
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    sluice_name_thread(String(decoding: start.name.utf8.prefix(15), as: UTF8.self))
    start.body()
    return nil
}
