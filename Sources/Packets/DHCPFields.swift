public import NetworkVocabulary

/// Where everything in a DHCPv4 (RFC 2131) or BOOTP (RFC 951) message lies. Nothing is copied: the bytes are given again
/// to whoever wants an option's value.
///
///     0     1       2      3      4     8      10      12       16       20       24       28       44
///     | op  | htype | hlen | hops | xid | secs | flags | ciaddr | yiaddr | siaddr | giaddr | chaddr | …
///     44            108            236            240
///     | sname       | file         | magic cookie | options …
public struct DHCPFields: Sendable {
    public static let fixedLength = 236
    static let cookie: UInt32 = 0x6382_5363

    public let operation: UInt8
    public let hardwareType: UInt8
    public let hardwareLength: UInt8
    public let hops: UInt8
    public let transaction: UInt32
    public let seconds: UInt16
    public let flags: UInt16
    public let clientAddress: IPv4Address
    public let yourAddress: IPv4Address
    public let serverAddress: IPv4Address
    public let relayAddress: IPv4Address
    public let hardwareAddress: MACAddress
    /// Whether options follow, as in every DHCP message; plain BOOTP may have none.
    public private(set) var hasOptions = false

    /// By code: where the first piece of the option's value is, how long it is, and whether more pieces follow.
    private var places: [256 of UInt32]
    private static let isPresent: UInt32 = 1 << 31
    private static let isSplit: UInt32 = 1 << 30

    public static let requestOperation: UInt8 = 1
    public static let replyOperation: UInt8 = 2
    public static let broadcastFlag: UInt16 = 0x8000

    /// Nil for what is no such message: too short, options that run over their field's end, or overload that says what
    /// there is not.
    public init?(parsing bytes: RawSpan) {
        guard bytes.byteCount >= Self.fixedLength, bytes.byteCount <= 0xffff else { return nil }
        operation = bytes.octet(0)
        hardwareType = bytes.octet(1)
        hardwareLength = bytes.octet(2)
        hops = bytes.octet(3)
        transaction = bytes.long(4)
        seconds = bytes.word(8)
        flags = bytes.word(10)
        clientAddress = bytes.ipv4(12)
        yourAddress = bytes.ipv4(16)
        serverAddress = bytes.ipv4(20)
        relayAddress = bytes.ipv4(24)
        hardwareAddress = bytes.mac(28)
        places = [256 of UInt32](repeating: 0)
        // BOOTP clients may have vendor information of their own there.
        guard bytes.byteCount >= 240, bytes.long(236) == Self.cookie else { return }
        hasOptions = true
        guard index(bytes, 240..<bytes.byteCount) else { return nil }
        guard let overload = octet(.overload, in: bytes) else {
            if self[.overload] != nil { return nil }
            return
        }
        guard (1...3).contains(overload) else { return nil }
        if overload & 1 != 0, !index(bytes, Self.file) { return nil }
        if overload & 2 != 0, !index(bytes, Self.serverName) { return nil }
    }

    static let serverName = 44..<108
    static let file = 108..<236

    /// Which of the fixed fields hold options (RFC 2132 section 9.3).
    func isOverloaded(_ field: Range<Int>, in bytes: RawSpan) -> Bool {
        (octet(.overload, in: bytes) ?? 0) & (field == Self.file ? 1 : 2) != 0
    }

    private mutating func index(_ bytes: RawSpan, _ field: Range<Int>) -> Bool {
        Self.walk(bytes, field) { code, value in
            if places[Int(code)] == 0 {
                places[Int(code)] = Self.isPresent | UInt32(value.lowerBound) << 8 | UInt32(value.count)
            } else {
                places[Int(code)] |= Self.isSplit
            }
        }
    }

    /// Every piece of an option in a field, in order; false when one runs over the end. A field need not end with 255.
    static func walk(_ bytes: RawSpan, _ field: Range<Int>, _ visit: (UInt8, Range<Int>) -> Void) -> Bool {
        var at = field.lowerBound
        while at < field.upperBound {
            let code = bytes.octet(at)
            at += 1
            if code == 0 { continue }
            if code == 255 { return true }
            guard at < field.upperBound else { return false }
            let end = at + 1 + Int(bytes.octet(at))
            guard end <= field.upperBound else { return false }
            visit(code, at + 1..<end)
            at = end
        }
        return true
    }

    // MARK: Options

    /// Where the value of an option is; of one that came in pieces, its first.
    public subscript(_ option: DHCPOption) -> Range<Int>? {
        let place = places[Int(option.code)]
        guard place & Self.isPresent != 0 else { return nil }
        let start = Int(place >> 8 & 0xffff)
        return start..<start + Int(place & 0xff)
    }

    public func has(_ option: DHCPOption) -> Bool { places[Int(option.code)] != 0 }

    /// The value of an option of exactly one byte.
    public func octet(_ option: DHCPOption, in bytes: RawSpan) -> UInt8? {
        whole(option, 1).map { bytes.octet($0) }
    }

    public func word(_ option: DHCPOption, in bytes: RawSpan) -> UInt16? { whole(option, 2).map { bytes.word($0) } }

    public func long(_ option: DHCPOption, in bytes: RawSpan) -> UInt32? { whole(option, 4).map { bytes.long($0) } }

    public func address(_ option: DHCPOption, in bytes: RawSpan) -> IPv4Address? {
        whole(option, 4).map { bytes.ipv4($0) }
    }

    private func whole(_ option: DHCPOption, _ length: Int) -> Int? {
        let place = places[Int(option.code)]
        guard place & Self.isPresent != 0, place & Self.isSplit == 0, Int(place & 0xff) == length else { return nil }
        return Int(place >> 8 & 0xffff)
    }

    /// The whole value, its pieces joined as RFC 3396 wants: those of the options field, of `file`, of `sname`.
    public func value(_ option: DHCPOption, in bytes: RawSpan) -> [UInt8]? {
        let place = places[Int(option.code)]
        guard place != 0 else { return nil }
        guard place & Self.isSplit != 0 else { return self[option].map { bytes.copy($0) } }
        var joined: [UInt8] = []
        for field in fields(of: bytes) {
            _ = Self.walk(bytes, field) { code, value in
                if code == option.code { joined += bytes.copy(value) }
            }
        }
        return joined
    }

    /// The fields that hold options, in the order in which they count.
    func fields(of bytes: RawSpan) -> [Range<Int>] {
        guard hasOptions else { return [] }
        return [240..<bytes.byteCount] + [Self.file, Self.serverName].filter { isOverloaded($0, in: bytes) }
    }
}
