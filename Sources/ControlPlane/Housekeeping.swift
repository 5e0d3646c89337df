/// What the system asks of itself, by the clock: a request for each thing that has its time. Those that find nothing to
/// do change nothing and leave no trace.
struct Housekeeping {
    private struct Chore {
        let request: Request
        let pace: Duration
        var next: Duration
    }

    /// The first round waits until the kernel has been taken over.
    private var chores = [
        Chore(request: .machine(.expungeOverdue), pace: .seconds(60), next: .seconds(60))
    ]

    mutating func due(_ now: Duration) -> [Request] {
        var due: [Request] = []
        for index in chores.indices where chores[index].next <= now {
            due.append(chores[index].request)
            chores[index].next = now + chores[index].pace
        }
        return due
    }

    /// How long until there is something to do.
    func pause(_ now: Duration) -> Duration {
        chores.map(\.next).min().map { max(.zero, $0 - now) } ?? .seconds(3_600)
    }
}
