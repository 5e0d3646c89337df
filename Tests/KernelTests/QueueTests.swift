import CLinux
import Foundation
import LinuxKernel
import NetworkVocabulary
import Testing

@Suite(.needsRoot, .needsQueues) struct `Queues` {
    /// What tc shows of a link's own queue.
    private func shown(_ link: String) throws -> [String: Any] {
        try #require(try objects(from: "tc -s -j qdisc show dev \(link) root").first)
    }

    @Test(arguments: [(1, 16_384), (10, 16_384), (1000, 250_000), (100_000, 25_000_000)] as [(UInt64, UInt64)])
    func `are token buckets as tc shows them`(megabits: UInt64, burst: UInt64) async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let link = try socket.addVeth(LinkSpecification(try name("a")), peer: LinkSpecification(try name("b")))
            #expect(try socket.rootQueue(of: link) == .standard)
            let bucket = TokenBucket(rate: megabits * 125_000, burst: burst, limit: 3_000_000)
            try socket.setTokenBucket(bucket, on: link)
            let options = try #require(try shown("a")["options"] as? [String: Any])
            #expect(options["rate"] as? UInt64 == megabits * 125_000)
            // tc computes the burst back from ticks of 64 ns.
            let tick = Int(megabits * 125_000 * 64 / 1_000_000_000) + 1
            #expect((Int(burst) - 1...Int(burst) + tick).contains(try #require(options["burst"] as? Int)))
            #expect(try socket.rootQueue(of: link) == .tokenBucket(bucket))
            let writes = socket.counters.writes
            try socket.setTokenBucket(TokenBucket(rate: 2_000_000, burst: burst, limit: 1_000_000), on: link)
            #expect(try socket.rootQueue(of: link) != .tokenBucket(bucket))
            try socket.removeRootQueue(of: link)
            #expect(try socket.rootQueue(of: link) == .standard)
            #expect(try !output(of: "tc qdisc show dev a").contains("tbf"))
            #expect(socket.counters.writes == writes + 2)
        }
    }

    @Test func `of others are told from ours`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let link = try socket.addVeth(LinkSpecification(try name("a")), peer: LinkSpecification(try name("b")))
            let ours = TokenBucket(rate: 1_250_000, burst: 16_384, limit: 100_000)
            #expect(try output(of: "tc qdisc add dev a root handle 9: htb") == "")
            #expect(try socket.rootQueue(of: link) == .other("htb"))
            try socket.setTokenBucket(ours, on: link)
            #expect(try socket.rootQueue(of: link) == .tokenBucket(ours))
            // The kernel keeps a burst as the time that it takes, and so does tc.
            #expect(try output(of: "tc qdisc replace dev a root tbf rate 10mbit burst 16384 limit 100000") == "")
            guard case .tokenBucket(let theirs) = try socket.rootQueue(of: link) else {
                Issue.record("no token bucket")
                return
            }
            #expect(theirs.rate == ours.rate && theirs.limit == ours.limit)
            let command =
                "tc qdisc replace dev a root tbf rate 10mbit burst 16384 limit 100000 peakrate 20mbit mtu 2000"
            #expect(try output(of: command) == "")
            #expect(try socket.rootQueue(of: link) == .other("tbf"))
        }
    }

    @Test func `hold up and drop what is beyond the rate, and account for all of it`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let near = try socket.addVeth(LinkSpecification(try name("a")), peer: LinkSpecification(try name("b")))
            let queue = try socket.addQueueDevice(LinkSpecification(try name("q")))
            for link in [near, queue, try socket.link(named: "b").index] {
                try socket.setLink(link, LinkChange(isUp: true, generatesLinkLocal: false))
            }
            let bucket = TokenBucket(rate: 125_000, burst: 16_384, limit: 49_152)
            try socket.setTokenBucket(bucket, on: queue)
            try socket.redirectIncoming(of: near, to: queue)
            #expect(try socket.incomingTreatment(of: near) == .redirected(to: queue))
            // Of any length: the shortest frame has nothing but its header.
            let frames = try Frames(from: "b")
            for length in [14, 15, 60, 1514] { try frames.send(length) }
            let passed = try #require(try shown("q")["packets"] as? Int)
            let waiting = try #require(try shown("q")["qlen"] as? Int)
            #expect(passed + waiting == 4)
            #expect(try shown("q")["drops"] as? Int == 0)
            // Three megabytes, for which the rate would need 24 seconds.
            for _ in 0..<2000 { try frames.send(1514) }
            let after = try shown("q")
            let counts = ["packets", "qlen", "drops"].map { after[$0] as? Int ?? -1 }
            #expect(counts.reduce(0, +) == 2004)
            #expect(counts[2] > 0)
            #expect(try #require(after["backlog"] as? Int) <= 49_152)
            #expect(try #require(after["overlimits"] as? Int) > 0)

            try socket.deleteLink(queue)
            #expect(try socket.incomingTreatment(of: near) == .redirected(to: 0))
            try socket.removeIncomingTreatment(of: near)
            #expect(try socket.incomingTreatment(of: near) == .none)
            #expect(try output(of: "tc qdisc show dev a ingress") == "")
        }
    }

    @Test(arguments: [
        "tc filter add dev a ingress prio 2 protocol ip u32 match u32 0 0 action mirred egress redirect dev q",
        "tc filter del dev a ingress",
        "tc filter replace dev a ingress prio 1 protocol all u32 match u32 0 0 action mirred egress mirror dev q",
        "tc filter del dev a ingress; tc filter add dev a ingress prio 1 protocol all u32 match u32 0 0 action mirred egress redirect dev q",
    ])
    func `of incoming frames that others touched are told from ours`(command: String) async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let near = try socket.addVeth(LinkSpecification(try name("a")), peer: LinkSpecification(try name("b")))
            let queue = try socket.addQueueDevice(LinkSpecification(try name("q")))
            #expect(try socket.incomingTreatment(of: near) == .none)
            try socket.redirectIncoming(of: near, to: queue)
            let shown = try objects(from: "tc -j filter show dev a ingress").filter { $0["options"] != nil }
            #expect("\(shown)".contains("redirect") && "\(shown)".contains("q"))
            #expect(try output(of: command) == "")
            #expect(try socket.incomingTreatment(of: near) == .other)
        }
    }

    @Test func `are heard of when others change them, and by whom`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let near = try socket.addVeth(LinkSpecification(try name("a")), peer: LinkSpecification(try name("b")))
            let heard = Heard()
            let monitor = try KernelMonitor { heard.add($0) }
            let bucket = TokenBucket(rate: 1_250_000, burst: 16_384, limit: 100_000)
            try socket.setTokenBucket(bucket, on: near)
            try socket.redirectIncoming(of: near, to: 1)
            _ = try socket.rootQueue(of: near)
            #expect(try output(of: "tc filter del dev a ingress") == "")
            let events = try heard.until { $0.change == .queues(linkIndex: near) && $0.portID != socket.portID }
            #expect(events.count { $0.change == .queues(linkIndex: near) && $0.portID == socket.portID } >= 3)
            monitor.stop()
        }
    }

    @Test func `of a link that is gone are said to be`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let bucket = TokenBucket(rate: 1_250_000, burst: 16_384, limit: 100_000)
            let questions: [() throws -> Void] = [
                { try socket.setTokenBucket(bucket, on: 999) }, { _ = try socket.rootQueue(of: 999) },
                { try socket.redirectIncoming(of: 999, to: 1) },
            ]
            for question in questions {
                let error = #expect(throws: KernelError.self) { try question() }
                #expect(error?.isNotFound == true && error?.isUnsupported == false)
            }
        }
    }
}

/// Sends frames of any length out of a link, as a guest can.
private final class Frames {
    private let descriptor: Int32
    private var address = sockaddr_ll()

    init(from link: String) throws {
        descriptor = Glibc.socket(AF_PACKET, Int32(SOCK_RAW.rawValue), 0)
        try #require(descriptor >= 0, "packet socket: \(errno)")
        address.sll_family = sa_family_t(AF_PACKET)
        address.sll_ifindex = Int32(if_nametoindex(link))
        address.sll_halen = 6
    }

    deinit { close(descriptor) }

    func send(_ length: Int) throws {
        var frame = [UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, 1, 0x88, 0xb5]
        frame += [UInt8](repeating: 0, count: max(0, length - frame.count))
        let sent = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, frame, frame.count, 0, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        }
        try #require(sent == frame.count, "send: \(errno)")
    }
}
