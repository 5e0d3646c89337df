import Foundation
import NetworkVocabulary
import Packets
import Testing

/// Frames read by us and by tshark, which shares nothing with us.
@Suite struct TsharkTests {
    /// Half of them made whole, half of them damaged: what tshark finds in them we find too, and where it finds nothing we
    /// do not claim more.
    @Test func `thousands of frames are dissected as tshark dissects them`() throws {
        let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG"] != nil
        let rounds = isLong ? 250 : 1
        for round in 0..<rounds {
            let count = isLong ? 4000 : 2000
            let folder = FileManager.default.temporaryDirectory.appending(path: "tshark-\(UUID())")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let frames = try Self.frames(count, seed: round)
            var writer = PcapWriter()
            for frame in frames { writer.write(CapturedPacket(time: CaptureTime(seconds: 1), bytes: frame)) }
            let path = folder.appending(path: "frames.pcap")
            try Data(writer.bytes).write(to: path)
            let fields =
                ["eth.dst", "eth.src", "vlan.id", "arp.opcode", "ip.src", "ip.dst", "ip.ttl", "ip.proto"]
                + ["ip.frag_offset", "ipv6.src", "ipv6.dst", "ipv6.hlim", "tcp.srcport", "tcp.dstport", "tcp.flags"]
                + ["udp.srcport", "udp.dstport", "icmp.type", "icmp.code", "icmpv6.type"]
            let options = ["-o", "ip.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"]
            let output = try Dissector.run(
                "/usr/bin/env",
                ["tshark", "-n", "-r", path.path] + options
                    + ["-T", "fields", "-E", "occurrence=f", "-E", "separator=|"] + fields.flatMap { ["-e", $0] })
            let lines = output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            try #require(lines.count == count)
            for (bytes, line) in zip(frames, lines) {
                let found = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
                let ours = Self.fields(of: try Frame(parsing: bytes))
                for (name, (theirs, mine)) in zip(fields, zip(found, ours)) {
                    guard let mine else { continue }
                    #expect(theirs == mine, "\(name) of \(Dissector.hex(bytes)), round \(round)")
                }
            }
        }
    }

    /// As tshark prints them; nil where it goes further into damage than we do.
    private static func fields(of frame: Frame) -> [String?] {
        var fields: [String?] = ["\(frame.destination)", "\(frame.source)"]
        // It has another name for the service tag, and reads one that the frame ends within.
        let isCut = [0x8100, 0x88a8].contains(frame.etherType)
        fields.append(isCut ? nil : frame.tags.first { $0.etherType == 0x8100 }.map { "\($0.id)" } ?? "")
        if case .arp(let arp) = frame.body { fields.append("\(arp.operation)") } else { fields.append(nil) }
        if case .ipv4(let ip) = frame.body {
            fields += ["\(ip.source)", "\(ip.destination)", "\(ip.ttl)", "\(ip.protocol.number)"]
            fields.append("\(ip.fragmentOffset)")
        } else {
            fields += [nil, nil, nil, nil, nil]
        }
        if case .ipv6(let ip) = frame.body {
            fields += ["\(ip.source)", "\(ip.destination)", "\(ip.hopLimit)"]
        } else {
            fields += [nil, nil, nil]
        }
        // It reads options of extension headers, and nothing behind those that are broken.
        if case .ipv6(let ip) = frame.body, !ip.extensions.isEmpty { return fields + Array(repeating: nil, count: 8) }
        switch frame.ip?.body {
        case .tcp(let tcp):
            let flags = String(tcp.flags.rawValue, radix: 16)
            fields += [
                "\(tcp.source)", "\(tcp.destination)", "0x" + String(repeating: "0", count: 4 - flags.count) + flags,
            ]
            fields += [nil, nil, nil, nil, nil]
        case .udp(let udp): fields += [nil, nil, nil, "\(udp.source)", "\(udp.destination)", nil, nil, nil]
        case .icmp(let icmp): fields += [nil, nil, nil, nil, nil, "\(icmp.type)", "\(icmp.code)", nil]
        case .icmpv6(let icmp): fields += [nil, nil, nil, nil, nil, nil, nil, "\(icmp.type)"]
        default: fields += Array(repeating: nil, count: 8)
        }
        return fields
    }

    private static func frames(_ count: Int, seed: Int) throws -> [[UInt8]] {
        let lines = try Dissector.python(ScapyTests.script, "\(count)", "\(seed)").split(separator: "\n")
        var generator = SplitMix(state: UInt64(seed) &+ 1)
        return try lines.enumerated().map { index, line in
            var bytes = try Dissector.bytes(line.split(separator: " ")[0])
            guard index % 2 == 1, bytes.count > 20 else { return bytes }
            for _ in 0..<3 {
                bytes[Int.random(in: 14..<bytes.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            if Bool.random(using: &generator) {
                bytes.removeLast(Int.random(in: 1...(bytes.count - 15), using: &generator))
            }
            return bytes
        }
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
