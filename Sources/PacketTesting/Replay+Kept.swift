import LinuxKernel
import Packets

// Captures that are small enough are read before the first frame is sent: then nothing but sending takes time.

extension Replay {
    /// How large a capture may be that is kept in memory where nothing but speed is asked for.
    private static let room = 256 << 20

    struct Kept {
        let frames = FrameStore()
        var skipped = 0
        /// Where the capture is damaged: what came before is sent.
        var failure: CaptureFile.Failure?
    }

    /// The frames of the whole capture, as they are sent; nil where they might have no room.
    func keep() throws -> Kept? {
        let file = try CaptureFile(capture)
        guard let size = file.size, size <= Self.room else { return nil }
        var kept = Kept()
        let isRewritten = entries[0].rewriter != FrameRewriter()
        do throws(CaptureFile.Failure) {
            while let packet = try file.next() {
                guard packet.originalLength == UInt32(clamping: packet.bytes.count), entry(for: packet.bytes) != nil
                else {
                    kept.skipped += 1
                    continue
                }
                var bytes = packet.bytes
                if isRewritten { entries[0].rewriter.rewrite(&bytes) }
                kept.frames.append(bytes)
            }
        } catch {
            kept.failure = error
        }
        return kept
    }

    func send(
        _ kept: Kept, by sender: FrameSender, _ outcome: inout Outcome, _ report: @Sendable (Progress) -> Void
    ) throws {
        let piece = 16_384
        let (count, rounds) = (kept.frames.count, kept.failure == nil ? max(1, rounds) : 1)
        let start = Metronome.now
        var nextReport = start + 500_000_000
        for round in 0..<rounds {
            for first in stride(from: 0, to: count, by: piece) {
                let end = min(first + piece, count)
                try sender.send(kept.frames, first..<end)
                let now = Metronome.now
                guard now >= nextReport else { continue }
                nextReport = now + 500_000_000
                let share = (Double(round) + Double(end) / Double(count)) / Double(rounds)
                report(Progress(packets: sender.sent, share: share, nanoseconds: now - start))
            }
        }
        outcome.nanoseconds = Metronome.now - start
        outcome.bytes = UInt64(kept.frames.bytes * rounds)
        outcome.skipped = kept.skipped * rounds
        (outcome.sent, outcome.refused) = (sender.sent, sender.refused)
        if let failure = kept.failure { throw failure }
    }
}
