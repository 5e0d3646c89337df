/// Packet marks, which are also connection marks and numbers of routing tables: `eth<n>` is 0x64 + n, as in the
/// routers that operators know. The low byte is the leg; the rest of the mark is left for other features.
public enum LegMark {
    public static let mask: UInt32 = 0xff
    private static let first: UInt32 = 0x64

    public static func mark(ofLeg index: Int) -> UInt32 { first + UInt32(index) }

    /// Nil where the mark names no leg.
    public static func leg(of mark: UInt32) -> Int? {
        let low = mark & mask
        return low >= first ? Int(low - first) : nil
    }
}

/// Bits of a connection's mark that outlive the rule that allowed the connection.
public enum FlowMark {
    /// Its rule is gone and it was left to finish.
    public static let draining: UInt32 = 0x100
}
