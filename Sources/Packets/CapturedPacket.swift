/// A moment in a capture, counted from 1970.
public struct CaptureTime: Hashable, Comparable, Sendable {
    public var seconds: Int64
    /// Below a second.
    public var nanoseconds: UInt32

    public init(seconds: Int64, nanoseconds: UInt32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    public static func < (a: Self, b: Self) -> Bool { (a.seconds, a.nanoseconds) < (b.seconds, b.nanoseconds) }
}

/// An interface a capture was taken on.
public struct CaptureInterface: Hashable, Sendable {
    /// 1 is Ethernet (https://www.tcpdump.org/linktypes.html).
    public var linkType: UInt16
    /// 0 is "no limit".
    public var snapLength: UInt32
    /// Anybody's text.
    public var name: String?
    public var comments: [String]

    var clock = CaptureClock()

    public init(linkType: UInt16 = 1, snapLength: UInt32 = 0, name: String? = nil, comments: [String] = []) {
        self.linkType = linkType
        self.snapLength = snapLength
        self.name = name
        self.comments = comments
    }
}

/// One packet of a capture.
public struct CapturedPacket: Hashable, Sendable {
    /// The place in the reader's `interfaces`; 0 in pcap.
    public var interface: Int
    /// Nil where the format has none.
    public var time: CaptureTime?
    public var bytes: [UInt8]
    /// On the wire; more than `bytes` when the capture cut it off.
    public var originalLength: UInt32
    /// Anybody's text.
    public var comments: [String]

    public init(
        interface: Int = 0, time: CaptureTime?, bytes: [UInt8], originalLength: UInt32? = nil, comments: [String] = []
    ) {
        self.interface = interface
        self.time = time
        self.bytes = bytes
        self.originalLength = originalLength ?? UInt32(truncatingIfNeeded: bytes.count)
        self.comments = comments
    }
}

/// Where a capture is damaged, and how.
public struct CaptureFault: Error, Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// The first bytes are no format's.
        case magic(UInt32)
        case version(UInt16, UInt16)
        /// The file ends inside a block.
        case truncated(needed: Int, available: Int)
        /// A block or record whose length is impossible.
        case length(UInt32)
        /// A packet, or a section's or an interface's description, larger than this reader keeps.
        case tooLong(UInt32, limit: Int)
        /// The length at a block's end differs from the one at its start.
        case lengths(UInt32, UInt32)
        /// A packet of an interface that was not described.
        case interface(UInt32)
        /// More interfaces than this reader keeps.
        case interfaces(limit: Int)
        /// A packet that claims more bytes than its block has.
        case capturedLength(UInt32)
        case option(code: UInt16, length: UInt16)
        /// A time resolution no clock has.
        case resolution(UInt8)
    }

    /// Of the block or record, from the start of the file.
    public let offset: Int
    public let reason: Reason
}

extension CaptureFault: CustomStringConvertible {
    public var description: String {
        let why =
            switch reason {
            case .magic(let magic): "0x\(String(magic, radix: 16)) starts neither pcap nor pcapng"
            case .version(let major, let minor): "unknown version \(major).\(minor)"
            case .truncated(let needed, let available): "ends after \(available) of \(needed) bytes"
            case .length(let length): "impossible length \(length)"
            case .tooLong(let length, let limit): "\(length) bytes, more than the limit of \(limit)"
            case .lengths(let first, let last): "length \(first) at the start and \(last) at the end"
            case .interface(let number): "packet of interface \(number), which was not described"
            case .interfaces(let limit): "more than \(limit) interfaces"
            case .capturedLength(let length): "packet of \(length) bytes, more than its block holds"
            case .option(let code, let length): "option \(code) of \(length) bytes, which cannot be"
            case .resolution(let resolution): "unknown time resolution 0x\(String(resolution, radix: 16))"
            }
        return "capture damaged at offset \(offset): \(why)"
    }
}

/// How an interface counts time (`if_tsresol`, `if_tsoffset`).
struct CaptureClock: Hashable, Sendable {
    var ticksPerSecond: UInt64 = 1_000_000
    var offset: Int64 = 0

    static func ticks(resolution: UInt8) -> UInt64? {
        let exponent = resolution & 0x7f
        if resolution & 0x80 != 0 { return exponent < 64 ? 1 << UInt64(exponent) : nil }
        return exponent < 20 ? (0..<exponent).reduce(1) { value, _ in value &* 10 } : nil
    }

    func time(_ ticks: UInt64) -> CaptureTime {
        let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: ticksPerSecond)
        // The rest is below the divisor, so that the quotient is below 10^9.
        let nanoseconds = ticksPerSecond.dividingFullWidth(rest.multipliedFullWidth(by: 1_000_000_000)).quotient
        return CaptureTime(
            seconds: Int64(truncatingIfNeeded: seconds) &+ offset, nanoseconds: UInt32(truncatingIfNeeded: nanoseconds))
    }
}
