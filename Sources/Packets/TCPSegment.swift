/// TCP (RFC 9293).
///
///     0             2             4                           8                          12
///     | source      | destination | sequence number           | acknowledgment number    |
///     12            14            16            18            20
///     | len,  flags | window      | checksum    | urgent      | options …
public struct TCPSegment: Hashable, Sendable {
    /// The twelve bits behind the header length: three reserved ones and nine flags.
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16

        public init(rawValue: UInt16) { self.rawValue = rawValue }

        public static let fin = Self(rawValue: 0x01)
        public static let syn = Self(rawValue: 0x02)
        public static let rst = Self(rawValue: 0x04)
        public static let psh = Self(rawValue: 0x08)
        public static let ack = Self(rawValue: 0x10)
        public static let urg = Self(rawValue: 0x20)
        public static let ece = Self(rawValue: 0x40)
        public static let cwr = Self(rawValue: 0x80)
        public static let ae = Self(rawValue: 0x100)
    }

    public var source: UInt16
    public var destination: UInt16
    public var sequence: UInt32
    public var acknowledgment: UInt32
    public var flags: Flags
    public var window: UInt16
    public var urgent: UInt16
    /// With their padding: written up to the next multiple of four bytes, 40 at most.
    public var options: [UInt8]
    public var payload: [UInt8]

    /// In 32-bit words.
    public var dataOffset: Derived<UInt8>
    public var checksum: Derived<UInt16>

    public init(
        source: UInt16, destination: UInt16, sequence: UInt32 = 0, acknowledgment: UInt32 = 0, flags: Flags,
        window: UInt16 = 64240, urgent: UInt16 = 0, options: [UInt8] = [], dataOffset: Derived<UInt8> = .computed,
        checksum: Derived<UInt16> = .computed, payload: [UInt8] = []
    ) {
        self.source = source
        self.destination = destination
        self.sequence = sequence
        self.acknowledgment = acknowledgment
        self.flags = flags
        self.window = window
        self.urgent = urgent
        self.options = options
        self.dataOffset = dataOffset
        self.checksum = checksum
        self.payload = payload
    }

    init(parsing bytes: RawSpan, _ range: Range<Int>, sum: InternetChecksum?) throws(PacketFault) {
        let at = range.lowerBound
        guard range.count >= 20 else {
            throw PacketFault(.tcp, at: at, .truncated(needed: 20, available: range.count))
        }
        let field = bytes.word(at + 12)
        let header = Int(field >> 12) * 4
        guard header >= 20 else { throw PacketFault(.tcp, at: at, .headerLength(header)) }
        guard header <= range.count else {
            throw PacketFault(.tcp, at: at, .truncated(needed: header, available: range.count))
        }
        source = bytes.word(at)
        destination = bytes.word(at + 2)
        sequence = bytes.long(at + 4)
        acknowledgment = bytes.long(at + 8)
        flags = Flags(rawValue: field & 0xfff)
        window = bytes.word(at + 14)
        urgent = bytes.word(at + 18)
        options = bytes.copy(at + 20..<at + header)
        payload = bytes.copy(at + header..<range.upperBound)
        dataOffset = .computed
        checksum = .forced(bytes.word(at + 16))
        if var sum {
            sum.add(bytes, at..<at + 16)
            sum.add(bytes, at + 18..<range.upperBound)
            checksum = Derived(read: bytes.word(at + 16), expected: sum.value)
        }
    }

    func write(to out: inout [UInt8], pseudoHeader: (Int) -> InternetChecksum) {
        let at = out.count
        let options = self.options.prefix(40)
        let header = 20 + (options.count + 3) / 4 * 4
        out.put(source)
        out.put(destination)
        out.put(sequence)
        out.put(acknowledgment)
        out.put(UInt16(dataOffset.value(UInt8(header / 4)) & 15) << 12 | flags.rawValue & 0xfff)
        out.put(window)
        out.put(0 as UInt16)
        out.put(urgent)
        out.append(contentsOf: options)
        while out.count < at + header { out.append(0) }
        out.append(contentsOf: payload)
        var sum = pseudoHeader(out.count - at)
        sum.add(out.span.bytes, at..<out.count)
        out.set(checksum.value(sum.value), at: at + 16)
    }
}
