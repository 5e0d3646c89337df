import Foundation

/// Runs a task's jobs on one thread, in order, until stopped: for bodies that change what their thread is, as the
/// namespace it is in, and are part of the test's task all the same.
public final class ThreadLane: TaskExecutor {
    /// Guarded by `condition`.
    private nonisolated(unsafe) var jobs: [UnownedJob] = []
    private nonisolated(unsafe) var isStopped = false
    private let condition = NSCondition()

    /// `start` runs its argument on a thread of its own.
    public init(start: (_ body: @escaping @Sendable () -> Void) throws -> Void) rethrows {
        try start { [self] in
            while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    public func stop() {
        condition.withLock {
            isStopped = true
            condition.signal()
        }
    }

    private func next() -> UnownedJob? {
        condition.withLock {
            while jobs.isEmpty, !isStopped { condition.wait() }
            return jobs.isEmpty ? nil : jobs.removeFirst()
        }
    }
}
