import CLinux
import Foundation
import NetworkVocabulary

/// A socket of a test, opened in the namespace that its thread is in at that moment.
final class Wire: Sendable {
    let descriptor: Int32

    init(_ family: Int32, _ type: __socket_type, _ proto: Int32 = 0) throws {
        descriptor = socket(family, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), proto)
        guard descriptor >= 0 else { throw Trouble("socket: \(String(cString: strerror(errno)))") }
        // Nothing waits for ever: a test that hears nothing says so.
        set(SO_RCVTIMEO, timeval(tv_sec: 10, tv_usec: 0))
        set(SO_SNDTIMEO, timeval(tv_sec: 10, tv_usec: 0))
    }

    deinit { close(descriptor) }

    private init(accepted: Int32) {
        descriptor = accepted
        set(SO_RCVTIMEO, timeval(tv_sec: 10, tv_usec: 0))
    }

    func set<Value>(_ option: Int32, _ value: Value) {
        _ = withUnsafeBytes(of: value) {
            setsockopt(descriptor, SOL_SOCKET, option, $0.baseAddress, socklen_t($0.count))
        }
    }

    static func address(_ host: String, _ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return address
    }

    static func pointing<Result>(
        at address: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    /// A TCP connection; throws when there is none after so many seconds. From one of the namespace's addresses, if named.
    static func tcp(to host: String, _ port: UInt16, from source: String? = nil, seconds: Int = 10) throws -> Wire {
        let wire = try Wire(AF_INET, SOCK_STREAM)
        wire.set(SO_SNDTIMEO, timeval(tv_sec: seconds, tv_usec: 0))
        if let source, pointing(at: address(source, 0), { bind(wire.descriptor, $0, $1) }) != 0 {
            throw Trouble("bind \(source): \(String(cString: strerror(errno)))")
        }
        guard pointing(at: address(host, port), { connect(wire.descriptor, $0, $1) }) == 0 else {
            throw Trouble("connect to \(host):\(port): \(String(cString: strerror(errno)))")
        }
        return wire
    }

    /// Something bound to an address of the namespace. TCP listens.
    static func bound(_ type: __socket_type, _ host: String, _ port: UInt16) throws -> Wire {
        let wire = try Wire(AF_INET, type)
        wire.set(SO_REUSEADDR, Int32(1))
        guard pointing(at: address(host, port), { bind(wire.descriptor, $0, $1) }) == 0 else {
            throw Trouble("bind \(host):\(port): \(String(cString: strerror(errno)))")
        }
        if type == SOCK_STREAM { listen(wire.descriptor, 128) }
        return wire
    }

    /// One datagram, from a socket of its own and from whatever address.
    static func datagram(from source: String, _ sourcePort: UInt16, to host: String, _ port: UInt16) throws {
        let wire = try Wire(AF_INET, SOCK_DGRAM)
        var isTransparent: Int32 = 1
        setsockopt(
            wire.descriptor, Int32(IPPROTO_IP), IP_TRANSPARENT, &isTransparent, socklen_t(MemoryLayout<Int32>.size))
        guard pointing(at: address(source, sourcePort), { bind(wire.descriptor, $0, $1) }) == 0 else {
            throw Trouble("bind \(source):\(sourcePort): \(String(cString: strerror(errno)))")
        }
        guard pointing(at: address(host, port), { connect(wire.descriptor, $0, $1) }) == 0 else {
            throw Trouble("connect to \(host):\(port): \(String(cString: strerror(errno)))")
        }
        try wire.send([1])
    }

    func accepted() throws -> Wire {
        let new = sluice_accept(descriptor, Int32(SOCK_CLOEXEC.rawValue))
        guard new >= 0 else { throw Trouble("nobody came: \(String(cString: strerror(errno)))") }
        return Wire(accepted: new)
    }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Trouble("send: \(String(cString: strerror(errno)))") }
            sent += count
        }
    }

    /// One datagram, or part of a stream. Nil at a stream's end.
    func receive() throws -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count >= 0 else { throw Trouble("receive: \(String(cString: strerror(errno)))") }
        return count == 0 ? nil : Array(chunk[..<count])
    }

    /// What is there by now, without waiting; nil when there is nothing, whether or not there can still be something.
    func arrived() -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
        return count > 0 ? Array(chunk[..<count]) : nil
    }

    func receiveAll() throws -> String {
        var bytes: [UInt8] = []
        while let more = try receive() { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A datagram's text and where it came from.
    func hear() throws -> (text: String, from: String, port: UInt16) {
        let (bytes, from, port) = try take()
        return (String(decoding: bytes, as: UTF8.self), from, port)
    }

    /// A datagram and where it came from.
    func take() throws -> (bytes: [UInt8], from: String, port: UInt16) {
        var from = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = withUnsafeMutablePointer(to: &from) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &chunk, chunk.count, 0, $0, &length)
            }
        }
        guard count >= 0 else { throw Trouble("heard nothing: \(String(cString: strerror(errno)))") }
        return (
            Array(chunk[..<count]),
            "\(IPv4Address(bits: UInt32(bigEndian: from.sin_addr.s_addr)))", UInt16(bigEndian: from.sin_port)
        )
    }

    @discardableResult
    func tell(_ bytes: [UInt8], to host: String, _ port: UInt16) -> Bool {
        Self.pointing(at: Self.address(host, port)) {
            sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1) == bytes.count
        }
    }

    /// An IPv4 packet with a UDP datagram in it, for raw sockets: with whatever source one likes.
    static func datagram(
        from source: String, _ sourcePort: UInt16 = 4321, to target: String, _ port: UInt16, _ text: String
    ) -> [UInt8] {
        let octets = { (host: String) in host.split(separator: ".").compactMap { UInt8($0) } }
        let payload = Array(text.utf8)
        let half = { (number: Int) in [UInt8(number >> 8), UInt8(number & 0xff)] }
        var head: [UInt8] =
            [0x45, 0] + half(28 + payload.count) + [0, 0, 0x40, 0, 64, 17, 0, 0] + octets(source) + octets(target)
        var sum = stride(from: 0, to: 20, by: 2).reduce(0) { $0 + Int(head[$1]) << 8 + Int(head[$1 + 1]) }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        head.replaceSubrange(10..<12, with: half(~sum & 0xffff))
        // No checksum: UDP over IPv4 may.
        return head + half(Int(sourcePort)) + half(Int(port)) + half(8 + payload.count) + [0, 0] + payload
    }
}

extension Wire {
    /// An Ethernet frame as it stands, out of a link of the namespace.
    static func sendFrame(_ frame: [UInt8], on link: String) throws {
        let wire = try Wire(AF_PACKET, SOCK_RAW)
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_ifindex = Int32(if_nametoindex(link))
        let sent = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(wire.descriptor, frame, frame.count, 0, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        }
        guard sent == frame.count else { throw Trouble("frame on \(link): \(String(cString: strerror(errno)))") }
    }
}
