internal import CLinux
internal import Glibc

/// Tables that belong to a netlink socket: the kernel removes them with it, whichever way its process ends.
enum OwnedTables {
    /// One message of a batch.
    struct Step {
        let message: NetfilterMessage
        let flags: Int32
        let family: UInt16
        let fill: (UnsafeMutablePointer<nlmsghdr>) -> Void

        init(
            _ message: NetfilterMessage, _ flags: Int32, _ family: UInt16,
            _ fill: @escaping (UnsafeMutablePointer<nlmsghdr>) -> Void
        ) {
            self.message = message
            self.flags = flags
            self.family = family
            self.fill = fill
        }
    }

    /// All of the steps or none; together they are to have no more than some thousand bytes.
    static func commit(_ steps: [Step], on socket: OpaquePointer, _ operation: String) throws(NetfilterError) {
        let sent = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            guard let start = buffer.baseAddress else { return false }
            var count = 0
            func finish(_ message: UnsafeMutablePointer<nlmsghdr>?) {
                count += message.map { (Int($0.pointee.nlmsg_len) + 3) & ~3 } ?? 0
            }
            func place() -> UnsafeMutablePointer<CChar> { (start + count).assumingMemoryBound(to: CChar.self) }
            finish(nftnl_batch_begin(place(), 1))
            for (index, step) in steps.enumerated() {
                let message = nftnl_nlmsg_build_hdr(
                    place(), step.message.rawValue, step.family, UInt16(truncatingIfNeeded: step.flags),
                    UInt32(2 + index))
                if let message { step.fill(message) }
                finish(message)
            }
            finish(nftnl_batch_end(place(), UInt32(2 + steps.count)))
            return mnl_socket_sendto(socket, start, count) == count
        }
        guard sent else { throw .system(operation: operation, errno: errno) }
        // The kernel has worked on the batch by now, and says nothing when all is well.
        var room = [UInt8](repeating: 0, count: 32 << 10)
        while true {
            let count = room.withUnsafeMutableBytes {
                recv(mnl_socket_get_fd(socket), $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
            }
            guard count >= 0 else {
                switch errno {
                case EINTR: continue
                case EAGAIN: return
                default: throw .system(operation: operation, errno: errno)
                }
            }
            let failure = room.withUnsafeBytes { bytes -> Int32 in
                var datagram = NetlinkDatagram(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                while let (head, payload) = datagram.next() {
                    guard Int32(head.nlmsg_type) == NLMSG_ERROR, payload.count >= 4 else { continue }
                    let error = payload.loadUnaligned(as: Int32.self)
                    if error != 0 { return -error }
                }
                return 0
            }
            if failure != 0 { throw .system(operation: operation, errno: failure) }
        }
    }
}
