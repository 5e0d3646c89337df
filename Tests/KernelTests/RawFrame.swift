import Foundation

/// Frames byte by byte, as the RFCs draw them and as nothing of ours writes them: what a hostile guest may put on its wire.
struct RawFrame {
    typealias Bytes = [UInt8]

    static func half(_ number: Int) -> Bytes { [UInt8(number >> 8 & 0xff), UInt8(number & 0xff)] }
    /// `02:00:00:00:00:03`, `10.1.1.1` or `fe80::1` with every group written out, as bytes.
    static func mac(_ text: String) -> Bytes { text.split(separator: ":").map { UInt8($0, radix: 16) ?? 0 } }
    static func ip(_ text: String) -> Bytes { text.split(separator: ".").map { UInt8($0) ?? 0 } }
    static func ip6(_ text: String) -> Bytes {
        var address = in6_addr()
        inet_pton(AF_INET6, text, &address)
        return withUnsafeBytes(of: address) { Array($0) }
    }

    static let everybody = "ff:ff:ff:ff:ff:ff"

    static func ethernet(_ to: String, _ from: String, _ type: Int, _ payload: Bytes) -> Bytes {
        // As short as it is: what a card would pad, some bridges cut off again.
        mac(to) + mac(from) + half(type) + payload
    }

    private static func checksum(_ bytes: Bytes) -> Bytes {
        var sum = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += Int(bytes[index]) << 8 | (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        return half(~sum & 0xffff)
    }

    static func ipv4(_ from: String, _ to: String, _ proto: UInt8, _ payload: Bytes) -> Bytes {
        let head = { (sum: Bytes) in
            [0x45, 0] + half(20 + payload.count) + [0, 0, 0, 0, 64, proto] + sum + ip(from) + ip(to)
        }
        return head(checksum(head([0, 0]))) + payload
    }

    static func udp(_ from: Int, _ to: Int, _ payload: Bytes) -> Bytes {
        half(from) + half(to) + half(8 + payload.count) + [0, 0] + payload
    }

    static func arp(
        _ operation: UInt8, sender: (mac: String, ip: String), target: (mac: String, ip: String),
        form: Bytes = [0, 1, 8, 0, 6, 4]
    ) -> Bytes {
        form + [0, operation] + mac(sender.mac) + ip(sender.ip) + mac(target.mac) + ip(target.ip)
    }

    /// With what follows the fixed header: 58 for ICMPv6.
    static func ipv6(_ from: String, _ to: String, next: UInt8 = 58, _ payload: Bytes) -> Bytes {
        [0x60, 0, 0, 0] + half(payload.count) + [next, 255] + ip6(from) + ip6(to) + payload
    }

    static func icmpv6(_ type: UInt8, _ payload: Bytes) -> Bytes { [type, 0, 0, 0] + payload }

    /// BOOTP's fixed part, with the cookie and one option: the kind of message.
    static func dhcp(operation: UInt8 = 1, client: String, message: UInt8 = 1, hardwareLength: UInt8 = 6) -> Bytes {
        [operation, 1, hardwareLength, 0, 1, 2, 3, 4] + Bytes(repeating: 0, count: 20) + mac(client)
            + Bytes(repeating: 0, count: 202) + [99, 130, 83, 99, 53, 1, message, 255]
    }
}
