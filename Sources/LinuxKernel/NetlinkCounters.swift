/// How much was said to the kernel: what idempotence is counted in.
public struct NetlinkCounters: Hashable, Sendable {
    /// Requests that could change something, successful or not.
    public var writes = 0
    /// Questions about one object.
    public var lookups = 0
    /// Lists asked for; a list that had to be asked for again counts each time.
    public var dumps = 0

    public init() {}

    public static func + (a: Self, b: Self) -> Self {
        var sum = a
        sum.writes += b.writes
        sum.lookups += b.lookups
        sum.dumps += b.dumps
        return sum
    }

    public static func - (a: Self, b: Self) -> Self {
        var difference = a
        difference.writes -= b.writes
        difference.lookups -= b.lookups
        difference.dumps -= b.dumps
        return difference
    }
}
