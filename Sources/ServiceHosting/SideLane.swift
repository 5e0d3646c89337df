public import LinuxKernel
import Synchronization

/// A thread for what takes long, one thing after the other, so that it keeps nobody else waiting.
public final class SideLane: Sendable {
    private let inbox: Inbox<@Sendable () -> Void>
    private let thread: KernelThread
    private let waiting: Atomic<Int>
    private let capacity: Int

    public init(name: String, capacity: Int = 64) throws(KernelError) {
        let inbox = try Inbox<@Sendable () -> Void>()
        self.inbox = inbox
        self.capacity = capacity
        waiting = Atomic(0)
        thread = try KernelThread(name: name) {
            while let bodies = inbox.receive(timeout: nil) { for body in bodies { body() } }
        }
    }

    /// False when too much waits already.
    public func run(_ body: @escaping @Sendable () -> Void) -> Bool {
        guard waiting.add(1, ordering: .relaxed).newValue <= capacity else {
            waiting.subtract(1, ordering: .relaxed)
            return false
        }
        inbox.send { [self] in
            body()
            waiting.subtract(1, ordering: .relaxed)
        }
        return true
    }

    /// Ends after what was taken in.
    public func stop() {
        inbox.close()
        thread.join()
    }
}
