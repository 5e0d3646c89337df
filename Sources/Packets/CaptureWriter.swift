/// Writes a pcap file with nanoseconds, little-endian, into bytes that the caller takes when it likes.
public struct PcapWriter: Sendable {
    /// What has been written and not taken yet.
    public private(set) var bytes: [UInt8] = []

    public init(linkType: UInt16 = 1, snapLength: UInt32 = 262_144) {
        bytes.putLittle(0xa1b2_3c4d)
        bytes.putLittle(4 << 16 | 2)
        bytes.putLittle(0)
        bytes.putLittle(0)
        bytes.putLittle(snapLength)
        bytes.putLittle(UInt32(linkType))
    }

    /// Seconds are kept to 32 bits; a packet without a time gets 0.
    public mutating func write(_ packet: CapturedPacket) {
        bytes.putLittle(UInt32(truncatingIfNeeded: packet.time?.seconds ?? 0))
        bytes.putLittle(packet.time?.nanoseconds ?? 0)
        bytes.putLittle(UInt32(truncatingIfNeeded: packet.bytes.count))
        bytes.putLittle(packet.originalLength)
        bytes.append(contentsOf: packet.bytes)
    }

    public mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }
}

/// Writes a pcapng section with nanoseconds, little-endian, into bytes that the caller takes when it likes.
public struct PcapngWriter: Sendable {
    /// What has been written and not taken yet.
    public private(set) var bytes: [UInt8] = []
    public private(set) var interfaceCount = 0

    public init() {
        block(0x0a0d_0d0a) { body in
            body.putLittle(0x1a2b_3c4d)
            body.putLittle(0 << 16 | 1)
            // The section's length: not known.
            body.putLittle(.max)
            body.putLittle(.max)
        }
    }

    /// Describes an interface and returns the number its packets carry.
    @discardableResult
    public mutating func add(_ interface: CaptureInterface) -> Int {
        block(1) { body in
            body.putLittle(UInt32(interface.linkType))
            body.putLittle(interface.snapLength)
            for comment in interface.comments { body.putOption(1, Array(comment.utf8)) }
            if let name = interface.name { body.putOption(2, Array(name.utf8)) }
            body.putOption(9, [9])
            body.putLittle(0)
        }
        interfaceCount += 1
        return interfaceCount - 1
    }

    /// The packet's interface must have been added before: readers stop at packets of an unknown one. A packet without
    /// a time gets 0.
    public mutating func write(_ packet: CapturedPacket) {
        let time = packet.time ?? CaptureTime(seconds: 0)
        let ticks = UInt64(bitPattern: time.seconds) &* 1_000_000_000 &+ UInt64(time.nanoseconds)
        block(6) { body in
            body.putLittle(UInt32(truncatingIfNeeded: packet.interface))
            body.putLittle(UInt32(truncatingIfNeeded: ticks >> 32))
            body.putLittle(UInt32(truncatingIfNeeded: ticks))
            body.putLittle(UInt32(truncatingIfNeeded: packet.bytes.count))
            body.putLittle(packet.originalLength)
            body.append(contentsOf: packet.bytes)
            body.pad()
            for comment in packet.comments { body.putOption(1, Array(comment.utf8)) }
            if !packet.comments.isEmpty { body.putLittle(0) }
        }
    }

    public mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    private mutating func block(_ type: UInt32, _ write: (inout [UInt8]) -> Void) {
        var body: [UInt8] = []
        write(&body)
        let length = UInt32(truncatingIfNeeded: body.count + 12)
        bytes.putLittle(type)
        bytes.putLittle(length)
        bytes.append(contentsOf: body)
        bytes.putLittle(length)
    }
}

extension [UInt8] {
    fileprivate mutating func putLittle(_ value: UInt32) { put(value.byteSwapped) }

    fileprivate mutating func pad() {
        while count % 4 != 0 { append(0) }
    }

    /// A text beyond 65,535 bytes is cut at a character.
    fileprivate mutating func putOption(_ code: UInt16, _ value: [UInt8]) {
        var length = Swift.min(value.count, 65_535)
        while length < value.count, length > 0, value[length] & 0xc0 == 0x80 { length -= 1 }
        put(code.byteSwapped)
        put(UInt16(length).byteSwapped)
        append(contentsOf: value[..<length])
        pad()
    }
}
