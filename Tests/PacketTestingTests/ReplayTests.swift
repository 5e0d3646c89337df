import Foundation
import LinuxKernel
import NetworkVocabulary
import PacketTesting
import Packets
import Testing

/// Captures replayed into one end of a wire, and heard at the other.
@Suite(.needsRoot) struct `A replay` {
    let folder: TemporaryFolder
    private static let packets = (0..<200).map { "udp 10.1.1.10:\(5000 + $0 % 7) > 198.51.100.1:53 payload \"\($0)\"" }

    init() throws { folder = try TemporaryFolder() }

    /// Runs in namespaces of its own, between `near` and `far`.
    private func replay(
        _ capture: String, _ configure: @escaping @Sendable (inout Replay) -> Void = { _ in }
    ) throws -> (Replay.Outcome, heard: String) {
        let heard = folder.file("heard.pcapng")
        let outcome = try PrivateMachine.run {
            let namespace = try NamespaceDirectory.system.create("wire")
            let route = try RouteSocket(in: namespace)
            let (near, far) = (InterfaceName("near"), InterfaceName("far"))
            guard let near, let far else { throw CocoaError(.featureUnsupported) }
            try Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1", in: namespace)
            try route.addVeth(LinkSpecification(near), peer: LinkSpecification(far), in: namespace)
            for name in ["near", "far"] { try route.setLink(try route.link(named: name).index, LinkChange(isUp: true)) }
            // The first end sends only when the kernel has come round to it, which it does before it answers.
            _ = try route.link(named: near.rawValue)
            var replay = Replay(
                capture, into: [Replay.Entry(port: .init(name: "near", namespace: "wire", device: "near"))])
            replay.ears = [(.init(name: "far", namespace: "wire", device: "far"), heard)]
            replay.pace = .full
            configure(&replay)
            return try replay.run()
        }
        return (outcome, heard)
    }

    @Test func `brings every frame, in order and byte for byte`() throws {
        let capture = try folder.capture("sent.pcap", Self.packets)
        let (outcome, heard) = try replay(capture)
        #expect(outcome.sent == 200 && outcome.heard["far"]?.packets == 200 && outcome.heard["far"]?.lost == 0)
        let report = try FlowReport(expected: capture, found: heard)
        #expect(report.isEqual, "\(report)")
        let (packets, interfaces, fault) = CaptureReader.packets(in: Array(try Data(contentsOf: URL(filePath: heard))))
        #expect(fault == nil && interfaces.map(\.name) == ["far"])
        #expect(packets.map(\.bytes) == (try Self.packets.map(TestFrames.frame)))
    }

    @Test func `keeps the time between frames, or a part of it`() throws {
        let capture = try folder.capture("sent.pcap", Self.packets, apart: 2_000_000)
        let (_, heard) = try replay(capture) { $0.pace = .recorded(times: 4) }
        let packets = CaptureReader.packets(in: Array(try Data(contentsOf: URL(filePath: heard)))).packets
        let times = packets.compactMap(\.time).map { Double($0.seconds - 1_700_000_000) * 1e9 + Double($0.nanoseconds) }
        let first = try #require(times.first)
        let last = try #require(times.last)
        // 199 gaps of half a millisecond; never faster, whatever the machine does.
        #expect(last - first >= 199 * 0.5e6 * 0.9)
    }

    @Test func `takes frames to the port whose address sent them, and rewrites them on request`() throws {
        let lines = ["udp 10.1.1.10:5000 > 198.51.100.1:53", "udp 198.51.100.1:53 > 10.1.1.10:5000"]
        let capture = try folder.capture("sent.pcap", lines)
        let (outcome, heard) = try replay(capture) { replay in
            replay.entries[0].source = IPAddress("10.1.1.10")
            replay.entries[0].rewriter.source = MACAddress(2, 9, 9, 9, 9, 9)
            replay.entries[0].rewriter.addresses = [
                .v4(IPv4Address(10, 1, 1, 10)): .v4(IPv4Address(10, 7, 7, 7))
            ]
            replay.rounds = 3
        }
        #expect(outcome.sent == 3 && outcome.skipped == 3)
        let packets = CaptureReader.packets(in: Array(try Data(contentsOf: URL(filePath: heard)))).packets
        let frames = try packets.map { try Frame(parsing: $0.bytes) }
        #expect(
            frames.map { $0.line(.link) }
                == Array(
                    repeating: "udp 10.7.7.7:5000 > 198.51.100.1:53 from 02:09:09:09:09:09 to 02:00:00:00:00:02",
                    count: 3))
        #expect(frames.allSatisfy { $0.checksumFaults.isEmpty })
    }

    @Test(arguments: [Replay.Pace.full, .rate(100_000)])
    func `sends a damaged capture up to the damage, and says where that is`(pace: Replay.Pace) throws {
        let capture = try folder.capture("sent.pcap", Self.packets)
        let whole = try Data(contentsOf: URL(filePath: capture))
        let cut = folder.file("cut.pcap")
        try whole.dropLast(5).write(to: URL(filePath: cut))
        let error = #expect(throws: CaptureFile.Failure.self) {
            try replay(cut) { replay in
                replay.pace = pace
                replay.rounds = 3
            }
        }
        #expect("\(try #require(error))".contains("damaged at offset"))
        let heard = Array(try Data(contentsOf: URL(filePath: folder.file("heard.pcapng"))))
        #expect(CaptureReader.packets(in: heard).packets.count == 199)
    }

    @Test func `says what is not there`() throws {
        let capture = try folder.capture("sent.pcap", ["udp 10.1.1.10:5000 > 198.51.100.1:53"])
        #expect(throws: (any Error).self) { try replay(capture) { $0.entries[0].port.device = "nothing" } }
        #expect(throws: (any Error).self) { try replay(folder.file("nowhere.pcap")) }
    }
}
