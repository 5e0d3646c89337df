internal import CLinux
internal import Glibc

/// Moments to the nanosecond on the calling thread: sleeps most of the way and spins the rest.
public struct Metronome {
    /// How long before a moment sleeping ends.
    private static let spin: Int64 = 60_000

    public init() { sluice_sleep_sharply() }

    /// Nanoseconds by a clock that nobody sets.
    public static var now: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    /// Returns how late it was.
    @discardableResult
    public func wait(until moment: Int64) -> Int64 {
        var now = Self.now
        if moment - now > 2 * Self.spin {
            let end = moment - Self.spin
            var wake = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
            while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nil) == EINTR {}
            now = Self.now
        }
        while now < moment { now = Self.now }
        return now - moment
    }
}
