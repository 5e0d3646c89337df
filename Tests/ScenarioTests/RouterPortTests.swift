import CLinux
import Foundation
import Testing

extension Scenarios {
    /// What is not forwarded is for the router itself, which has nothing for anybody but echo. IS18 and #8729 of the list
    /// of what went wrong in routers like ours.
    @Suite struct RouterPortTests {
        @Test func `IS18: a router has no open port for guests or for the outside, and forwards nothing without rules`()
            async throws
        {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                let daemon = try DaemonUnderTest(world, data: data)
                _ = try daemon.acquire("203.0.113.50", for: daemon.network())
                let node = try DemoTests.guest(daemon, "web")
                let outside = RevocationTests.outside
                let router = try DemoTests.router(daemon, of: "demo")
                let targets = ["10.1.1.1", "203.0.113.10", "203.0.113.50"]
                var ports = Set(isLong ? Array(1...UInt16.max) : Probe.known)
                while ports.count < Probe.known.count + 2_000 { ports.insert(.random(in: 1...UInt16.max)) }
                let sample = ports.sorted()

                // Somebody listens, so that only the way can be what is missing. Where guests are served at their gateway
                // there is somebody already.
                let served: Set<UInt16> = [53, 67, 80, 8080]
                let place = { (port: UInt16) in served.contains(port) ? "203.0.113.50" : "0.0.0.0" }
                let (services, doors) = try world.inside(router) {
                    (
                        try Probe.known.map { try Wire.bound(SOCK_DGRAM, place($0), $0) },
                        try Probe.known.map { try Wire.bound(SOCK_STREAM, place($0), $0) }
                    )
                }
                let arrived = { services.reduce(0) { $0 + ($1.arrived() == nil ? 0 : 1) } }
                let others = Array(targets.dropFirst())
                for (source, address, target, ports) in [
                    (node, "10.1.1.10", [targets[0]], sample.filter { !served.contains($0) }),
                    (node, "10.1.1.10", others, sample), (outside, "198.51.100.1", others, sample),
                ] {
                    let probe = try Probe(world, from: source, address, to: target, ports)
                    #expect(probe.answers == [], "from \(source)")
                    #expect(probe.sent == 2 * target.count * ports.count)
                }
                #expect(arrived() == 0)

                // With a route to the guests' network by way of the router, or by its own leg inside.
                let link = try world.shell("ip -o link show eth1", in: router).split(separator: " ").map(String.init)
                let mac = try #require(link.firstIndex(of: "link/ether").map { link[$0 + 1] })
                let head = mac.split(separator: ":").compactMap { UInt8($0, radix: 16) } + [2, 0xff, 0, 0, 0, 1, 8, 0]
                let ears = try world.inside(node) {
                    try Probe.known.map { try Wire.bound(SOCK_DGRAM, "10.1.1.10", $0) }
                }
                for target in ["10.1.1.1", "10.1.1.10", "203.0.113.50"] {
                    for port in Probe.known {
                        let datagram = Wire.datagram(from: "198.51.100.1", to: target, port, "unasked")
                        try world.inside(outside) { try Wire.sendFrame(head + datagram, on: "eth1") }
                    }
                }
                #expect(try world.run(["ping", "-c", "1", "-W", "5", "203.0.113.10"], in: outside).status == 0)
                #expect(ears.allSatisfy { $0.arrived() == nil } && arrived() == 0)

                // Echo is all there is, and outsiders get a little of it.
                let flood = "ping -q -c 500 -i 0.001 -W 1"
                let answered = { (said: String) in
                    said.split(separator: ",").first { $0.contains("received") }.flatMap {
                        $0.split(separator: " ").first.flatMap { Int($0) }
                    }
                }
                let (outer, inner) = (
                    try world.run(["sh", "-c", "\(flood) 203.0.113.50"], in: outside),
                    try world.run(["sh", "-c", "\(flood) 10.1.1.1"], in: node)
                )
                let few = try #require(answered(outer.output))
                let all = try #require(answered(inner.output))
                #expect(few > 0 && few < 300 && all == 500, "\(few) and \(all)")
                print("\(sample.count) ports by TCP and UDP: no answer; of 500 echos from outside \(few) were answered")

                // The same test sees a router that is open.
                #expect(try daemon.stop() == 0)
                try world.shell("nft insert rule inet sluice filter-input accept", in: router)
                for (source, address) in [(node, "10.1.1.10"), (outside, "198.51.100.1")] {
                    let control = try Probe(
                        world, from: source, address, to: ["203.0.113.50"], Probe.known + [9])
                    #expect(control.answers.count > Probe.known.count, "from \(source): \(control.answers)")
                    // A request to a DHCP server that is none does not even leave a guest's port.
                    #expect(arrived() == Probe.known.count - (source == node ? 1 : 0))
                }
                withExtendedLifetime(doors) {}
            }
        }
    }
}
