import NetworkVocabulary
import RouterPlan

// How values travel between the daemon and the process that serves guests. Both are of one version (`ServingMessage`), so
// there is nothing to skip and nothing to guess: what does not read to its end is refused.

struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ value: UInt8) { bytes.append(value) }
    mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }
    mutating func put(_ value: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
    mutating func put(_ value: UInt64) {
        put(UInt32(truncatingIfNeeded: value >> 32))
        put(UInt32(truncatingIfNeeded: value))
    }
    mutating func put(_ value: [UInt8]) {
        put(UInt32(value.count))
        bytes += value
    }
    mutating func put(_ value: String) { put(Array(value.utf8)) }
    mutating func put(_ address: IPv4Address) { put(address.bits) }
    mutating func put(_ mac: MACAddress) { put(mac.bits) }
    mutating func put(_ id: ObjectID) { put(id.description) }
    mutating func put(_ origin: Origin) { put(origin.description) }

    mutating func put<Value>(_ values: some Collection<Value>, _ each: (inout WireWriter, Value) -> Void) {
        put(UInt32(values.count))
        for value in values { each(&self, value) }
    }

    mutating func put<Value>(_ value: Value?, _ body: (inout WireWriter, Value) -> Void) {
        put(value != nil)
        if let value { body(&self, value) }
    }
}

/// Something on the wire is not what it must be.
struct WireFault: Error {}

struct WireReader {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    mutating func take(_ count: Int) throws(WireFault) -> ArraySlice<UInt8> {
        guard count <= bytes.count - at else { throw WireFault() }
        defer { at += count }
        return bytes[at..<at + count]
    }

    mutating func octet() throws(WireFault) -> UInt8 {
        guard at < bytes.count else { throw WireFault() }
        defer { at += 1 }
        return bytes[at]
    }

    mutating func bool() throws(WireFault) -> Bool { try octet() != 0 }
    mutating func long() throws(WireFault) -> UInt32 { try take(4).reduce(0) { $0 << 8 | UInt32($1) } }
    mutating func quad() throws(WireFault) -> UInt64 { try UInt64(long()) << 32 | UInt64(long()) }
    mutating func data() throws(WireFault) -> [UInt8] { Array(try take(Int(long()))) }
    mutating func text() throws(WireFault) -> String { String(decoding: try data(), as: UTF8.self) }
    mutating func address() throws(WireFault) -> IPv4Address { IPv4Address(bits: try long()) }

    mutating func mac() throws(WireFault) -> MACAddress {
        guard let mac = MACAddress(bits: try quad()) else { throw WireFault() }
        return mac
    }

    mutating func parsed<Value: LosslessStringConvertible>(_ type: Value.Type = Value.self) throws(WireFault) -> Value {
        guard let value = Value(try text()) else { throw WireFault() }
        return value
    }

    mutating func list<Value>(
        _ each: (inout WireReader) throws(WireFault) -> Value
    ) throws(WireFault) -> [Value] {
        let count = Int(try long())
        // Each takes at least a byte.
        guard count <= bytes.count - at else { throw WireFault() }
        var values: [Value] = []
        for _ in 0..<count { values.append(try each(&self)) }
        return values
    }

    mutating func optional<Value>(
        _ body: (inout WireReader) throws(WireFault) -> Value
    ) throws(WireFault) -> Value? {
        try bool() ? try body(&self) : nil
    }
}

extension WireWriter {
    mutating func put(_ option: DHCPExtra) {
        put(option.code)
        put(option.bytes)
    }

    mutating func put(_ services: GuestServices) {
        put(services.kinds.rawValue)
        put(services.server)
        put(services.subnet.description)
        put(services.gateway) { $0.put($1) }
        put(UInt32(services.mtu))
        put(services.domain)
        put(services.nameServers) { $0.put($1) }
        put(services.resolvers) { $0.put($1) }
        put(services.leaseTime)
        put(services.routerName)
        put(services.options) { $0.put($1) }
    }

    mutating func put(_ nic: ServedNIC) {
        put(nic.origin)
        put(nic.guest)
        put(nic.mac)
        put(nic.address)
        put(nic.secondaryAddresses) { $0.put($1) }
        put(nic.hostName)
        put(nic.isDefault)
        put(nic.options) { $0.put($1) }
        put(nic.metadata) { $0.put($1) }
    }

    private mutating func put(_ metadata: ServedMetadata) {
        put(metadata.leaves) { writer, leaf in
            writer.put(leaf.name)
            writer.put(leaf.value)
        }
        put(metadata.variables.sorted { $0.key < $1.key }) { writer, variable in
            writer.put(variable.key)
            writer.put(variable.value.revealed)
        }
        put(metadata.userData) { $0.put($1.revealed) }
        put(metadata.password) { writer, password in
            switch password {
            case .saved: writer.put(false)
            case .waiting(let secret):
                writer.put(true)
                writer.put(secret.revealed)
            }
        }
    }
}

extension WireReader {
    mutating func option() throws(WireFault) -> DHCPExtra { DHCPExtra(try octet(), try data()) }

    mutating func services() throws(WireFault) -> GuestServices {
        GuestServices(
            kinds: GuestServices.Kinds(rawValue: try octet()), server: try address(), subnet: try parsed(),
            gateway: try optional { r throws(WireFault) in try r.address() }, mtu: Int(try long()), domain: try text(),
            nameServers: try list { r throws(WireFault) in try r.address() },
            resolvers: try list { r throws(WireFault) in try r.address() }, leaseTime: try long(),
            routerName: try text(), options: try list { r throws(WireFault) in try r.option() })
    }

    mutating func nic() throws(WireFault) -> ServedNIC {
        ServedNIC(
            origin: try parsed(), guest: try parsed(), mac: try mac(), address: try address(),
            secondaryAddresses: try list { r throws(WireFault) in try r.address() }, hostName: try text(),
            isDefault: try bool(), options: try list { r throws(WireFault) in try r.option() },
            metadata: try optional { r throws(WireFault) in try r.metadata() })
    }

    private mutating func metadata() throws(WireFault) -> ServedMetadata {
        let leaves = try list { r throws(WireFault) in ServedMetadata.Leaf(try r.text(), try r.text()) }
        let variables = try list { r throws(WireFault) in (try r.text(), Secret(try r.text())) }
        let userData = try optional { r throws(WireFault) in Secret(try r.text()) }
        let password = try optional { r throws(WireFault) in
            try r.bool() ? ServedMetadata.Password.waiting(Secret(try r.text())) : .saved
        }
        return ServedMetadata(
            leaves: leaves, variables: Dictionary(variables, uniquingKeysWith: { $1 }), userData: userData,
            password: password)
    }
}
