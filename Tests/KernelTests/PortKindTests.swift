import CloudModel
import ControlPlane
import Foundation
import LinuxKernel
import NetworkVocabulary
import Reconciler
import RouterPlan
import TestSupport
import Testing

/// Ports that may more, or less, than others.
@Suite(.needsRoot) struct `A port` {
    typealias R = RawFrame

    private static func datagram(
        _ mac: String, _ ip: String, to: String = R.everybody, _ target: String = "10.1.1.20", port: Int = 5001
    ) -> [UInt8] {
        R.ethernet(to, mac, 0x800, R.ipv4(ip, target, 17, R.udp(5000, port, Array("canary".utf8))))
    }

    @Test func `that may spoof speaks under any name to its neighbours, and to no router`() async throws {
        try await withFreshNamespace {
            let scene = try PortScene()
            var nic = try scene.nic("a")
            nic.allowsSpoofing = true
            try scene.cloud.put([.put(.nic(nic))])
            #expect(scene.cloud.failures == [])
            let (own, stray, door) = (try scene.mac("a"), "02:00:00:00:99:99", try scene.routerMAC)
            let allowed = [
                Self.datagram(own, "10.1.1.77"), Self.datagram(stray, "10.1.1.10"), Self.datagram(stray, "192.0.2.1"),
                R.ethernet(
                    R.everybody, stray, 0x806, R.arp(1, sender: (stray, "10.1.1.77"), target: (own, "10.1.1.20"))),
            ]
            var seen = try scene.see(allowed)
            for frame in allowed { #expect(seen.atB.contains(frame), "\(frame)") }
            for frame in allowed { #expect(!seen.atRouter.contains(frame), "\(frame)") }
            #expect(seen.atC.isEmpty)
            #expect(try scene.refusals(of: "a") == [:])

            // Identity is the port: to the router it has its own name only.
            let toRouter = [
                Self.datagram(own, "10.1.1.77", to: door, "10.1.1.1"), Self.datagram(stray, "10.1.1.10", to: door),
            ]
            let truthful = Self.datagram(own, "10.1.1.10", to: door, "10.1.1.1")
            seen = try scene.see(toRouter + [truthful])
            #expect(seen.atRouter.filter { Array($0[6..<12]) != R.mac(door) } == [truthful])
            #expect(try scene.refusals(of: "a") == [:])

            let bystander = try scene.mac("b")
            let client = R.udp(68, 67, R.dhcp(client: stray))
            let forbidden: [(String, [UInt8])] = [
                ("mac", Self.datagram(door, "10.1.1.1")), ("mac", Self.datagram(bystander, "10.1.1.20")),
                (
                    "mac",
                    R.ethernet(
                        R.everybody, door, 0x806, R.arp(2, sender: (door, "10.1.1.1"), target: (door, "10.1.1.1")))
                ),
                (
                    "arp",
                    R.ethernet(R.everybody, own, 0x806, R.arp(2, sender: (own, "10.1.1.1"), target: (own, "10.1.1.1")))
                ),
                ("address", Self.datagram(own, "10.1.1.1")),
                ("dhcp", R.ethernet(R.everybody, stray, 0x800, R.ipv4("0.0.0.0", "255.255.255.255", 17, client))),
                (
                    "dhcp",
                    R.ethernet(R.everybody, own, 0x800, R.ipv4("10.1.1.1", "255.255.255.255", 17, R.udp(67, 68, [2])))
                ),
                (
                    "ipv6",
                    R.ethernet(
                        "33:33:00:00:00:01", own, 0x86dd,
                        R.ipv6("fe80::1", "ff02::1", R.icmpv6(134, [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0])))
                ),
                ("tagged", R.ethernet(R.everybody, stray, 0x8100, [0, 100, 8, 0] + .init(repeating: 0, count: 40))),
                ("control", R.ethernet("01:80:c2:00:00:00", stray, 38, [0x42, 0x42, 3])),
            ]
            seen = try scene.see(forbidden.map(\.1))
            #expect(seen.isNothing, "\(seen)")
            let reasons = Dictionary(grouping: forbidden, by: \.0).mapValues(\.count)
            let refused = try scene.refusals(of: "a")
            #expect(refused == reasons)
        }
    }

    @Test func `of a network that isolates its ports reaches the router and no neighbour`() async throws {
        try await withFreshNamespace {
            let scene = try PortScene()
            let id = try scene.nic("a").network
            var network = try #require(scene.cloud.planned.cloud.networks[id])
            network.isolatesPorts = true
            try scene.cloud.put([.put(.network(network))])
            #expect(scene.cloud.failures == [])
            let (own, other, door) = (try scene.mac("a"), try scene.mac("b"), try scene.routerMAC)
            for frame in [Self.datagram(own, "10.1.1.10"), Self.datagram(own, "10.1.1.10", to: other)] {
                try scene.a.put(frame)
            }
            let greeting = Self.datagram(own, "10.1.1.10", to: door, "10.1.1.1")
            try scene.a.put(greeting)
            let word = R.ethernet(R.everybody, door, 0x800, R.ipv4("10.1.1.1", "255.255.255.255", 17, R.udp(9, 9, [7])))
            _ = try scene.router.wholeFrames(until: greeting)
            try scene.router.put(word)
            #expect(try scene.b.wholeFrames(until: word) == [])
            // The third is the greeting: the bridge had to ask everywhere for the router.
            #expect(try scene.refusals(of: "a")["isolated"] == 3)
        }
    }

    @Test func `is guarded again at once when somebody takes its rules away`() async throws {
        try await withFreshNamespace {
            let scene = try PortScene()
            let picture = try output(of: "nft -s list table bridge sluice")
            for command in [
                "nft delete table bridge sluice", "nft flush chain bridge sluice from-guest",
                "nft flush set bridge sluice refused-mac",
                "nft delete element bridge sluice guest-ports { \(try scene.port("a")) }",
            ] {
                #expect(try output(of: command) == "")
                while true {
                    if case .repaired(.host, _) = try scene.cloud.next() { break }
                }
                #expect(try output(of: "nft -s list table bridge sluice") == picture, "\(command)")
            }
        }
    }

    @Test func `is not opened where a table of that name is somebody else's`() async throws {
        try await withFreshNamespace {
            #expect(try output(of: "nft add table bridge sluice") == "")
            let cloud = try LiveCloud(try PlannedCloud(try CloudFile(json: PortScene.file)))
            let adopted = try cloud.start()
            #expect(adopted.failed == 4, "\(cloud.failures)")
            #expect(cloud.failures.contains { $0.contains("a bridge table of that name exists and is not ours") })
            for guest in cloud.guests { #expect(try !output(of: "ip netns list").contains(guest.name.text)) }
            #expect(try output(of: "nft list table bridge sluice").contains("chain") == false)
        }
    }
}
