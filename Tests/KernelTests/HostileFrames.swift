import CloudModel
import Foundation
import LinuxKernel
import NetworkVocabulary
import TestSupport
import Testing

/// Frames of one kind that a guest has no business to send, and what the guard calls it.
struct HostileFrames: CustomTestStringConvertible, Sendable {
    let name: String
    let reason: String
    let frames: @Sendable (PortScene) throws -> [[UInt8]]

    init(_ name: String, _ reason: String, _ frames: @escaping @Sendable (PortScene) throws -> [[UInt8]]) {
        (self.name, self.reason, self.frames) = (name, reason, frames)
    }

    var testDescription: String { name }

    typealias R = RawFrame
    private static let stray = "02:00:00:00:99:99"

    /// An IPv4 datagram of `a`'s, or of whoever it says.
    private static func datagram(
        _ scene: PortScene, from ip: String = "10.1.1.10", mac: String? = nil, to: String = R.everybody,
        target: String = "10.1.1.20"
    ) throws -> [UInt8] {
        R.ethernet(
            to, try mac ?? scene.mac("a"), 0x800, R.ipv4(ip, target, 17, R.udp(5000, 5001, Array("canary".utf8))))
    }

    private static func tagged(_ scene: PortScene, _ tags: [(Int, Int)]) throws -> [UInt8] {
        let plain = try datagram(scene)
        return Array(plain[..<12]) + tags.flatMap { R.half($0.0) + R.half($0.1) } + Array(plain[12...])
    }

    private static func arp(
        _ scene: PortScene, _ operation: UInt8, _ sender: (String, String), to: String = R.everybody,
        mac: String? = nil, target: String = "10.1.1.20", form: [UInt8] = [0, 1, 8, 0, 6, 4]
    ) throws -> [UInt8] {
        R.ethernet(
            to, try mac ?? scene.mac("a"), 0x806,
            R.arp(operation, sender: sender, target: ("00:00:00:00:00:00", target), form: form))
    }

    private static func dhcp(
        _ scene: PortScene, ports: (Int, Int) = (68, 67), from ip: String = "0.0.0.0", _ message: [UInt8]
    ) throws -> [UInt8] {
        R.ethernet(
            R.everybody, try scene.mac("a"), 0x800,
            R.ipv4(ip, "255.255.255.255", 17, R.udp(ports.0, ports.1, message)))
    }

    private static func icmpv6(
        _ scene: PortScene, _ type: UInt8, from: String? = nil, to: String = "ff02::1", mac: String? = nil,
        _ body: [UInt8]
    ) throws -> [UInt8] {
        R.ethernet(
            "33:33:00:00:00:01", try mac ?? scene.mac("a"), 0x86dd,
            R.ipv6(try from ?? scene.linkLocal("a"), to, R.icmpv6(type, body)))
    }

    static let layer2: [HostileFrames] = [
        HostileFrames("IS1: spanning tree", "control") {
            [R.ethernet("01:80:c2:00:00:00", try $0.mac("a"), 38, [0x42, 0x42, 3] + .init(repeating: 0, count: 35))]
        },
        HostileFrames("IS1: the rest of that block", "control") { scene in
            // Pause frames (1) and LLDP (e) the bridge itself keeps, before anybody is asked.
            try (0...15).filter { $0 != 1 && $0 != 14 }.map {
                R.ethernet("01:80:c2:00:00:0\(String($0, radix: 16))", try scene.mac("a"), 0x88cc, [2, 7, 4])
            }
        },
        HostileFrames("IS1: CDP", "control") {
            [R.ethernet("01:00:0c:cc:cc:cc", try $0.mac("a"), 40, [0xaa, 0xaa, 3, 0, 0, 0xc, 0x20, 0])]
        },
        HostileFrames("IS1: IPv4 to the neighbourhood of bridges", "control") {
            [try datagram($0, to: "01:80:c2:00:00:03"), try datagram($0, to: "01:80:c2:00:00:21")]
        },
        HostileFrames("IS1: protocols that nobody needs", "protocol") { scene in
            try [0x88b5, 0x8137, 0x8863, 0x88e5, 0x0842, 0x2e].map {
                R.ethernet(R.everybody, try scene.mac("a"), $0, [1, 2])
            }
        },
        HostileFrames("IS4: another's MAC, and the router's, and nobody's", "mac") { scene in
            try [scene.mac("b"), scene.routerMAC, stray, "01:00:5e:00:00:01"].filter { !$0.hasPrefix("01") }
                .map { try datagram(scene, mac: $0) }
        },
        HostileFrames("IS4: a thousand MACs", "mac") { scene in
            try (0..<1_000).map {
                try datagram(
                    scene, mac: "02:00:00:00:\(String($0 / 256 + 128, radix: 16)):\(String($0 % 256, radix: 16))")
            }
        },
        HostileFrames("IS9: tagged, priority-tagged, twice, and by other standards", "tagged") { scene in
            [
                try tagged(scene, [(0x8100, 100)]), try tagged(scene, [(0x8100, 0)]),
                try tagged(scene, [(0x8100, 0xa000)]),
                try tagged(scene, [(0x8100, 1), (0x8100, 100)]), try tagged(scene, [(0x88a8, 100)]),
                try tagged(scene, [(0x88a8, 1), (0x8100, 100)]), try tagged(scene, [(0x9100, 100)]),
            ]
        },
    ]

    static let addresses: [HostileFrames] = [
        HostileFrames("IS2: the gateway's or a neighbour's address announced", "arp") { scene in
            let own = try scene.mac("a")
            return [
                try arp(scene, 2, (own, "10.1.1.1")), try arp(scene, 1, (own, "10.1.1.20"), target: "10.1.1.20"),
                try arp(scene, 2, (own, "10.1.1.1"), to: try scene.mac("b")), try arp(scene, 1, (own, "10.1.1.77")),
            ]
        },
        HostileFrames("IS2: the own address at another's MAC", "arp") { scene in
            [try arp(scene, 2, (try scene.mac("b"), "10.1.1.10")), try arp(scene, 1, (stray, "10.1.1.10"))]
        },
        HostileFrames("IS2: in an unusual form", "arp") { scene in
            let own = (try scene.mac("a"), "10.1.1.10")
            return [
                try arp(scene, 1, own, form: [0, 6, 8, 0, 6, 4]), try arp(scene, 1, own, form: [0, 1, 8, 0, 8, 4]),
                try arp(scene, 1, own, form: [0, 1, 0x86, 0xdd, 6, 4]),
            ]
        },
        HostileFrames("IS2: a probe for somebody else's address", "arp") { scene in
            [try arp(scene, 1, (try scene.mac("a"), "0.0.0.0"), target: "10.1.1.20")]
        },
        HostileFrames("IS2: from another's MAC", "mac") { scene in
            [try arp(scene, 1, (try scene.mac("a"), "10.1.1.10"), mac: stray)]
        },
        HostileFrames("IS3: other sources", "address") { scene in
            try ["10.1.1.20", "10.1.1.1", "203.0.113.10", "10.9.9.9", "0.0.0.0", "255.255.255.255", "127.0.0.1"].map {
                try datagram(scene, from: $0)
            }
        },
        HostileFrames("IS3: other sources, to the router", "address") { scene in
            try ["10.1.1.20", "10.1.1.1", "0.0.0.0"].map {
                try datagram(scene, from: $0, to: try scene.routerMAC, target: "10.1.1.1")
            }
        },
        HostileFrames("IS3: a neighbour's MAC and address together", "mac") { scene in
            [
                try datagram(
                    scene, from: "10.1.1.20", mac: try scene.mac("b"), to: try scene.routerMAC, target: "10.1.1.1")
            ]
        },
        HostileFrames("IS5: what a DHCP server says", "dhcp") { scene in
            let offer = R.dhcp(operation: 2, client: try scene.mac("b"), message: 2)
            return [
                try dhcp(scene, ports: (67, 68), from: "10.1.1.10", offer),
                try dhcp(scene, ports: (67, 67), from: "10.1.1.10", offer),
            ]
        },
        HostileFrames("IS5: a DHCP server under another address", "address") { scene in
            [
                try dhcp(
                    scene, ports: (67, 68), from: "10.1.1.1",
                    R.dhcp(operation: 2, client: try scene.mac("b"), message: 2))
            ]
        },
        HostileFrames("IS6: a DHCP request for another machine", "dhcp") { scene in
            [
                try dhcp(scene, R.dhcp(client: try scene.mac("b"))), try dhcp(scene, R.dhcp(client: stray)),
                try dhcp(scene, from: "10.1.1.10", R.dhcp(client: stray)),
                try dhcp(scene, ports: (5000, 67), from: "10.1.1.10", R.dhcp(client: stray)),
                try dhcp(scene, R.dhcp(client: try scene.mac("a"), hardwareLength: 16)), try dhcp(scene, [1, 1, 6]),
            ]
        },
    ]

    static let ipv6: [HostileFrames] = [
        HostileFrames("IS5, IS11: router advertisements and redirects", "ipv6") { scene in
            [
                try icmpv6(scene, 134, [64, 0, 7, 8] + .init(repeating: 0, count: 8)),
                try icmpv6(scene, 137, .init(repeating: 0, count: 36)),
                try icmpv6(scene, 134, from: "fe80::1", [64, 0, 7, 8] + .init(repeating: 0, count: 8)),
            ]
        },
        HostileFrames("IS11: other sources", "ipv6") { scene in
            [
                try icmpv6(scene, 128, from: try scene.linkLocal("b"), [0, 1, 0, 1]),
                try icmpv6(scene, 128, from: "2001:db8::1", [0, 1, 0, 1]),
                R.ethernet(
                    "33:33:00:00:00:01", try scene.mac("a"), 0x86dd,
                    R.ipv6("2001:db8::1", "ff02::1", next: 17, R.udp(5, 5, [1]))),
            ]
        },
        HostileFrames("IS11: a neighbour's address, or the own one elsewhere", "ipv6") { scene in
            let (own, other) = (try scene.mac("a"), R.mac(try scene.mac("b")))
            let flags: [UInt8] = [0x20, 0, 0, 0]
            return [
                try icmpv6(scene, 136, flags + R.ip6(try scene.linkLocal("b")) + [2, 1] + R.mac(own)),
                try icmpv6(scene, 136, flags + R.ip6(try scene.linkLocal("a")) + [2, 1] + other),
                try icmpv6(scene, 136, flags + R.ip6(try scene.linkLocal("a"))),
                try icmpv6(
                    scene, 136, flags + R.ip6(try scene.linkLocal("a")) + [2, 1] + R.mac(own) + [2, 1] + other),
                try icmpv6(scene, 135, [0, 0, 0, 0] + R.ip6("fe80::9") + [1, 1] + other),
                try icmpv6(scene, 135, from: "::", [0, 0, 0, 0] + R.ip6(try scene.linkLocal("b"))),
            ]
        },
        HostileFrames("IS11: behind other headers, or in pieces", "ipv6") { scene in
            let advertisement = R.icmpv6(134, [64, 0, 7, 8] + .init(repeating: 0, count: 8))
            return try [
                (0, [58, 0, 1, 4, 0, 0, 0, 0]), (60, [58, 0, 1, 4, 0, 0, 0, 0]), (44, [58, 0, 0, 1, 0, 0, 0, 9]),
            ].map {
                (next: UInt8, header: [UInt8]) in
                R.ethernet(
                    "33:33:00:00:00:01", try scene.mac("a"), 0x86dd,
                    R.ipv6(try scene.linkLocal("a"), "ff02::1", next: next, header + advertisement))
            }
        },
        HostileFrames("IS5: a DHCPv6 server", "ipv6") { scene in
            [
                R.ethernet(
                    "33:33:00:00:00:01", try scene.mac("a"), 0x86dd,
                    R.ipv6(try scene.linkLocal("a"), "ff02::1", next: 17, R.udp(547, 546, [2, 1, 2, 3])))
            ]
        },
        HostileFrames("IS11: from another's MAC", "mac") { scene in
            [try icmpv6(scene, 128, mac: stray, [0, 1, 0, 1])]
        },
    ]
}
