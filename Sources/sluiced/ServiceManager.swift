import CLinux
import Glibc

/// systemd's readiness protocol: a datagram to the socket that `NOTIFY_SOCKET` names. Without one, nothing happens.
enum ServiceManager {
    static func notify(_ state: String) {
        guard let name = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), !name.isEmpty else { return }
        let descriptor = socket(AF_UNIX, datagram, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // A leading @ stands for the abstract namespace's zero byte.
        var bytes = Array(name.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        guard case (var address, let length)? = UnixSocket.address(bytes) else { return }
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                sendto(descriptor, state, state.utf8.count, Int32(MSG_NOSIGNAL), address, length)
            }
        }
    }
}

private let datagram = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

/// Addresses of Unix sockets.
enum UnixSocket {
    /// Nil when the name is too long.
    static func address(_ name: [UInt8]) -> (sockaddr_un, socklen_t)? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard !name.isEmpty, name.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        return (address, socklen_t(offset + name.count))
    }
}

/// One daemon an installation and network namespace: an abstract socket is bound to the namespace it is made in and
/// goes with its process, whatever way that ends.
struct NamespaceLock: ~Copyable {
    private let descriptor: Int32

    /// Nil when another daemon holds it.
    init?(_ name: String) {
        descriptor = socket(AF_UNIX, datagram, 0)
        guard descriptor >= 0, case (var address, let length)? = UnixSocket.address([0] + Array(name.utf8)) else {
            return nil
        }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard bound == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit { close(descriptor) }
}
