internal import CLinux

/// A token bucket: frames leave at a rate, so many bytes at once after a pause, and so many wait; what comes when the
/// queue is full is dropped.
public struct TokenBucket: Hashable, Sendable {
    /// Bytes a second.
    public let rate: UInt64
    /// How long a burst lasts at the rate, in units of 64 ns: the kernel keeps it in these, so equal ones are equal.
    let burstTicks: UInt32
    /// Bytes that may wait.
    public let limit: UInt32

    /// A burst is rounded up to what lasts a whole number of ticks.
    public init(rate: UInt64, burst: UInt64, limit: UInt32) {
        self.rate = rate
        let (product, overflows) = burst.multipliedReportingOverflow(by: 1_000_000_000 / Self.tick)
        burstTicks = overflows || rate == 0 ? .max : UInt32(clamping: (product + rate - 1) / max(rate, 1))
        self.limit = limit
    }

    /// Nanoseconds.
    private static let tick: UInt64 = 64
}

extension TokenBucket {
    func put(in message: NetlinkMessage) {
        var options = tc_tbf_qopt()
        options.rate.rate = UInt32(clamping: rate)
        // So that the kernel asks for no table of how long frames of each length take.
        options.rate.linklayer = UInt8(TC_LINKLAYER_ETHERNET.rawValue)
        options.buffer = burstTicks
        options.limit = limit
        message.nested(TCA_OPTIONS) {
            withUnsafeBytes(of: options) { message.put(TCA_TBF_PARMS, bytes: $0) }
            if rate >= 1 << 32 { message.put(TCA_TBF_RATE64, rate) }
        }
    }

    /// Nil for a bucket with more to it than a rate, a burst and a limit.
    init?(_ attributes: NetlinkAttributes) {
        var attributes = attributes
        var options: tc_tbf_qopt?
        var large: UInt64?
        while let attribute = attributes.next() {
            switch attribute.type {
            case TCA_TBF_PARMS where attribute.bytes.count >= MemoryLayout<tc_tbf_qopt>.size:
                options = attribute.bytes.loadUnaligned(as: tc_tbf_qopt.self)
            case TCA_TBF_RATE64 where attribute.bytes.count >= 8:
                large = attribute.bytes.loadUnaligned(as: UInt64.self)
            default: break
            }
        }
        guard let options, options.peakrate.rate == 0, options.rate.overhead == 0, options.rate.mpu == 0 else {
            return nil
        }
        rate = large ?? UInt64(options.rate.rate)
        burstTicks = options.buffer
        limit = options.limit
    }
}

/// How what is sent by a link waits.
public enum RootQueue: Hashable, Sendable {
    /// The kernel's own choice.
    case standard
    case tokenBucket(TokenBucket)
    /// Somebody else's, by its kind.
    case other(String)
}

/// What is done with frames that come in by a link before anybody sees them.
public enum IncomingTreatment: Hashable, Sendable {
    case none
    /// All of them go into the queue of another link: 0 where that is gone, and they with it.
    case redirected(to: Int32)
    case other
}
