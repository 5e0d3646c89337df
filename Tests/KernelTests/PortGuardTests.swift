import CloudModel
import Foundation
import LinuxKernel
import NetworkVocabulary
import TestSupport
import Testing

@Suite(.needsRoot) struct `The port of a guest` {
    @Test(arguments: HostileFrames.layer2 + HostileFrames.addresses + HostileFrames.ipv6)
    func `lets nothing through that is not its guest's to send, and counts it`(hostile: HostileFrames) async throws {
        try await withFreshNamespace {
            let scene = try PortScene()
            let frames = try hostile.frames(scene)
            let seen = try scene.see(frames)
            #expect(seen.isNothing, "\(seen)")
            let refused = try scene.refusals(of: "a")
            #expect(refused == [hostile.reason: frames.count])
            #expect(try scene.refusals(of: "b") == [:])
        }
    }

    @Test func `lets through what a machine says`() async throws {
        try await withFreshNamespace {
            typealias R = RawFrame
            let scene = try PortScene()
            let (own, ip) = (try scene.mac("a"), "10.1.1.10")
            let (linkLocal, nobody) = (try scene.linkLocal("a"), "00:00:00:00:00:00")
            let group = "33:33:00:00:00:16"
            let frames: [[UInt8]] = [
                R.ethernet(R.everybody, own, 0x806, R.arp(1, sender: (own, ip), target: (nobody, "10.1.1.77"))),
                // An announcement, and a probe before it.
                R.ethernet(R.everybody, own, 0x806, R.arp(1, sender: (own, ip), target: (nobody, ip))),
                R.ethernet(R.everybody, own, 0x806, R.arp(1, sender: (own, "0.0.0.0"), target: (nobody, ip))),
                R.ethernet(
                    R.everybody, own, 0x800,
                    R.ipv4("0.0.0.0", "255.255.255.255", 17, R.udp(68, 67, R.dhcp(client: own)))),
                R.ethernet(
                    "01:00:5e:00:00:fb", own, 0x800, R.ipv4(ip, "224.0.0.251", 17, R.udp(5353, 5353, [0, 0]))),
                R.ethernet(
                    group, own, 0x86dd,
                    R.ipv6("::", "ff02::16", next: 0, [58, 0, 5, 2, 0, 0, 1, 0] + R.icmpv6(143, [0, 0, 0, 0]))),
                R.ethernet(
                    group, own, 0x86dd, R.ipv6("::", "ff02::1", R.icmpv6(135, [0, 0, 0, 0] + R.ip6(linkLocal)))),
                R.ethernet(
                    group, own, 0x86dd,
                    R.ipv6(
                        "::", "ff02::1",
                        R.icmpv6(135, [0, 0, 0, 0] + R.ip6(linkLocal) + [14, 1, 1, 2, 3, 4, 5, 6]))),
                R.ethernet(
                    group, own, 0x86dd,
                    R.ipv6(linkLocal, "ff02::1", R.icmpv6(135, [0, 0, 0, 0] + R.ip6("fe80::9") + [1, 1] + R.mac(own)))),
                R.ethernet(
                    group, own, 0x86dd,
                    R.ipv6(
                        linkLocal, "ff02::1",
                        R.icmpv6(136, [0x20, 0, 0, 0] + R.ip6(linkLocal) + [2, 1] + R.mac(own)))),
            ]
            let seen = try scene.see(frames)
            for frame in frames { #expect(seen.atB.contains(frame) && seen.atRouter.contains(frame), "\(frame)") }
            #expect(seen.atC.isEmpty)
            #expect(try scene.refusals(of: "a") == [:])
        }
    }

    @Test func `IS1, IS4: LLDP goes nowhere, and moves nobody's address`() async throws {
        try await withFreshNamespace {
            typealias R = RawFrame
            let scene = try PortScene()
            let door = try scene.routerMAC
            // From now on the bridge knows where the router is.
            try scene.router.put(
                R.ethernet(R.everybody, door, 0x806, R.arp(1, sender: (door, "10.1.1.1"), target: (door, "10.1.1.1"))))
            let frames = ["01:80:c2:00:00:0e", "01:80:c2:00:00:01", "01:80:c2:00:00:03"].map {
                R.ethernet($0, door, 0x88cc, [2, 7, 4])
            }
            _ = try scene.see(frames)
            let entries = try output(of: "bridge fdb show").split(separator: "\n").filter { $0.hasPrefix(door) }
            let isAtPort = { (entry: Substring) in entry.contains("dev slg") }
            #expect(!entries.isEmpty)
            #expect(!entries.contains(where: isAtPort), "\(entries)")
        }
    }

    @Test func `is sent what is for its guest, and nothing for others`() async throws {
        try await withFreshNamespace {
            typealias R = RawFrame
            let scene = try PortScene()
            let (own, other) = (try scene.mac("a"), try scene.mac("b"))
            func datagram(_ to: String) -> [UInt8] {
                R.ethernet(to, own, 0x800, R.ipv4("10.1.1.10", "10.1.1.20", 17, R.udp(7, 5001, Array("canary".utf8))))
            }
            let forB = datagram(other)
            // The bridge knows nobody of that name, and asks everywhere.
            let forNobody = datagram("02:00:00:00:99:99")
            // From now on the bridge knows where `b` is.
            try scene.b.put(
                R.ethernet(
                    R.everybody, other, 0x806, R.arp(1, sender: (other, "10.1.1.20"), target: (own, "10.1.1.20"))))
            let seen = try scene.see([forNobody, forB])
            #expect(seen.atB.filter { $0 == forB || $0 == forNobody } == [forB])
            #expect(!seen.atRouter.contains(forB))
            #expect(seen.atC.isEmpty)
            #expect(try scene.refusals(of: "b") == ["unaddressed": 1])
        }
    }

    @Test func `may send so many broadcasts, requests for addresses and DHCP requests, and no more`() async throws {
        try await withFreshNamespace {
            typealias R = RawFrame
            let scene = try PortScene()
            let own = try scene.mac("a")
            let arp = R.ethernet(
                R.everybody, own, 0x806, R.arp(1, sender: (own, "10.1.1.10"), target: (own, "10.1.1.77")))
            let dhcp = R.ethernet(
                R.everybody, own, 0x800,
                R.ipv4("0.0.0.0", "255.255.255.255", 17, R.udp(68, 67, R.dhcp(client: own))))
            var sent = 0
            var arrived = 0
            for (frame, count) in [(arp, 2_000), (dhcp, 500)] {
                arrived += try scene.see(Array(repeating: frame, count: count)).atB.count { $0 == frame }
                sent += count
                let refused = try scene.refusals(of: "a")
                #expect(refused == ["flood": sent - arrived])
                #expect(sent > arrived)
            }
        }
    }

    @Test func `IS19: reaches nothing of the host`() async throws {
        try await withFreshNamespace {
            typealias R = RawFrame
            let scene = try PortScene()
            for command in [
                "ip link add world type veth peer name globe", "ip addr add 192.0.2.77/24 dev world",
                "ip link set world up",
            ] {
                #expect(try output(of: command) == "")
            }
            let network = try #require(scene.cloud.planned.cloud.networks.values.first { $0.name == "red" })
            let bridge = "slb\(network.number)"
            let links = try objects(from: "ip -j link show dev \(bridge)")
            let door = try #require(links.first?["address"] as? String)
            // Even when somebody gives the bridge an address.
            #expect(try output(of: "ip addr add 10.1.1.250/24 dev \(bridge)") == "")
            let host = try Tap(bridge)
            let frames = ["192.0.2.77", "10.1.1.250", "127.0.0.1"].map { address in
                R.ethernet(
                    door, (try? scene.mac("a")) ?? "", 0x800, R.ipv4("10.1.1.10", address, 17, R.udp(7, 53, [1, 2])))
            }
            let seen = try scene.see(frames)
            #expect(seen.isNothing, "\(seen)")
            #expect(try scene.refusals(of: "a") == ["host": 3])
            // What the host itself says by the bridge is what is seen there, and it is the first.
            #expect(try output(of: "ping -c 1 -W 1 -b 10.1.1.255").isEmpty == false)
            let first = try host.next().whole
            #expect(Array(first[6..<12]) == R.mac(door), "\(first)")
            for link in try objects(from: "ip -j -6 addr show") where "\(link["ifname"] ?? "")".hasPrefix("sl") {
                Issue.record("\(link["ifname"] ?? "") has an IPv6 address")
            }
        }
    }

    @Test func `is dead while it has no rules, whatever it is`() async throws {
        try await withFreshNamespace {
            typealias R = RawFrame
            let scene = try PortScene()
            let network = try #require(scene.cloud.planned.cloud.networks.values.first { $0.name == "red" })
            for command in [
                "ip link add slg999e0 type veth peer name wire", "ip link set slg999e0 master slb\(network.number) up",
                "ip link set wire address 02:00:00:00:09:99 up",
            ] { #expect(try output(of: command) == "") }
            let (wire, ear) = (try Tap("wire"), try Tap("wire"))
            let own = "02:00:00:00:09:99"
            let frames = [
                R.ethernet(R.everybody, own, 0x800, R.ipv4("10.1.1.99", "255.255.255.255", 17, R.udp(7, 7, [1]))),
                R.ethernet(R.everybody, own, 0x806, R.arp(1, sender: (own, "10.1.1.99"), target: (own, "10.1.1.20"))),
                R.ethernet(
                    R.everybody, own, 0x800,
                    R.ipv4("0.0.0.0", "255.255.255.255", 17, R.udp(68, 67, R.dhcp(client: own)))),
            ]
            for frame in frames { try wire.put(frame) }
            // The barrier is for everybody, and this port does not see it.
            #expect(try scene.see([]).isNothing)
            let last = R.ethernet(R.everybody, own, 0x88b5, [9])
            try wire.put(last)
            let heard = try ear.wholeFrames(until: last)
            #expect(heard.allSatisfy { Array($0[6..<12]) == R.mac(own) }, "\(heard)")
        }
    }

    @Test func `of another bridge is nobody's business here`() async throws {
        try await withFreshNamespace {
            typealias R = RawFrame
            let scene = try PortScene()
            for command in [
                "ip link add br0 type bridge stp_state 0", "ip link add p0 type veth peer name q0",
                "ip link add p1 type veth peer name q1", "ip link set p0 master br0 up", "ip link set p1 master br0 up",
                "ip link set q0 up", "ip link set q1 up", "ip link set br0 up",
            ] { #expect(try output(of: command) == "") }
            let (near, far) = (try Tap("q0"), try Tap("q1"))
            let frames = [
                R.ethernet("01:80:c2:00:00:00", "02:00:00:00:11:11", 38, [0x42, 0x42, 3]),
                R.ethernet(R.everybody, "02:00:00:00:22:22", 0x88b5, [1]),
                R.ethernet(
                    R.everybody, "02:00:00:00:22:22", 0x806,
                    R.arp(2, sender: ("02:00:00:00:22:22", "10.1.1.1"), target: (R.everybody, "10.1.1.1"))),
            ]
            let last = R.ethernet(R.everybody, "02:00:00:00:22:22", 0x88b5, [2])
            for frame in frames + [last] { try near.put(frame) }
            let heard = try far.wholeFrames(until: last)
            for frame in frames { #expect(heard.contains(frame)) }
            #expect(try scene.see([]).isNothing)
        }
    }
}

extension PortScene {
    func linkLocal(_ guest: String) throws -> String {
        let bytes = RawFrame.mac(try mac(guest))
        let groups = [
            [bytes[0] ^ 2, bytes[1]], [bytes[2], 0xff], [0xfe, bytes[3]], [bytes[4], bytes[5]],
        ].map { String(Int($0[0]) << 8 | Int($0[1]), radix: 16) }
        return "fe80::" + groups.joined(separator: ":")
    }
}
