public import NetworkVocabulary

/// A DHCP message as a value, for clients, captures and tests. Servers that count nanoseconds use `DHCPFields` and
/// `DHCPReply`.
///
/// Options stand in the order of their first piece, each with its whole value; those that travelled in `file` and `sname`
/// stand behind the others, and the fields are empty then.
public struct DHCPMessage: Hashable, Sendable {
    public struct Value: Hashable, Sendable {
        public let option: DHCPOption
        public let bytes: [UInt8]

        public init(_ option: DHCPOption, _ bytes: [UInt8]) {
            self.option = option
            self.bytes = bytes
        }
    }

    public var operation: UInt8
    public var hardwareType: UInt8 = 1
    public var hardwareLength: UInt8 = 6
    public var hops: UInt8 = 0
    public var transaction: UInt32
    public var seconds: UInt16 = 0
    public var flags: UInt16 = 0
    public var clientAddress = IPv4Address(bits: 0)
    public var yourAddress = IPv4Address(bits: 0)
    public var serverAddress = IPv4Address(bits: 0)
    public var relayAddress = IPv4Address(bits: 0)
    /// The field's sixteen bytes.
    public var hardwareAddress: [UInt8]
    /// At most 64 bytes, without the zeros that follow.
    public var serverName: [UInt8] = []
    /// At most 128 bytes, without the zeros that follow.
    public var file: [UInt8] = []
    /// Nil in BOOTP messages that have none.
    public var options: [Value]?

    public init(_ operation: UInt8, transaction: UInt32, mac: MACAddress, options: [Value]? = []) {
        self.operation = operation
        self.transaction = transaction
        hardwareAddress = mac.octets
        self.options = options
    }

    public subscript(_ option: DHCPOption) -> [UInt8]? { options?.first { $0.option == option }?.bytes }

    public var type: DHCPMessageType? {
        guard let value = self[.messageType], value.count == 1 else { return nil }
        return DHCPMessageType(rawValue: value[0])
    }

    public func address(_ option: DHCPOption) -> IPv4Address? {
        guard let value = self[option], value.count == 4 else { return nil }
        return value.span.bytes.ipv4(0)
    }
}

extension DHCPMessage {
    public init?(parsing bytes: [UInt8]) {
        let span = bytes.span.bytes
        guard let fields = DHCPFields(parsing: span) else { return nil }
        self.init(fields, of: span)
    }

    private init(_ fields: DHCPFields, of bytes: RawSpan) {
        operation = fields.operation
        hardwareType = fields.hardwareType
        hardwareLength = fields.hardwareLength
        hops = fields.hops
        transaction = fields.transaction
        seconds = fields.seconds
        flags = fields.flags
        clientAddress = fields.clientAddress
        yourAddress = fields.yourAddress
        serverAddress = fields.serverAddress
        relayAddress = fields.relayAddress
        hardwareAddress = Self.trimmed(bytes.copy(28..<44), to: 6)
        for (field, path) in [(DHCPFields.serverName, \Self.serverName), (DHCPFields.file, \.file)]
        where !fields.isOverloaded(field, in: bytes) {
            self[keyPath: path] = Self.trimmed(bytes.copy(field))
        }
        guard fields.hasOptions else {
            options = nil
            return
        }
        var codes: [UInt8] = []
        var isSeen = [Bool](repeating: false, count: 256)
        for field in fields.fields(of: bytes) {
            _ = DHCPFields.walk(bytes, field) { code, _ in
                if !isSeen[Int(code)] { codes.append(code) }
                isSeen[Int(code)] = true
            }
        }
        options = codes.map(DHCPOption.init).filter { $0 != .overload }.map {
            Value($0, fields.value($0, in: bytes) ?? [])
        }
    }

    private static func trimmed(_ bytes: [UInt8], to least: Int = 0) -> [UInt8] {
        let end = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        return Array(bytes[..<max(least, end)])
    }

    /// As it travels, padded to the 300 bytes that BOOTP relays and clients expect at least.
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.append(contentsOf: [operation, hardwareType, hardwareLength, hops])
        out.put(transaction)
        out.put(seconds)
        out.put(flags)
        for address in [clientAddress, yourAddress, serverAddress, relayAddress] { out.put(address) }
        out.put(hardwareAddress, filling: 16)
        out.put(serverName, filling: 64)
        out.put(file, filling: 128)
        if let options {
            out.put(DHCPFields.cookie)
            for value in options { out.put(value.option, value.bytes) }
            out.append(255)
        }
        while out.count < 300 { out.append(0) }
        return out
    }
}

extension [UInt8] {
    mutating func put(_ bytes: [UInt8], filling length: Int) {
        append(contentsOf: bytes.prefix(length))
        for _ in Swift.min(bytes.count, length)..<length { append(0) }
    }

    /// An option, in pieces where it is longer than one can be (RFC 3396).
    mutating func put(_ option: DHCPOption, _ value: [UInt8]) {
        var rest = value[...]
        repeat {
            let piece = rest.prefix(255)
            append(option.code)
            append(UInt8(piece.count))
            append(contentsOf: piece)
            rest = rest.dropFirst(piece.count)
        } while !rest.isEmpty
    }
}
