public import NetworkVocabulary

/// How nft names and numbers the types, and how the kernel's registers hold their values. The numbers are nft's
/// own: the kernel stores them with a set for whoever lists it.
extension DataType {
    /// The type's name in nft syntax.
    public var syntax: String {
        switch self {
        case .ipv4: "ipv4_addr"
        case .ipv6: "ipv6_addr"
        case .etherAddress: "ether_addr"
        case .interfaceName: "ifname"
        case .ipProtocol: "inet_proto"
        case .port: "inet_service"
        case .mark: "mark"
        case .connectionState: "ct_state"
        case .networkProtocol: "nf_proto"
        case .icmpType: "icmp_type"
        case .icmpv6Type: "icmpv6_type"
        case .icmpCode: "icmp_code"
        case .icmpv6Code: "icmpv6_code"
        case .rawEther, .rawIPv6, .rawVNI, .slot: "integer"
        }
    }

    /// Whether its values have no name in nft syntax.
    public var isRaw: Bool { self == .rawEther || self == .rawIPv6 || self == .rawVNI }

    /// Something in a packet that is of this type, as a declaration by example (`typeof`) has it.
    var example: String {
        switch self {
        case .ipv4: "ip saddr"
        case .ipv6: "ip6 saddr"
        case .etherAddress: "ether saddr"
        case .interfaceName: "iifname"
        case .ipProtocol: "meta l4proto"
        case .port: "th dport"
        case .mark: "meta mark"
        case .connectionState: "ct state"
        case .networkProtocol: "meta nfproto"
        case .icmpType: "icmp type"
        case .icmpv6Type: "icmpv6 type"
        case .icmpCode: "icmp code"
        case .icmpv6Code: "icmpv6 code"
        case .rawEther: "@nh,0,48"
        case .rawIPv6: "@nh,0,128"
        case .rawVNI: "@th,96,24"
        case .slot: "numgen inc mod 2"
        }
    }

    /// nft's number of the type.
    public var code: UInt32 {
        switch self {
        case .networkProtocol: 2
        case .rawEther, .rawIPv6, .rawVNI, .slot: 4
        case .ipv4: 7
        case .ipv6: 8
        case .etherAddress: 9
        case .ipProtocol: 12
        case .port: 13
        case .icmpType: 14
        case .mark: 19
        case .connectionState: 26
        case .icmpv6Type: 29
        case .icmpCode: 32
        case .icmpv6Code: 33
        case .interfaceName: 41
        }
    }

    static let all: [DataType] = [
        .ipv4, .ipv6, .etherAddress, .interfaceName, .ipProtocol, .port, .mark, .connectionState, .networkProtocol,
        .icmpType, .icmpv6Type, .icmpCode, .icmpv6Code,
    ]

    /// Bytes of a value, before padding to whole registers.
    public var byteCount: Int {
        switch self {
        case .ipv4, .mark, .connectionState, .slot: 4
        case .ipv6, .rawIPv6, .interfaceName: 16
        case .etherAddress, .rawEther: 6
        case .rawVNI: 3
        case .port: 2
        case .ipProtocol, .networkProtocol, .icmpType, .icmpv6Type, .icmpCode, .icmpv6Code: 1
        }
    }

    /// Whether registers hold the value in the machine's byte order.
    public var isHostOrder: Bool {
        switch self {
        case .mark, .connectionState, .interfaceName, .networkProtocol, .slot: true
        default: false
        }
    }

    /// The number of a concatenation: six bits a component.
    public static func code(of types: [DataType]) -> UInt32 { types.reduce(0) { $0 << 6 | $1.code } }

    /// The components behind a number, or nil when one of them is none of ours. Bytes without a name have one number
    /// whatever their count, which follows from the length of the whole.
    public static func types(of code: UInt32, byteCount: Int? = nil) -> [DataType]? {
        if code == slot.code, byteCount == slot.byteCount { return [.slot] }
        for raw in [rawEther, rawIPv6, rawVNI] {
            var types: [DataType] = []
            var rest = code
            while rest > 0 {
                guard let type = rest & 63 == raw.code ? raw : all.first(where: { $0.code == rest & 63 }) else {
                    return nil
                }
                types.insert(type, at: 0)
                rest >>= 6
            }
            if types.isEmpty { return nil }
            guard types.contains(where: \.isRaw) else { return types }
            if self.byteCount(of: types) == byteCount { return types }
        }
        return nil
    }

    /// The length of a key or data of these types: alone exact, in a concatenation each padded to four bytes.
    public static func byteCount(of types: [DataType]) -> Int {
        types.count == 1 ? types[0].byteCount : types.reduce(0) { $0 + paddedToRegister($1.byteCount) }
    }
}

func paddedToRegister(_ count: Int) -> Int { (count + 3) & ~3 }

func bigEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
}

func hostOrder(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }

extension Value {
    /// The type of set component that can hold this value (of ICMP, ICMPv6's too); nil for values that only matches know.
    public var dataType: DataType? {
        switch self {
        case .ipv4, .ipv4Prefix, .ipv4Range: .ipv4
        case .ipv6, .ipv6Prefix, .ipv6Range: .ipv6
        case .mac: .etherAddress
        case .interface: .interfaceName
        case .rawEther: .rawEther
        case .rawIPv6: .rawIPv6
        case .rawVNI: .rawVNI
        case .ipProtocol, .ipProtocolRange: .ipProtocol
        case .port, .portRange: .port
        case .mark: .mark
        case .slot: .slot
        case .family: .networkProtocol
        case .icmpType, .icmpTypeRange: .icmpType
        case .icmpCode, .icmpCodeRange: .icmpCode
        case .etherType, .arpOperation, .direction, .interfacePrefix, .bytes, .macRange: nil
        }
    }

    /// Whether the value stands for more than one.
    public var isRange: Bool {
        switch self {
        case .ipv4Prefix, .ipv6Prefix, .ipv4Range, .ipv6Range, .portRange, .ipProtocolRange, .icmpTypeRange,
            .icmpCodeRange, .macRange:
            true
        default: false
        }
    }

    /// First and last value as registers hold them; equal for a single value.
    public var bounds: (first: [UInt8], last: [UInt8]) {
        func single(_ bytes: [UInt8]) -> ([UInt8], [UInt8]) { (bytes, bytes) }
        switch self {
        case .ipv4(let address): return single(address.octets)
        case .ipv6(let address): return single(address.octets)
        case .mac(let address): return single(address.octets)
        case .interface(let name):
            let text = Array(name.rawValue.utf8)
            return single(text + [UInt8](repeating: 0, count: max(0, 16 - text.count)))
        // As many bytes as there are: the rest of the name is not compared.
        case .interfacePrefix(let prefix): return single(Array(prefix.utf8))
        case .rawEther(let address): return single(address.octets)
        case .rawIPv6(let address): return single(address.octets)
        case .rawVNI(let vni): return single(Array(bigEndian(vni.rawValue)[1...]))
        case .bytes(let bytes): return single(bytes)
        case .macRange(let range): return (range.first.octets, range.last.octets)
        case .ipProtocol(let number): return single([number.number])
        case .port(let port): return single(bigEndian(port))
        case .mark(let number), .slot(let number): return single(hostOrder(number))
        case .family(let family): return single([family.netfilterNumber])
        case .icmpType(let number), .icmpCode(let number): return single([number])
        case .etherType(let type): return single(bigEndian(type.rawValue))
        case .arpOperation(let operation): return single(bigEndian(operation))
        case .ipv4Prefix(let prefix): return (prefix.first.octets, prefix.last.octets)
        case .ipv6Prefix(let prefix): return (prefix.first.octets, prefix.last.octets)
        case .ipv4Range(let range): return (range.first.octets, range.last.octets)
        case .ipv6Range(let range): return (range.first.octets, range.last.octets)
        case .portRange(let range): return (bigEndian(range.first), bigEndian(range.last))
        case .ipProtocolRange(let range), .icmpTypeRange(let range), .icmpCodeRange(let range):
            return ([range.lowerBound], [range.upperBound])
        case .direction(let direction): return single([direction.rawValue])
        }
    }

    static func mask(bits: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).map { index in
            let covered = min(8, max(0, bits - 8 * index))
            return covered == 0 ? 0 : 0xff << UInt8(8 - covered)
        }
    }

    /// The value of this type whose first and last bytes these are, in its normal form; nil when there is none.
    public init?(_ type: DataType, first: some Collection<UInt8>, last: some Collection<UInt8>) {
        let (first, last) = (Array(first), Array(last))
        guard first.count == type.byteCount, last.count == type.byteCount else { return nil }
        let isSingle = first == last
        func number<Number: FixedWidthInteger>(_ bytes: [UInt8]) -> Number { bytes.reduce(0) { $0 << 8 | Number($1) } }
        switch type {
        case .ipv4:
            guard
                let range = IPv4Range(IPv4Address(bits: number(first)), IPv4Address(bits: number(last)))
            else { return nil }
            self = Value.ipv4Range(range).normal
        case .ipv6:
            guard let range = IPv6Range(Self.ipv6(first), Self.ipv6(last)) else { return nil }
            self = Value.ipv6Range(range).normal
        case .port:
            if isSingle {
                self = .port(number(first))
            } else {
                guard let range = PortRange(Int(number(first) as UInt16), Int(number(last) as UInt16)) else {
                    return nil
                }
                self = .portRange(range)
            }
        case .etherAddress:
            guard isSingle, let address = MACAddress(bits: number(first)) else { return nil }
            self = .mac(address)
        case .rawEther:
            guard isSingle, let address = MACAddress(bits: number(first)) else { return nil }
            self = .rawEther(address)
        case .rawIPv6:
            guard isSingle else { return nil }
            self = .rawIPv6(Self.ipv6(first))
        case .rawVNI:
            guard isSingle, let vni = VNI(Int(number(first) as UInt32)) else { return nil }
            self = .rawVNI(vni)
        case .interfaceName:
            let text = String(decoding: first.prefix { $0 != 0 }, as: UTF8.self)
            guard isSingle, let name = InterfaceName(text) else { return nil }
            self = .interface(name)
        case .ipProtocol:
            guard first[0] <= last[0] else { return nil }
            self = Value.ipProtocolRange(first[0]...last[0]).normal
        case .mark:
            guard isSingle else { return nil }
            self = .mark(first.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) })
        case .slot:
            guard isSingle else { return nil }
            self = .slot(first.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) })
        case .networkProtocol:
            guard isSingle, let family = AddressFamily.allCases.first(where: { $0.netfilterNumber == first[0] })
            else { return nil }
            self = .family(family)
        case .icmpType, .icmpv6Type:
            guard first[0] <= last[0] else { return nil }
            self = Value.icmpTypeRange(first[0]...last[0]).normal
        case .icmpCode, .icmpv6Code:
            guard first[0] <= last[0] else { return nil }
            self = Value.icmpCodeRange(first[0]...last[0]).normal
        case .connectionState: return nil
        }
    }

    private static func ipv6(_ bytes: [UInt8]) -> IPv6Address {
        IPv6Address(
            high: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }, low: bytes[8...].reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// One spelling for each set of addresses or ports: a range that is a prefix is that prefix, a range or prefix of
    /// one is the single value. The kernel keeps only the bounds, so two spellings are one element there.
    public var normal: Value {
        switch self {
        case .ipv4Prefix(let prefix): return prefix.length == 32 ? .ipv4(prefix.address) : self
        case .ipv6Prefix(let prefix): return prefix.length == 128 ? .ipv6(prefix.address) : self
        case .portRange(let range): return range.first == range.last ? .port(range.first) : self
        case .ipProtocolRange(let range):
            return range.count == 1 ? .ipProtocol(IPProtocol(number: range.lowerBound)) : self
        case .icmpTypeRange(let range): return range.count == 1 ? .icmpType(range.lowerBound) : self
        case .icmpCodeRange(let range): return range.count == 1 ? .icmpCode(range.lowerBound) : self
        case .ipv6Range(let range):
            if range.first == range.last { return .ipv6(range.first) }
            let high = range.first.high ^ range.last.high
            let length =
                high != 0 ? high.leadingZeroBitCount : 64 + (range.first.low ^ range.last.low).leadingZeroBitCount
            if let prefix = IPv6Prefix(range.first, length: length), prefix.last == range.last {
                return .ipv6Prefix(prefix)
            }
            return self
        case .ipv4Range(let range):
            let difference = range.first.bits ^ range.last.bits
            if difference == 0 { return .ipv4(range.first) }
            let length = difference.leadingZeroBitCount
            if let prefix = IPv4Prefix(range.first, length: length), prefix.last == range.last {
                return .ipv4Prefix(prefix)
            }
            return self
        default: return self
        }
    }
}

extension ElementKey {
    /// The key with every component in its normal form.
    public var normal: ElementKey {
        values.contains(where: \.isRange) ? ElementKey(values.map(\.normal)) : self
    }

    /// First and last key as the kernel's registers hold them: components padded to whole registers when there are
    /// several.
    public var bounds: (first: [UInt8], last: [UInt8]) {
        if values.count == 1 { return values[0].bounds }
        var (first, last): ([UInt8], [UInt8]) = ([], [])
        for value in values {
            let ends = value.bounds
            let padding = repeatElement(UInt8(0), count: paddedToRegister(ends.first.count) - ends.first.count)
            first += ends.first
            first += padding
            last += ends.last
            last += padding
        }
        return (first, last)
    }
}

extension [Value] {
    /// The data of a map element as registers hold it.
    public var registerBytes: [UInt8] { ElementKey(self).bounds.first }

    /// Values of these types out of register bytes.
    public init?(_ types: [DataType], first: [UInt8], last: [UInt8]) {
        self = []
        if types.count == 1 {
            guard let value = Value(types[0], first: first, last: last) else { return nil }
            self = [value]
            return
        }
        guard first.count == DataType.byteCount(of: types), last.count == first.count else { return nil }
        var offset = 0
        for type in types {
            let range = offset..<offset + type.byteCount
            guard let value = Value(type, first: first[range], last: last[range]) else { return nil }
            append(value)
            offset += paddedToRegister(type.byteCount)
        }
    }
}

extension AddressFamily {
    /// NFPROTO_IPV4, NFPROTO_IPV6.
    public var netfilterNumber: UInt8 { self == .ipv4 ? 2 : 10 }
}

/// The value after these big-endian bytes, or nil past the last one.
public func successor(of bytes: [UInt8]) -> [UInt8]? {
    var bytes = bytes
    for index in bytes.indices.reversed() {
        if bytes[index] < 0xff {
            bytes[index] += 1
            return bytes
        }
        bytes[index] = 0
    }
    return nil
}

/// The value before these big-endian bytes, or nil before zero.
public func predecessor(of bytes: [UInt8]) -> [UInt8]? {
    var bytes = bytes
    for index in bytes.indices.reversed() {
        if bytes[index] > 0 {
            bytes[index] -= 1
            return bytes
        }
        bytes[index] = 0xff
    }
    return nil
}
