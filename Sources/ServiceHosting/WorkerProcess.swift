internal import CServing
internal import GuestServing
internal import LinuxKernel

/// A process that serves guests, and the thread that listens to it.
final class WorkerProcess {
    private let id: Int32
    private let channel: ControlChannel
    private let heardReport: Inbox<Void>

    private init(_ id: Int32, _ channel: ControlChannel, _ heardReport: Inbox<Void>) {
        self.id = id
        self.channel = channel
        self.heardReport = heardReport
    }

    /// `hear` is told what it says, and nil at its end.
    static func start(
        _ settings: GuestServiceLane.Settings, hear: @escaping @Sendable (ServingNotice?) -> Void
    ) throws(KernelError) -> WorkerProcess {
        let user = ConfinedProgram.User(firstOf: [settings.user])
        guard let (channel, other) = ControlChannel.pair() else { throw failure("connect", settings) }
        defer { serving_close(other) }
        let id = serving_start(settings.program, "serve", other, user.user, user.group)
        guard id > 0 else { throw failure("start", settings) }
        let heardReport = try Inbox<Void>()
        _ = try KernelThread(name: "services hear") {
            while case .message(let bytes, let descriptors) = channel.receive(wait: true) {
                descriptors.forEach(serving_close)
                guard let notice = ServingNotice(wire: bytes) else { continue }
                if case .report = notice { heardReport.send(()) }
                hear(notice)
            }
            heardReport.close()
            hear(nil)
        }
        return WorkerProcess(id, channel, heardReport)
    }

    private static func failure(_ operation: String, _ settings: GuestServiceLane.Settings) -> KernelError {
        KernelError(operation: operation, object: settings.program, errno: serving_errno())
    }

    func send(_ order: ServingOrder, _ descriptors: [Int32]) -> Bool { channel.send(order.wire, descriptors) }

    /// It takes orders one after the other: when it reports, it has obeyed those before. Not for ever: one that does not
    /// answer has trouble enough.
    func waitUntilIdle() {
        _ = heardReport.receive(timeout: .zero)
        guard send(.report, []) else { return }
        _ = heardReport.receive(timeout: .seconds(5))
    }

    /// Ends it and waits for its end.
    func end() {
        _ = serving_signal(id, 9)
        _ = reap()
    }

    /// Its status, once it has ended. One that does not end is not waited for: it has lost its way to us, and its sockets
    /// are served by another.
    func reap() -> Int32? {
        var status: Int32 = 0
        _ = serving_signal(id, 9)
        for _ in 0..<100 {
            if serving_reap(id, 0, &status) == 1 { return status }
            serving_pause(10)
        }
        return nil
    }
}
