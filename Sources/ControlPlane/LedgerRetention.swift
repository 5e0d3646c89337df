public import NetworkVocabulary

/// How much history a ledger keeps. Without a bound the log would grow for ever; without history there would be no
/// audit and no time travel.
///
/// The two newest checkpoints always stay, so that a damaged one costs nothing. Older ones stay only as far apart as
/// they are needed to reach back `entries` entries.
public struct LedgerRetention: Sendable, Hashable {
    /// So many entries can always be looked back on; at most half as many again, and those since the second newest
    /// checkpoint, are kept besides.
    public let entries: UInt64

    public init(entries: UInt64 = 10_000) { self.entries = entries }

    /// What stays of the checkpoints when the log has come to `last`. Entries up to and including the first of them
    /// go, unless the result begins with the first checkpoint that there was.
    ///
    /// - Parameter checkpoints: ascending.
    public func kept(of checkpoints: [Revision], last: Revision) -> [Revision] {
        guard checkpoints.count > 2 else { return checkpoints }
        let newest = checkpoints.suffix(2)
        let older = checkpoints.dropLast(2)
        let base = checkpoints.dropLast().last { $0.number + entries <= last.number } ?? checkpoints[0]
        var kept: [Revision] = []
        for checkpoint in older where checkpoint >= base {
            if let previous = kept.last, checkpoint.number - previous.number < max(1, entries / 2) { continue }
            kept.append(checkpoint)
        }
        return kept + newest
    }

    /// The entries up to this revision can go: the oldest kept checkpoint stands for them.
    public func prunedThrough(of checkpoints: [Revision], last: Revision) -> Revision {
        guard checkpoints.count >= 2, let oldest = kept(of: checkpoints, last: last).first,
            oldest.number + entries <= last.number
        else { return .zero }
        return oldest
    }
}
