public import NetworkVocabulary

/// The one's complement sum of RFC 1071. Pieces are added in order; all but the last have an even length.
public struct InternetChecksum: Hashable, Sendable {
    /// Sums of 32-bit words in the machine's order: RFC 1071 section 2 (B) allows any order when the end is swapped.
    private var sum: UInt64 = 0

    public init() {}

    /// The pseudo header of RFC 9293 section 3.1 and RFC 768.
    public init(_ source: IPv4Address, _ destination: IPv4Address, protocol: UInt8, length: Int) {
        add(source.bits)
        add(destination.bits)
        add(UInt32(`protocol`))
        add(UInt32(truncatingIfNeeded: length))
    }

    /// The pseudo header of RFC 8200 section 8.1.
    public init(_ source: IPv6Address, _ destination: IPv6Address, protocol: UInt8, length: Int) {
        for half in [source.high, source.low, destination.high, destination.low] {
            add(UInt32(truncatingIfNeeded: half >> 32))
            add(UInt32(truncatingIfNeeded: half))
        }
        add(UInt32(`protocol`))
        add(UInt32(truncatingIfNeeded: length))
    }

    @inline(__always) private mutating func add(_ value: UInt32) { sum &+= UInt64(value.bigEndian) }

    public mutating func add(_ bytes: [UInt8]) { add(bytes.span.bytes, 0..<bytes.count) }

    /// Adds part of a span; the range must lie inside.
    mutating func add(_ bytes: RawSpan, _ range: Range<Int>) {
        // A frame is far from the 2^32 words that would overflow 64 bits.
        var offset = range.lowerBound
        while offset &+ 4 <= range.upperBound {
            sum &+= UInt64(bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
            offset &+= 4
        }
        var tail: UInt32 = 0
        var shift: UInt32 = 24
        while offset < range.upperBound {
            tail |= UInt32(bytes.octet(offset)) << shift
            offset &+= 1
            shift &-= 8
        }
        add(tail)
    }

    /// What belongs in the checksum field when that field was added as zero, or left out.
    public var value: UInt16 {
        var folded = sum
        while folded >> 16 != 0 { folded = folded & 0xffff &+ folded >> 16 }
        return ~UInt16(truncatingIfNeeded: folded).bigEndian
    }
}
