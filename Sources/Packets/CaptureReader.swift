/// Reads pcap (micro- and nanoseconds) and pcapng of either byte order, from bytes that are given to it as they come.
///
/// It keeps what it has been given and not yet read, one block at most beyond the last chunk, and the descriptions of at
/// most 4096 interfaces. Blocks that are not about packets are passed over without being kept. Damage ends the
/// reading: everything before it has been returned, and every later call throws the same fault.
public struct CaptureReader: Sendable {
    public static let interfaceLimit = 4096

    /// Those of the current section that have been met so far.
    public internal(set) var interfaces: [CaptureInterface] = []
    /// The largest block that is kept.
    public let limit: Int

    /// The next bytes to be read are at `position`.
    private var buffer: [UInt8] = []
    private var position = 0
    /// What has been read and dropped before the buffer.
    private var dropped = 0
    /// Bytes of an uninteresting block that are still to come, and where it starts.
    private var toSkip = 0
    private var skipStart = 0
    private var format = Format.unknown
    private var failure: CaptureFault?

    enum Format: Hashable, Sendable {
        case unknown
        case pcap(isSwapped: Bool)
        case pcapng(isSwapped: Bool)
    }

    public init(limit: Int = 1 << 20) { self.limit = max(limit, 64) }

    /// Where the next block or record starts.
    public var offset: Int { dropped &+ position }

    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if position > 0 {
            buffer.removeFirst(position)
            dropped &+= position
            position = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next packet, or nil when more bytes are needed.
    public mutating func next() throws(CaptureFault) -> CapturedPacket? {
        if let failure { throw failure }
        do throws(CaptureFault) {
            while true {
                let skipped = min(toSkip, available)
                position += skipped
                toSkip -= skipped
                guard toSkip == 0 else { return nil }
                switch format {
                case .unknown: guard try readMagic() else { return nil }
                case .pcap(let isSwapped): return try readRecord(isSwapped: isSwapped)
                case .pcapng(let isSwapped):
                    switch try readBlock(isSwapped: isSwapped) {
                    case .incomplete: return nil
                    case .passed: continue
                    case .packet(let packet): return packet
                    }
                }
            }
        } catch {
            failure = error
            throw error
        }
    }

    /// To be called at the end of the file: throws when it ends inside a block. An empty file is no capture.
    public mutating func finish() throws(CaptureFault) {
        if let failure { throw failure }
        guard available > 0 || toSkip > 0 || format == .unknown else { return }
        let start = toSkip > 0 ? skipStart : offset
        let present = offset + available - start
        let needed = toSkip > 0 ? offset + toSkip - start : wanted
        let fault = CaptureFault(offset: start, reason: .truncated(needed: max(needed, present), available: present))
        failure = fault
        throw fault
    }

    /// How many bytes from `offset` on the last call of `next` was waiting for.
    private var wanted = 4

    private var available: Int { buffer.count - position }

    private mutating func has(_ count: Int) -> Bool {
        wanted = count
        return available >= count
    }

    private func fault(_ reason: CaptureFault.Reason) -> CaptureFault { CaptureFault(offset: offset, reason: reason) }

    private mutating func readMagic() throws(CaptureFault) -> Bool {
        guard has(4) else { return false }
        let magic = buffer.span.bytes.long(position)
        if magic == 0x0a0d_0d0a {
            format = .pcapng(isSwapped: false)
            return true
        }
        let ticks: UInt64
        let isSwapped = magic & 0xff == 0xa1
        switch isSwapped ? magic.byteSwapped : magic {
        case 0xa1b2_c3d4: ticks = 1_000_000
        case 0xa1b2_3c4d: ticks = 1_000_000_000
        default: throw fault(.magic(magic))
        }
        guard has(24) else { return false }
        let (major, minor) = (
            buffer.span.bytes.word(position + 4, isSwapped), buffer.span.bytes.word(position + 6, isSwapped)
        )
        guard major == 2, minor == 4 else { throw fault(.version(major, minor)) }
        // The upper bits say whether there is a frame check sequence.
        var interface = CaptureInterface(
            linkType: UInt16(truncatingIfNeeded: buffer.span.bytes.long(position + 20, isSwapped)),
            snapLength: buffer.span.bytes.long(position + 16, isSwapped))
        interface.clock.ticksPerSecond = ticks
        interfaces = [interface]
        format = .pcap(isSwapped: isSwapped)
        position += 24
        return true
    }

    private mutating func readRecord(isSwapped: Bool) throws(CaptureFault) -> CapturedPacket? {
        guard has(16) else { return nil }
        let (seconds, fraction) = (
            buffer.span.bytes.long(position, isSwapped), buffer.span.bytes.long(position + 4, isSwapped)
        )
        let (captured, original) = (
            buffer.span.bytes.long(position + 8, isSwapped), buffer.span.bytes.long(position + 12, isSwapped)
        )
        guard captured <= UInt32(clamping: limit) else { throw fault(.tooLong(captured, limit: limit)) }
        guard has(16 + Int(captured)) else { return nil }
        let ticks = interfaces[0].clock.ticksPerSecond
        let start = position + 16
        position = start + Int(captured)
        return CapturedPacket(
            time: interfaces[0].clock.time(UInt64(seconds) * ticks + UInt64(fraction)),
            bytes: buffer.span.bytes.copy(start..<position), originalLength: original)
    }

    private enum Block {
        case incomplete
        case passed
        case packet(CapturedPacket)
    }

    private mutating func readBlock(isSwapped: Bool) throws(CaptureFault) -> Block {
        guard has(12) else { return .incomplete }
        var isSwapped = isSwapped
        let type = buffer.span.bytes.long(position, isSwapped)
        if type == 0x0a0d_0d0a {
            let magic = buffer.span.bytes.long(position + 8)
            guard magic == 0x1a2b_3c4d || magic == 0x4d3c_2b1a else { throw fault(.magic(magic)) }
            isSwapped = magic == 0x4d3c_2b1a
        }
        let length = buffer.span.bytes.long(position + 4, isSwapped)
        guard length >= 12, length % 4 == 0 else { throw fault(.length(length)) }
        guard CaptureBlock.isKept(type) else {
            toSkip = Int(length)
            skipStart = offset
            return .passed
        }
        guard length <= UInt32(clamping: limit) else { throw fault(.tooLong(length, limit: limit)) }
        guard has(Int(length)) else { return .incomplete }
        let end = position + Int(length)
        let last = buffer.span.bytes.long(end - 4, isSwapped)
        guard last == length else { throw fault(.lengths(length, last)) }
        let block = CaptureBlock(
            type: type, offset: offset, body: position + 8..<end - 4, isSwapped: isSwapped)
        let packet: CapturedPacket?
        if type == 0x0a0d_0d0a {
            try block.checkSection(buffer.span.bytes)
            interfaces = []
            format = .pcapng(isSwapped: isSwapped)
            packet = nil
        } else if type == 1 {
            guard interfaces.count < Self.interfaceLimit else {
                throw fault(.interfaces(limit: Self.interfaceLimit))
            }
            interfaces.append(try block.interface(buffer.span.bytes))
            packet = nil
        } else {
            packet = try block.packet(buffer.span.bytes, interfaces: interfaces)
        }
        position = end
        return packet.map(Block.packet) ?? .passed
    }
}

extension CaptureReader {
    /// A whole file at once: all packets before the end or the damage.
    public static func packets(
        in bytes: [UInt8], limit: Int = 1 << 20
    ) -> (packets: [CapturedPacket], interfaces: [CaptureInterface], fault: CaptureFault?) {
        var reader = CaptureReader(limit: limit)
        reader.append(bytes)
        var packets: [CapturedPacket] = []
        do throws(CaptureFault) {
            while let packet = try reader.next() { packets.append(packet) }
            try reader.finish()
            return (packets, reader.interfaces, nil)
        } catch {
            return (packets, reader.interfaces, error)
        }
    }
}
