/// What the counter of a set's element says about the object that is the element's origin.
public enum Meter: String, Hashable, Comparable, Sendable, CaseIterable {
    /// Packets and bytes towards guests.
    case received
    /// Packets and bytes from guests.
    case sent
    /// Packets and bytes that the rule decided about: the first ones of connections, or what it stopped.
    case matched

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
