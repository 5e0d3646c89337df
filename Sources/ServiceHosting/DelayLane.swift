public import LinuxKernel

/// A thread for what is to happen after a while, always the same while.
public final class DelayLane: Sendable {
    private typealias Entry = (due: ContinuousClock.Instant, body: @Sendable () -> Void)

    private let inbox: Inbox<Entry>
    private let thread: KernelThread
    private let delay: Duration

    public init(name: String, delay: Duration) throws(KernelError) {
        let inbox = try Inbox<Entry>()
        self.inbox = inbox
        self.delay = delay
        thread = try KernelThread(name: name) {
            var waiting: [Entry] = []
            while true {
                let pause = waiting.first.map { max(.zero, $0.due - .now) }
                guard let come = inbox.receive(timeout: pause) else { break }
                waiting += come
                // What came first is due first.
                let due = waiting.prefix { $0.due <= .now }
                waiting.removeFirst(due.count)
                for entry in due { entry.body() }
            }
            // Nobody waits for the end of a while that will not come.
            for entry in waiting { entry.body() }
        }
    }

    public func run(_ body: @escaping @Sendable () -> Void) { inbox.send((due: .now + delay, body: body)) }

    public func stop() {
        inbox.close()
        thread.join()
    }
}
