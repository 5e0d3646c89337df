import CLinux
import Foundation
import LinuxKernel
import NetworkVocabulary
import RouterPlan
import Testing

/// A UDP socket in a node's namespace.
final class Datagrams {
    private let descriptor: Int32

    init(in node: NodeName, _ address: String = "0.0.0.0", _ port: UInt16 = 0) throws {
        let socket = try NamespaceDirectory.system.open(node.text).enter {
            Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        }
        descriptor = socket
        // The deadline is for tests that fail, not a promise.
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let isBound = Self.at(address, port) { bind(socket, $0, $1) } == 0
        try #require(isBound, "bind \(address):\(port) in \(node): \(errno)")
    }

    deinit { close(descriptor) }

    private static func at(_ host: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32)
        -> Int32
    {
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = IPv4Address(host)?.bits.bigEndian ?? 0
        return withUnsafePointer(to: place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    func send(_ text: String, to host: String, _ port: UInt16) {
        let bytes = Array(text.utf8)
        let sent = Self.at(host, port) {
            Int32(truncatingIfNeeded: sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1))
        }
        #expect(sent == bytes.count, "to \(host):\(port): \(errno)")
    }

    /// Sends only to one place, and hears of errors from there.
    func connect(to host: String, _ port: UInt16) {
        let connected = Self.at(host, port) { Glibc.connect(descriptor, $0, $1) }
        #expect(connected == 0)
    }

    struct Heard: Equatable {
        var text: String
        var from: String
        var port: UInt16
    }

    /// The next datagram; an error of the kernel's as its number.
    func hear() throws(POSIXError) -> Heard {
        var from = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = withUnsafeMutablePointer(to: &from) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &bytes, bytes.count, 0, $0, &length)
            }
        }
        guard count >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        return Heard(
            text: String(decoding: bytes[..<count], as: UTF8.self),
            from: "\(IPv4Address(bits: UInt32(bigEndian: from.sin_addr.s_addr)))",
            port: UInt16(bigEndian: from.sin_port))
    }

    /// Hears this text, and says it back to whom it came from. Returns whom it came from.
    @discardableResult
    func echo(_ text: String) throws -> String {
        let heard = try hear()
        #expect(heard.text == text)
        send(text, to: heard.from, heard.port)
        return heard.from
    }
}
