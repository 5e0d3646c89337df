import CloudModel
import ControlPlane
import Foundation
import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import Packets
import Reconciler
import RouterPlan
import TestSupport
import Testing

@Suite(.needsRoot) struct `Networks over an underlay` {
    typealias R = RawFrame

    /// What the underlay carries is kept in `pcaps/segments/one-underlay`.
    @Test func `have a VNI each between two hosts, and neither hears the other`() async throws {
        try await withFreshNamespace {
            let scene = try UnderlayScene()
            for tenant in UnderlayScene.tenants {
                let node = NodeName(try scene.guest("\(tenant)-near").instanceName)
                // The same addresses on both VNIs: who answers shows only in what is heard below.
                #expect(try scene.near.reaches("10.1.1.20", from: node), "\(tenant)")
            }
            let places = UnderlayScene.tenants.flatMap { tenant in
                [("\(tenant)-near", "10.1.1.10", "\(tenant)-far"), ("\(tenant)-far", "10.1.1.20", "\(tenant)-near")]
            }
            let taps = try places.map { try scene.tap($0.0) }
            let last = "last from \(places[3].0)"
            for (word, isForAll) in [("secret", true), ("letter", false), ("last", true)] {
                for ((name, address, other), tap) in zip(places, taps) {
                    let text = "\(word) from \(name)"
                    let (target, to) = (address == "10.1.1.10" ? "10.1.1.20" : "10.1.1.10", try scene.mac(other))
                    try tap.put(
                        isForAll
                            ? Tap.canary(text, from: try scene.mac(name), address)
                            : Tap.canary(text, from: try scene.mac(name), address, to: to, target))
                }
            }
            for ((name, _, other), tap) in zip(places, taps) {
                let heard = try tap.canaries(until: "last from \(other)").compactMap(\.canary)
                let own = name.prefix { $0 != "-" }
                for word in ["secret", "letter", "last"] { #expect(heard.contains("\(word) from \(other)")) }
                #expect(heard.allSatisfy { $0.contains(" from \(own)-") }, "\(name): \(heard)")
            }
            var seen: [Encapsulated] = []
            while seen.last?.canary != last {
                if let frame = Encapsulated(try scene.cable.next().whole), frame.canary != nil { seen.append(frame) }
            }
            #expect(seen.count == 12, "\(seen.map(\.canary))")
            for frame in seen {
                let tenant = try #require(
                    UnderlayScene.tenants.first { frame.canary?.contains(" from \($0)-") == true })
                #expect(frame.vni == UnderlayScene.vnis[tenant], "\(frame.canary ?? "")")
            }
            try expectKept(seen.map(\.whole), as: "underlay")
            for tenant in UnderlayScene.tenants {
                let own = seen.filter { $0.vni == UnderlayScene.vnis[tenant] }
                #expect(own.allSatisfy { $0.canary?.contains(" from \(tenant)-") == true })
                try expectKept(own.map(\.inner), as: tenant)
            }
            // Adopted by both hosts without a write.
            #expect(try scene.near.start(scene.nearPlans).failed == 0)
            #expect(scene.near.lane?.counters().writes == 0)
        }
    }

    /// IS10. A guest writes whole encapsulated frames, with the other tenant's VNI or its own, to every address that could
    /// take them in. The same bytes are taken in where they come by the underlay: only the way makes the difference.
    @Test func `IS10: are not entered by what a guest encapsulates itself`() async throws {
        try await withFreshNamespace {
            let scene = try UnderlayScene()
            let (own, ip) = (try scene.mac("anna-near"), "10.1.1.10")
            let door = "\(try scene.router("anna").guestLeg.mac)"
            let bridge = try #require(
                try objects(from: "ip -j link show slb\(try scene.network("anna").number)").first?["address"] as? String
            )
            let smuggled = Tap.canary("smuggled", from: try scene.mac("bert-far"), "10.1.1.20")
            func wrapped(_ vni: UInt32, from: String, to: String, at mac: String) -> [UInt8] {
                R.ethernet(
                    mac, own, 0x800,
                    R.ipv4(from, to, 17, R.udp(50_000, 4789, UnderlayScene.header(vni) + smuggled)))
            }
            let group = { (vni: UInt32) in
                ("239.0.19.\(136 + vni - 5000)", "01:00:5e:00:13:\(vni == 5000 ? "88" : "89")")
            }
            let (nearHost, farHost) = UnderlayScene.underlay
            var frames: [[UInt8]] = []
            var refusals = ["host": 0, "address": 0]
            for vni in [5000, 5001, 5002, 0xff_ffff] as [UInt32] {
                // To the host itself: by its bridge's own MAC.
                for target in [nearHost, farHost, "10.1.1.1", "127.0.0.1"] {
                    frames.append(wrapped(vni, from: ip, to: target, at: bridge))
                    refusals["host"]? += 1
                }
                // By way of the router, to it, and to both of its addresses.
                for target in [nearHost, farHost, "10.1.1.1", "203.0.113.12", "203.0.113.11"] {
                    frames.append(wrapped(vni, from: ip, to: target, at: door))
                }
                // To a neighbour, to everybody, and to the groups that hosts listen to.
                frames.append(wrapped(vni, from: ip, to: "10.1.1.20", at: try scene.mac("anna-far")))
                frames.append(wrapped(vni, from: ip, to: "255.255.255.255", at: R.everybody))
                for number in [5000, 5001] as [UInt32] {
                    frames.append(wrapped(vni, from: ip, to: group(number).0, at: group(number).1))
                }
                // As if the other host had sent it.
                for mac in [bridge, door, R.everybody] {
                    frames.append(wrapped(vni, from: farHost, to: nearHost, at: mac))
                    refusals["address"]? += 1
                }
            }
            // What a guest may say outside goes there: its egress allows everything.
            try scene.near.take("egress net-anna all")
            let annas = try scene.tap("anna-near")
            let heralds = ["bert-near", "bert-far", "anna-near"]
            let listeners = ["bert-far", "bert-near", "anna-far"]
            let taps = try listeners.map { try scene.tap($0) }
            for frame in frames { try annas.put(frame) }
            for (herald, listener) in zip(heralds, listeners) {
                let address = herald.hasSuffix("near") ? ip : "10.1.1.20"
                try scene.tap(herald).broadcast("barrier for \(listener)", from: try scene.mac(herald), address)
            }
            for (tap, listener) in zip(taps, listeners) {
                let heard = try tap.canaries(until: "barrier for \(listener)").compactMap(\.canary)
                #expect(heard.allSatisfy { $0.hasPrefix("barrier") }, "\(listener): \(heard)")
            }
            // What of it crossed to the other host did so as what it is: a datagram of Anna's, in her VNI.
            var nested = 0
            var last: String?
            while last != "barrier for anna-far" {
                guard let frame = Encapsulated(try scene.cable.next().whole) else { continue }
                last = frame.canary
                #expect(frame.canary != "smuggled")
                guard let inside = Encapsulated(frame.inner), inside.canary == "smuggled" else { continue }
                #expect(frame.vni == UnderlayScene.vnis["anna"])
                nested += 1
            }
            #expect(nested > 0)
            let refused = try refusalsAtPort("slg\(try scene.guest("anna-near").number)e0")
            #expect(refused == refusals)
            // The kernel chose the bridge's MAC.
            let kept = R.mac("02:00:00:00:0b:0b")
            try expectKept(frames.map { $0[..<6] == R.mac(bridge)[...] ? kept + $0[6...] : $0 }, as: "forged")

            // The same by the underlay, from a host: taken in, if the VNI is one that there is and is said to be valid.
            try scene.farEnd.put(UnderlayScene.outer(5002, smuggled))
            try scene.farEnd.put(UnderlayScene.outer(5001, flags: 0, smuggled))
            let genuine = Tap.canary("by the underlay", from: try scene.mac("bert-far"), "10.1.1.20")
            try scene.farEnd.put(UnderlayScene.outer(5001, genuine))
            let bert = try scene.tap("bert-near")
            #expect(try bert.canaries(until: "by the underlay").compactMap(\.canary) == ["by the underlay"])
        }
    }

    /// IS10 from outside. What is forwarded to a guest is a datagram like others; at the host's other interfaces the kernel
    /// itself would take it in, which the host's own table prevents, and repairs.
    @Test func `IS10: are not entered from outside, by a public address or by another interface of the host`()
        async throws
    {
        try await withFreshNamespace {
            let scene = try UnderlayScene()
            for line in [
                "netns add world", "link add uplink type veth peer name eth0 netns world", "link set uplink up",
                "addr add 198.18.0.1/24 dev uplink", "-n world addr add 198.18.0.2/24 dev eth0",
                "-n world link set eth0 up",
            ] { #expect(try output(of: "ip \(line)") == "", "\(line)") }
            try scene.near.take(
                """
                static-nat 203.0.113.12 10.1.1.10
                firewall 203.0.113.12 udp/4789
                """)
            let (world, internet) = (try Tap.on("eth0", in: "world"), try Tap.on("eth1", in: "sluice-internet"))
            let door = try #require(try scene.router("anna").publicLegs.first).attachment.mac
            func wrapped(_ text: String, to target: String, at mac: String, from source: String) throws -> [UInt8] {
                let inner = Tap.canary(text, from: try scene.mac("bert-far"), "10.1.1.20")
                return R.ethernet(
                    mac, "02:00:00:00:0e:0e", 0x800,
                    R.ipv4(source, target, 17, R.udp(50_000, 4789, UnderlayScene.header(5001) + inner)))
            }
            let forwarded = try wrapped("forwarded", to: "203.0.113.12", at: "\(door)", from: "198.51.100.1")
            let uplink = try macOfUplink()
            let targets = ["198.18.0.1", UnderlayScene.underlay.near]
            let (anna, bert) = (try scene.tap("anna-near"), try scene.tap("bert-near"))
            try internet.put(forwarded)
            for target in targets {
                try world.put(try wrapped("to \(target)", to: target, at: uplink, from: "198.18.0.2"))
            }
            try scene.tap("bert-far").broadcast("barrier", from: try scene.mac("bert-far"), "10.1.1.20")
            #expect(try bert.canaries(until: "barrier").compactMap(\.canary) == ["barrier"])
            // The guest got it as it was sent.
            while Encapsulated(try anna.next().whole)?.canary != "forwarded" {}
            #expect(try scene.strays == targets.count)

            // What somebody takes away of the table is there again, and what it counted before is another's.
            let picture = try output(of: "nft -s list table inet sluice")
            #expect(picture.contains("underlay-doors") && picture.contains("trunk0"), "\(picture)")
            for command in [
                "nft delete table inet sluice", "nft flush set inet sluice underlay-segments",
                "nft flush chain inet sluice underlay-arrivals",
            ] {
                #expect(try output(of: command) == "")
                while true {
                    if case .repaired(.underlay, _) = try scene.near.next() { break }
                }
                #expect(try output(of: "nft -s list table inet sluice") == picture, "\(command)")
            }
            #expect(try output(of: "nft add table inet mine") == "")

            // Without the table the other way in is there: it is by the table that it was not.
            scene.near.stop()
            #expect(try output(of: "nft delete table inet sluice") == "")
            for target in targets {
                try world.put(try wrapped("to \(target)", to: target, at: uplink, from: "198.18.0.2"))
            }
            let heard = try bert.canaries(until: "to \(targets[1])").compactMap(\.canary)
            #expect(heard == targets.map { "to \($0)" })
            // Taken over, and with the cloud taken away; what is others' stays.
            #expect(try scene.near.start(scene.nearPlans).failed == 0)
            #expect(try output(of: "nft -s list table inet sluice") == picture)
            let host = NodePlan(.host, .host, owner: Origin("installation", scene.near.planned.installation))
            #expect(try scene.near.start([host]).failed == 0)
            #expect(try output(of: "nft list tables") == "table inet mine\n")
        }
    }

    /// Without a group: frames go to the hosts that were named, and are taken from them alone.
    @Test func `go to peers one by one, and come from nobody else`() async throws {
        try await withFreshNamespace {
            let (nearHost, farHost) = UnderlayScene.underlay
            let scene = try UnderlayScene(peers: [nearHost, farHost])
            for tenant in UnderlayScene.tenants {
                let node = NodeName(try scene.guest("\(tenant)-near").instanceName)
                #expect(try scene.near.reaches("10.1.1.20", from: node), "\(tenant)")
            }
            let entries = try output(of: "bridge fdb show dev slv5000").split(separator: "\n").filter {
                $0.hasPrefix("00:00:00:00:00:00")
            }
            // The list is one for both: a host is no peer of itself.
            #expect(entries.count == 1 && entries[0].contains("dst \(farHost)"), "\(entries)")
            #expect(try !output(of: "ip maddr show dev trunk0").contains("239."))

            let bert = try scene.tap("bert-near")
            let genuine = Tap.canary("of a peer", from: try scene.mac("bert-far"), "10.1.1.20")
            let stranger = Tap.canary("of a stranger", from: try scene.mac("bert-far"), "10.1.1.20")
            let before = try scene.strays
            for source in ["192.0.2.3", nearHost, "198.51.100.1"] {
                try scene.farEnd.put(UnderlayScene.outer(5001, from: source, stranger))
            }
            try scene.farEnd.put(UnderlayScene.outer(5001, genuine))
            #expect(try bert.canaries(until: "of a peer").compactMap(\.canary) == ["of a peer"])
            // One that claims to come from this very host the kernel drops before any rule.
            #expect(try scene.strays == before + 2)

            // Adopted without a write; what is missing is put back at the next look; another list changes the device and
            // does not replace it.
            let index = try output(of: "ip -o link show slv5000").prefix { $0 != ":" }
            #expect(try scene.near.start(scene.nearPlans).failed == 0)
            #expect(scene.near.lane?.counters().writes == 0)
            #expect(try output(of: "bridge fdb del 00:00:00:00:00:00 dev slv5000 dst \(farHost) self") == "")
            #expect(try scene.near.start(scene.nearPlans).failed == 0)
            #expect(try output(of: "bridge fdb show dev slv5000").contains("dst \(farHost)"))
            let wire = try #require(scene.near.planned.cloud.physicalNetworks.values.first { _ in true })
            var other = wire
            other.setPeers(try ["192.0.2.3", "192.0.2.4"].map { try #require(IPv4Address($0)) })
            try scene.near.put([.put(.physicalNetwork(other))])
            #expect(scene.near.failures == [])
            let changed = try output(of: "bridge fdb show dev slv5000")
            #expect(changed.contains("dst 192.0.2.3") && changed.contains("dst 192.0.2.4"), "\(changed)")
            #expect(
                !changed.split(separator: "\n").contains { $0.hasPrefix("00:00:00:00:00:00") && $0.contains(farHost) })
            #expect(try output(of: "ip -o link show slv5000").prefix { $0 != ":" } == index)
        }
    }

    @Test func `carry what the header leaves of a packet, and no byte more`() async throws {
        try await withFreshNamespace {
            let scene = try UnderlayScene()
            let node = NodeName(try scene.guest("anna-near").instanceName)
            let router = try scene.router("anna")
            let number = try scene.network("anna").number
            let guest = try scene.guest("anna-near").number
            for (device, namespace) in [
                ("slv5000", nil), ("slb\(number)", nil), ("slg\(guest)e0", nil), ("slr\(router.number)e0", nil),
                ("eth0", node.text), ("eth0", router.name),
            ] as [(String, String?)] {
                let inside = namespace.map { "-n \($0) " } ?? ""
                let link = try #require(try objects(from: "ip \(inside)-j link show \(device)").first)
                #expect(link["mtu"] as? Int == 1450, "\(device)")
            }
            // 28 bytes of headers; nobody may cut it.
            #expect(try scene.near.reaches("10.1.1.20", from: node, options: "-M do -s 1422"))
            let refused = try output(of: "ip netns exec \(node) ping -n -c 1 -W 2 -M do -s 1423 10.1.1.20")
            #expect(refused.contains("mtu=1450") || refused.contains("too long"), "\(refused)")
            #expect(try scene.near.reaches("10.1.1.20", from: node, options: "-s 1423"))
            // Outsiders, whose way is wider, are told.
            try scene.near.take(
                """
                static-nat 203.0.113.12 10.1.1.10
                firewall 203.0.113.12 icmp
                """)
            #expect(try scene.near.reaches("203.0.113.12", from: NodeName("sluice-internet"), options: "-M do -s 1422"))
            let told = try output(of: "ip netns exec sluice-internet ping -n -c 1 -W 2 -M do -s 1423 203.0.113.12")
            #expect(told.contains("mtu = 1450") || told.contains("mtu=1450"), "\(told)")
        }
    }
}

private let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

private func macOfUplink() throws -> String {
    try #require(try objects(from: "ip -j link show uplink").first?["address"] as? String)
}

/// That frames are those that are kept. With `SLUICE_RECORD` they are kept, which is no match.
private func expectKept(_ frames: [[UInt8]], as name: String) throws {
    let file = repository.appending(path: "pcaps/segments/one-underlay/\(name).pcap")
    var writer = PcapWriter()
    for (index, frame) in frames.enumerated() {
        writer.write(CapturedPacket(time: CaptureTime(seconds: Int64(index)), bytes: frame))
    }
    if ProcessInfo.processInfo.environment["SLUICE_RECORD"] != nil { try Data(writer.bytes).write(to: file) }
    #expect(try Data(writer.bytes) == Data(contentsOf: file), "\(name).pcap")
}
