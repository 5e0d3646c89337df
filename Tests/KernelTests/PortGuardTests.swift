import CloudModel
import Foundation
import LinuxKernel
import NetworkVocabulary
import RouterPlan
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

    /// IPv6 is what neighbours say to each other under link-local addresses; what lies about itself is in `HostileFrames`.
    @Test func `IS11: speaks IPv6 to neighbours, and to no host, router or other network`() async throws {
        try await withFreshNamespace {
            typealias R = RawFrame
            let scene = try PortScene()
            let (own, door) = (try scene.mac("a"), try scene.routerMAC)
            let linkLocal = try scene.linkLocal("a")
            let bridge =
                "slb\(try #require(scene.cloud.planned.cloud.networks.values.first { $0.name == "red" }).number)"
            let host = try #require(try objects(from: "ip -j link show dev \(bridge)").first?["address"] as? String)
            func solicitation(_ target: String) -> [UInt8] {
                R.icmpv6(135, [0, 0, 0, 0] + R.ip6(target) + [1, 1] + R.mac(own))
            }
            let echo = R.icmpv6(128, [0, 1, 0, 1])
            let frames: [[UInt8]] = [
                // To all nodes and all routers: echo, a question for the router, a listener's report, a datagram.
                R.ethernet("33:33:00:00:00:01", own, 0x86dd, R.ipv6(linkLocal, "ff02::1", echo)),
                R.ethernet(
                    "33:33:00:00:00:02", own, 0x86dd, R.ipv6(linkLocal, "ff02::2", R.icmpv6(133, [0, 0, 0, 0]))),
                R.ethernet(
                    "33:33:00:00:00:16", own, 0x86dd,
                    R.ipv6(
                        linkLocal, "ff02::16", next: 0, [58, 0, 5, 2, 0, 0, 1, 0] + R.icmpv6(143, [0, 0, 0, 0]))),
                R.ethernet("33:33:00:00:00:01", own, 0x86dd, R.ipv6(linkLocal, "ff02::1", next: 17, R.udp(5, 53, [1]))),
                // To the link-local addresses that router and host would have.
                R.ethernet(
                    "33:33:ff:00:00:01", own, 0x86dd,
                    R.ipv6(linkLocal, "ff02::1:ff00:1", solicitation(PortScene.linkLocal(of: door)))),
                R.ethernet(door, own, 0x86dd, R.ipv6(linkLocal, PortScene.linkLocal(of: door), echo)),
                R.ethernet(host, own, 0x86dd, R.ipv6(linkLocal, PortScene.linkLocal(of: host), echo)),
                R.ethernet(
                    host, own, 0x86dd, R.ipv6(linkLocal, PortScene.linkLocal(of: host), next: 17, R.udp(5, 53, [1]))),
            ]
            let seen = try scene.see(frames)
            #expect(seen.atC == [])
            let forMany = frames.filter { $0[0] == 0x33 }
            for frame in forMany { #expect(seen.atB.contains(frame), "\(frame)") }
            // Nothing but the guests' own: the router, whose kernel these reached, says nothing.
            let guests = [R.mac(own), R.mac(try scene.mac("b"))]
            for frame in seen.atRouter + seen.atB where frame[12..<14].elementsEqual([0x86, 0xdd]) {
                #expect(guests.contains(Array(frame[6..<12])), "\(frame)")
            }
            // The host's own stack has no address there, has learned nobody, and has said nothing.
            for link in try objects(from: "ip -j -6 addr show") where "\(link["ifname"] ?? "")".hasPrefix("sl") {
                Issue.record("\(link["ifname"] ?? "") has an IPv6 address")
            }
            #expect(try output(of: "ip -6 neigh show") == "")
            let router = try scene.cloud.router.name
            #expect(try output(of: "ip -n \(router) -6 neigh show") == "")
            #expect(try output(of: "ip -n \(router) -6 addr show dev eth0") == "")
            #expect(try scene.refusals(of: "a") == ["host": 2])
        }
    }

    @Test func `IS21: is dead while it has no rules, whatever it is`() async throws {
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
            // The kernel opens a bridge's ports a little later, and what sends at them after that.
            while try output(of: "bridge link show master br0").matches(of: /state forwarding/).count < 2 {}
            for port in ["p0", "p1"] { while try !output(of: "ip link show dev \(port)").contains("state UP") {} }
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
    func linkLocal(_ guest: String) throws -> String { Self.linkLocal(of: try mac(guest)) }

    /// The address that follows from a MAC (RFC 4291, appendix A).
    static func linkLocal(of mac: String) -> String {
        let bytes = RawFrame.mac(mac)
        let groups = [
            [bytes[0] ^ 2, bytes[1]], [bytes[2], 0xff], [0xfe, bytes[3]], [bytes[4], bytes[5]],
        ].map { String(Int($0[0]) << 8 | Int($0[1]), radix: 16) }
        return "fe80::" + groups.joined(separator: ":")
    }
}
