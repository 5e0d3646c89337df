import Foundation
import NetworkVocabulary
import PacketTesting
import Packets
import Testing

/// A folder that goes with its test.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.appending(path: "laboratory-\(UUID())").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// A capture of these packet lines, a millisecond apart.
    func capture(_ name: String, _ lines: [String], apart: UInt32 = 1_000_000) throws -> String {
        var writer = PcapWriter()
        for (index, line) in lines.enumerated() {
            let frame = try TestFrames.frame(line)
            let time = UInt64(index) * UInt64(apart)
            writer.write(
                CapturedPacket(
                    time: CaptureTime(
                        seconds: 1_700_000_000 + Int64(time / 1_000_000_000),
                        nanoseconds: UInt32(time % 1_000_000_000)), bytes: frame))
        }
        try Data(writer.bytes).write(to: URL(filePath: file(name)))
        return file(name)
    }
}

enum TestFrames {
    static func frame(_ line: String) throws -> [UInt8] {
        let defaults = PacketDefaults(
            source: .init(2, 0, 0, 0, 0, 1), destination: .init(2, 0, 0, 0, 0, 2), sourceAddresses: [])
        return try PacketPattern(parsing: line).frame(defaults, bindings: [:]).bytes
    }
}

@Suite struct `A report of flows` {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private let usual = [
        "udp 10.1.1.10:5000 > 198.51.100.1:53 payload \"one\"", "udp 10.1.1.10:5000 > 198.51.100.1:53 payload \"two\"",
        "tcp 10.1.1.10:40000 > 198.51.100.1:80 S seq 5", "arp who-has 10.1.1.1 tell 10.1.1.10",
    ]

    private func report(_ found: [String]) throws -> FlowReport {
        try FlowReport(expected: folder.capture("a.pcap", usual), found: folder.capture("b.pcap", found))
    }

    @Test func `finds nothing where only what changes on every way is another`() throws {
        let report = try report(usual.map { $0.hasPrefix("arp") ? $0 : "\($0) ttl 9" })
        #expect(report.isEqual && report.equalFlows == 2 && report.found == 3, "\(report)")
    }

    @Test func `tells missing, unexpected, fewer, more, reordered and altered flows apart`() throws {
        #expect("\(try report(Array(usual.dropLast(2))))".contains("tcp 10.1.1.10:40000 > 198.51.100.1:80: missing, 1"))
        #expect("\(try report(usual + ["udp 10.9.9.9:1 > 10.9.9.8:2"]))".contains("not expected, 1 packets came"))
        let fewer = "\(try report([usual[0]] + usual.dropFirst(2)))"
        #expect(fewer.contains("1 of 2 packets came") && fewer.contains("packet 2: expected udp 10.1.1.10"), "\(fewer)")
        #expect("\(try report(usual + [usual[1]]))".contains("3 packets came, 2 expected"))
        #expect("\(try report([usual[1], usual[0]] + usual.dropFirst(2)))".contains("in another order"))
        let altered = try report([usual[0], usual[1].replacing("two", with: "owt")] + usual.dropFirst(2))
        #expect("\(altered)".contains("other packets"))
        let flags = "\(try report(Array(usual.prefix(2)) + [usual[2].replacing(" S ", with: " S. ")] + [usual[3]]))"
        #expect(flags.contains("packet 1: expected tcp 10.1.1.10:40000 > 198.51.100.1:80 S "), "\(flags)")
    }

    @Test func `ends with the damage of a capture, and says where it is`() throws {
        let path = try folder.capture("a.pcap", usual)
        let whole = try Data(contentsOf: URL(filePath: path))
        try whole.dropLast(3).write(to: URL(filePath: folder.file("b.pcap")))
        #expect(throws: CaptureFile.Failure.self) { try FlowReport(expected: path, found: folder.file("b.pcap")) }
        let file = try CaptureFile(folder.file("b.pcap"))
        var packets = 0
        do {
            while try file.next() != nil { packets += 1 }
            Issue.record("the damage was not told")
        } catch {
            #expect("\(error)".contains("b.pcap: capture damaged at offset"), "\(error)")
        }
        #expect(packets == 3)
        #expect(throws: CaptureFile.Failure.self) { try CaptureFile(folder.file("nowhere.pcap")) }
    }
}

@Suite struct `A histogram` {
    @Test(arguments: [0, 1, 15, 16, 17, 31, 32, 1000, 65_535, 1_000_000, .max / 2] as [Int64])
    func `tells a value to within a sixteenth`(_ value: Int64) {
        var histogram = Histogram()
        for _ in 0..<10 { histogram.add(value) }
        let found = histogram.quantile(0.5)
        #expect(found >= value - value / 16 && found <= value, "\(found)")
    }

    @Test func `tells how many are below`() {
        var histogram = Histogram()
        for value in 1...1000 { histogram.add(Int64(value)) }
        #expect(abs(histogram.quantile(0.5) - 500) <= 32 && abs(histogram.quantile(0.99) - 990) <= 62)
        #expect(histogram.quantile(1) == 1000 && histogram.largest == 1000)
    }
}
