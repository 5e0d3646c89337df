import CLinux
import Foundation
import LinuxKernel
import Synchronization
import Testing

extension Scenarios {
    /// IS21: a port that comes up while its guest is sending already.
    @Suite struct PlugRaceTests {
        private static let blue = """
            {"networks": [{"name": "blue", "zone": "demo", "cidr": "10.2.2.0/24"}]}
            """
        private static let (own, stray) = ("0a:00:00:00:00:07", "0a:00:00:00:00:99")

        /// Frames to everybody on the blue network, by whom they are from: the port's own, and those that it may not send.
        private static let frames: (allowed: [UInt8], forbidden: [[UInt8]]) = {
            let mac = { (text: String) in text.split(separator: ":").compactMap { UInt8($0, radix: 16) } }
            let datagram = { (from: String, ip: String, word: String) in
                [UInt8](repeating: 0xff, count: 6) + mac(from) + [8, 0]
                    + Wire.datagram(from: ip, to: "10.2.2.255", 4242, word)
            }
            let claim =
                [UInt8](repeating: 0xff, count: 6) + mac(own) + [8, 6, 0, 1, 8, 0, 6, 4, 0, 2] + mac(own)
                + [10, 2, 2, 1] + [UInt8](repeating: 0, count: 6) + [10, 2, 2, 1] + Array("forbidden".utf8)
            return (
                datagram(own, "10.2.2.7", "allowed"),
                [
                    datagram(stray, "10.2.2.7", "forbidden"), datagram(own, "10.2.2.77", "forbidden"),
                    datagram(own, "10.2.2.1", "forbidden"), claim,
                ]
            )
        }()

        @Test(.timeLimit(.minutes(30)))
        func `IS21: a port that is plugged in under a flood carries nothing that it may not`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world, data: "\(world.directory)/data")
                let file = "\(world.directory)/blue.json"
                try Self.blue.write(toFile: file, atomically: true, encoding: .utf8)
                #expect(try daemon.sluice("apply", file).status == 0)
                let (web, db) = (try DemoTests.guest(daemon, "web"), try DemoTests.guest(daemon, "db"))
                let (machine, blue) = (try daemon.machine("web"), try daemon.network("blue"))
                try daemon.perform(
                    "addNicToVirtualMachine",
                    ["virtualmachineid": try daemon.machine("db"), "networkid": blue, "ipaddress": "10.2.2.200"])
                let router = try DemoTests.router(daemon, of: "blue")
                let near = [Place(node: db, link: "eth1"), Place(node: router, link: "eth0")]
                let ears = try near.map { try Ear(world, at: $0) }
                // And at everything else there is, the host's devices included, where none of it is heard.
                let others = try Self.places(world, but: web).filter { !near.contains($0) }.map {
                    try Ear(world, at: $0)
                }
                let nobodyElse = {
                    for ear in others {
                        ear.hear()
                        #expect(ear.forbidden == 0, "\(ear.place)")
                    }
                }
                let flood = try PlugFlood(world, from: web, Self.frames.allowed, Self.frames.forbidden)
                let plug = {
                    try daemon.perform(
                        "addNicToVirtualMachine",
                        [
                            "virtualmachineid": machine, "networkid": blue, "macaddress": Self.own,
                            "ipaddress": "10.2.2.7",
                        ])
                    return try #require(
                        try daemon.list("listNics", "nic", ["virtualmachineid": machine, "networkid": blue]).first)[
                            text: "id"]
                }
                let rounds = isLong ? 1_000 : 100
                for round in 0..<rounds {
                    let nic = try plug()
                    for ear in ears {
                        let before = ear.allowed
                        try seen("a frame of the new port") {
                            ear.hear(); return ear.allowed > before ? true : nil
                        }
                        #expect(ear.forbidden == 0, "round \(round)")
                    }
                    for reason in ["mac", "address", "arp"] {
                        try seen("what the port refused, counted") {
                            try DemoTests.refusals(world, reason) > 0 ? true : nil
                        }
                    }
                    nobodyElse()
                    try daemon.perform("removeNicFromVirtualMachine", ["virtualmachineid": machine, "nicid": nic])
                }
                for ear in ears { ear.hear() }
                #expect(ears.allSatisfy { $0.forbidden == 0 })
                nobodyElse()
                #expect(others.count > 15)
                #expect(flood.sent > rounds)

                // The same test sees a port that is not guarded.
                _ = try plug()
                #expect(try daemon.stop() == 0)
                try world.shell("nft flush chain bridge sluice port-prerouting")
                for ear in ears {
                    try seen("what nobody holds back") {
                        ear.hear(); return ear.forbidden > 0 ? true : nil
                    }
                }
                flood.end()
                print("\(rounds) ports plugged in under \(flood.sent) frames, heard at \(others.count + 2) devices")
            }
        }

        /// Every device of every namespace but one.
        private static func places(_ world: World, but absent: String) throws -> [Place] {
            let nodes = try FileManager.default.contentsOfDirectory(atPath: "/run/netns").filter { $0 != absent }
            return try (nodes + [nil]).flatMap { node in
                try world.shell("ip -o link", in: node).split(separator: "\n").map { line in
                    Place(node: node, link: String(line.split(separator: " ")[1].prefix { $0 != "@" && $0 != ":" }))
                }
            }.filter { $0.link != "lo" }
        }
    }
}

/// A device, on the host where no node is named.
private struct Place: Equatable {
    let node: String?
    let link: String
}

/// Everything that comes in by a link, counted by the word in it.
private final class Ear {
    let place: Place
    private let wire: Wire
    private(set) var allowed = 0
    private(set) var forbidden = 0

    init(_ world: World, at place: Place) throws {
        self.place = place
        let listen = {
            let wire = try Wire(AF_PACKET, SOCK_RAW, Int32(UInt16(ETH_P_ALL).bigEndian))
            var address = sockaddr_ll()
            address.sll_family = UInt16(AF_PACKET)
            address.sll_protocol = UInt16(ETH_P_ALL).bigEndian
            address.sll_ifindex = Int32(if_nametoindex(place.link))
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(wire.descriptor, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
                }
            }
            guard bound == 0 else { throw Trouble("bind to \(place.link): \(errno)") }
            return wire
        }
        wire = try place.node.map { try world.inside($0, listen) } ?? listen()
        wire.set(SO_RCVBUFFORCE, Int32(64 << 20))
    }

    func hear() {
        let words = (Array("allowed".utf8), Array("forbidden".utf8))
        while let frame = wire.arrived() {
            if frame.suffix(words.1.count).elementsEqual(words.1) { forbidden += 1 }
            if frame.suffix(words.0.count).elementsEqual(words.0) { allowed += 1 }
        }
    }
}

/// A guest that sends by `eth1` as fast as it goes, whenever there is one.
private final class PlugFlood: Sendable {
    private final class Shared: Sendable {
        let isEnding = Mutex(false)
        let sent = Mutex(0)
    }

    private let shared = Shared()
    private let thread: KernelThread

    var sent: Int { shared.sent.withLock { $0 } }

    init(_ world: World, from guest: String, _ allowed: [UInt8], _ forbidden: [[UInt8]]) throws {
        let wire = try world.inside(guest) { try Wire(AF_PACKET, SOCK_RAW) }
        let namespace = try NamespaceDirectory.system.open(guest)
        let shared = shared
        thread = try KernelThread(name: "plug flood") {
            try? namespace.enter {
                while !shared.isEnding.withLock({ $0 }) {
                    let link = Int32(if_nametoindex("eth1"))
                    if link > 0 {
                        let count = (forbidden + [allowed]).count { Self.send($0, by: link, wire) }
                        shared.sent.withLock { $0 += count }
                    }
                    sched_yield()
                }
            }
        }
    }

    /// Not while the link is down, or gone again.
    private static func send(_ frame: [UInt8], by link: Int32, _ wire: Wire) -> Bool {
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_ifindex = link
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(wire.descriptor, frame, frame.count, 0, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        } == frame.count
    }

    func end() {
        shared.isEnding.withLock { $0 = true }
        thread.join()
    }
}
