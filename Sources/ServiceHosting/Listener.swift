import CLinux
import Glibc
public import LinuxKernel

/// Opens a listening TCP socket. Port 0 takes a free one.
///
/// - Parameter host: an address or a name of this machine; `*` for all addresses.
/// - Parameter loopbackOnly: refuse any address that another machine could reach.
public func openListener(
    host: String, port: UInt16, loopbackOnly: Bool = false
) throws(KernelError) -> FileDescriptor {
    // `*` is both families on one socket, or IPv4 where the kernel has no IPv6.
    if host == "*" {
        do { return try openListener(host: "*", family: AF_INET6, port: port, loopbackOnly: loopbackOnly) } catch {
            guard error.isUnsupported || error.errno == EADDRNOTAVAIL else { throw error }
            return try openListener(host: "*", family: AF_INET, port: port, loopbackOnly: loopbackOnly)
        }
    }
    return try openListener(host: host, family: AF_UNSPEC, port: port, loopbackOnly: loopbackOnly)
}

private func openListener(
    host: String, family: Int32, port: UInt16, loopbackOnly: Bool
) throws(KernelError) -> FileDescriptor {
    let place = "\(host.contains(":") ? "[\(host)]" : host):\(port)"
    var hints = addrinfo()
    hints.ai_family = family
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(host == "*" ? nil : host, String(port), &hints, &found)
    guard result == 0, let first = found else {
        throw KernelError(
            operation: "listen on", object: place, errno: EADDRNOTAVAIL,
            explanation: String(cString: gai_strerror(result)))
    }
    defer { freeaddrinfo(found) }

    var failure = KernelError(operation: "listen on", object: place, errno: EADDRNOTAVAIL)
    for candidate in sequence(first: first, next: { $0.pointee.ai_next }) {
        let info = candidate.pointee
        guard !loopbackOnly || isLoopback(info) else {
            failure = KernelError(
                operation: "listen on", object: place, errno: EACCES,
                explanation: "without authentication only loopback addresses are allowed")
            continue
        }
        let number = socket(
            info.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else {
            failure = KernelError(operation: "listen on", object: place, errno: errno)
            continue
        }
        let descriptor = FileDescriptor(owning: number)
        var on: Int32 = 1
        setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        if info.ai_family == AF_INET6 {
            var only: Int32 = host == "*" ? 0 : 1
            setsockopt(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &only, 4)
        }
        guard bind(number, info.ai_addr, info.ai_addrlen) == 0, listen(number, 1_024) == 0 else {
            failure = KernelError(operation: "listen on", object: place, errno: errno)
            continue
        }
        return descriptor
    }
    throw failure
}

/// The port that a listening socket got.
public func port(of listener: borrowing FileDescriptor) -> UInt16? {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener.rawValue, $0, &length) }
    }
    guard result == 0 else { return nil }
    // The port has the same place in both families.
    return withUnsafeBytes(of: address) { UInt16($0[2]) << 8 | UInt16($0[3]) }
}

private func isLoopback(_ info: addrinfo) -> Bool {
    guard let address = info.ai_addr else { return false }
    let bytes = UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen))
    switch info.ai_family {
    case AF_INET: return bytes.count >= 8 && bytes[4] == 127
    case AF_INET6: return bytes.count >= 24 && bytes[8..<23].allSatisfy { $0 == 0 } && bytes[23] == 1
    default: return false
    }
}
