internal import CLinux
internal import Glibc
internal import Synchronization

/// A queue into a lane: anybody sends, one thread receives. Messages come out in the order they went in.
public final class Inbox<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let bell: FileDescriptor

    public init() throws(KernelError) {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .last("create eventfd", "for an inbox") }
        bell = FileDescriptor(owning: descriptor)
    }

    /// Messages after the closing are dropped.
    public func send(_ message: Message) {
        let wasEmpty = state.withLock { state in
            guard !state.isClosed else { return false }
            state.messages.append(message)
            return state.messages.count == 1
        }
        if wasEmpty { ring() }
    }

    /// The receiver sees what is in the inbox and then that it is closed.
    public func close() {
        state.withLock { $0.isClosed = true }
        ring()
    }

    /// Everything that has come, waiting up to `timeout` for the first; nil waits as long as it takes. The result is
    /// nil once the inbox is closed and empty.
    public func receive(timeout: Duration?) -> [Message]? {
        let deadline = timeout.map { ContinuousClock.now + $0 }
        while true {
            guard let messages = take() else { return nil }
            let left = deadline.map { max(.zero, $0 - .now) }
            if !messages.isEmpty || left == .zero { return messages }
            // The bell may ring for messages that are taken already; then there is nothing, and we wait on.
            wait(left)
        }
    }

    private func take() -> [Message]? {
        state.withLock { state -> [Message]? in
            if state.isClosed, state.messages.isEmpty { return nil }
            defer { state.messages = [] }
            return state.messages
        }
    }

    private func wait(_ timeout: Duration?) {
        var poll = pollfd(fd: bell.rawValue, events: Int16(POLLIN), revents: 0)
        // Rounded up: waking before the time is up would spin.
        let milliseconds = timeout.map { timeout in
            let (seconds, attoseconds) = timeout.components
            return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
        }
        _ = Glibc.poll(&poll, 1, milliseconds ?? -1)
        var count: UInt64 = 0
        _ = read(bell.rawValue, &count, 8)
    }

    private func ring() {
        var one: UInt64 = 1
        _ = write(bell.rawValue, &one, 8)
    }
}
