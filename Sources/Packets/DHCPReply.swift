public import NetworkVocabulary

/// Writes a server's answer into a buffer that is used again and again.
///
/// An answer is as large as the client takes and no larger: what does not fit into the options field goes into `file`
/// and `sname` where those are free (option 52), and what does not fit there either is left out. So options are put in
/// the order of their importance.
public struct DHCPReply {
    /// What every client takes (RFC 2131 section 2), without the headers of IP and UDP.
    public static let leastLimit = 548

    /// The message, complete after `finish`.
    public private(set) var bytes: [UInt8] = []
    private var limit = Self.leastLimit
    /// Options in each of the fixed fields, and how many bytes of it are theirs; nil where it holds a name.
    private var fileUse: Int? = 0
    private var nameUse: Int? = 0
    public private(set) var leftOut = 0

    public init() { bytes.reserveCapacity(1500) }

    /// The fixed part of an answer to a request: what the client said is repeated.
    public mutating func begin(_ request: DHCPFields, of span: RawSpan, yours: IPv4Address, limit: Int) {
        bytes.removeAll(keepingCapacity: true)
        self.limit = max(limit, Self.leastLimit)
        (fileUse, nameUse, leftOut) = (0, 0, 0)
        bytes.append(DHCPFields.replyOperation)
        bytes.append(request.hardwareType)
        bytes.append(request.hardwareLength)
        bytes.append(0)
        bytes.put(request.transaction)
        bytes.put(0 as UInt16)
        bytes.put(request.flags)
        bytes.put(request.clientAddress)
        bytes.put(yours)
        bytes.put(0 as UInt32)
        bytes.put(request.relayAddress)
        for offset in 28..<44 { bytes.append(span.octet(offset)) }
        for _ in 44..<DHCPFields.fixedLength { bytes.append(0) }
        bytes.put(DHCPFields.cookie)
    }

    /// An answer to what speaks of no address of its own: INFORM keeps it, NAK has none.
    public mutating func setClientAddress(_ address: IPv4Address) { set(address.bits, at: 12) }

    /// The host to load a boot file from (`siaddr`).
    public mutating func setNextServer(_ address: IPv4Address) { set(address.bits, at: 20) }

    public mutating func setFlags(_ flags: UInt16) { bytes.set(flags, at: 10) }

    /// A name for the field of its own, where it fits with the zero behind it.
    public mutating func setFile(_ name: [UInt8]) {
        guard name.count < 128 else { return }
        fileUse = nil
        write(name, at: DHCPFields.file.lowerBound)
    }

    public mutating func setServerName(_ name: [UInt8]) {
        guard name.count < 64 else { return }
        nameUse = nil
        write(name, at: DHCPFields.serverName.lowerBound)
    }

    public mutating func put(_ option: DHCPOption, _ value: UInt8) {
        guard makeRoom(1) else { return spill(option, [value]) }
        bytes.append(option.code)
        bytes.append(1)
        bytes.append(value)
    }

    public mutating func put(_ option: DHCPOption, _ value: UInt16) {
        guard makeRoom(2) else { return spill(option, [UInt8(value >> 8), UInt8(value & 0xff)]) }
        bytes.append(option.code)
        bytes.append(2)
        bytes.put(value)
    }

    public mutating func put(_ option: DHCPOption, _ value: UInt32) {
        guard makeRoom(4) else { return spill(option, IPv4Address(bits: value).octets) }
        bytes.append(option.code)
        bytes.append(4)
        bytes.put(value)
    }

    public mutating func put(_ option: DHCPOption, _ address: IPv4Address) { put(option, address.bits) }

    public mutating func put(_ option: DHCPOption, _ value: [UInt8]) {
        guard makeRoom(value.count + value.count / 256 * 2) else { return spill(option, value) }
        bytes.put(option, value)
    }

    /// A part of the request, as it came.
    public mutating func echo(_ option: DHCPOption, _ request: DHCPFields, of span: RawSpan) {
        if let value = request.value(option, in: span) { put(option, value) }
    }

    /// Ends the message. Relay information goes last, if the relay asked with it (RFC 3046).
    public mutating func finish(_ request: DHCPFields, of span: RawSpan) {
        let overload = ((fileUse ?? 0) > 0 ? 1 : 0) | ((nameUse ?? 0) > 0 ? 2 : 0)
        if overload != 0 {
            bytes.append(DHCPOption.overload.code)
            bytes.append(1)
            bytes.append(UInt8(overload))
        }
        if request.has(.relayInformation), let value = request.value(.relayInformation, in: span),
            bytes.count + value.count + value.count / 256 * 2 + 3 <= limit
        {
            bytes.put(.relayInformation, value)
        }
        bytes.append(255)
        while bytes.count < 300 { bytes.append(0) }
    }

    /// Whether an option of such a length fits, with overload's and the end's four bytes behind it.
    private func makeRoom(_ length: Int) -> Bool { bytes.count + 2 + length + 4 <= limit }

    /// Into a fixed field that is free; each ends with 255 where there is room for it.
    private mutating func spill(_ option: DHCPOption, _ value: [UInt8]) {
        guard value.count <= 255 else { return leftOut += 1 }
        let needed = value.count + 2
        if let used = fileUse, used + needed + 1 <= 128 {
            write([option.code, UInt8(value.count)] + value + [255], at: DHCPFields.file.lowerBound + used)
            fileUse = used + needed
        } else if let used = nameUse, used + needed + 1 <= 64 {
            write([option.code, UInt8(value.count)] + value + [255], at: DHCPFields.serverName.lowerBound + used)
            nameUse = used + needed
        } else {
            leftOut += 1
        }
    }

    private mutating func set(_ value: UInt32, at offset: Int) {
        bytes.set(UInt16(truncatingIfNeeded: value >> 16), at: offset)
        bytes.set(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }

    private mutating func write(_ value: [UInt8], at offset: Int) {
        for (index, byte) in value.enumerated() { bytes[offset + index] = byte }
    }
}
