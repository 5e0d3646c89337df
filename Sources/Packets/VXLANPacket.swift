/// VXLAN (RFC 7348) in the payload of a UDP datagram, usually to port 4789.
///
///     0       1              4              7          8
///     | flags | reserved     | identifier   | reserved | frame …
public struct VXLANPacket: Hashable, Sendable {
    public static let port: UInt16 = 4789

    public var flags: UInt8
    /// 24 bits.
    public var identifier: UInt32
    /// The 24 bits behind the flags and the 8 behind the identifier, which group policy and others use.
    public var reserved: (UInt32, UInt8) { (reservedHigh, reservedLow) }
    private var reservedHigh: UInt32
    private var reservedLow: UInt8
    /// The frame inside, as it is.
    public var payload: [UInt8]

    public init(
        identifier: UInt32, flags: UInt8 = 0x08, reserved: (UInt32, UInt8) = (0, 0), payload: [UInt8]
    ) {
        self.flags = flags
        self.identifier = identifier
        (reservedHigh, reservedLow) = reserved
        self.payload = payload
    }

    public init(identifier: UInt32, frame: Frame) { self.init(identifier: identifier, payload: frame.bytes) }

    public init(parsing bytes: [UInt8]) throws(PacketFault) {
        guard bytes.count >= 8 else {
            throw PacketFault(.vxlan, at: 0, .truncated(needed: 8, available: bytes.count))
        }
        let span = bytes.span.bytes
        guard bytes[0] & 0x08 != 0 else { throw PacketFault(.vxlan, at: 0, .flags(bytes[0])) }
        flags = bytes[0]
        reservedHigh = span.long(0) & 0xffffff
        identifier = span.long(4) >> 8
        reservedLow = bytes[7]
        payload = span.copy(8..<bytes.count)
    }

    /// The frame inside.
    public func frame() throws(PacketFault) -> Frame { try Frame(parsing: payload) }

    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.put(UInt32(flags) << 24 | reservedHigh & 0xffffff)
        out.put(identifier << 8 | UInt32(reservedLow))
        return out + payload
    }
}
