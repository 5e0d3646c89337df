internal import CLinux
internal import Glibc
internal import NetworkVocabulary

/// One netlink request under construction, in a buffer that is used again for the next one.
///
/// Running out of room is remembered, not thrown by each step: the socket refuses to send such a message.
final class NetlinkMessage {
    private let message: OpaquePointer
    private(set) var isTooLong = false

    init(capacity: Int) throws(KernelError) {
        guard let message = nlmsg_alloc_size(capacity) else { throw .last("allocate", "netlink message") }
        self.message = message
    }

    deinit { nlmsg_free(message) }

    var head: UnsafeMutablePointer<nlmsghdr> { nlmsg_hdr(message) }

    /// Starts over. The socket fills in the sequence number.
    func begin(_ type: Int, _ flags: Int32) {
        isTooLong = false
        head.pointee = nlmsghdr(
            nlmsg_len: UInt32(MemoryLayout<nlmsghdr>.size), nlmsg_type: UInt16(truncatingIfNeeded: type),
            nlmsg_flags: UInt16(truncatingIfNeeded: flags | NLM_F_REQUEST), nlmsg_seq: 0, nlmsg_pid: 0)
    }

    /// Appends the fixed structure that follows the header (or begins a nested peer).
    func append<Value: BitwiseCopyable>(_ value: Value) {
        withUnsafeBytes(of: value) { bytes in
            let failure = nlmsg_append(
                message, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, Int32(NLMSG_ALIGNTO))
            if failure != 0 { isTooLong = true }
        }
    }

    func put(_ type: Int, bytes: UnsafeRawBufferPointer) {
        if nla_put(message, Int32(type), Int32(bytes.count), bytes.baseAddress) != 0 { isTooLong = true }
    }

    /// A number in the machine's byte order.
    func put<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Int, _ value: Value) {
        withUnsafeBytes(of: value) { put(type, bytes: $0) }
    }

    /// A string with its terminating zero.
    func put(_ type: Int, _ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            if nla_reserveAndCopy(type, utf8) != 0 { isTooLong = true }
        }
    }

    private func nla_reserveAndCopy(_ type: Int, _ utf8: UnsafeBufferPointer<UInt8>) -> Int32 {
        guard let attribute = nla_reserve(message, Int32(type), Int32(utf8.count + 1)), let data = nla_data(attribute)
        else { return -1 }
        if let base = utf8.baseAddress { memcpy(data, base, utf8.count) }
        data.storeBytes(of: 0, toByteOffset: utf8.count, as: UInt8.self)
        return 0
    }

    func put(_ type: Int, _ address: IPAddress) {
        switch address {
        case .v4(let v4): put(type, v4.bits.bigEndian)
        case .v6(let v6): withUnsafeBytes(of: (v6.high.bigEndian, v6.low.bigEndian)) { put(type, bytes: $0) }
        }
    }

    func put(_ type: Int, _ mac: MACAddress) {
        withUnsafeBytes(of: (mac.bits << 16).bigEndian) { put(type, bytes: UnsafeRawBufferPointer(rebasing: $0[..<6])) }
    }

    /// Attributes inside an attribute.
    func nested(_ type: Int, _ body: () -> Void) {
        guard let start = nla_nest_start(message, Int32(type) | Int32(NLA_F_NESTED)) else {
            isTooLong = true
            return
        }
        body()
        if nla_nest_end(message, start) != 0 { isTooLong = true }
    }
}
