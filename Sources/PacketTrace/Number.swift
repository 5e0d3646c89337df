import NetworkVocabulary
import Ruleset

/// Whatever a rule compares is a number here: the order of numbers is the order in which ranges are meant, and one
/// comparison serves every type. The kernel's bytes play no part, so a mistake in how rules are written for the kernel
/// cannot hide in how they are understood.
typealias Number = UInt128

extension Value {
    /// The first and the last number that the value stands for.
    var numbers: ClosedRange<Number> {
        switch self {
        case .ipv4(let address): single(Number(address.bits))
        case .ipv6(let address): single(Number(address))
        case .mac(let address): single(Number(address.bits))
        case .interface(let name): single(Number(name))
        case .ipProtocol(let number): single(Number(number.number))
        case .port(let port): single(Number(port))
        case .mark(let number), .slot(let number): single(Number(number))
        case .family(let family): single(Number(family.etherType.rawValue))
        case .icmpType(let number), .icmpCode(let number): single(Number(number))
        case .etherType(let type): single(Number(type.rawValue))
        case .arpOperation(let operation): single(Number(operation))
        case .ipv4Prefix(let prefix): Number(prefix.first.bits)...Number(prefix.last.bits)
        case .ipv6Prefix(let prefix): prefix.numbers
        case .ipv4Range(let range): Number(range.first.bits)...Number(range.last.bits)
        case .ipv6Range(let range): Number(range.first)...Number(range.last)
        case .portRange(let range): Number(range.first)...Number(range.last)
        case .ipProtocolRange(let range), .icmpTypeRange(let range), .icmpCodeRange(let range):
            Number(range.lowerBound)...Number(range.upperBound)
        case .interfacePrefix(let prefix): single(prefix.utf8.reduce(0) { $0 << 8 | Number($1) })
        case .rawEther(let address): single(Number(address.bits))
        case .rawIPv6(let address): single(Number(address))
        case .rawVNI(let vni): single(Number(vni.rawValue))
        case .bytes(let bytes): single(bytes.reduce(0) { $0 << 8 | Number($1) })
        case .macRange(let range): Number(range.first.bits)...Number(range.last.bits)
        case .direction(let direction): single(Number(direction.rawValue))
        }
    }
}

extension Value {
    /// Whether the value stands for the number, among others.
    func contains(_ number: Number) -> Bool {
        guard case .interfacePrefix(let prefix) = self else { return numbers.contains(number) }
        // A name is a number of as many bytes as it has letters: those that follow the prefix are shifted out.
        let letters = (128 - number.leadingZeroBitCount + 7) / 8
        let rest = letters - prefix.utf8.count
        return rest >= 0 && numbers.contains(number >> Number(8 * rest))
    }
}

extension Value {
    /// The single value of a type that a number stands for; nil for what no value of the type is.
    init?(_ number: Number, _ type: DataType) {
        switch type {
        case .ipv4: self = .ipv4(IPv4Address(bits: UInt32(truncatingIfNeeded: number)))
        case .ipv6:
            self = .ipv6(
                IPv6Address(high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number)))
        case .etherAddress:
            guard let address = MACAddress(bits: UInt64(truncatingIfNeeded: number)) else { return nil }
            self = .mac(address)
        case .rawEther:
            guard let address = MACAddress(bits: UInt64(truncatingIfNeeded: number)) else { return nil }
            self = .rawEther(address)
        case .rawIPv6:
            self = .rawIPv6(
                IPv6Address(high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number)))
        case .rawVNI:
            guard let vni = VNI(Int(truncatingIfNeeded: number)) else { return nil }
            self = .rawVNI(vni)
        case .interfaceName:
            let bytes = (0..<16).map { UInt8(truncatingIfNeeded: number >> (8 * (15 - $0))) }.drop { $0 == 0 }
            guard let name = InterfaceName(String(decoding: bytes, as: UTF8.self)) else { return nil }
            self = .interface(name)
        case .ipProtocol: self = .ipProtocol(IPProtocol(number: UInt8(truncatingIfNeeded: number)))
        case .port: self = .port(UInt16(truncatingIfNeeded: number))
        case .mark: self = .mark(UInt32(truncatingIfNeeded: number))
        case .slot: self = .slot(UInt32(truncatingIfNeeded: number))
        case .icmpType, .icmpv6Type: self = .icmpType(UInt8(truncatingIfNeeded: number))
        case .icmpCode, .icmpv6Code: self = .icmpCode(UInt8(truncatingIfNeeded: number))
        case .connectionState, .networkProtocol: return nil
        }
    }
}

private func single(_ number: Number) -> ClosedRange<Number> { number...number }

extension IPv6Prefix {
    fileprivate var numbers: ClosedRange<Number> {
        let first = Number(address)
        return first...(first | (length == 0 ? .max : (1 << Number(128 - length)) - 1))
    }
}

extension Number {
    init(_ address: IPv6Address) { self = Number(address.high) << 64 | Number(address.low) }

    init(_ address: IPAddress) {
        switch address {
        case .v4(let v4): self = Number(v4.bits)
        case .v6(let v6): self.init(v6)
        }
    }

    /// A name has 15 bytes at most: they are a number too.
    init(_ name: InterfaceName) { self = name.rawValue.utf8.reduce(0) { $0 << 8 | Number($1) } }
}

extension AddressFamily {
    var etherType: Ruleset.EtherType { self == .ipv4 ? .ipv4 : .ipv6 }
}

extension DataType {
    /// Whether one number of it can be written as several values.
    var isAmbiguous: Bool { self == .connectionState || self == .networkProtocol }

    /// How many bits its numbers have.
    var bitCount: Int {
        switch self {
        case .ipv4, .mark, .slot, .connectionState: 32
        case .ipv6, .rawIPv6, .interfaceName: 128
        case .etherAddress, .rawEther: 48
        case .rawVNI: 24
        case .ipProtocol, .icmpType, .icmpv6Type, .icmpCode, .icmpv6Code: 8
        case .port, .networkProtocol: 16
        }
    }
}
