import NetworkVocabulary

/// Reading fields in network order. Every caller has checked the length first: a read outside the span ends the
/// process, which the tests with truncated and changed frames would see.
extension RawSpan {
    @inline(__always) func octet(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    @inline(__always) func word(_ offset: Int) -> UInt16 {
        UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inline(__always) func long(_ offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always) func quad(_ offset: Int) -> UInt64 {
        UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always) func mac(_ offset: Int) -> MACAddress {
        // Two loads instead of six octets: `bits` cannot be out of range.
        MACAddress(bits: UInt64(word(offset)) << 32 | UInt64(long(offset + 2))) ?? MACAddress(0, 0, 0, 0, 0, 0)
    }

    @inline(__always) func ipv4(_ offset: Int) -> IPv4Address { IPv4Address(bits: long(offset)) }

    @inline(__always) func ipv6(_ offset: Int) -> IPv6Address {
        IPv6Address(high: quad(offset), low: quad(offset + 8))
    }

    @inline(__always) func copy(_ range: Range<Int>) -> [UInt8] {
        range.isEmpty ? [] : withUnsafeBytes { [UInt8](UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}

/// Writing fields in network order.
extension [UInt8] {
    @inline(__always) mutating func put(_ value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    @inline(__always) mutating func put(_ value: UInt32) {
        put(UInt16(truncatingIfNeeded: value >> 16))
        put(UInt16(truncatingIfNeeded: value))
    }

    mutating func put(_ value: UInt64) {
        put(UInt32(truncatingIfNeeded: value >> 32))
        put(UInt32(truncatingIfNeeded: value))
    }

    mutating func put(_ address: MACAddress) {
        put(UInt16(truncatingIfNeeded: address.bits >> 32))
        put(UInt32(truncatingIfNeeded: address.bits))
    }

    mutating func put(_ address: IPv4Address) { put(address.bits) }

    mutating func put(_ address: IPv6Address) {
        put(address.high)
        put(address.low)
    }

    /// Overwrites a word that was left empty for a checksum.
    mutating func set(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}
