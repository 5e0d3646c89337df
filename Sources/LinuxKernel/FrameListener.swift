internal import CLinux
internal import Glibc

/// The frames that pass a link, in both directions, with the moment at which the kernel saw them.
public final class FrameListener {
    public struct Sighting {
        /// Nanoseconds since 1970.
        public let time: Int64
        public let originalLength: UInt32
        /// Sent by who listens, and not received.
        public let isOutgoing: Bool
        /// With its VLAN tag, which the kernel keeps apart.
        public let bytes: [UInt8]
    }

    private static let slots = 64
    private static let slotSize = 65536

    private let descriptor: FileDescriptor
    private let buffer = UnsafeMutableRawPointer.allocate(
        byteCount: FrameListener.slots * FrameListener.slotSize, alignment: 64)
    private var heads = [sluice_frame](repeating: sluice_frame(), count: FrameListener.slots)

    public init(on link: String, in namespace: NetworkNamespace, room: Int32 = 64 << 20) throws(KernelError) {
        let index = try RouteSocket(in: namespace).link(named: link).index
        descriptor = try namespace.enter { () throws(KernelError) in
            let number = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard number >= 0 else { throw .last("open", "packet socket") }
            return FileDescriptor(owning: number)
        }
        var (one, room) = (Int32(1), room)
        setsockopt(descriptor.rawValue, SOL_SOCKET, SO_RCVBUFFORCE, &room, 4)
        setsockopt(descriptor.rawValue, SOL_SOCKET, SO_TIMESTAMPNS, &one, 4)
        setsockopt(descriptor.rawValue, SOL_PACKET, PACKET_AUXDATA, &one, 4)
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_protocol = UInt16(ETH_P_ALL).bigEndian
        address.sll_ifindex = index
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor.rawValue, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        }
        guard bound == 0 else { throw .last("listen on", link) }
    }

    deinit { buffer.deallocate() }

    /// Hands over the frames that are there, after waiting for the first of them. Returns how many they were.
    public func receive(
        waiting milliseconds: Int32, _ body: (Sighting) throws(KernelError) -> Void
    ) throws(KernelError) -> Int {
        var wait = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, milliseconds) > 0 else { return 0 }
        let count = sluice_receive_frames(
            descriptor.rawValue, buffer, Self.slotSize, &heads, UInt32(Self.slots))
        guard count >= 0 else {
            if errno == EAGAIN || errno == EINTR { return 0 }
            throw .last("hear", "frames")
        }
        for index in 0..<Int(count) {
            let head = heads[index]
            let bytes = UnsafeRawBufferPointer(start: buffer + index * Self.slotSize, count: Int(head.length))
            try body(
                Sighting(
                    time: Int64(head.seconds) * 1_000_000_000 + Int64(head.nanoseconds),
                    originalLength: head.original_length + (head.has_vlan != 0 ? 4 : 0),
                    isOutgoing: head.is_outgoing != 0, bytes: Self.tagged(bytes, head)))
        }
        return Int(count)
    }

    private static func tagged(_ bytes: UnsafeRawBufferPointer, _ head: sluice_frame) -> [UInt8] {
        guard head.has_vlan != 0, bytes.count >= 12 else { return Array(bytes) }
        let tag = [head.vlan_type, head.vlan_tci].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
        return Array(bytes[..<12]) + tag + Array(bytes[12...])
    }

    /// Frames for which there was no room since the last call.
    public func lost() -> UInt32 {
        var statistics = tpacket_stats()
        var size = socklen_t(MemoryLayout<tpacket_stats>.size)
        guard getsockopt(descriptor.rawValue, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0 else { return 0 }
        return statistics.tp_drops
    }
}
