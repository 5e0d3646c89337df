import CloudModel

/// What the system asks of itself, by the clock: a request for each thing that has its time. Those that find nothing to
/// do change nothing and leave no trace.
struct Housekeeping {
    private struct Chore {
        let request: Request
        /// Seconds between two rounds.
        let pace: KnownSetting
        var last = Duration.zero

        func next(_ cloud: Cloud) -> Duration { last + .seconds(max(1, cloud.number(pace))) }
    }

    private var chores = [Chore(request: .machine(.expungeOverdue), pace: .expungeInterval)]

    mutating func due(_ now: Duration, in cloud: Cloud) -> [Request] {
        var due: [Request] = []
        for index in chores.indices where chores[index].next(cloud) <= now {
            due.append(chores[index].request)
            chores[index].last = now
        }
        return due
    }

    /// How long until there is something to do; not so long that a setting that changes meanwhile is noticed too late.
    func pause(_ now: Duration, in cloud: Cloud) -> Duration {
        let next = chores.map { $0.next(cloud) }.min() ?? now
        return min(max(.zero, next - now), .seconds(10))
    }
}
