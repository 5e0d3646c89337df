internal import CLinux
internal import NetworkVocabulary

/// The attributes of a message as they lie in the receive buffer; ends quietly at the first one that does not fit.
struct NetlinkAttributes {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    /// Attributes after a fixed structure of `headerSize` bytes.
    init(_ bytes: UnsafeRawBufferPointer, after headerSize: Int) {
        rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(netlinkAligned(headerSize)))
    }

    mutating func next() -> NetlinkAttribute? {
        guard rest.count >= 4 else { return nil }
        let length = Int(rest.loadUnaligned(as: UInt16.self))
        let type = Int(rest.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) & 0x3fff
        guard length >= 4, length <= rest.count else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: rest[4..<length])
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(netlinkAligned(length)))
        return NetlinkAttribute(type: type, bytes: bytes)
    }
}

/// One attribute; each reading is nil when the payload is too short for it.
struct NetlinkAttribute {
    let type: Int
    let bytes: UnsafeRawBufferPointer

    var uint8: UInt8? { bytes.first }
    var uint16: UInt16? { load() }
    var uint32: UInt32? { load() }
    var int32: Int32? { load() }

    /// Text up to the terminating zero, if there is one.
    var string: String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

    var nested: NetlinkAttributes { NetlinkAttributes(bytes) }

    var address: IPAddress? {
        switch bytes.count {
        case 4: .v4(IPv4Address(bits: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))))
        case 16:
            .v6(
                IPv6Address(
                    high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))))
        default: nil
        }
    }

    var mac: MACAddress? {
        guard bytes.count == 6 else { return nil }
        return MACAddress(bits: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    private func load<Value: FixedWidthInteger & BitwiseCopyable>() -> Value? {
        bytes.count >= MemoryLayout<Value>.size ? bytes.loadUnaligned(as: Value.self) : nil
    }
}

/// Netlink's own alignment, of messages and attributes alike.
func netlinkAligned(_ length: Int) -> Int { (length + 3) & ~3 }

/// The messages of one datagram.
struct NetlinkDatagram {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    mutating func next() -> (head: nlmsghdr, payload: UnsafeRawBufferPointer)? {
        let size = MemoryLayout<nlmsghdr>.size
        guard rest.count >= size else { return nil }
        let head = rest.loadUnaligned(as: nlmsghdr.self)
        let length = Int(head.nlmsg_len)
        guard length >= size, length <= rest.count else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: rest[size..<length])
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(netlinkAligned(length)))
        return (head, payload)
    }
}
