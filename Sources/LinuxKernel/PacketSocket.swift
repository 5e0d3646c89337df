internal import CLinux
internal import Glibc

/// Frames of all links of one namespace, as they are on the wire.
public final class PacketSocket {
    public struct Sighting: Sendable {
        /// The link's index.
        public let link: Int32
        public let bytes: [UInt8]
    }

    private let descriptor: FileDescriptor
    private var buffer = [UInt8](repeating: 0, count: 65536)

    /// In `namespace`, with room for so many bytes that nobody has taken yet.
    public init(in namespace: NetworkNamespace, room: Int32 = 8 << 20) throws(KernelError) {
        descriptor = try namespace.enter { () throws(KernelError) in
            let everything = Int32(UInt16(ETH_P_ALL).bigEndian)
            let number = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), everything)
            guard number >= 0 else { throw .last("open", "packet socket") }
            return FileDescriptor(owning: number)
        }
        var room = room
        setsockopt(descriptor.rawValue, SOL_SOCKET, SO_RCVBUFFORCE, &room, 4)
        // For what never comes although it must: a deadline, not a promise.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    public func send(_ frame: [UInt8], on link: Int32) throws(KernelError) {
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_ifindex = link
        let sent = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor.rawValue, frame, frame.count, 0, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        }
        guard sent == frame.count else { throw .last("send", "a frame of \(frame.count) bytes") }
    }

    /// The next frame that came in by a link; waits for one.
    public func receive() throws(KernelError) -> Sighting {
        while true {
            if let sighting = try receive(0) { return sighting }
        }
    }

    /// The next frame that has come in by a link, or nil.
    public func poll() throws(KernelError) -> Sighting? {
        do throws(KernelError) {
            while true {
                if let sighting = try receive(Int32(MSG_DONTWAIT)) { return sighting }
            }
        } catch {
            if error.errno == EAGAIN { return nil }
            throw error
        }
    }

    /// Nil for what is not to be told.
    private func receive(_ flags: Int32) throws(KernelError) -> Sighting? {
        var from = sockaddr_ll()
        var length = socklen_t(MemoryLayout<sockaddr_ll>.size)
        let count = withUnsafeMutablePointer(to: &from) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor.rawValue, &buffer, buffer.count, flags, $0, &length)
            }
        }
        guard count >= 0 else {
            if errno == EINTR { return nil }
            throw .last("hear", "a frame")
        }
        if Int32(from.sll_pkttype) == PACKET_OUTGOING { return nil }
        return Sighting(link: from.sll_ifindex, bytes: Array(buffer[..<count]))
    }
}
