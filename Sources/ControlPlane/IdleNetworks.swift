import CloudModel
import NetworkVocabulary

/// Networks that nobody uses any more. They are looked for now and then, and one that has been seen idle for a while is
/// taken down: `network.gc.interval` and `network.gc.wait`.
///
/// What it remembers is not kept: after a restart of the daemon a network waits its whole time again, which is the safe
/// side.
struct IdleNetworks {
    /// How often they are looked for, and how long one waits.
    struct Pace: Equatable {
        var interval: Duration
        var wait: Duration
    }

    private var since: [ObjectID: Duration] = [:]
    private var lastLook: Duration?

    /// Those whose time has come. Whether one is still idle is decided when it is taken down.
    mutating func due(_ now: Duration, in cloud: Cloud, _ pace: Pace) -> [ObjectID] {
        guard let last = lastLook else {
            lastLook = now
            return []
        }
        guard now >= last + pace.interval else { return [] }
        lastLook = now
        let before = since
        since = [:]
        for network in cloud.networks.values where cloud.isIdle(network) {
            since[network.id] = before[network.id] ?? now
        }
        return since.filter { now >= $0.value + pace.wait }.keys.sorted()
    }

    /// Not so long that a setting that changes meanwhile is noticed too late.
    func pause(_ now: Duration, _ pace: Pace) -> Duration {
        min(max(.zero, (lastLook ?? now) + pace.interval - now), .seconds(10))
    }
}

extension IdleNetworks.Pace {
    init(_ cloud: Cloud) {
        self.init(
            interval: .seconds(max(1, cloud.number(.idleNetworkInterval))),
            wait: .seconds(max(0, cloud.number(.idleNetworkWait))))
    }
}
